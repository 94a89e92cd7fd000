"""The command that brings in what agents write, as they write it."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.console import CommandError, Config, log_to_stderr, settings_from
from worker.cli.stream import served

__all__ = ["existing", "register"]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        epilog="Example: [bold]eventlore follow ~/.openclaw[/]  ·  [bold]eventlore run --follow ~/.openclaw[/] "
        "(with server and worker, in one process)",
    )(follow)


def follow(
    paths: Annotated[list[Path], typer.Argument(help="State folders, workspaces or files.", metavar="PATH...")],
    agent: Annotated[str, typer.Option(help="Whose files they are, where they do not say.")] = "",
    config: Config = None,
) -> None:
    """Put what agents write to disk into the log as they write it, until it is stopped (SIGTERM or Ctrl-C).

    Reads what eventlore import reads, beginning with all that is there and not in the log yet. A message is in the
    log within a second. Databases of agents that run are opened read-only and never locked. A server that is away is
    waited for, and so is a path that disappears; started again, it goes on where it stopped.
    """
    import asyncio
    import logging

    from worker.follow import follow as work
    from worker.signals import stop_signal

    settings = settings_from(config)
    paths = existing(paths)
    log_to_stderr()
    logging.getLogger("worker.follow").setLevel(logging.INFO)

    async def until_stopped(url: str) -> None:
        async with stop_signal() as stop:
            await work(paths, settings, url, stop=stop, agent=agent)

    with served(settings, settings.logs) as logs:
        asyncio.run(until_stopped(logs[0].url or ""))


def existing(paths: list[Path]) -> list[Path]:
    """The paths as absolute ones, each once, without those within another; all have to be there."""
    found = sorted({path.expanduser().resolve() for path in paths})
    for path in found:
        if not path.exists():
            raise CommandError(f"{path}: there is no such file or folder")
    return [path for path in found if not any(other in path.parents for other in found)]
