"""Follows files: first everything that is there is imported, then what is new is sent as it is written.

The disk is the buffer. What was read is forgotten when the log does not take it; once the log is there again, another
import finds what it lacks. So memory does not grow while a server is away, and nothing counts twice.
"""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path

from nats.errors import Error as NatsError

from worker.connection import LogError
from worker.follow.complaints import Complaints
from worker.follow.sources import Sources
from worker.follow.watch import Watch
from worker.importers import IMPORTERS, FileReport, Report, import_path
from worker.importers.base import Record
from worker.importers.ledger import Ledger
from worker.importers.reading import Batch, Refused, Told
from worker.importers.run import BEING_WRITTEN, Sending
from worker.settings import Settings

__all__ = ["follow"]

LOOK_EVERY = 5.0
"""Seconds between looks at everything, for what nobody told."""
POLL = 1.0
"""The same where the operating system tells of no changes."""
AGAIN = 0.05
"""The same when other folders are watched than before: what changed meanwhile is not told."""
LOOK_SHARE = 0.02
"""The share of the time that these looks take in a large folder, at most; when folders come and go, ten times that."""
RETRY_AFTER = 1.0
"""Seconds until a server that is away is looked for again."""
AT_ONCE = 200
"""Events that are sent and confirmed together."""
AT_ONCE_BYTES = 4 << 20

log = logging.getLogger(__name__)


async def follow(paths: Sequence[Path], settings: Settings, url: str, *, stop: asyncio.Event, agent: str = "") -> None:
    """Follow files and folders until ``stop`` is set; a server that is away is waited for.

    Args:
        paths: what to follow; what is not there is waited for.
        settings: where agents' logs are, the folder of the ledger, and how credentials are masked.
        url: the address of the log that agents share.
        stop: ends it, within a second or so.
        agent: whose files they are, where they do not say.
    """
    complaints = Complaints(log)
    while not stop.is_set():
        try:
            await _unless(stop, _Following(paths, settings, url, agent, complaints).run())
        except (LogError, NatsError, OSError, TimeoutError, sqlite3.OperationalError) as error:
            complaints.say("waiting for the log", " ".join(str(error).split()) or type(error).__name__)
            await _unless(stop, asyncio.sleep(RETRY_AFTER))


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do the work until it is done or ``stop`` is set."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        while not task.done():  # more than once: asyncio.wait_for may lose a cancellation that meets its result
            task.cancel()
            await asyncio.wait({task}, timeout=0.2)
    if not task.cancelled():
        task.result()


