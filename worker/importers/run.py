"""From files into the log: read, mask, leave out what is there, publish, remember.

Thousands of events are on their way while the next are read; now and then all of them are waited for and the ledger
is committed. Whatever kills the process, the next run finds in the log what this one had sent.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from worker.connection import connected, ensure_stream
from worker.importers.apart import apart
from worker.importers.base import Event, Importer
from worker.importers.catch_up import catch_up
from worker.importers.discovery import Found, discover
from worker.importers.ledger import Ledger
from worker.importers.outbox import Confirmed, Letter, Outbox
from worker.importers.reading import Batch, Finished, Task, Told, read_here, task_for
from worker.importers.report import FileReport, Report
from worker.importers.tailing import is_at_rest, is_read_whole
from worker.settings import Log, Settings
from worker.subjects import subject

__all__ = ["BEING_WRITTEN", "Sending", "import_path"]

COMMIT_EVERY = 10_000
"""Events."""
BEING_WRITTEN = "it is being written"
"""Why a file was left out for now."""
APART = 8 << 20
"""Bytes to read that are worth a process of their own."""


async def import_path(
    path: Path,
    settings: Settings,
    url: str,
    importers: Sequence[Importer],
    *,
    agent: str = "",
    dry_run: bool = False,
    unfinished: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Import a file or all of a folder.

    Args:
        path: the file or folder.
        settings: where agents' logs are, the folder of the ledger, and how credentials are masked.
        url: the address of the log that agents share; unused when nothing is written.
        importers: the formats to look for; the first that recognises a file reads it.
        agent: whose files they are, where they do not say.
        dry_run: read and report, and write nothing, nor speak to a server.
        unfinished: also read files that can only be read as a whole and may be half written: they changed just now.
        progress: is told the bytes of files as they are done.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        LogError: the log cannot be used, or stopped answering; another run goes on where this one stopped.
    """
    ledger = Ledger.rehearsal(settings.folder) if dry_run else Ledger.open(settings.folder)
    try:
        found = discover(path, importers, agent)
        if not unfinished:
            found = list(map(_at_rest, found))
        report = Report(dry_run, list(map(_report_of, found)))
        sizes = [_size(one.file.path) if one.importer else 0 for one in found]
        async with contextlib.AsyncExitStack() as stack:
            large = not dry_run and sum(sizes) >= APART
            process = await stack.enter_async_context(apart()) if large else None
            sending = Sending(ledger, report, settings, found)
            for log in dict.fromkeys([settings.log, *map(settings.log_of, sorted(settings.agents))]):
                await sending.open(log, "" if dry_run else log.url or url, stack)
            ledger.commit()
            task = task_for(
                found,
                root=path,
                agent=agent,
                home=settings.folder,
                marks=f"{agent} {sending.streams}",
                patterns=settings.redaction.patterns,
                redact=settings.redaction.enabled,
            )
            async with contextlib.aclosing(process.read(task) if process else _here(task, ledger)) as batches:
                async for batch in batches:
                    await sending.take(batch)
                    progress(sum(sizes[done.file] for done in batch.finished))
            await sending.commit()
    finally:
        ledger.close()
    return report


def _at_rest(found: Found) -> Found:
    """What was found; nobody's when it may be half written."""
    if found.importer is None or not is_read_whole(found.importer, found.file):
        return found
    with contextlib.suppress(OSError):  # gone: whoever reads it says so
        if not is_at_rest(found.file.path):
            return Found(found.file, None, BEING_WRITTEN)
    return found


def _report_of(found: Found) -> FileReport:
    file = found.file
    shown = file.name if file.path == file.root else file.path.relative_to(file.root).as_posix()
    return FileReport(shown, found.importer.FORMAT if found.importer else "", skipped=found.skipped)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def _here(task: Task, ledger: Ledger) -> AsyncGenerator[Batch, None]:
    for batch in read_here(task, ledger):
        yield batch
        await asyncio.sleep(0)  # the connection's turn


class _Item(NamedTuple):
    """An event on its way."""

    event: Told
    stream: int


class _Target(NamedTuple):
    """A stream to import into."""

    log: Log
    stream: int
    """Its number in the ledger."""
    largest: int
    """Bytes that a message may have."""
    outbox: Outbox[_Item] | None
    """None: nothing is written."""


