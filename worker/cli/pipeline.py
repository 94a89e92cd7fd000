"""Commands about the worker: run it, see how it stands, compute everything again, show what it does."""

import contextlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import (
    CommandError,
    Config,
    Exit,
    Json,
    emit,
    log_to_stderr,
    note,
    progress_bar,
    settings_from,
    show_rows,
    store_from,
)
from worker.cli.dashboard import PORT, AgentTokens, AllowHosts, Host, Port, ProxyHeader, Token, access_from, beside
from worker.cli.draining import watched
from worker.cli.follow import existing
from worker.cli.stream import served

if TYPE_CHECKING:
    from worker.settings import Log, Settings

__all__ = ["register"]


class Half(StrEnum):
    """What a worker can do alone."""

    INSIGHTS = "insights"
    CONTEXT = "context"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog="Example: [bold]eventlore run --drain && eventlore insights gaps[/]  ·  "
        "[bold]eventlore run --follow ~/.openclaw[/]"
    )(run)
    app.command(epilog="Example: [bold]eventlore rebuild --check[/]")(rebuild)
    app.command(epilog="Example: [bold]eventlore status --json[/]")(status)


def run(
    drain: Annotated[bool, typer.Option("--drain", help="Stop at the end of the stream, with exit code 0.")] = False,
    follow: Annotated[
        list[Path] | None,
        typer.Option(help="Follow this folder or file meanwhile, as eventlore follow does.", metavar="PATH"),
    ] = None,
    only: Annotated[
        Half | None, typer.Option(help="Do one half of the work, where another worker does the other.")
    ] = None,
    context_file: Annotated[
        list[str] | None,
        typer.Option(
            "--context-file",
            help="Keep this agent's context current in a file; can be given for several agents.",
            metavar="AGENT=PATH",
            show_default=False,
        ),
    ] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Serve no pages beside the work.")] = False,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    token: Token = "",
    agent_tokens: AgentTokens = None,
    proxy_header: ProxyHeader = "",
    allow_hosts: AllowHosts = None,
    config: Config = None,
) -> None:
    """Read the log and write the insight tables, until it is stopped (SIGTERM or Ctrl-C).

    The dashboard is served meanwhile, unless draining.
    """
    import asyncio

    from worker.app import run as work

    if drain and follow:
        raise CommandError("--drain stops at the end of the stream, and --follow has none: give one of them")
    files = _context_files(context_file or [])
    access = None if drain or no_dashboard else access_from(host, token, agent_tokens, proxy_header, allow_hosts)
    settings = settings_from(config)
    paths = existing(follow or [])
    store = store_from(settings)
    log_to_stderr()
    with served(settings, settings.logs) as logs, _followed(paths, settings, logs), contextlib.ExitStack() as pages:
        if access and (address := pages.enter_context(beside(settings, store, access, lambda: logs, port))):
            note(f"the dashboard is at {address}")
        job = work(logs, store, drain=drain, only=only.value if only else "", context_files=files)
        asyncio.run(watched(job, logs, store) if drain else job)


@contextlib.contextmanager
def _followed(paths: list[Path], settings: "Settings", logs: "Sequence[Log]") -> Iterator[None]:
    """Follow these paths meanwhile."""
    if not paths:
        yield
        return
    from worker.follow import following

    with following(paths, settings, logs[0].url or ""):
        yield


def _context_files(given: list[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for one in given:
        agent, separator, path = one.partition("=")
        if not (agent and separator and path):
            raise CommandError(f"--context-file {one}: write AGENT=PATH")
        files[agent] = Path(path).expanduser()
    return files


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 when a table differs.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compute every insight again from the log, compare table by table, and put right what differs."""
    import asyncio

    from worker.rebuild import rebuild as recompute

    settings = settings_from(config)
    store = store_from(settings)
    log_to_stderr()
    with served(settings, settings.logs) as logs, progress_bar("reading the log", None, unit="messages") as step:
        reports = asyncio.run(recompute(store, logs, check=check, progress=step))
    if as_json:
        emit([one._asdict() | {"equal": one.equal} for one in reports])
    else:
        verdict = {True: "equal", False: "differs" if check else "put right"}
        rows = [(r.table, verdict[r.equal], f"{r.rows:,}", f"{r.differing:,}", f"{r.surplus:,}") for r in reports]
        show_rows("Recomputed from the log", ["table", "", "rows", "differing", "surplus"], rows, numeric=3)
    if check and not all(one.equal for one in reports):
        raise typer.Exit(Exit.FINDINGS)


def status(config: Config = None, as_json: Json = False) -> None:
    """Show the log, the worker's lag, the tables and what was set aside. Exit code 3: the log cannot be reached."""
    import asyncio

    from worker.settings import masked
    from worker.status import log_status

    settings = settings_from(config)
    store = store_from(settings)
    tables = {"address": masked(settings.database), "rows": store.counts(), "pending": store.pending_sessions()}
    tables["failed"] = [{"agent": agent, "session": key, "reason": why} for agent, key, why in store.unsettled()]
    tables["masked"] = store.masked()
    with served(settings, settings.logs) as logs:
        found = [asyncio.run(log_status(log)) for log in logs]
    if as_json:
        emit({"logs": found, "database": tables})
    else:
        _print_status(found, tables)
    if any("error" in log for log in found):
        raise typer.Exit(Exit.UNAVAILABLE)


def _print_status(logs: list[dict[str, Any]], tables: dict[str, Any]) -> None:
    rows: list[tuple[str, str]] = []
    for log in logs:
        rows.append(("log", f"{log['stream']} at {log['address']}"))
        if "error" in log:
            rows.append(("", log["error"]))
            continue
        rows.append(("messages", f"{log['messages']:,} ({log['bytes'] / 1e6:,.1f} MB)"))
        for one in log["consumers"]:
            counts = (f"{one[what]:,} {what}" for what in ("waiting", "unacknowledged", "redelivered"))
            rows.append((f"consumer {one['name']}", ", ".join(counts)))
    rows.append(("database", tables["address"]))
    rows += [(name, f"{count:,}") for name, count in tables["rows"].items() if name != "pending"]
    if tables["masked"]:
        rows.append(("masked credentials", ", ".join(f"{count:,} {kind}" for kind, count in tables["masked"].items())))
    rows.append(("sessions to analyse", f"{tables['pending']:,}"))
    rows += [(f"{one['agent']} cannot be analysed", f"{one['session']}: {one['reason']}") for one in tables["failed"]]
    show_rows("Eventlore", ["what", "value"], rows)
