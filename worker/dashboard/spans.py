"""The time that a page shows, cut into parts that can be drawn."""

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement

from worker.dashboard.filters import DAY

__all__ = ["Span", "buckets"]

MOST_PARTS = 45
SIZES = (1, 7, 28)
"""Days of a part; longer ones are multiples of the last."""


class Span(NamedTuple):
    """A time in parts of equal length, the last of which ends with it. All are Unix milliseconds, whole days (UTC)."""

    first: int
    end: int
    size: int
    earliest: int
    """First day that has a session."""
    latest: int
    """Last day that has one."""

    @classmethod
    def of(cls, first: int, end: int, earliest: int, latest: int) -> Self:
        """In the shortest parts that are few enough to draw."""
        days = max(1, (end - first) // DAY)
        return cls(first, end, _size(days / MOST_PARTS) * DAY, earliest, latest)

    @property
    def middle(self) -> int:
        """Beginning of the day in its middle."""
        return self.first + (self.end - self.first) // DAY // 2 * DAY

    @property
    def parts(self) -> int:
        return max(1, -(-(self.end - self.first) // self.size))

    @property
    def start(self) -> int:
        """Beginning of the first part, which may lie before the time itself."""
        return self.end - self.parts * self.size

    def part_of(self, day: ColumnElement[int]) -> ColumnElement[int]:
        """The first day of a day's part, in SQL."""
        return day - (day - self.start) % self.size


def buckets(
    rows: Iterable[Mapping[str, Any]], span: Span, *, least: int = 0, fewest: int = 0
) -> list[tuple[int, int, list[Any]]]:
    """Rows gathered into the parts of a time: (first, end, rows).

    Args:
        rows: of parts, each with its first ``day``.
        span: what was cut.
        least: sessions that a part should have, taken over all of them: parts grow until they do.
        fewest: parts that there should be: they do not grow further.
    """
    rows = list(rows)
    if least and rows:
        days = (span.end - span.first) / DAY
        needed = least * days / max(1, sum(row["sessions"] for row in rows))
        size = _size(needed, span.size // DAY)
        if fewest:
            size = min(size, max((size for size in SIZES if size * fewest <= days), default=1))
        span = span._replace(size=max(span.size, size * DAY))
    gathered: list[list[Any]] = [[] for _ in range(span.parts)]
    for row in rows:
        gathered[min(max(0, row["day"] - span.start) // span.size, span.parts - 1)].append(row)
    starts = (span.start + number * span.size for number in range(span.parts))
    return [(start, start + span.size, part) for start, part in zip(starts, gathered, strict=True)]


def _size(needed: float, whole: int = 1) -> int:
    """Days of a part that has at least so many, in which parts of ``whole`` days fit."""
    longer = (SIZES[-1] * times for times in count(2))
    return next(size for sizes in (SIZES, longer) for size in sizes if size >= needed and size % whole == 0)
