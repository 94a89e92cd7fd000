"""The event store of an agent: takes events at once, and has a thread that sends them."""

import asyncio
import atexit
import contextlib
import functools
import itertools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import uuid_utils

from models.dialects.origin import agent_in
from models.dialects.own import VERSION, Own
from models.dialects.packing import pack
from models.events import Kind, Visibility
from worker.embedded import running
from worker.publisher.kinds import Kinds, More
from worker.publisher.link import Link
from worker.publisher.queue import Ledger, Queue, Tally, Waiting
from worker.publisher.source import Source
from worker.publisher.spool import Spool, SpoolError
from worker.settings import Log, Settings
from worker.subjects import subject

__all__ = ["EventStore"]

REPORT_EVERY = 60.0
"""Seconds between reports of what was lost."""

_log = logging.getLogger("eventlore.publisher")
_VISIBILITIES = {one.value: one for one in Visibility}


class EventStore(Kinds):
    """Puts an agent's events into the log. Telling one never waits and never raises, from any thread.

    Use it with ``with`` or ``async with``, which send what is left at the end.

    Args:
        config: a configuration file (YAML, JSON or JSON5) with ``gateway.eventStore``, or its keys as a dict; else the
            ``EVENTLORE_*`` variables and, where they name no server, the embedded one while it runs. With
            ``enabled: false`` nothing is sent and nothing runs.
        agent: whose events they are, where the session key does not say.
        spool: a folder for what cannot be sent, as ``publisher.spool`` in the configuration.
        patience: seconds that the end waits for the server.

    Raises:
        ConfigError: the configuration cannot be used. Nothing else is raised, then or later.
    """

    def __init__(
        self,
        config: str | Path | Mapping[str, Any] | None = None,
        *,
        agent: str = "",
        spool: str | Path | None = None,
        patience: float = 5.0,
    ) -> None:
        self._settings = Settings.load(Path(config) if isinstance(config, str) else config)
        self._agent = agent
        self._folder = Path(spool) if spool else self._settings.publisher.spool
        self._patience = patience
        self._order = itertools.count(1)
        self._closed = False
        self._reset()
        _STORES.add(self)

    def _reset(self) -> None:
        """Begin with no events and no thread."""
        self._guard = threading.Lock()
        self._ledger = Ledger()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        limits = self._settings.publisher
        self._links: dict[tuple[str | None, str], Link] = {}
        self._queues: dict[tuple[str | None, str], Queue] = {}
        for log in self._settings.logs:
            key = (log.url, log.stream)
            wake = functools.partial(self._wake, key)
            self._queues[key] = Queue(self._ledger, limits.buffer_events, limits.buffer_bytes, wake)
        self._shared = self._queue_of("")
        self._own = {name: self._queue_of(name) for name in self._settings.agents}

    def _queue_of(self, agent: str) -> Queue:
        log = self._settings.log_of(agent)
        return self._queues[log.url, log.stream]

    # Telling

    def tell(
        self,
        kind: Kind,
        *,
        session: str = "",
        name: str = "",
        text: str = "",
        call: str = "",
        arguments: Any = None,  # noqa: ANN401 - JSON
        error: str = "",
        **more: Unpack[More],
    ) -> str:
        """An event of any kind; returns its identifier."""
        identifier = str(uuid_utils.uuid7())
        if not self._settings.enabled:
            return identifier
        if self._closed:
            self._ledger.refuse("told after the end")
            return identifier
        try:
            visibility = _VISIBILITIES.get(more.get("visibility", Visibility.INTERNAL))
            if visibility is None:  # to guess could show it to those who may not see it
                self._ledger.refuse("of unknown visibility")
                return identifier
            key = _text(session)
            own = Own(
                eventlore=VERSION,
                id=identifier,
                ts=_milliseconds(more.get("ts")),
                agent=agent_in(key) or _text(more.get("agent") or self._agent),
                session=key,
                type=kind.value,
                visibility=visibility,
                name=_text(name),
                text=_text(text),
                run=_text(more.get("run", "")),
                order=next(self._order),
                call=_text(call) or (identifier if kind is Kind.TOOL_CALL else ""),
                arguments=arguments,
                error=_text(error),
                data=more.get("data"),
            )
            waiting = Waiting(identifier, own.agent, own.type, pack(own))
            (self._own.get(own.agent) or self._shared).put(waiting)
            if self._thread is None:
                self.start()
        except Exception as wrong:  # noqa: BLE001 - an agent must not suffer from what it tells
            self._ledger.refuse(f"not to be told ({type(wrong).__name__})")
        return identifier

    def tally(self) -> Tally:
        """What became of the events so far."""
        return self._ledger.tally(sum(queue.count for queue in self._queues.values()))

    # The thread

    def start(self) -> None:
        """Begin to send; the first event does it, too."""
        with self._guard:
            if self._thread is None and not self._closed and self._settings.enabled:
                self._thread = threading.Thread(target=self._work, name="eventlore publisher", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Send what is left, if the server takes it soon; else spool it, or count it as lost."""
        with self._guard:
            thread, self._closed = self._thread, True
        if thread is None or thread is threading.current_thread():
            return
        self._call(lambda: self._stop.set() if self._stop else None)
        thread.join(self._patience + 5)

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(function)

    def _wake(self, key: tuple[str | None, str]) -> None:
        if link := self._links.get(key):
            self._call(link.wake)

    def _work(self) -> None:
        try:
            asyncio.run(self._send())
        except Exception:  # noqa: BLE001 - nothing but a word reaches the agent
            _log.exception("the event store has ended")

    async def _send(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        redactor = self._settings.redaction.redactor()
        spool = self._open_spool()
        for log in self._settings.logs:
            key = (log.url, log.stream)
            source = Source(log.agent, self._queues[key], spool, redactor, self._ledger)
            self._links[key] = Link(log, functools.partial(self._address, log), self._subject, source)
        jobs = [asyncio.create_task(link.run()) for link in self._links.values()]
        reporter = asyncio.create_task(self._report())
        try:
            if not self._closed:
                await self._stop.wait()
            for link in self._links.values():
                link.close()
            await asyncio.wait(jobs, timeout=self._patience)
        finally:
            for job in (*jobs, reporter):
                job.cancel()
            await asyncio.gather(*jobs, reporter, return_exceptions=True)
            for link in self._links.values():
                link.end()
            self._ledger.report(_log)
            if spool:
                spool.close()

    def _open_spool(self) -> Spool | None:
        if self._folder is None:
            return None
        try:
            spool = Spool(self._folder.expanduser(), self._settings.publisher.spool_bytes)
            spool.adopt([log.agent for log in self._settings.logs])
            self._ledger.spooled = spool.count()
        except SpoolError as error:
            _log.warning("%s; events wait in memory only", error)
            return None
        return spool

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            self._ledger.report(_log)

    def _subject(self, waiting: Waiting) -> str:
        return subject(self._settings.log_of(waiting.agent).prefix, waiting.agent, waiting.type)

    async def _address(self, log: Log) -> str | None:
        """Where the log's server is, if that is known."""
        if log.url:
            return log.url
        found = await asyncio.to_thread(running, self._settings.folder)
        return found.url if found else None

    # With

    def __enter__(self) -> Self:
        """Begin to send."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, without stopping others meanwhile."""
        await asyncio.to_thread(self.close)


_STORES: "weakref.WeakSet[EventStore]" = weakref.WeakSet()


def _close_all() -> None:
    for store in list(_STORES):
        store.close()


def _after_fork() -> None:
    """A child has no thread, and leaves to its parent what its parent was told."""
    for store in list(_STORES):
        store._reset()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _milliseconds(ts: int | datetime | None) -> int:
    if ts is None:
        return time.time_ns() // 1_000_000
    return int(ts.timestamp() * 1000) if isinstance(ts, datetime) else int(ts)
