"""The command that shows what Eventlore does, on a sample workspace."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import Config, log_to_stderr, out, settings_from
from worker.cli.dashboard import PORT, Port

if TYPE_CHECKING:
    from worker.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog="Example: [bold]eventlore demo[/]")(demo)


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the summary.")] = False,
    port: Port = PORT,
    config: Config = None,
) -> None:
    """Learn from a sample workspace: six weeks of four agents, written for this purpose; then serve the dashboard.

    Its events go into a log and a database of their own, in the folder demo of EVENTLORE_HOME. A second run finds
    everything there. Without a terminal (in a pipe, in a script) it stops after the summary.
    """
    import asyncio

    from analytics.insights import Insights
    from worker.demo.play import play, settings_of
    from worker.demo.show import learned

    settings = settings_of(settings_from(config))
    log_to_stderr()
    with _working("learning from the sample workspace"):
        events = asyncio.run(play(settings))
    console = out()
    console.print(f"\n[bold]Eventlore[/] read {events:,} events of a sample workspace and learned this.")
    db = Insights.open(settings.database)
    console.print(learned(db))
    db.close()
    eventlore = _as_typed()
    console.print(f"\n[dim]Look further, after[/] export EVENTLORE_HOME={_short(settings.folder)}", soft_wrap=True)
    for command in ("gaps", "patterns", "sessions --agent desk"):
        console.print(f"  {eventlore} insights {command}", soft_wrap=True)
    console.print(f"  {eventlore} rebuild --check", soft_wrap=True)
    own = f"{eventlore} publish events.jsonl && {eventlore} run --drain"
    console.print(f"[dim]Learn from your own events, in a new shell:[/]\n  {own}", soft_wrap=True)
    if sys.stdout.isatty() and not no_serve:
        _serve(settings, port)


def _serve(settings: "Settings", port: int) -> None:
    """The dashboard of the sample workspace, on another port where the usual one is taken."""
    from worker.cli.dashboard import access_from
    from worker.cli.stream import served
    from worker.dashboard.serving import address, listen, serve
    from worker.store import Store

    access = access_from("127.0.0.1", "", None, "", None)
    try:
        listening = listen(access.host, port)
    except OSError:
        listening = listen(access.host, 0)
    with listening, served(settings, settings.logs) as logs:
        out().print(f"\n[bold]The dashboard is at {address(access.host, listening)}[/] [dim](Ctrl-C ends it)[/]")
        serve(settings.database, Store(settings.database), access, lambda: logs, listening)


def _as_typed() -> str:
    """How to call this command again: by its name where the shell finds it."""
    found, own = shutil.which("eventlore"), Path(sys.argv[0])
    if own.exists() and not (found and Path(found).samefile(own)):
        return os.path.relpath(own)
    return "eventlore"


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


@contextlib.contextmanager
def _working(what: str) -> Iterator[None]:
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
