"""What pages read: small queries on precomputed days and on indexes, through the reader that knows who may see what.

Days are added up in the database, for each part of the time that a page draws: what comes over grows neither with the
number of sessions nor with the length of the log.
"""

import typing
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from analytics.labels import topic_names
from analytics.reader import Reader, worst_first
from models import tables
from models.events import Event, Kind, Visibility
from worker.dashboard.filters import DAY, Filters
from worker.dashboard.spans import Span

__all__ = ["Queries", "Row"]

Row = Mapping[str, Any]

MOST_FOUND = 2_000
"""Keys that a search for a part of them finds."""
COMMON = 1_500
"""Sessions above which a kind of signal is common."""
_NOT_LISTED = {"styles", "topics", "tools", "found"}
"""What only one session, or many together, are read for."""
_EVENT = [column for column in tables.events.columns if column.name != "payload"]


class Queries:
    """Reads one database as somebody, narrowed by filters where they apply."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    # Who and when -----------------------------------------------------------------------------------------------------

    def latest_day(self) -> int:
        """Beginning of the latest day with a session; 0: there is none."""
        t = tables.agent_days
        return self._one(self._from(t, func.max(t.c.day))) or 0

    def agents(self) -> list[str]:
        """Every agent with a session."""
        t = tables.agent_days
        return [row["agent"] for row in self._all(self._from(t, t.c.agent).distinct().order_by(t.c.agent))]

    def topic_labels(self) -> dict[str, str]:
        """A name for each topic id."""
        return topic_names({topic_id: about.label for topic_id, about in self.reader.topics().items()})

    # Days -------------------------------------------------------------------------------------------------------------

    def span(self, filters: Filters) -> Span | None:
        """The time that filters leave, as far as there are sessions; None: there are none."""
        t = _days_of(filters)
        first, last = (
            self._one(self._from(t, t.c.day).where(*_of_days(t, filters)).order_by(order).limit(1))
            for order in (t.c.day, t.c.day.desc())
        )
        if first is None:
            return None
        return Span.of(filters.first or first, filters.end or max(filters.latest, last) + DAY, first, last)

    def session_parts(self, filters: Filters, span: Span) -> Sequence[Row]:
        """What sessions come to by agent and part of the time; ``day`` is the first of the part."""
        t = _days_of(filters)
        sums = [_sum(column) for column in t.c if column.name not in {"day", "agent", "topic_id"}]
        part = span.part_of(t.c.day)
        query = self._from(t, t.c.agent, part.label("day"), *sums).where(*_of_days(t, filters))
        return self._all(query.group_by(t.c.agent, part).order_by(part, t.c.agent))

    def count_sessions(self, filters: Filters) -> int:
        """How many sessions there are."""
        t = _days_of(filters)
        return int(self._one(self._from(t, func.sum(t.c.sessions)).where(*_of_days(t, filters))) or 0)

    def style_sums(self, filters: Filters) -> Sequence[Row]:
        """How each agent and its users wrote: the sums of ``style_days``, by agent."""
        t = tables.style_days
        sums = [_sum(column) for column in t.c if column.name not in {"day", "agent"}]
        query = self._from(t, t.c.agent, *sums).where(*_of_days(t, filters))
        return self._all(query.group_by(t.c.agent).order_by(t.c.agent))

    def style_parts(self, filters: Filters, span: Span, columns: Sequence[str]) -> Sequence[Row]:
        """Sums of some columns of ``style_days`` by part of the time."""
        t = tables.style_days
        part = span.part_of(t.c.day)
        sums = [_sum(t.c[name]) for name in columns]
        query = self._from(t, part.label("day"), *sums).where(*_of_days(t, filters))
        return self._all(query.group_by(part).order_by(part))

    def topic_counts(self, filters: Filters, middle: int) -> Sequence[Row]:
        """How often each topic came up, most messages first; ``later``: its sessions from the day ``middle`` on."""
        t = tables.topic_days
        later = case((t.c.day >= middle, t.c.sessions), else_=0).label("later")
        query = self._from(t, t.c.topic_id, _sum(t.c.messages), _sum(t.c.sessions), _sum(later))
        query = query.where(*_of_days(t, filters)).group_by(t.c.topic_id)
        return self._all(query.order_by(func.sum(t.c.messages).desc(), t.c.topic_id))

    def topic_parts(self, filters: Filters, topics: Sequence[str], span: Span) -> Sequence[Row]:
        """Messages of these topics by part of the time."""
        t = tables.topic_days
        part = span.part_of(t.c.day)
        query = self._from(t, t.c.topic_id, part.label("day"), _sum(t.c.messages))
        query = query.where(t.c.topic_id.in_(topics), *_of_days(t, filters))
        return self._all(query.group_by(t.c.topic_id, part).order_by(part))

    def kinds(self) -> list[str]:
        """Every kind of signal that there is."""
        t = tables.signal_days
        return [row["kind"] for row in self._all(self._from(t, t.c.kind).distinct().order_by(t.c.kind))]

    def signal_days(self, filters: Filters) -> Sequence[Row]:
        """What went wrong: for each agent and kind the sessions, the signals and their weight."""
        t = tables.signal_days
        query = self._from(t, t.c.agent, t.c.kind, *map(_sum, (t.c.sessions, t.c.signals, t.c.severity)))
        query = query.where(*_of_days(t, filters)).group_by(t.c.agent, t.c.kind)
        return self._all(query.order_by(func.sum(t.c.severity).desc(), t.c.agent, t.c.kind))

    # Gaps and patterns ------------------------------------------------------------------------------------------------

    def gaps(self, filters: Filters) -> Sequence[Row]:
        """Skill gaps whose last failure lies in the time asked for, the one whose mending would help most first."""
        t = tables.skill_gaps
        query = self._from(t, *t.c).where(*_narrow(t, filters, t.c.last_seen))
        return self._all(query.order_by(*worst_first()))

    def gap(self, agent: str, topic_id: str, tool: str) -> Row | None:
        """One skill gap."""
        t = tables.skill_gaps
        query = self._from(t, *t.c).where(t.c.agent == agent, t.c.topic_id == topic_id, t.c.tool == tool)
        return next(iter(self._all(query)), None)

    def patterns(self, filters: Filters) -> Sequence[Row]:
        """Learned patterns of an agent and of all, the surest first."""
        t = tables.patterns
        query = self._from(t, *t.c)
        if filters.agent:
            query = query.where(t.c.agent.in_(["", filters.agent]))
        if filters.topic:
            about = self.topic_labels().get(filters.topic, filters.topic)
            query = query.where(or_(t.c.kind != "topic_pair", t.c.subject.contains(about, autoescape=True)))
        return self._all(query.order_by(t.c.q_value, t.c.kind, t.c.agent, t.c.subject))

    # Sessions ---------------------------------------------------------------------------------------------------------

    def style_sample(self, filters: Filters, *, limit: int) -> Sequence[Row]:
        """The latest sessions with their styles and outcomes."""
        t = tables.sessions
        query = self._from(t, t.c.agent, t.c.started_at, t.c.outcome, t.c.styles)
        query = query.where(*_narrow(t, filters, t.c.started_at))
        return self._all(query.order_by(t.c.started_at.desc(), t.c.session).limit(limit))

    def sessions(self, filters: Filters, extra: Mapping[str, str], *, limit: int, offset: int = 0) -> Sequence[Row]:
        """Sessions, the latest first or, with the extra ``sort=worst``, those with the worst outcome first."""
        t = tables.sessions
        columns = [column for column in t.c if column.name not in _NOT_LISTED]
        query = self._from(t, *columns).where(*_narrow(t, filters, t.c.started_at), *self._extra(extra))
        worst = extra.get("sort") == "worst"
        order = (t.c.outcome, t.c.session) if worst else (t.c.started_at.desc(), t.c.session)
        return self._all(query.order_by(*order).limit(limit).offset(offset))

    def session(self, agent: str, key: str) -> Row | None:
        """One session."""
        t = tables.sessions
        return next(iter(self._all(self._from(t, *t.c).where(t.c.session == key, t.c.agent == agent))), None)

    def events(self, agent: str, key: str, *, limit: int, at: tuple[str, int] | None = None) -> list[Event]:
        """A session's events: the latest, or those around one of them."""
        t = tables.events
        of_session = self.reader.events(*_EVENT).where(t.c.session == key, t.c.agent == agent)
        moment = self._one(self._from(t, t.c.ts).where(t.c.stream == at[0], t.c.seq == at[1])) if at else None
        latest_first = of_session.order_by(t.c.ts.desc(), t.c.order.desc(), t.c.stream, t.c.seq.desc())
        if moment is None:
            return list(map(_event, self._all(latest_first.limit(limit))))
        before = self._all(latest_first.where(t.c.ts <= moment).limit(limit // 2))
        after = of_session.where(t.c.ts > moment).order_by(t.c.ts, t.c.order, t.c.stream, t.c.seq)
        return list(map(_event, [*before, *self._all(after.limit(limit - len(before)))]))

    def count_events(self, agent: str, key: str) -> int:
        """How many events of a session the reader may see."""
        t = tables.events
        return self._one(self._from(t, func.count()).where(t.c.session == key, t.c.agent == agent)) or 0

    def styles(self, agent: str, key: str, first: int, last: int) -> dict[tuple[str, int], Row]:
        """The styles of a session's messages within a time, by (stream, seq)."""
        t = tables.message_styles
        query = self._from(t, *t.c).where(t.c.session == key, t.c.agent == agent, t.c.ts.between(first, last))
        return {(row["stream"], row["seq"]): row for row in self._all(query)}

    def topics_of(self, agent: str, key: str) -> Sequence[Row]:
        """The topics of a session's messages."""
        t = tables.event_topics
        query = self._from(t, t.c.stream, t.c.seq, t.c.topic_id, t.c.score)
        return self._all(query.where(t.c.session == key, t.c.agent == agent).limit(5_000))

    def signals_of(self, sessions: Sequence[tuple[str, str]], *, limit: int = 2_000) -> Sequence[Row]:
        """What went wrong in these sessions (agent, key), with the event's time and words, gravest first."""
        t, e = tables.signals, tables.events
        query = self._from(t, *t.c, e.c.ts, e.c.text, e.c.error, e.c.name.label("event_name"))
        query = query.join(e, and_(e.c.stream == t.c.stream, e.c.seq == t.c.seq)).where(self.reader.visible(e))
        query = query.where(t.c.session.in_([key for _, key in sessions]), t.c.agent.in_({a for a, _ in sessions}))
        return self._all(query.order_by(t.c.severity.desc(), e.c.ts.desc(), t.c.stream, t.c.seq).limit(limit))

    def places(self, refs: Sequence[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
        """Agent and session of events, by (stream, seq)."""
        t = tables.events
        query = self._from(t, t.c.stream, t.c.seq, t.c.agent, t.c.session)
        # SQLite finds no index by a pair of columns: each alone leads it there.
        near = and_(t.c.stream.in_({stream for stream, _ in refs}), t.c.seq.in_([seq for _, seq in refs]))
        rows = self._all(query.where(near, tuple_(t.c.stream, t.c.seq).in_(refs))) if refs else []
        return {(row["stream"], row["seq"]): (row["agent"], row["session"]) for row in rows}

    def messages(self, filters: Filters, topic: str, *, limit: int) -> Sequence[Row]:
        """The latest messages that carry a topic."""
        t, e = tables.event_topics, tables.events
        query = self._from(t, t.c.agent, t.c.session, t.c.stream, t.c.seq, t.c.ts, t.c.score, e.c.text, e.c.kind)
        query = query.join(e, and_(e.c.stream == t.c.stream, e.c.seq == t.c.seq)).where(self.reader.visible(e))
        query = query.where(t.c.topic_id == topic, *_narrow(t, filters, t.c.ts, topic=False))
        return self._all(query.order_by(t.c.ts.desc(), t.c.seq.desc()).limit(limit))

    # ------------------------------------------------------------------------------------------------------------------

    def _extra(self, extra: Mapping[str, str]) -> list[ColumnElement[bool]]:
        """What only the list of sessions is narrowed by."""
        t = tables.sessions
        conditions: list[ColumnElement[bool]] = []
        if extra.get("outcome") == "low":
            conditions.append(t.c.outcome < 0.5)
        elif extra.get("outcome") == "high":
            conditions.append(t.c.outcome >= 0.5)
        if extra.get("errors"):
            conditions.append(t.c.tool_errors > literal_column("0"))  # as the index has it
        if extra.get("untagged"):
            conditions.append(t.c.topic_id == "")
        if text := extra.get("q"):  # an index alone has the keys
            named = t.alias("named")
            found = select(named.c.session).where(named.c.session.contains(text, autoescape=True)).limit(MOST_FOUND)
            conditions.append(t.c.session.in_(found.scalar_subquery()))
        if kind := extra.get("signal"):
            conditions.append(self._shows(kind))
        if topic := extra.get("with"):
            conditions.append(self._mentions(topic))
        return conditions

    def _shows(self, kind: str) -> ColumnElement[bool]:
        """Whether a session has a signal of a kind; a rare one leads to its sessions, a common one is looked up."""
        t, s, d = tables.sessions, tables.signals, tables.signal_days
        of_kind = select(s.c.session).where(s.c.kind == kind)
        if (self._one(select(cast(func.sum(d.c.sessions), BigInteger)).where(d.c.kind == kind)) or 0) > COMMON:
            return exists(of_kind.where(s.c.session == t.c.session, s.c.agent == t.c.agent))
        return tuple_(t.c.session, t.c.agent).in_(select(s.c.session, s.c.agent).where(s.c.kind == kind))

    def _mentions(self, topic: str) -> ColumnElement[bool]:
        """Whether a message of a session carries a topic; looked up as kinds of signals are."""
        t, e, d = tables.sessions, tables.event_topics, tables.topic_days
        of_topic = select(e.c.session).where(e.c.topic_id == topic)
        if (self._one(select(cast(func.sum(d.c.sessions), BigInteger)).where(d.c.topic_id == topic)) or 0) > COMMON:
            return exists(of_topic.where(e.c.session == t.c.session, e.c.agent == t.c.agent))
        return tuple_(t.c.session, t.c.agent).in_(select(e.c.session, e.c.agent).where(e.c.topic_id == topic))

    def _from(self, table: Table, *columns: Any) -> Select[Any]:  # noqa: ANN401 - columns and expressions
        return self.reader.rows(table, *columns)

    def _all(self, query: Select[Any]) -> Sequence[Row]:
        return typing.cast("Sequence[Row]", self.reader.fetch(query))

    def _one(self, query: Select[Any]) -> Any:  # noqa: ANN401 - whatever the column holds
        rows = self.reader.fetch(query)
        return next(iter(rows[0].values())) if rows else None


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of a column under its name, as a whole number (PostgreSQL makes decimals of sums)."""
    return cast(func.sum(column), BigInteger).label(column.name)


def _days_of(filters: Filters) -> Table:
    """The table of days that has as few rows as the filters allow."""
    return tables.session_days if filters.topic else tables.agent_days


def _of_days(table: Table, filters: Filters) -> list[ColumnElement[bool]]:
    return _narrow(table, filters, table.c.day)


def _narrow(
    table: Table, filters: Filters, when: ColumnElement[int], *, topic: bool = True
) -> list[ColumnElement[bool]]:
    """The filters as conditions on a table with its own time column."""
    conditions: list[ColumnElement[bool]] = []
    if filters.agent:
        conditions.append(table.c.agent == filters.agent)
    if filters.topic and topic and "topic_id" in table.c:
        conditions.append(table.c.topic_id == filters.topic)
    if filters.first is not None:
        conditions.append(when >= filters.first)
    if filters.end is not None:
        conditions.append(when < filters.end)
    return conditions


def _event(row: Row) -> Event:
    fields = dict(row)
    return Event(**fields | {"kind": Kind(fields["kind"]), "visibility": Visibility(fields["visibility"])})