class _Following:
    """Following with one connection to the log."""

    def __init__(self, paths: Sequence[Path], settings: Settings, url: str, agent: str, complaints: Complaints) -> None:
        self._paths = paths
        self._settings = settings
        self._url = url
        self._agent = agent
        self._complaints = complaints
        self._redactor = settings.redaction.redactor()
        self._report = Report(dry_run=False)
        self._due: dict[Path, float] = {}
        """Files to read again at a time, although nothing changes."""
        self._look_at = 0.0
        """When to look at everything."""
        self._look_soonest = 0.0

    async def run(self) -> None:
        """Follow until the connection is lost.

        Raises:
            LogError: the log cannot be used.
        """
        async with contextlib.AsyncExitStack() as stack:
            ledger = stack.enter_context(contextlib.closing(Ledger.open(self._settings.folder)))
            watch = stack.enter_context(contextlib.closing(Watch()))
            self._sources = [Sources(path, IMPORTERS, self._agent, ledger) for path in self._paths]
            for sources in self._sources:
                sources.skip()
            watch.over(folder for sources in self._sources for folder in sources.folders)
            for sources in self._sources:
                await self._import(sources)
            self._sending = Sending(ledger, self._report, self._settings, [])
            settings = self._settings
            for one in dict.fromkeys([settings.log, *map(settings.log_of, sorted(settings.agents))]):
                await self._sending.open(one, one.url or self._url, stack)
            ledger.commit()
            while not self._sending.lost:
                await self._step(watch)
        raise LogError("the connection is gone")

    async def _import(self, sources: Sources) -> None:
        """Bring in everything that is there.

        What could not be read is read again by what follows the file, which knows what is only half written as yet.
        """
        path = sources.root
        try:
            report = await import_path(path, self._settings, self._url, agent=self._agent, unfinished=False)
        except FileNotFoundError:
            self._complaints.say(str(path), "it is not there; waiting for it")
            return
        for file in report.files:
            if file.refused or file.skipped == BEING_WRITTEN:
                sources.unread(path / file.path if path.is_dir() else path)
        log.info("%s: %d events added from what was there; following", path, report.total("new"))

    async def _step(self, watch: Watch) -> None:
        """Take what changed next."""
        now = time.monotonic()
        changes: set[Path] = set()
        if now < self._look_at:
            changes = await watch.changes(max(0.0, min([self._look_at, *self._due.values()]) - now))
            now = time.monotonic()
        files = {path for path, at in self._due.items() if at <= now}
        for path in files:
            del self._due[path]
        for change in changes:
            if found := [(one, file) for one in self._sources if (file := one.file_of(change))]:
                files.update(file for one, file in found if one.has_changed(file))
            elif any(sources.is_within(change) for sources in self._sources) and (change in watch or change.is_dir()):
                self._look_at = min(self._look_at, max(now, self._look_soonest))
        for path in sorted(files):
            for sources in self._sources:
                if file := sources.file_of(path):
                    await self._take(sources, file)
        if now >= self._look_at:
            await self._look(watch)

    async def _look(self, watch: Watch) -> None:
        """Look at everything, and watch the folders that there are now."""
        began = time.monotonic()
        found = [(sources, *sources.look()) for sources in self._sources]
        anew = watch.over(folder for sources in self._sources for folder in sources.folders)
        took = time.monotonic() - began
        every = AGAIN if anew else POLL if watch.blind else LOOK_EVERY
        self._look_at = began + max(every, 0.0 if anew else took / LOOK_SHARE)
        self._look_soonest = began + took / LOOK_SHARE / 10
        for sources, files, gone in found:
            for folder in gone:
                self._complaints.say(str(folder), "it is gone, with files that were followed")
            for path in files:
                await self._take(sources, path)

    async def _take(self, sources: Sources, path: Path) -> None:
        """Send what is new in a file."""
        batch, size = Batch(), 0
        records = sources.records(path)
        while (record := self._next(records, sources, path)) is not None:
            if record.refused:
                batch.refused.append(Refused(0, record.place, record.refused))
            for event in record.events:
                if not self._sending.knows(event):
                    data, masked = self._redactor.message(event.data)
                    self._report.redacted.update(masked)
                    batch.events.append(Told(0, record.place, event.id, event.agent, event.type, data))
                    size += len(data)
            if len(batch.events) + len(batch.refused) >= AT_ONCE or size >= AT_ONCE_BYTES:
                await self._send(batch, path)
                batch, size = Batch(), 0
        await self._send(batch, path)
        if again := sources.again(path):
            self._due[path] = time.monotonic() + again

    def _next(self, records: Iterator[Record], sources: Sources, path: Path) -> Record | None:
        """The next record; what is wrong with one file is no reason to stop following the others."""
        try:
            return next(records, None)
        except FileNotFoundError:
            return None  # moved or removed; where it went is another file
        except OSError as error:
            self._complaints.say(str(path), error.strerror or str(error))
        except sqlite3.OperationalError:
            raise  # the ledger's; databases that are followed say what is wrong in a record
        except Exception as error:  # noqa: BLE001 - whatever a file makes an importer raise concerns that file
            self._complaints.say(str(path), f"it cannot be followed: {type(error).__name__}: {error}")
            sources.forget(path)
        return None

    async def _send(self, batch: Batch, path: Path) -> None:
        """Send events and wait until the log has them."""
        self._report.files = [FileReport(str(path))]
        await self._sending.take(batch)
        await self._sending.commit()
        for refusal in self._report.refusals:
            self._refused(path, refusal.origin.rpartition(":")[2], refusal.reason)
        self._report.refusals.clear()

    def _refused(self, file: Path, place: str, reason: str) -> None:
        self._complaints.say(str(file), f"{place}: refused: {reason}" if place != "0" else reason)
