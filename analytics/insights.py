"""The read side: what was learned, as DataFrames for notebooks, commands and pages."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pandas as pd
from sqlalchemy import Boolean, Engine, Float, Integer, Select, String, and_, create_engine, make_url, select
from sqlalchemy.exc import ArgumentError

from analytics import history
from analytics.history import Wanted
from analytics.labels import UNTAGGED
from analytics.reader import Reader, worst_first
from analytics.recall.find import latest, recall
from analytics.recall.times import find
from models import tables
from models.events import Event, Kind, Visibility

if TYPE_CHECKING:
    from analytics.conversation import Conversation
    from analytics.plots import Plots

__all__ = ["Insights", "moment"]

_GLANCE = 200
"""Characters of an example."""
_TIMES = ("until", "ts", "started_at", "ended_at", "first_seen", "last_seen", "at")
_RECALLED = ("event_id", "stream", "seq", "ts", "agent", "session", "speaker", "tool", "text", "score", "why")
_PAGE = 1_000
"""Rows of history that are read at a time."""
_CATEGORIES = ("agent", "speaker", "language", "kind", "status", "visibility")
_DTYPES = {Boolean: "bool", Integer: "int64", Float: "float64", String: "str"}
_COUNTS = ["messages", "first_seen", "last_seen"]
_EFFECTS = {
    **dict.fromkeys(("kind", "agent"), "category"),
    "subject": "str",
    **dict.fromkeys(("effect", "low", "high"), "float64"),
    "n": "int64",
    **dict.fromkeys(("p_value", "q_value"), "float64"),
    "reported": "bool",
    "statement": "str",
}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(when: str | datetime) -> int:
    """A point in time as Unix milliseconds.

    Args:
        when: ``7d`` (ago; also m, h, w), an ISO date or time (UTC unless it says), or a datetime.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(when, str):
        ago = re.fullmatch(r"\s*(\d{1,6})\s*([mhdw])\s*", when)
        try:
            when = (
                datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(when)
            )
        except ValueError:
            raise ValueError(f"{when!r} is no time: write 7d, 12h, 2026-03-01 or 2026-03-01T14:00") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return int(when.timestamp() * 1000)


