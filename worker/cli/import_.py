"""The command that brings history in: transcripts, memory workspaces, chats and event lines from files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.console import CommandError, Config, Exit, Json, emit, note, progress_bar, settings_from, show_rows
from worker.cli.stream import served

if TYPE_CHECKING:
    from worker.importers import FileReport, Report
    from worker.settings import Settings

__all__ = ["register"]

SHOWN = 20
"""Refusals that are named one by one."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(
        "import",
        epilog="Example: [bold]eventlore import ~/.openclaw --dry-run[/]  ·  [bold]eventlore import ~/.openclaw[/]  ·  "
        "[bold]eventlore import conversations.json --agent gpt[/]",
    )(import_)


def import_(
    path: Annotated[Path, typer.Argument(help="A state folder, a workspace, or one file of any format.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be imported, and write nothing.")
    ] = False,
    agent: Annotated[str, typer.Option(help="Whose files they are, where they do not say.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Import history from files into the log: OpenClaw state folders and transcripts, memory workspaces, chats.

    What is in the log already is left out, so importing again adds only what is new, also after an import that was
    interrupted. Credentials are masked. A line that cannot be read costs that line: it is named, the rest goes on,
    and the exit code is 1.
    """
    settings = settings_from(config)
    path = path.expanduser()
    if not path.exists():
        raise CommandError(f"{path}: there is no such file or folder")
    report = _run(path, settings, agent, dry_run=dry_run)
    if not any(file.format for file in report.files):
        raise CommandError(f"{path}: {_why_nothing(report)}")
    if as_json:
        emit(_as_json(report))
    else:
        _show(report, settings.log.stream)
    if report.total("refused"):
        raise typer.Exit(Exit.FINDINGS)


def _run(path: Path, settings: "Settings", agent: str, *, dry_run: bool) -> "Report":
    import asyncio

    from worker.importers import import_path, plan

    with progress_bar("reading" if dry_run else "importing", _size(path)) as step:
        if dry_run:
            return asyncio.run(plan(path, settings, agent=agent, progress=step))
        with served(settings, settings.logs) as logs:
            return asyncio.run(import_path(path, settings, logs[0].url or "", agent=agent, progress=step))


def _size(path: Path) -> int | None:
    """The bytes to read, for the bar."""
    if not sys.stderr.isatty():
        return None
    from worker.importers import IMPORTERS
    from worker.importers.discovery import discover

    return sum(found.file.path.stat().st_size for found in discover(path, IMPORTERS))


def _why_nothing(report: "Report") -> str:
    reasons = {file.skipped for file in report.files}
    return reasons.pop() if len(reasons) == 1 else "there is nothing in it that can be imported"


def _as_json(report: "Report") -> dict[str, object]:
    import msgspec

    totals = {name: report.total(name) for name in ("records", "events", "new", "refused")}
    return {
        "dry_run": report.dry_run,
        **totals,
        "files": [msgspec.structs.asdict(file) for file in report.files],
        "refusals": [msgspec.structs.asdict(refusal) for refusal in report.refusals],
        "redacted": dict(sorted(report.redacted.items())),
    }


def _row(file: "FileReport") -> tuple[str, ...]:
    if not file.format:
        return (file.path, f"skipped: {file.skipped}", "", "", "", "")
    return (file.path, file.format, *(f"{n:,}" for n in (file.records, file.events, file.new, file.refused)))


def _show(report: "Report", stream: str) -> None:
    show_rows(
        "What would be imported" if report.dry_run else "What was imported",
        ("file", "format", "records", "events", "new", "refused"),
        map(_row, report.files),
        numeric=4,
    )
    for refusal in report.refusals[:SHOWN]:
        note(f"{refusal.origin}: refused: {refusal.reason}")
    if report.total("refused") > SHOWN:
        note(f"{report.total('refused') - SHOWN:,} more were refused; --json names the first hundred")
    if report.redacted:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.redacted.items()))
        typer.echo(f"Masked credentials: {kinds}")
    new, events = report.total("new"), report.total("events")
    known = f", {events - new:,} were there already" if events > new else ""
    verb = "would be stored" if report.dry_run else "stored"
    typer.echo(f"{new:,} events {verb} in {stream}{known}")
