"""What waits to be sent, in memory and bounded, between an agent's threads and the one that sends."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

__all__ = ["Ledger", "Queue", "Tally", "Waiting"]


class Tally(NamedTuple):
    """What became of the events that a store was told, and of those that it found in its spool.

    ``told`` and what was in the spool at the start are, together, all the other numbers.
    """

    told: int
    delivered: int
    """The server said that it has them."""
    waiting: int
    """In memory."""
    spooled: int
    """In the spool."""
    dropped: dict[str, int]
    """By reason."""


class Waiting(msgspec.Struct, gc=False):
    """An event that waits."""

    id: str
    agent: str
    type: str
    data: bytes
    masked: bool = False
    """Whether credentials were looked for."""
    after: int = -1
    """It may be in the stream, behind this sequence: it was sent and not answered. -1: it was not sent."""
    row: int = 0
    """Its place in the spool; 0: it is not there."""


class Ledger:
    """Counts, from any thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.told = 0
        self.delivered = 0
        self.spooled = 0
        self.dropped: Counter[str] = Counter()

        self._reported: Counter[str] = Counter()

    def drop(self, reason: str, count: int = 1) -> None:
        """Count events that are lost."""
        with self.lock:
            self.dropped[reason] += count

    def refuse(self, reason: str) -> None:
        """Count an event that was told and never taken in."""
        with self.lock:
            self.told += 1
            self.dropped[reason] += 1

    def tally(self, waiting: int) -> Tally:
        """All counts."""
        with self.lock:
            return Tally(self.told, self.delivered, waiting, self.spooled, dict(self.dropped))

    def report(self, log: logging.Logger) -> None:
        """Say what was lost since the last report."""
        with self.lock:
            lost = self.dropped - self._reported
            self._reported = self.dropped.copy()
        if lost:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(lost.items()))
            log.warning("%s events lost: %s", f"{lost.total():,}", reasons)


class Queue:
    """Events on their way to one stream. An event holds its room until it is settled.

    Args:
        ledger: what counts.
        events: how many there may be, and how many ``size`` bytes.
        wake: called, from any thread, when there is something to do for a sender that waits.
    """

    def __init__(self, ledger: Ledger, events: int, size: int, wake: Callable[[], None]) -> None:
        self._ledger = ledger
        self._events = events
        self._bytes = size
        self._wake = wake
        self._line: deque[Waiting] = deque()
        self.count = 0
        """Events that are not settled, those on their way included."""
        self._held = 0
        self.idle = False
        """Whether the sender waits for the next event."""

    def __len__(self) -> int:
        """Events that are not on their way."""
        return len(self._line)

    @property
    def crowded(self) -> bool:
        """Whether half the room is taken."""
        return self.count * 2 >= self._events or self._held * 2 >= self._bytes

    def put(self, waiting: Waiting) -> bool:
        """Take an event in, unless there is no room."""
        ledger, size = self._ledger, len(waiting.data)
        with ledger.lock:
            ledger.told += 1
            if self.count >= self._events or self._held + size > self._bytes:
                ledger.dropped["buffer full"] += 1
                return False
            self.count += 1
            self._held += size
            self._line.append(waiting)
            wake = self.idle or self.count * 2 == self._events
            self.idle = False
        if wake:
            self._wake()
        return True

    def take(self) -> Waiting | None:
        """The next event; it keeps its room."""
        return self._line.popleft() if self._line else None

    def give_back(self, many: Iterable[Waiting]) -> None:
        """Put events, in their order, before all others."""
        self._line.extendleft(reversed(list(many)))

    def resize(self, change: int) -> None:
        """An event that has its room grew by so many bytes."""
        with self._ledger.lock:
            self._held += change

    def release(self, many: Iterable[Waiting]) -> None:
        """Give up the room of events that are settled."""
        sizes = [len(one.data) for one in many]
        with self._ledger.lock:
            self.count -= len(sizes)
            self._held -= sum(sizes)
