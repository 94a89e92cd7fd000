"""Commands about the log: put events in, see how things stand."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import Config, Exit, Json, emit, note, opened, progress_bar, settings_from

if TYPE_CHECKING:
    from worker.publish import Refused
    from worker.settings import Log, Settings

__all__ = ["register", "served"]

SHOWN = 20
"""Refused lines that are named one by one."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog="Example: [bold]eventlore publish events.jsonl[/]  ·  "
        "[bold]zcat events.jsonl.gz | eventlore publish -[/]",
    )(publish)


@contextlib.contextmanager
def served(settings: "Settings", logs: "Iterable[Log]") -> "Iterator[list[Log]]":
    """The logs with their servers' addresses; the embedded server runs meanwhile where one of them has no other."""
    from worker.connection import serving

    logs = list(logs)
    if all(log.url for log in logs):
        yield logs
        return
    with serving(settings) as url:
        yield [log if log.url else log.model_copy(update={"url": url}) for log in logs]


def publish(
    file: Annotated[str, typer.Argument(help="Event lines (JSON), plain or gzip; - reads standard input.")],
    agent: Annotated[str, typer.Option(help="Write to the log that the configuration gives this agent.")] = "",
    message_ids: Annotated[
        bool,
        typer.Option(
            "--message-ids",
            help="Send each line's digest as Nats-Msg-Id: what was stored in the last two minutes is not stored again.",
        ),
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put event lines into the log, each as it is, byte for byte.

    A line's subject is {prefix}.{agent}.{type}. Lines that are no events go in too: the log keeps everything,
    and the worker sets them aside with a reason. What the server refuses is named with its line, the rest
    goes on, and the exit code is 1.
    """
    import asyncio

    from worker.publish import lines_of
    from worker.publish import publish as send

    settings = settings_from(config)
    refused: list[Refused] = []

    def refuse(one: "Refused") -> None:
        if len(refused) < SHOWN:
            refused.append(one)
            note(f"line {one.line}: refused: {one.reason}")
        elif len(refused) == SHOWN:
            refused.append(one)
            note("further refused lines are counted, not named")

    with (
        opened(file) as stream,
        served(settings, [settings.log_of(agent)]) as [log],
        progress_bar("publishing", _size(file)) as step,
    ):
        done = asyncio.run(send(lines_of(stream), log, message_ids=message_ids, refused=refuse, progress=step))
    if as_json:
        named = [{"line": one.line, "reason": one.reason} for one in refused[:SHOWN]]
        emit({"stream": log.stream, "stored": done.stored, "duplicates": done.duplicates, "bytes": done.bytes}
             | {"refused": done.refused, "refusals": named})  # fmt: skip
    else:
        known = f", {done.duplicates:,} known already" if message_ids else ""
        wrong = f", {done.refused:,} refused" if done.refused else ""
        typer.echo(f"{done.stored:,} events ({done.bytes / 1e6:,.1f} MB) stored in {log.stream}{known}{wrong}")
    if done.refused:
        raise typer.Exit(Exit.FINDINGS)


def _size(file: str) -> int | None:
    path = Path(file)
    return path.stat().st_size if path.is_file() and path.suffix != ".gz" else None
