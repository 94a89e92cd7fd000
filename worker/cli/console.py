"""What every command shares: options, exit codes, and how it speaks to people and to programs."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from worker.settings import Settings
    from worker.store import Store

__all__ = [
    "CommandError",
    "Config",
    "Exit",
    "Json",
    "emit",
    "lines_from",
    "log_to_stderr",
    "note",
    "opened",
    "out",
    "printable",
    "progress_bar",
    "settings_from",
    "show_rows",
    "store_from",
]


_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Signs that command a terminal, turn the direction, are not seen, or cannot be written."""


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    FINDINGS = 1
    """The work was done and something was found to be wrong: lines refused, tables that differ."""
    USAGE = 2
    """A wrong argument, configuration or input."""
    UNAVAILABLE = 3
    """The log or the database cannot be reached or used."""
    BUG = 70
    """An error that Eventlore does not expect."""


class CommandError(Exception):
    """Ends the command with one line for people and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="EVENTLORE_CONFIG",
        help="YAML, JSON or JSON5 file with gateway.eventStore.",
        metavar="FILE",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def settings_from(config: Path | None) -> "Settings":
    """The settings, or a usage error that says what is wrong with them."""
    from worker.settings import ConfigError, Settings

    try:
        settings = Settings.load(config)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if not settings.enabled:
        raise CommandError("the event store is switched off: gateway.eventStore.enabled is false")
    return settings


def store_from(settings: "Settings") -> "Store":
    """The insight database, made or upgraded."""
    from worker.store import Store

    if settings.database_url is None:
        settings.folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.database, settings.redaction.redactor())
    store.migrate()
    return store


def log_to_stderr() -> None:
    """Let what the worker reports appear on standard error, a line each; with EVENTLORE_DEBUG in full."""
    import logging

    class OneLine(logging.Formatter):
        def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as logging has it
            return super().formatException(ei) if os.environ.get("EVENTLORE_DEBUG") else ""

        def format(self, record: logging.LogRecord) -> str:
            record.exc_text = None
            return super().format(record).rstrip()

    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("eventlore: %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def out() -> "Console":
    """The console that results go to."""
    from rich.console import Console

    # Piped, a table keeps its shape however narrow the default is.
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def note(text: str) -> None:
    """One line for people, beside the results."""
    typer.echo(text, err=True)


def emit(value: object) -> None:
    """One JSON document on standard output; what is not a number is null."""
    typer.echo(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
        return None
    return value


_READABLE = 8
"""Characters of a column of words that are shown on a line, at least."""


def show_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: int = 0) -> None:
    """A table; the last ``numeric`` columns are aligned right, and whole: where room is short, other columns fold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    for position, column in enumerate(columns):
        right = position >= len(columns) - numeric
        longest = max((len(row[position]) for row in cells), default=0)
        least = longest if right else min(longest, _READABLE)
        table.add_column(column, justify="right" if right else "left", overflow="fold", min_width=least)
    for row in cells:
        table.add_row(*map(Text, row))
    out().print(table)


def printable(text: str) -> str:
    """Text as a terminal may show it: signs that would command it, or turn the direction, are spelled out.

    >>> printable("a\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked when gzip packed it; ``-`` is standard input."""
    import gzip

    if path == "-":
        # Not sys.stdin.buffer: a thread that still waits for it would not let Python end.
        yield open(0, "rb", closefd=False)  # noqa: SIM115
        return
    try:
        with Path(path).expanduser().open("rb") as stream:
            if stream.peek(2)[:2] == b"\x1f\x8b":
                with gzip.open(stream) as unpacked:
                    yield unpacked  # type: ignore[misc] # GzipFile reads as a buffered reader does
            else:
                yield stream
    except (gzip.BadGzipFile, EOFError) as error:
        raise CommandError(f"{path}: {error}") from None
    except OSError as error:
        if error.filename is None:
            raise
        raise CommandError(f"{path}: {error.strerror}") from None


def lines_from(path: str) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text file that are not empty, without the mark that some editors begin it with."""
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if line and not line.isspace():
                try:
                    yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise CommandError(f"{path}, line {number}: it is not text in UTF-8") from None


@contextlib.contextmanager
def progress_bar(what: str, total: int | None, *, unit: str = "bytes") -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere; call what it gives with each step's size."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    amount = [DownloadColumn(), TransferSpeedColumn()] if unit == "bytes" else [MofNCompleteColumn()]
    columns = (TextColumn("{task.description}"), BarColumn(), *amount, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda size: progress.advance(task, size)
