"""What a page is narrowed to: agent, time and topic, as its address says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlencode

__all__ = ["DAY", "SPANS", "FilterError", "Filters", "whole"]

DAY = 86_400_000
_LAST = 4_102_444_800_000
"""2100-01-01: later days are as good as it, as those before 1970 are as good as that."""
SPANS = {"7d": "7 days", "30d": "30 days", "90d": "90 days", "": "all time"}


class FilterError(ValueError):
    """The address asks for what cannot be; the text says what to write."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Agent, time and topic.

    Times are whole days (UTC). Spans such as ``7d`` end with the latest day that the tables know: so they show
    something also where the log has been quiet since.
    """

    agent: str = ""
    topic: str = ""
    since: str = ""
    """``7d`` or ``2026-03-01``."""
    until: str = ""
    """The last day that counts, ``2026-03-31``."""
    latest: int = 0
    """Beginning of the latest day there is."""

    @classmethod
    def of(cls, query: Mapping[str, str], latest: int) -> Self:
        """Read an address.

        Raises:
            FilterError: a time is none, or something has a character that no database keeps.
        """
        if any("\0" in value for value in query.values()):
            raise FilterError("the address has a NUL character: nothing has such a name")
        given = {name: query.get(name, "").strip() for name in ("agent", "topic", "since", "until")}
        found = cls(given["agent"], given["topic"], given["since"], given["until"], latest)
        _ = found.first, found.end  # both must be times
        return found

    @property
    def first(self) -> int | None:
        """Beginning of the first day, Unix milliseconds; None: all there is."""
        if ago := re.fullmatch(r"(\d{1,5})d", self.since):
            return max(0, (_day(self.until) if self.until else self.latest) - (int(ago[1]) - 1) * DAY)
        return _day(self.since) if self.since else None

    @property
    def end(self) -> int | None:
        """End of the last day; None: all there is."""
        return _day(self.until) + DAY if self.until else None

    def about(self, topic: str) -> Self:
        """The same of one topic."""
        return replace(self, topic=topic)

    def query(self, **more: object) -> str:
        """The part of an address that says the same, with changes: ``?agent=coder&since=7d``; empty ones are left out."""
        values = {name: getattr(self, name) for name in ("agent", "topic", "since", "until")}
        given = {name: str(value) for name, value in (values | more).items() if value not in {"", None}}
        return f"?{urlencode(given)}" if given else ""


def whole(text: str, otherwise: int = 0, *, digits: int = 9) -> int:
    """A whole number that an address gives, if it is one of so many digits at most."""
    return int(text) if text.isdecimal() and len(text) <= digits else otherwise


def _day(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(f"{text!r} is no time: write 7d or 2026-03-01") from None
    day = int(moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC).timestamp() * 1000)
    return min(max(0, day), _LAST)
