"""Where the events of one stream come from, the buffer before the spool, and what becomes of them."""

import logging
import time
from collections.abc import Sequence

from models.redaction import Redactor
from worker.publisher.queue import Ledger, Queue, Waiting
from worker.publisher.spool import Spool, SpoolError

__all__ = ["Source"]

BATCH, BATCH_BYTES = 200, 2 << 20
REST = 5.0
"""Seconds until a spool that was full, or could not be read, is tried again."""

_log = logging.getLogger("eventlore.publisher")


class Source:
    """Events to send, credentials masked. Every one that is given out is given back or settled.

    Args:
        name: what the stream is called in the spool.
        queue: the buffer.
        spool: None: there is none.
        redactor: what masks credentials.
        ledger: where events are counted.
    """

    def __init__(self, name: str, queue: Queue, spool: Spool | None, redactor: Redactor, ledger: Ledger) -> None:
        self._name = name
        self._queue = queue
        self._spool = spool
        self._redactor = redactor
        self._ledger = ledger
        self._row = 0
        """The row of the spool up to which everything was given out."""
        self._settled: list[int] = []
        """Rows that are settled and still in the spool."""
        self._resting = 0.0
        self._complaint = ""

    def batch(self, limit: int, known: int, *, spooled: bool) -> list[Waiting]:
        """The next events, at most so many: from the buffer or, if it has none, from the spool.

        Args:
            limit: how many there may be.
            known: a sequence that the stream has reached.
            spooled: whether the spool may be asked.
        """
        found: list[Waiting] = []
        size = 0
        while len(found) < min(limit, BATCH) and size < BATCH_BYTES and (waiting := self._queue.take()):
            if self._mask(waiting):
                found.append(waiting)
                size += len(waiting.data)
        return self._spooled(limit, known) if spooled and not found else found

    def _spooled(self, limit: int, known: int) -> list[Waiting]:
        if self._spool is None or time.monotonic() < self._resting or not self._spool.is_ours():
            return []
        try:
            self.flush()
            found = self._spool.next(self._name, self._row, min(limit, BATCH), BATCH_BYTES)
            if found:
                self._spool.sent(found, known)
                self._row = found[-1].row
        except SpoolError as error:
            self._rest(error)
            return []
        return found

    def _rest(self, error: SpoolError) -> None:
        self._resting = time.monotonic() + REST
        if str(error) != self._complaint:
            self._complaint = str(error)
            _log.warning("%s", error)

    def idle(self) -> bool:
        """Whether the buffer has nothing to send; from now on it wakes the sender when it has."""
        self._queue.idle = True
        return not len(self._queue)

    def give_back(self, many: Sequence[Waiting]) -> None:
        """Keep events for later, in their order."""
        self._queue.give_back([one for one in many if not one.row])
        self._row = 0  # the spool still has its own

    def settle(self, waiting: Waiting, *, dropped: str = "") -> None:
        """An event is in the stream, or lost."""
        if waiting.row:
            self._settled.append(waiting.row)
        else:
            self._queue.release([waiting])
        if dropped:
            self._ledger.drop(dropped)
        else:
            self._ledger.delivered += 1

    def flush(self) -> None:
        """Take what is settled out of the spool."""
        if self._spool and self._settled and time.monotonic() >= self._resting:
            try:
                self._spool.forget(self._settled)
            except SpoolError as error:
                self._rest(error)
                return
            self._ledger.spooled -= len(self._settled)
            self._settled.clear()

    def spill(self, *, crowded: bool = False) -> None:
        """Move the buffer to the spool, as far as there is room.

        Args:
            crowded: only if half the buffer's room is taken.
        """
        if self._spool is None or time.monotonic() < self._resting or (crowded and not self._queue.crowded):
            return
        size = BATCH
        while many := self.batch(size, 0, spooled=False):
            try:
                self._spool.keep(self._name, many)
            except SpoolError as error:
                self._queue.give_back(many)
                size = len(many) // 4  # perhaps there is room for fewer
                if not size:
                    self._rest(error)
                    return
            else:
                self._ledger.spooled += len(many)
                self._queue.release(many)
                self._complaint = ""

    def end(self) -> None:
        """Spool what is left, or count it as lost."""
        self._resting = 0.0
        self.spill()
        while many := self.batch(BATCH, 0, spooled=False):
            self._ledger.drop("not sent before the end", len(many))
            self._queue.release(many)
        self.flush()

    def _mask(self, waiting: Waiting) -> bool:
        """Mask credentials, once; an event in which they cannot be looked for is lost."""
        if waiting.masked:
            return True
        before = len(waiting.data)
        try:
            data, _ = self._redactor.message(waiting.data)
        except Exception:  # noqa: BLE001 - rather lost than sent with what it may hold
            self._queue.release([waiting])
            self._ledger.drop("credentials could not be masked")
            return False
        waiting.data, waiting.masked = data, True
        self._queue.resize(len(data) - before)
        return True
