"""The command that looks back: what was said and done."""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import CommandError, Config, Exit, Json, emit, printable, progress_bar, settings_from, show_rows

if TYPE_CHECKING:
    from analytics.insights import Insights

__all__ = ["register"]

PAGE = 1_000
"""Rows that an export reads at a time."""
SHORT = 300
"""Characters of a text that a person is shown in a list."""


class Format(StrEnum):
    """Forms of an export."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog='Example: [bold]eventlore history "what did we decide about backups last week"[/]')(history)


def history(
    text: Annotated[str, typer.Argument(help="Words to look for; a time in them counts.", show_default=False)] = "",
    topic: Annotated[str | None, typer.Option(help="A topic's label or id.", show_default=False)] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent.", show_default=False)] = None,
    speaker: Annotated[
        str | None, typer.Option(help="user, agent, tool, note or run (failures).", show_default=False)
    ] = None,
    tool: Annotated[str | None, typer.Option(help="Calls and results of this tool.", show_default=False)] = None,
    since: Annotated[
        str | None, typer.Option(help='7d, 2026-03-01, 2026-03-01T14:00 (UTC), "last week".', show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="The same: what was before.", show_default=False)] = None,
    outcome: Annotated[
        str | None, typer.Option(help="good or bad: how the session ended for its user.", show_default=False)
    ] = None,
    order: Annotated[
        str,
        typer.Option(help="best (with TEXT), latest or earliest first.", show_default="best with TEXT, else latest"),
    ] = "",
    around: Annotated[int, typer.Option(min=0, max=50, help="Show so many before and after each, too.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Rows at most; exports have no limit of their own.", show_default="20")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="STREAM:SEQ", help="Show one event whole.", show_default=False)
    ] = None,
    viewer: Annotated[
        str | None, typer.Option("--as", metavar="AGENT", help="See what this agent may read.", show_default=False)
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Export everything found.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File of the export; standard output without.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What was said and done, by words, topic, agent, speaker, tool, time and outcome.

    With TEXT the best answers come first; "last week" or "im Mai" in it is a time, seen from the latest event.
    """
    settings = settings_from(config)
    asked = {"agent": agent, "topic": topic, "speaker": speaker, "tool": tool, "since": since, "until": until}
    with _opened(settings.database, viewer) as db:
        if event is not None:
            _show_event(db, event, around, as_json=as_json)
            return
        if form is not None or output is not None:
            exported = db.history_rows(text, **asked, outcome=outcome, order=order, limit=limit)
            _export(exported, form or _form_of(output), output)
            return
        found = db.history(text, **asked, outcome=outcome, order=order, around=around, limit=limit or 20)
    rows = [_plain(row) for row in found.to_dict("records")]
    if as_json:
        emit(rows)
    else:
        _show(rows)


@contextlib.contextmanager
def _opened(url: str, viewer: str | None) -> Iterator["Insights"]:
    from analytics.insights import Insights

    try:
        db = Insights.open(url, viewer)
        try:
            yield db
        finally:
            db.close()
    except FileNotFoundError as error:
        if error.filename is not None:
            raise
        raise CommandError(str(error), Exit.UNAVAILABLE) from None
    except ValueError as error:
        raise CommandError(str(error)) from None


def _show_event(db: "Insights", place: str, around: int, *, as_json: bool) -> None:
    stream, _, seq = place.rpartition(":")
    if not stream or not re.fullmatch(r"[0-9]{1,18}", seq):
        raise CommandError(f"{place!r} names no event: write STREAM:SEQ, for instance openclaw-events:42")
    rows = db.event(stream, int(seq), around)
    if not rows:
        raise CommandError(f"there is no event {place} that may be read")
    if as_json:
        emit(rows)
        return
    if len(rows) > 1:
        _show(rows)
        return
    for name, value in rows[0].items():
        typer.echo(f"{name:11} {_when(value) if name == 'ts' else printable(str(value))}")


def _show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("History: nothing found")
        return
    shown = [
        (
            _when(row["ts"]),
            row["agent"],
            f"{row['speaker']} {row['tool']}".strip(),
            ("" if row.get("hit", True) else "  ") + _short(row["text"] or ""),
            f"{row['stream']}:{row['seq']}",
        )
        for row in rows
    ]
    show_rows("History", ["when (UTC)", "agent", "who", "what", "event"], shown, numeric=1)


def _export(rows: Iterable[dict[str, Any]], form: Format, output: Path | None) -> None:
    if form is Format.PARQUET and output is None:
        raise CommandError("Parquet is written to a file: add -o FILE")
    with progress_bar("exporting", None, unit="rows") as step:
        counted = _counted(rows, step)
        if form is Format.PARQUET:
            _parquet(counted, str(output))
            return
        with output.open("w", encoding="utf-8", newline="") if output else contextlib.nullcontext(sys.stdout) as file:
            _jsonl(counted, file) if form is Format.JSONL else _csv(counted, file)


def _counted(rows: Iterable[dict[str, Any]], step: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - takes a number
    for row in rows:
        yield row
        step(1)


def _jsonl(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    import json

    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(rows: Iterable[dict[str, Any]], file: IO[str]) -> None:
    import csv

    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
        writer.writerow(row)


def _parquet(rows: Iterable[dict[str, Any]], file: str) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise CommandError("Parquet needs pyarrow: pip install 'eventlore[parquet]'", Exit.UNAVAILABLE) from None
    text, whole = pa.string(), pa.int64()
    kinds = {"seq": whole, "ts": whole, "place": whole, "failed": pa.bool_(), "score": pa.float64()}
    writer = None
    for part in _parts(rows):
        schema = pa.schema([(name, kinds.get(name, text)) for name in part[0]])
        writer = writer or pq.ParquetWriter(file, schema)
        writer.write_table(pa.Table.from_pylist(part, schema=schema))
    if writer is None:
        raise CommandError("nothing was found: no file was written", Exit.FINDINGS)
    writer.close()


def _parts(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == PAGE:
            yield part
            part = []
    if part:
        yield part


def _form_of(output: Path | None) -> Format:
    ending = output.suffix.lstrip(".").lower() if output else ""
    if ending in ("", "json", "ndjson", "txt"):
        return Format.JSONL
    try:
        return Format(ending)
    except ValueError:
        raise CommandError(f"{output}: its ending names no form: add --format jsonl, csv or parquet") from None


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as programs get it: times are Unix milliseconds, as in the tables."""
    return {str(k): int(v.timestamp() * 1000) if isinstance(v, datetime) else v for k, v in row.items()}


def _when(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT else line[: SHORT - 1].rstrip() + "…"
