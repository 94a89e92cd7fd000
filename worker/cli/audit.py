"""Commands about the audit trail: verify it, export it, remove content from it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import (
    CommandError,
    Config,
    Exit,
    Json,
    emit,
    progress_bar,
    settings_from,
    show_rows,
    store_from,
)
from worker.cli.stream import served

if TYPE_CHECKING:
    from worker.audit.verify import StreamReport
    from worker.settings import Log, Settings
    from worker.store import Store

__all__ = ["app"]

app = typer.Typer(help="The record's hash chain: verify it, export it, remove content.", no_args_is_help=True)

Events = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="[STREAM:]SEQ", help="A message of the log; may be given several times."),
]


@app.command(epilog="Example: [bold]eventlore audit verify[/]")
def verify(
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="The chain must also still go through what this bundle signed."),
    ] = None,
    key: Annotated[str, typer.Option(metavar="HEX", help="The public key that must have signed the bundle.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare the audit chain, the tables and the log; name the first difference. Exit code 1: there is one."""
    import asyncio

    from worker.audit.verify import verify as compare

    settings = settings_from(config)
    anchors = _anchors(bundle, key) if bundle else {}
    store = store_from(settings)
    with served(settings, settings.logs) as logs, progress_bar("verifying", None, unit="entries") as step:
        reports = asyncio.run(compare(store, logs, anchors=anchors, progress=step))
    if as_json:
        emit([_shown(one) for one in reports])
    else:
        _print(reports)
    if any(one.difference for one in reports):
        raise typer.Exit(Exit.FINDINGS)