class Sending:
    """Events on their way into the log."""

    def __init__(self, ledger: Ledger, report: Report, settings: Settings, found: Sequence[Found]) -> None:
        self._ledger = ledger
        self._report = report
        self._settings = settings
        self._paths = [str(one.file.path.absolute()) for one in found]
        self._targets: dict[Log, _Target] = {}
        self._by_agent: dict[str, _Target] = {}
        self._sent = 0
        self._finished: list[Finished] = []
        self._confirmed: dict[int, list[int]] = {}
        """Sequences that each stream gave our events since the last commit."""

    @property
    def streams(self) -> list[int]:
        """The streams' numbers in the ledger."""
        return sorted(target.stream for target in self._targets.values())

    async def open(self, log: Log, url: str, stack: contextlib.AsyncExitStack) -> None:
        """Get ready to import into a log; without an address only to say what would be."""
        if not url:
            self._targets[log] = _Target(log, self._ledger.stream(log.stream), 0, None)
            return
        client = await stack.enter_async_context(connected(url))
        js = client.jetstream()
        await ensure_stream(js, log)
        stream = self._ledger.stream(log.stream, str((await js.stream_info(log.stream)).created))
        await catch_up(self._ledger, stream, js, log.stream)
        outbox = Outbox(client, self._answered)
        await outbox.open()
        self._targets[log] = _Target(log, stream, client.max_payload - 500, outbox)

    @property
    def lost(self) -> bool:
        """Whether a connection is gone for good."""
        return any(target.outbox.lost for target in self._targets.values() if target.outbox)

    def knows(self, event: Event) -> bool:
        """Whether the log has an event already."""
        return self._ledger.has(self._target(event.agent).stream, event.id)

    async def take(self, batch: Batch) -> None:
        """Publish what was read, note what was finished."""
        for target, events in itertools.groupby(batch.events, lambda event: self._target(event.agent)):
            await self._send(target, list(events))
        for refused in batch.refused:
            self._report.refuse(refused.file, refused.place, refused.reason)
        for done in batch.finished:
            report = self._report.files[done.file]
            report.records, report.events = done.records, done.events
        self._finished += [done for done in batch.finished if done.version and not done.unchanged]
        self._report.redacted.update(batch.redacted)
        for what, value in batch.names.items():
            self._ledger.remember(what, value)
        if self._sent >= COMMIT_EVERY or len(self._finished) >= COMMIT_EVERY:
            await self.commit()

    async def _send(self, target: _Target, events: Sequence[Told]) -> None:
        """Publish the events that the log does not have."""
        new = self._ledger.add_all(target.stream, [event.id for event in events])
        letters = []
        for event in itertools.compress(events, new):
            self._report.files[event.file].new += 1
            item = _Item(event, target.stream)
            if target.outbox and len(event.data) > target.largest:
                reason = f"{len(event.data):,} bytes; the server takes up to {target.largest:,} a message"
                self._answered(Confirmed(item, refused=reason))
            else:
                letters.append(Letter(subject(target.log.prefix, event.agent, event.type), event.data, event.id, item))
        if target.outbox:
            await target.outbox.send(letters)
            self._sent += len(letters)

    def _target(self, agent: str) -> _Target:
        target = self._by_agent.get(agent)
        if target is None:
            target = self._targets[self._settings.log_of(agent)]
            if len(self._by_agent) < 10_000:
                self._by_agent[agent] = target
        return target

    def _answered(self, answer: Confirmed[_Item]) -> None:
        event, stream = answer.item
        report = self._report.files[event.file]
        if answer.refused:
            self._ledger.remove(stream, event.id)
            report.new -= 1
            self._report.refuse(event.file, event.place, answer.refused)
        else:
            report.new -= answer.duplicate
            self._confirmed.setdefault(stream, []).append(answer.seq)

    async def commit(self) -> None:
        """Wait until everything that was sent is confirmed, and keep that in the ledger."""
        for target in self._targets.values():
            if target.outbox:
                await target.outbox.settle()
        for done in self._finished:
            report = self._report.files[done.file]
            if not report.refused:  # else the next run names the reasons again
                self._ledger.done(self._paths[done.file], done.version, msgspec.json.encode(report))
        for stream, sequences in self._confirmed.items():
            upto = self._ledger.upto(stream)
            # Only what was ours without a gap is known; others' events between are looked at when the next run starts.
            for sequence in sorted(sequences):
                if sequence == upto + 1:
                    upto = sequence
            self._ledger.seen(stream, upto)
        self._ledger.commit()
        self._finished.clear()
        self._confirmed.clear()
        self._sent = 0