class Insights:
    """The insight tables of one database, read only, as far as their reader may see them.

    Every table comes as a DataFrame whose keys are columns and whose rows are in the order that is said. Times know
    their zone (UTC); who spoke, which agent, language, kind and status are categories; an empty table has the same dtypes.
    The columns and their units are those of ``docs/tables.md``. ``since`` is what :func:`moment` takes.

    Examples are of the sample workspace:

        >>> db = Insights.demo()
        >>> db.sessions()["agent"].value_counts().head(2).to_dict()
        {'desk': 57, 'home': 21}
        >>> axes = db.plot.outcomes()
    """

    def __init__(self, engine: Engine, viewer: str | None = None) -> None:
        self.engine = engine
        self.reader = Reader(engine, viewer)

    @classmethod
    def open(cls, url: str | None = None, viewer: str | None = None) -> Self:
        """Open a database.

        Args:
            url: its address; None: that of ``EVENTLORE_DATABASE_URL`` or ``EVENTLORE_HOME``.
            viewer: the agent that reads, and sees what :class:`~analytics.reader.Reader` says; None: the operator.

        Raises:
            FileNotFoundError: there is no such SQLite file; nothing is created.
            ValueError: it is no address of SQLite or PostgreSQL.
        """
        try:
            parsed = make_url(url or _default_url())
        except ArgumentError:
            raise ValueError(f"no database address: {url!r}; write sqlite:///FILE or postgresql://HOST/NAME") from None
        if parsed.get_backend_name() == "postgresql":
            return cls(create_engine(parsed.set(drivername="postgresql+psycopg")), viewer)
        if parsed.get_backend_name() != "sqlite":
            raise ValueError(f"{parsed.get_backend_name()} is not supported: use SQLite or PostgreSQL")
        if not parsed.database or not Path(parsed.database).is_file():
            raise FileNotFoundError(
                f"there are no insights at {parsed.database}: run `eventlore run` or `eventlore demo`"
            )
        file = Path(parsed.database).absolute().as_posix()
        return cls(create_engine(f"sqlite:///file:{file}?mode=ro&uri=true"), viewer)

    @classmethod
    def demo(cls, viewer: str | None = None) -> Self:
        """Open what ``eventlore demo`` learned from the sample workspace.

        Raises:
            FileNotFoundError: it did not run yet.
        """
        return cls.open(f"sqlite:///{_home() / 'demo' / 'insights.db'}", viewer)

    @cached_property
    def plot(self) -> "Plots":
        """Plots of what is here, each with its intervals and sample sizes: :class:`analytics.plots.Plots`.

        Raises:
            ModuleNotFoundError: matplotlib is missing.
        """
        from analytics.plots import Plots

        return Plots(self)

    def sessions(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a session, latest first, with ``outcome``: the probability that the user got what they wanted.

        >>> db.sessions(agent="coder", since="2026-03-01")[["turns", "tool_calls"]].sum().to_dict()
        {'turns': 15, 'tool_calls': 17}
        """
        t = tables.sessions
        query = _of(self.reader.rows(t), t, agent).order_by(t.c.started_at.desc(), t.c.session)
        return self._frame(query if since is None else query.where(t.c.ended_at >= moment(since)))

    def topics(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a topic, most talked about first; counts are of the agent and time that were asked for.

        ``source`` says who named it: ``packaged``, ``own`` (the user) or ``discovered``. A discovered topic has an
        ``example``, the ``parent`` it was split from, and the topic it was ``merged_into``. ``direction`` is its trend,
        see :meth:`trends`; None where it is not judged.

        >>> db.topics(agent="coder")["label"].iloc[0]
        'Software development'
        """
        if agent is None and since is None and self.reader.viewer is None:
            counted = self._frame(self.reader.rows(tables.topics)).set_index("topic_id")[_COUNTS]
        else:
            t = tables.event_topics
            query = _of(self.reader.rows(t, t.c.topic_id, t.c.ts), t, agent)
            tags = self._frame(query if since is None else query.where(t.c.ts >= moment(since)))
            counted = tags.groupby("topic_id").agg(
                messages=("ts", "count"), first_seen=("ts", "min"), last_seen=("ts", "max")
            )
        about = self.reader.topics()
        described = pd.DataFrame(
            {"topic_id": list(about), "label": [a.label for a in about.values()]}
            | {"keywords": [list(a.keywords) for a in about.values()]}
        ).set_index("topic_id")
        joined = described.join(counted, how="inner").join(self._origins(), how="left").reset_index()
        return joined.sort_values(["messages", "topic_id"], ascending=[False, True], ignore_index=True)

    def _origins(self) -> pd.DataFrame:
        """Where topics come from, an example of those that were discovered, and where they go."""
        t, e, trend = tables.topics.c, tables.events, tables.topic_trends.c
        shown = and_(e.c.stream == t.example_stream, e.c.seq == t.example_seq, self.reader.visible(e))
        query = select(t.topic_id, t.source, t.parent, t.merged_into, trend.direction, e.c.text.label("example"))
        query = query.outerjoin_from(tables.topics, e, shown)
        judged = and_(trend.topic_id == t.topic_id, self.reader.visible(tables.topic_trends))
        frame = self._frame(query.outerjoin(tables.topic_trends, judged)).set_index("topic_id")
        frame["example"] = [" ".join(text.split())[:_GLANCE] for text in frame["example"].fillna("")]
        return frame

    def trends(self) -> pd.DataFrame:
        """One row a topic that is judged, the surest change first: how its share of conversations has changed.

        ``ratio`` is its share in the latest week over its share in the eight weeks before, with an interval (95% for
        all topics together); ``direction`` is ``steady`` unless that excludes 1. The operator's to read.
        """
        r, t = tables.topic_trends, tables.topics
        query = self.reader.rows(r, t.c.label, *r.c).join(t, t.c.topic_id == r.c.topic_id)
        frame = self._frame(query)
        sure = pd.concat([frame["low"], 1 / frame["high"]], axis=1).max(axis=1)
        frame = frame.assign(sure=sure).sort_values(["sure", "topic_id"], ascending=[False, True], ignore_index=True)
        return frame.drop(columns="sure")

    def tags(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a message and topic that it carries, in order of time, with the topic's ``label``.

        >>> tags = db.tags(agent="ops")
        >>> tags.groupby("label")["session"].nunique().idxmax()
        'Servers and deployment'
        """
        t = tables.event_topics
        query = _of(self.reader.rows(t), t, agent).order_by(t.c.ts, t.c.stream, t.c.seq, t.c.topic_id)
        tags = self._frame(query if since is None else query.where(t.c.ts >= moment(since)))
        return tags.assign(label=tags["topic_id"].map(self._labels()).astype("category"))

    def styles(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a message in order of time: who spoke, in which language, and each style, 0..1.

        >>> styles = db.styles(since="2026-03-01")
        >>> styles.groupby("speaker")["verbosity"].mean().between(0, 1).to_dict()
        {'agent': True, 'user': True}
        """
        t = tables.message_styles
        query = _of(self.reader.rows(t), t, agent).order_by(t.c.ts, t.c.stream, t.c.seq)
        return self._frame(query if since is None else query.where(t.c.ts >= moment(since)))

    def signals(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a failure signal with the time, text and error of its event, gravest first.

        >>> "doom_loop" in db.signals(agent="ops")["kind"].tolist()
        True
        """
        t, e = tables.signals, tables.events
        query = self.reader.rows(t, *t.c, e.c.ts, e.c.text, e.c.error).where(self.reader.visible(e))
        query = query.join(e, (e.c.stream == t.c.stream) & (e.c.seq == t.c.seq))
        query = _of(query, t, agent).order_by(t.c.severity.desc(), e.c.ts.desc(), t.c.stream, t.c.seq, t.c.kind)
        return self._frame(query if since is None else query.where(e.c.ts >= moment(since)))

    def gaps(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a skill gap, the one whose mending would help most first. The baseline is ``rate`` - ``excess``.

        >>> db.gaps(agent="ops")[["tool", "failures", "sessions"]].to_dict("records")
        [{'tool': 'renew_certificate', 'failures': 4, 'sessions': 5}]
        """
        t = tables.skill_gaps
        query = _of(self.reader.rows(t), t, agent).order_by(*worst_first())
        gaps = self._frame(query if since is None else query.where(t.c.last_seen >= moment(since)))
        if self.reader.viewer is not None and len(gaps):
            about = self.reader.topics()
            labels = {topic: one.label for topic, one in about.items()} | {"": UNTAGGED}
            skills = zip(gaps["topic_id"].tolist(), gaps["tool"].tolist(), strict=True)
            gaps["skill"] = [_skill(labels.get(topic, topic), tool) for topic, tool in skills]
        return gaps

    def uses(self, *, agent: str | None = None, since: str | datetime | None = None) -> pd.DataFrame:
        """One row a session and skill that it used, in order of time: what skill gaps are counted from.

        >>> uses = db.uses(agent="ops")
        >>> uses[uses["tool"] == "renew_certificate"]["failed"].agg(["sum", "size"]).tolist()
        [4, 5]
        """
        t = tables.skill_uses
        query = _of(self.reader.rows(t), t, agent).order_by(t.c.at, t.c.session, t.c.topic_id, t.c.tool)
        uses = self._frame(query if since is None else query.where(t.c.at >= moment(since)))
        labels = self._labels() | {"": UNTAGGED}
        skills = zip(uses["topic_id"].tolist(), uses["tool"].tolist(), strict=True)
        return uses.assign(
            skill=pd.Series([_skill(labels.get(topic, topic), tool) for topic, tool in skills], dtype="str")
        )

    def patterns(self, *, agent: str | None = None) -> pd.DataFrame:
        """One row a learned pattern, the surest first; nothing that chance explains.

        >>> found = db.patterns()
        >>> found[found["kind"] == "style_effect"]["subject"].unique().tolist()
        ['verbosity']
        """
        t = tables.patterns
        query = self.reader.rows(t)
        query = query if agent is None else query.where(t.c.agent.in_(["", agent]))
        return self._frame(query.order_by(t.c.q_value, t.c.kind, t.c.agent, t.c.subject))

    def effects(self, *, agent: str | None = None) -> pd.DataFrame:
        """One row everything that was tested for patterns, also what is not reported, the surest first.

        Computed anew from the sessions that may be read: seconds for 50,000 of them.

        Args:
            agent: only what was tested for this agent, or over all (an empty ``agent``).

        Returns:
            ``kind``, ``agent``, ``subject``, ``effect`` with ``low`` and ``high`` (95%), ``n``, ``p_value``,
            ``q_value``, ``reported`` and ``statement``; no rows below 50 sessions.

        >>> db.effects()["reported"].sum() == len(db.patterns())
        np.True_
        """
        from analytics.patterns import reportable, tested
        from models.rows import SessionRow

        rows = (SessionRow(**row) for row in self.reader.fetch(self.reader.rows(tables.sessions)))
        found = [
            (f.kind, f.agent, f.subject, e.effect, e.low, e.high, f.n, e.p, q, bool(reportable(f, q)), f.statement)
            for f, q in tested(rows, self._labels())
            for e in [f.found]
            if agent is None or f.agent in {"", agent}
        ]
        frame = pd.DataFrame(found, columns=list(_EFFECTS)).astype(_EFFECTS)
        return frame.sort_values(["q_value", "p_value", "kind", "agent", "subject"], ignore_index=True)

    def events(self, *, agent: str | None = None, since: str | datetime | None = None) -> Iterator[Event]:
        """The log's events, session by session and in order of time within each; read as they are asked for.

        >>> from collections import Counter
        >>> Counter(event.kind.value for event in db.events(agent="coder"))["tool.call"]
        67
        """
        t = tables.events
        query = _of(self.reader.events(), t, agent)
        yield from self._events(query if since is None else query.where(t.c.ts >= moment(since)))

    def conversations(
        self, *, agent: str | None = None, since: str | datetime | None = None
    ) -> Iterator["Conversation"]:
        """Every session as its turns, messages and tool calls: what an analyser of your own takes. One is held at a time.

        Args:
            agent: only this agent's.
            since: only sessions that went on since then; each comes whole.

        >>> max(len(conversation.calls) for conversation in db.conversations(agent="ops"))
        4
        """
        from analytics.conversation import fold

        e, s = tables.events, tables.sessions
        query = _of(self.reader.events(), e, agent)
        if since is not None:
            lately = self.reader.rows(s, s.c.session).where(s.c.ended_at >= moment(since), s.c.agent == e.c.agent)
            query = query.where(e.c.session.in_(lately))
        for _, events in groupby(self._events(query), key=attrgetter("session", "agent")):
            yield fold(events)

    def conversation(self, session: str, *, agent: str | None = None) -> pd.DataFrame:
        """A session's events in order of time, as the log has them.

        >>> worst = db.gaps(agent="ops").iloc[0]
        >>> said = db.conversation(worst["evidence"][0], agent="ops")
        >>> bool(said["ts"].is_monotonic_increasing)
        True
        """
        t = tables.events
        query = _of(self.reader.rows(t), t, agent).where(t.c.session == session)
        return self._frame(query.order_by(t.c.ts, t.c.order, t.c.stream, t.c.seq))

    def recall(self, agent: str, about: str, limit: int = 10) -> pd.DataFrame:
        """What an agent knows about something, best first: its own and what others made public; nothing secret.

        Args:
            agent: whose memory is asked.
            about: a question or words, in English or German; times in it ("last week", "im Mai") are seen from the
                agent's latest event.
            limit: rows at most.

        Returns:
            ``event_id``, ``stream``, ``seq``, ``ts``, ``agent``, ``session``, ``speaker``, ``tool``, ``text``,
            ``score`` (0..1) and ``why``, the reason in words.

        Raises:
            ValueError: ``limit`` is below 1.
        """
        if limit < 1:
            raise ValueError("recall needs a limit of 1 or more")
        ranked = recall(self.reader, agent, about, limit)
        rows = [msgspec.structs.asdict(one.passage) | {"score": one.score, "why": one.why} for one in ranked]
        return _with_times(pd.DataFrame(rows, columns=list(_RECALLED)))

    def history(
        self,
        text: str = "",
        *,
        agent: str | None = None,
        topic: str | None = None,
        speaker: str | None = None,
        tool: str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        outcome: str | None = None,
        order: str = "",
        around: int = 0,
        limit: int = 50,
    ) -> pd.DataFrame:
        """What was said and done, best first where there is text, else latest first.

        Args:
            text: words to look for; a time in it ("last week", "im Mai", seen from the latest event) is a condition.
            agent: whose.
            topic: a topic's id or label.
            speaker: ``user``, ``agent``, ``tool``, ``note`` or ``run``.
            tool: calls and results of this tool.
            since: from then on: ``7d``, an ISO time, or words such as "last week".
            until: before then (or before what follows the stretch that words name).
            outcome: ``good`` or ``bad``: of sessions whose users got what they wanted, or did not.
            order: ``best``, ``latest`` or ``earliest``.
            around: entries to show before and after each; ``hit`` then tells which were found.
            limit: rows at most, those around them not counted; in order ``best`` at most 100 are found.

        Returns:
            ``event_id``, ``stream``, ``seq``, ``ts``, ``agent``, ``session``, ``place``, ``speaker``, ``tool``,
            ``visibility``, ``failed``, ``text``, and ``score`` and ``why`` in order ``best``.

        Raises:
            ValueError: something that is no time, topic, speaker, outcome or order.
        """
        asked = {"agent": agent, "topic": topic, "speaker": speaker, "tool": tool, "outcome": outcome, "order": order}
        wanted = self._wanted(text, since, until, asked)
        rows = history.page(self.reader, wanted, limit)
        return _with_times(pd.DataFrame(history.around(self.reader, rows, around) if around else rows))

    def history_rows(
        self,
        text: str = "",
        *,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        limit: int | None = None,
        **asked: str | None,
    ) -> Iterator[dict[str, Any]]:
        """The rows of :meth:`history`, all or so many, read page by page; times are Unix milliseconds."""
        wanted = self._wanted(text, since, until, asked)
        for rows in history.pages(self.reader, wanted, _PAGE if limit is None else min(limit, _PAGE)):
            kept = rows if limit is None else rows[:limit]
            yield from kept
            if limit is not None and (limit := limit - len(kept)) <= 0:
                return

    def event(self, stream: str, seq: int, around: int = 0) -> list[dict[str, Any]]:
        """One event as the log has it, with the entries around it; empty: there is none that may be read."""
        found = history.event(self.reader, stream, seq)
        if found is None:
            return []
        return (history.around(self.reader, [found], around) if around else []) or [found]

    def _wanted(
        self, text: str, since: str | datetime | None, until: str | datetime | None, asked: Mapping[str, str | None]
    ) -> Wanted:
        agent, order = asked.get("agent"), asked.get("order") or ""
        given = {name: asked.get(name) for name in ("topic", "speaker", "tool", "outcome")}
        start = None if since is None else self._stretch(since, agent)[0]
        end = None if until is None else self._stretch(until, agent)[1]
        return Wanted(text=text, agent=agent, since=start, until=end, order=order, **given)

    def _stretch(self, when: str | datetime, agent: str | None) -> tuple[int, int]:
        """The time that is meant, from and until: Unix milliseconds."""
        try:
            return (moment(when),) * 2
        except ValueError:
            with self.engine.connect() as connection:
                span = find(str(when), latest(self.reader, connection, agent))
            if span is None:
                raise
            return span.start, span.end

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def _labels(self) -> dict[str, str]:
        return {topic_id: about.label for topic_id, about in self.reader.topics().items()}

    def _events(self, query: Select[Any]) -> Iterator[Event]:
        t = tables.events
        ordered = query.order_by(t.c.session, t.c.agent, t.c.ts, t.c.order, t.c.stream, t.c.seq)
        with self.engine.connect() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(ordered).mappings():
                yield Event(**dict(row) | {"kind": Kind(row["kind"]), "visibility": Visibility(row["visibility"])})

    def _frame(self, query: Select[Any]) -> pd.DataFrame:
        with self.engine.connect() as connection:
            result = connection.execute(query)
            frame = pd.DataFrame(result.mappings().all(), columns=list(result.keys()))
        kinds = {column.name: column.type for column in query.selected_columns}
        dtypes = {name: _DTYPES[known] for name in frame.columns for known in _DTYPES if isinstance(kinds[name], known)}
        # Of rows pandas tells the types itself, but for numbers that are all missing.
        frame = frame.astype({name: d for name, d in dtypes.items() if frame.empty or d == "float64"})
        frame = frame.astype(dict.fromkeys(_present(_CATEGORIES, frame), "category"))
        return _with_times(frame)


def _with_times(frame: pd.DataFrame) -> pd.DataFrame:
    for column in _present(_TIMES, frame):
        frame[column] = pd.to_datetime(frame[column], unit="ms", utc=True)
    return frame


def _present(names: Iterable[str], frame: pd.DataFrame) -> list[str]:
    return [name for name in names if name in frame.columns]


def _of(query: Select[Any], table: Any, agent: str | None) -> Select[Any]:  # noqa: ANN401 - columns by name
    return query if agent is None else query.where(table.c.agent == agent)


def _skill(topic: str, tool: str) -> str:
    return f"{topic} × {tool}" if tool else f"{topic} (no tool)"


def _home() -> Path:
    return Path(os.environ.get("EVENTLORE_HOME") or "~/.eventlore").expanduser()


def _default_url() -> str:
    return os.environ.get("EVENTLORE_DATABASE_URL") or f"sqlite:///{_home() / 'insights.db'}"