@app.command(epilog="Example: [bold]eventlore audit export audit.zip && python audit.zip[/]")
def export(
    file: Annotated[Path, typer.Argument(help="The zip file to write.")],
    *,
    event: Events = None,
    content: Annotated[
        bool, typer.Option("--content", help="Disclose the messages too, as the log holds them: nothing is masked.")
    ] = False,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ed25519 key (PEM); otherwise one in EVENTLORE_HOME, made once.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a signed bundle that verifies itself: the whole chain or, with --event, the proof of single messages."""
    from worker.audit.bundle import export as write
    from worker.audit.bundle import public_key, signing_key

    settings = settings_from(config)
    try:
        signer = signing_key(key or settings.folder / "audit-key.pem")
    except ValueError as error:
        raise CommandError(str(error)) from None
    store = store_from(settings)
    places = [_place(one, settings) for one in event or ()]
    messages = _messages(settings, store, places) if content else iter(())
    try:
        heads = write(store, file, signer, proofs_of=places, messages=messages)
    except LookupError as error:
        raise CommandError(str(error.args[0])) from None
    except OSError as error:
        raise CommandError(f"{error.filename or file}: {error.strerror}") from None
    public = public_key(signer)
    if as_json:
        emit({"file": str(file), "public_key": public, "streams": [head._asdict() for head in heads]})
        return
    what = f"{len(places):,} proofs" if places else f"{sum(head.size for head in heads):,} entries"
    typer.echo(f"{file}: {what}, signed by {public}")
    typer.echo(f"verify it with: python {file} --key {public}")


@app.command(epilog='Example: [bold]eventlore audit forget --session agent:main:main --reason "erasure request 12"[/]')
def forget(
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the tombstones.")],
    event: Events = None,
    agent: Annotated[str, typer.Option(help="Messages of this agent.")] = "",
    session: Annotated[str, typer.Option(metavar="KEY", help="Messages of this session.")] = "",
    before: Annotated[str, typer.Option(metavar="TIME", help="Messages older than this: 2026-03-01, or 90d.")] = "",
    by: Annotated[str, typer.Option(help="Who removes it; otherwise the user who runs this.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many messages that is.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove the content of messages from tables, insights and log, and leave tombstones that prove they were.

    All conditions that are given must be met. Copies of the same bytes in the same session go too.
    Exit code 1: the log refused to erase some.
    """
    import asyncio
    import getpass

    from worker.audit.removal import Selection, select_places
    from worker.audit.removal import forget as remove

    settings = settings_from(config)
    store = store_from(settings)
    stream, seqs = _same_stream([_place(one, settings) for one in event or ()])
    selection = Selection(seqs, stream, agent, session, _time(before) if before else None)
    if not selection:
        raise CommandError("say whose content to remove: --event, --session, --agent or --before")
    if not reason.strip():
        raise CommandError("--reason is empty")
    places = select_places(store, selection)
    if dry_run:
        emit({"removed": 0, "would_remove": len(places)}) if as_json else typer.echo(f"would remove {len(places):,}")
        return
    with served(settings, settings.logs) as logs:
        done = asyncio.run(remove(store, logs, places, by=by or getpass.getuser(), reason=reason))
    if as_json:
        emit({"removed": len(done.places), "refused_by_log": [list(place) for place in done.in_log]})
    else:
        typer.echo(f"removed the content of {len(done.places):,} messages; their place in the audit chain stays")
        if done.in_log:
            typer.echo(f"the log refused to erase {len(done.in_log):,} of them: its stream forbids deleting")
    if done.in_log:
        raise typer.Exit(Exit.FINDINGS)


def _place(text: str, settings: "Settings") -> tuple[str, int]:
    stream, _, seq = text.rpartition(":")
    if not seq.isdecimal() or not 0 < int(seq) < 1 << 63:
        raise CommandError(f"--event {text}: write SEQ or STREAM:SEQ, such as {settings.stream_name}:12")
    return stream or settings.stream_name, int(seq)


def _same_stream(places: list[tuple[str, int]]) -> tuple[str, tuple[int, ...]]:
    streams = sorted({stream for stream, _ in places})
    if len(streams) > 1:
        raise CommandError(f"--event: one stream at a time, not {' and '.join(streams)}")
    return (streams or [""])[0], tuple(seq for _, seq in places)


def _time(text: str) -> int:
    """Unix milliseconds of a date, a time, or an age."""
    import time
    from datetime import UTC, datetime

    if age := re.fullmatch(r"(\d{1,5})([dhw])", text):
        seconds = {"h": 3_600, "d": 86_400, "w": 604_800}[age[2]]
        return (int(time.time()) - int(age[1]) * seconds) * 1_000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--before {text}: write a date such as 2026-03-01, or an age such as 90d") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _anchors(bundle: Path, key: str) -> Any:  # noqa: ANN401 - anchors by stream, whose type is not imported here
    from worker.audit.bundle import anchors_of

    try:
        return anchors_of(bundle, key)
    except ValueError as error:
        raise CommandError(f"{bundle}: {error}", Exit.FINDINGS) from None
    except OSError as error:
        raise CommandError(f"{bundle}: {error.strerror}") from None


def _messages(settings: "Settings", store: "Store", places: list[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    import asyncio

    with served(settings, settings.logs) as logs:
        for log in logs:
            yield from asyncio.run(_held(log, store, set(places)))


async def _held(log: "Log", store: "Store", places: set[tuple[str, int]]) -> list[dict[str, Any]]:
    from nats.js.errors import NotFoundError

    from worker.connection import connected
    from worker.log import extent, read_log

    async with connected(log.url or "") as client:
        _, created = await extent(client, log.stream)
        stream = store.name_stream(log.stream, created)
        if not places:
            batches = [batch async for batch in read_log(client, log.stream)]
            held = [(m.sequence, m.subject, m.data) for batch in batches for m in batch]
        else:
            held = []
            for seq in sorted(seq for name, seq in places if name == stream):
                try:
                    message = await client.jetstream().get_msg(log.stream, seq)
                except NotFoundError:
                    continue
                held.append((seq, message.subject or "", message.data or b""))
    return [{"stream": stream, "seq": seq, "subject": subject, "data": data} for seq, subject, data in held]


def _shown(report: "StreamReport") -> dict[str, Any]:
    found = report.difference
    return report._asdict() | {"intact": found is None, "difference": found._asdict() if found else None}


def _print(reports: "list[StreamReport]") -> None:
    rows: list[tuple[str, str]] = []
    for one in reports:
        found = one.difference
        if found:
            verdict = f"DIFFERS at {found.seq}: {found.place}, {found.kind}: {found.text}"
        else:
            verdict = f"intact: {one.entries:,} entries to {one.last_seq:,}, chain {one.chain[:16]}…"
        rows.append((one.stream, verdict))
        notes = (
            (one.removed, "whose content was removed"),
            (one.gone, "that the log has let go, compared with the tables alone"),
            (one.gaps, "sequences that the log never had for the worker"),
            (one.waiting, "recorded, waiting for those before them"),
            (one.unread, "not read by the worker yet"),
        )
        rows += [("", f"{count:,} {what}") for count, what in notes if count]
    show_rows("Audit", ["stream", "chain, tables and log"], rows or [("", "nothing is recorded yet")])
