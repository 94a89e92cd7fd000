"""Days counted from rows of sessions: what pages about weeks and months read instead of every session."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from analytics.style import STYLES
from models.rows import AgentDay, SessionDay, SessionRow, SignalDay, StyleDay, TopicDay

__all__ = ["Days", "Sign", "add_styles", "style_columns"]

DAY = 86_400_000
"""Milliseconds."""
_MILLION = 1_000_000
_COUNTS = ("messages", "turns", "tool_calls", "tool_errors", "run_errors")
_SCORES = ("outcome", "outcome_squares")
_STYLES = StyleDay.__struct_fields__[2:]


class Sign(NamedTuple):
    """One kind of signal in one session."""

    started_at: int
    """Of the session."""
    agent: str
    topic_id: str
    kind: str
    signals: int
    severity: float
    """Of the gravest."""


def style_columns(side: str, style: str) -> tuple[str, str, str]:
    """The columns of ``style_days`` that hold a side's style: number of sessions, sum, sum of squares."""
    sessions = "rated_sessions" if style == "satisfaction" else f"{side}_sessions"
    return sessions, f"{side}_{style}", f"{side}_{style}_squares"


_COLUMNS = {
    f"{side}.{style}": style_columns(side, style)
    for side in ("agent", "user")
    for style in (*STYLES, "satisfaction")
    if f"{side}_{style}" in _STYLES
}


def add_styles(sums: dict[str, Any], styles: Mapping[str, float]) -> None:
    """Add a session's means, each under ``SIDE.STYLE``, to sums named as the columns of ``style_days``."""
    if "rated_sessions" not in sums:
        sums.update(dict.fromkeys(_STYLES, 0))
    counted: set[str] = set()
    for name, value in styles.items():
        if name not in _COLUMNS:
            continue  # of no side
        sessions, total, squares = _COLUMNS[name]
        counted.add(sessions)
        style = _millionths(value)
        sums[total] += style
        sums[squares] += style * style // _MILLION
    for sessions in counted:
        sums[sessions] += 1


class Days:
    """Counts sessions and signals by day; the result depends on what was counted, not on its order.

    Sums are of whole millionths, so that adding them in another order gives the same.
    """

    def __init__(self) -> None:
        names = ("sessions", *_COUNTS, *_SCORES)
        self._sessions: dict[tuple[int, str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(names, 0))
        self._styles: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        self._topics: dict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._signals: dict[tuple[int, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def counting(self, sessions: Iterable[SessionRow]) -> Iterator[SessionRow]:
        """Count sessions and pass them on."""
        for row in sessions:
            day = _day(row.started_at)
            _count(self._sessions[day, row.agent, row.topic_id], row)
            add_styles(self._styles[day, row.agent], row.styles)
            for topic_id, (messages, first, _) in (row.topics | row.found).items():
                _add(self._topics[_day(first), row.agent, topic_id], (1, messages))
            yield row

    def count_signs(self, signs: Iterable[Sign]) -> None:
        """Count what went wrong."""
        for sign in signs:
            key = (_day(sign.started_at), sign.agent, sign.topic_id, sign.kind)
            _add(self._signals[key], (1, sign.signals, _millionths(sign.severity)))

    def sessions(self) -> list[SessionDay]:
        """Sessions by the day on which they started, agent and main topic."""
        return [
            SessionDay(day=day, agent=agent, topic_id=topic_id, **sums)
            for (day, agent, topic_id), sums in sorted(self._sessions.items())
        ]

    def agents(self) -> list[AgentDay]:
        """Sessions by the day on which they started, and agent."""
        found: dict[tuple[int, str], dict[str, int]] = {}
        for (day, agent, _), sums in sorted(self._sessions.items()):
            known = found.setdefault((day, agent), dict.fromkeys(sums, 0))
            for name, value in sums.items():
                known[name] += value
        return [AgentDay(day=day, agent=agent, **sums) for (day, agent), sums in found.items()]

    def styles(self) -> list[StyleDay]:
        """How both sides wrote in them, by the same."""
        return [StyleDay(day=day, agent=agent, **sums) for (day, agent), sums in sorted(self._styles.items())]

    def topics(self) -> list[TopicDay]:
        """Topics by the day on which they first came up in a session, and agent."""
        return [
            TopicDay(day=day, agent=agent, topic_id=topic_id, sessions=sessions, messages=messages)
            for (day, agent, topic_id), (sessions, messages) in sorted(self._topics.items())
        ]

    def signals(self) -> list[SignalDay]:
        """Signals by the day on which their session started, agent, main topic of the session and kind."""
        return [
            SignalDay(day=d, agent=a, topic_id=t, kind=k, sessions=sessions, signals=signals, severity=severity)
            for (d, a, t, k), (sessions, signals, severity) in sorted(self._signals.items())
        ]


def _count(sums: dict[str, int], row: SessionRow) -> None:
    outcome = _millionths(row.outcome)
    sums["sessions"] += 1
    sums["outcome"] += outcome
    sums["outcome_squares"] += outcome * outcome // _MILLION
    for name in _COUNTS:
        sums[name] += getattr(row, name)


def _add(sums: list[int], values: Iterable[int]) -> None:
    sums[:] = [total + value for total, value in zip(sums, values, strict=True)]


def _day(ts: int) -> int:
    return ts - ts % DAY


def _millionths(value: float) -> int:
    return round(value * _MILLION)
