"""Who may read what: the one place that decides, and that every read goes through.

An agent reads all of its own events and, of other agents, those that are ``public``; every row says whose it is. What
was learned is as open as what it was learned from: a row about a session is another agent's to read when all events
of that session are public, what rests on many sessions of an agent stays with it, and what rests on all agents is told
only where its words are fixed. Topics that were discovered are described by words of messages, so their readers see
those words alone that they know from the topic's messages. Tables without a rule are the operator's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Table, and_, case, exists, false, or_, select, true

from analytics.embedding import words
from analytics.gaps.gaps import FEWEST
from analytics.topics.tagging import About
from models import tables
from models.events import Visibility

__all__ = ["Reader", "worst_first"]

_OF_SESSIONS = frozenset(
    {tables.sessions, tables.event_topics, tables.message_styles, tables.signals, tables.skill_uses}
)
"""Tables whose rows rest on the events of one session."""
_NOT_PUBLIC = [v.value for v in Visibility if v is not Visibility.PUBLIC]
_FIXED_WORDS = ("style_effect", "style_match", "style_for", "hour", "weekday", "length")
"""Kinds of pattern whose statements hold no words of events, whatever agents they rest on."""
_FOUND = "found:"
"""What the ids of discovered topics begin with."""
_LATEST = 20_000
"""Messages of discovered topics that are read to know their words."""


class Reader:
    """Reads the tables of one database as somebody.

    Args:
        engine: the database.
        viewer: the agent that reads; None: the operator, who may read all.
    """

    def __init__(self, engine: Engine, viewer: str | None = None) -> None:
        self.engine = engine
        self.viewer = viewer

    def visible(self, table: Table = tables.events) -> ColumnElement[bool]:
        """The rows of a table that the viewer may read, as a condition on it."""
        if self.viewer is None:
            return true()
        if "visibility" in table.c:
            return or_(table.c.agent == self.viewer, table.c.visibility == Visibility.PUBLIC.value)
        if table in _OF_SESSIONS:
            return or_(table.c.agent == self.viewer, _of_public_session(table))
        if table is tables.patterns:
            return and_(table.c.agent.in_(["", self.viewer]), table.c.kind.in_(_FIXED_WORDS))
        if table is tables.topics or "agent" not in table.c:
            return false()
        return table.c.agent == self.viewer

    def may_read(self, agent: str, visibility: str) -> bool:
        """The same of one event at hand: :meth:`visible` in Python."""
        return self.viewer is None or agent == self.viewer or visibility == Visibility.PUBLIC.value

    def events(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Events that the viewer may read, all columns or these."""
        return self.rows(tables.events, *columns)

    def rows(self, table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
        """Rows of a table that the viewer may read, all columns or these (which may be of a table that is joined)."""
        chosen = [self._told(column) for column in (columns or table.c)]
        return select(*chosen).select_from(table).where(self.visible(table))

    def _told(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column as the viewer may read it: a skill of a discovered topic goes by the topic's id."""
        t = tables.skill_gaps
        if self.viewer is None or column is not t.c.skill:
            return column
        plain = case((t.c.tool == "", t.c.topic_id), else_=t.c.topic_id + " × " + t.c.tool)
        return case((t.c.topic_id.like(f"{_FOUND}%"), plain), else_=t.c.skill).label("skill")

    def fetch(self, query: Select[Any]) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def topics(self) -> dict[str, About]:
        """Label and keywords of every topic, in words that the viewer may read; see the module."""
        t = tables.topics
        described = {
            row["topic_id"]: About(row["label"], tuple(row["keywords"]))
            for row in self.fetch(select(t.c.topic_id, t.c.label, t.c.keywords).order_by(t.c.topic_id))
        }
        found = [topic_id for topic_id in described if topic_id.startswith(_FOUND)]
        if self.viewer is None or not found:
            return described
        known = self._words_of(found)
        return described | {topic_id: _known(topic_id, described[topic_id], known) for topic_id in found}

    def _words_of(self, topics: Sequence[str]) -> dict[str, set[str]]:
        """The words that the viewer has read of each topic: those of its messages that are visible."""
        t, e = tables.event_topics, tables.events
        query = self.rows(t, t.c.topic_id, e.c.text).join(e, and_(e.c.stream == t.c.stream, e.c.seq == t.c.seq))
        query = query.where(self.visible(e), t.c.topic_id.in_(topics))
        known: dict[str, set[str]] = {}
        for row in self.fetch(query.order_by(t.c.ts.desc()).limit(_LATEST)):
            known.setdefault(row["topic_id"], set()).update(words(row["text"]))
        return known


def _of_public_session(table: Table) -> ColumnElement[bool]:
    """Whether every event of a row's session is public (and the row rests on no other session)."""
    e = tables.events.alias("of_session")
    same = and_(e.c.session == table.c.session, e.c.agent == table.c.agent)
    public = ~exists(select(1).select_from(e).where(same, e.c.visibility.in_(_NOT_PUBLIC)))
    return and_(public, table.c.kind != "recurring_failure") if table is tables.signals else public


def _known(topic_id: str, about: About, known: Mapping[str, set[str]]) -> About:
    """A topic's description without words that are not known."""
    said = known.get(topic_id, set())
    keywords = tuple(word for word in about.keywords if said.issuperset(words(word)))
    if said.issuperset(words(about.label)):
        return About(about.label, keywords)
    return About(", ".join(keywords[:2]).capitalize() or topic_id, keywords)


def worst_first() -> tuple[ColumnElement[Any], ...]:
    """The order of skill gaps that :func:`analytics.gaps.estimate` gives them."""
    t = tables.skill_gaps
    closed, small = t.c.status == "closed", t.c.sessions < FEWEST
    return t.c.impact.desc(), closed, small, t.c.failures.desc(), t.c.agent, t.c.skill
