"""What a page is made of: what was asked in, what to show out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from worker.dashboard.charts import Chart
from worker.dashboard.filters import Filters
from worker.dashboard.queries import Queries, Row

if TYPE_CHECKING:
    from worker.dashboard.operations import Operations

__all__ = ["Ask", "MissingError", "View", "day_name", "lasted", "percent"]


class MissingError(LookupError):
    """What was asked for is not there, or not for this reader; the text says so."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for what."""

    queries: Queries
    filters: Filters
    params: Mapping[str, str]
    labels: Mapping[str, str]
    """A name for each topic id."""
    operations: "Operations | None"

    @classmethod
    def of(cls, queries: Queries, params: Mapping[str, str], operations: "Operations | None" = None) -> Self:
        """What an address asks for.

        Raises:
            FilterError: a time is none.
        """
        return cls(queries, Filters.of(params, queries.latest_day()), params, queries.topic_labels(), operations)

    def link(self, page: str, **more: object) -> str:
        """The address of a page with the same filters, and with changes."""
        return f"/{page}{self.filters.query(**more)}"

    def topic(self, topic_id: str) -> str:
        """A topic's name for people."""
        return self.labels.get(topic_id, topic_id) if topic_id else "no topic"

    def skill(self, gap: Row) -> str:
        """What an agent is bad at, as one says it."""
        if not gap["tool"]:
            return self.topic(gap["topic_id"])
        return f"{gap['tool']}, about {self.topic(gap['topic_id'])}" if gap["topic_id"] else str(gap["tool"])

    def session_link(self, agent: str, key: str, at: tuple[str, int] | None = None) -> str:
        """The address of a session, at one of its events."""
        if at is None:
            return self.link("session", of=agent, key=key)
        return f"{self.link('session', of=agent, key=key, at=f'{at[0]}:{at[1]}')}#{anchor(at)}"


def anchor(ref: tuple[str, int]) -> str:
    """An event's place on its session's page."""
    return f"e-{ref[0]}-{ref[1]}"


@dataclass(frozen=True, slots=True)
class View:
    """A page: its template with what it shows, and the tables and charts that can be taken away."""

    template: str
    title: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    charts: Mapping[str, Chart] = field(default_factory=dict)


def day_name(ts: int, *, year: bool = False) -> str:
    """A day as charts write it: ``Mar 4``."""
    moment = datetime.fromtimestamp(ts / 1000, tz=UTC)
    return f"{moment:%b} {moment.day}" + (f", {moment.year}" if year else "")


def iso_day(ts: int) -> str:
    """A day as addresses write it: ``2026-03-04``."""
    return datetime.fromtimestamp(ts / 1000, tz=UTC).strftime("%Y-%m-%d")


def percent(value: float) -> str:
    """A share as one says it."""
    return f"{value:.0%}"


def lasted(milliseconds: int) -> str:
    """A length of time as one says it, in two units at most: ``3 h 20 min``."""
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left = round(milliseconds / 1000)
    said: list[str] = []
    for name, size in units:
        count, left = divmod(left, size)
        if count and len(said) < 2:
            said.append(f"{count} {name}")
    return " ".join(said) or "under a second"
