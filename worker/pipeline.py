"""What the worker does with a batch: decode, write, settle; in a thread, off the event loop that moves messages."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from tenacity import Retrying, before_sleep_log, retry_if_exception_type, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from models.events import Event
from worker.decoding import Encoded, Origin, decode_all
from worker.store import DeadLetter, Store

__all__ = ["Pipeline"]

log = logging.getLogger(__name__)
T = TypeVar("T")

CROWD = 1_000
"""Pending sessions at which some are settled although more events are waiting."""
AT_LEAST_EVERY = 5.0
"""Seconds after which pending sessions are settled however busy the log is."""
OVERVIEW_SHARE = 0.05
"""The share of its time that a busy worker spends on what is derived over all sessions."""


class Pipeline:
    """Takes batches and settles sessions when it is time.

    Sessions settle when the log is quiet, when very many are pending, and at least every few seconds; those that
    were touched longest ago first, since they are the likeliest to be over. Results do not depend on when.
    """

    def __init__(self, store: Store) -> None:
        self.recorded = 0
        """Messages taken since the start."""
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pipeline")
        self._closing = threading.Event()
        self._settled_at = self._overview_at = time.monotonic()
        self._overview_took = 0.0
        self._origins: dict[str, Origin] = {}

    async def know_stream(self, stream: str, *, created: str, agent: str = "") -> None:
        """Learn when a stream was made and whose it is, before the first batch from it.

        Args:
            stream: its name.
            created: tells it from one of the same name that was deleted before.
            agent: whose it is, where an agent has one of its own.
        """
        name = await self._patiently(lambda: self._store.name_stream(stream, created))
        self._origins[stream] = Origin(name, agent)

    async def take(self, messages: Sequence[Encoded]) -> None:
        """Decode a batch and write it in one transaction; waits for the database as long as that takes.

        Raises:
            sqlalchemy.exc.OperationalError: the pipeline is closing and the database is away; nothing was written.
        """
        await self._patiently(lambda: self._record(messages))
        self.recorded += len(messages)

    async def bury(self, messages: Iterable[Encoded], reason: str) -> None:
        """Write messages to the dead letters without looking at them."""
        letters = [DeadLetter(self._name(m), m.sequence, m.subject, reason, m.data) for m in messages]
        await self._patiently(lambda: self._store.record([], letters))

    async def settle_due(self, *, idle: bool) -> bool:
        """Settle some sessions if it is time for that; returns whether there may be more to do at once."""
        return await self._patiently(lambda: self._settle_due(idle=idle))

    async def settle_next(self) -> bool:
        """Settle some sessions or, when none is left, what is derived over all; returns whether there was need."""
        return await self._patiently(lambda: bool(self._settle_sessions() or self._settle_overview()))

    def close(self) -> None:
        """Wait for the work at hand, give up what waits for the database, and end the thread."""
        self._closing.set()
        self._thread.shutdown()

    async def _patiently(self, work: Callable[[], T]) -> T:
        """Run in the thread, again and again while the database does not answer."""
        attempts = Retrying(
            retry=retry_if_exception_type(OperationalError),
            wait=wait_random_exponential(0.1, max=10),
            stop=stop_when_event_set(self._closing),
            sleep=sleep_using_event(self._closing),
            before_sleep=before_sleep_log(log, logging.WARNING),
            reraise=True,
        )
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: attempts(work))

    def _name(self, message: Encoded) -> str:
        origin = self._origins.get(message.stream)
        return origin.name if origin else message.stream

    def _record(self, messages: Sequence[Encoded]) -> None:
        events, refused = decode_all(messages, self._origins)
        try:
            self._store.record(events, refused)
        except OperationalError:
            raise
        except Exception:
            log.exception("a batch cannot be written; trying its events one by one")
            self._store.record([], refused)
            self._record_singly(events, {(self._name(m), m.sequence): m for m in messages})

    def _record_singly(self, events: Sequence[Event], messages: Mapping[tuple[str, int], Encoded]) -> None:
        for event in events:
            try:
                self._store.record([event])
            except OperationalError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the database raises concerns this event only
                message = messages[event.stream, event.seq]
                reason = f"the database refuses it: {error}".splitlines()[0]
                letter = DeadLetter(event.stream, event.seq, message.subject, reason, message.data)
                self._store.record([], [letter])

    def _settle_due(self, *, idle: bool) -> bool:
        now = time.monotonic()
        if not (idle or now - self._settled_at > AT_LEAST_EVERY or self._pending_sessions() > CROWD):
            return False
        self._settled_at = now
        if self._settle_sessions():
            return True
        if idle or now - self._overview_at > self._overview_took / OVERVIEW_SHARE:
            began = time.monotonic()
            self._settle_overview()
            self._overview_at = time.monotonic()
            self._overview_took = self._overview_at - began
        return False

    def _settle_sessions(self) -> int:
        return self._store.settle_sessions()

    def _settle_overview(self) -> bool:
        return self._store.settle_overview()

    def _pending_sessions(self) -> int:
        return self._store.pending_sessions()
