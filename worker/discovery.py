"""Discovered topics in the database: fitting their models when they are due, and tagging sessions with them.

Which models there are follows from what the tables hold of messages, so it does not matter when or by whom this runs.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    exists,
    func,
    literal,
    select,
    tuple_,
    update,
)

from analytics.analysis import topic_spans
from analytics.conversation import Conversation, Message, Ref
from analytics.topics.discovery import FOUND, Model
from analytics.topics.schedule import HOUR, TOLD, Chain, Due, Fit, Hour, inputs, learn, plan
from analytics.topics.stopwords import READ
from models import tables
from worker.database import Row, writing
from worker.sync import as_rows, belongs, sync

__all__ = ["Discovery"]

_MODELS = 4
"""Models that are kept in memory."""
_SESSIONS = 200
_MESSAGES = 10_000
"""Sessions and messages that are tagged in one transaction."""
_PRIME = 1_000_003


class _Session(NamedTuple):
    agent: str
    session: str
    started_at: int
    ended_at: int
    messages: int


class Discovery:
    """The discovered topics of a database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._models: OrderedDict[str, Model] = OrderedDict()

    def chain(self, connection: Connection) -> Chain:
        """The models that are there, for the length of a transaction."""
        fits = ((fit.mark, fit.version) for fit in _fits(connection))
        return Chain(fits, lambda version: self._load(connection, version))

    def current(self, connection: Connection) -> bool:
        """Whether every model that is due is there, and every session is tagged with the one that governs it."""
        hours = _hours(connection)
        planned = plan({hour: said.messages for hour, said in hours.items()})
        fits = _fits(connection)
        if [fit.inputs for fit in fits] != inputs(hours, planned):
            return False
        return not connection.scalar(select(exists().where(_stale(fits))))

    def advance(self) -> None:
        """Fit what is due and tag what is not tagged with it; :meth:`current` tells whether more came meanwhile."""
        with self._engine.connect() as connection:
            hours = _hours(connection)
            known = _fits(connection)
            chain, fresh = learn(
                hours,
                known,
                lambda version: self._load(connection, version),
                lambda due: _said(connection, due),
            )
        if chain != known:
            with writing(self._engine) as connection:
                _lock(connection)
                if _hours(connection) == hours:  # else what was read while fitting may be newer than the hours
                    self._write(connection, chain, fresh)
        self._tag_stale()

    def _write(self, connection: Connection, chain: Sequence[Fit], fresh: dict[str, Model]) -> None:
        t = tables.discovered_models
        kept = {row["version"]: row for row in map(dict, connection.execute(select(t)).mappings())}
        rows: list[Row] = [
            {"data": fresh[fit.version].to_json().encode()} | fit._asdict()
            if fit.version in fresh
            else kept[fit.version]
            for fit in chain
        ]
        sync(connection, t, None, rows)
        for version in [fit.version for fit in chain if fit.version in fresh]:
            self._remember(fresh[version])

    def _load(self, connection: Connection, version: str) -> Model:
        if version in self._models:
            self._models.move_to_end(version)
            return self._models[version]
        t = tables.discovered_models
        data = connection.execute(select(t.c.data).where(t.c.version == version)).scalar_one()
        return self._remember(Model.from_json(data))

    def _remember(self, model: Model) -> Model:
        self._models[model.version] = model
        while len(self._models) > _MODELS:
            self._models.popitem(last=False)
        return model

    def _tag_stale(self) -> None:
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            with writing(self._engine) as connection:
                after = self._tag_some(connection, after)

    def _tag_some(self, connection: Connection, after: tuple[str, str]) -> tuple[str, str] | None:
        """Tag some sessions after this (key, agent); returns the last one, or None when there was none."""
        s = tables.sessions.c
        place = tuple_(s.session, s.agent)
        query = (
            select(s.agent, s.session, s.started_at, s.ended_at, s.messages)
            .where(_stale(_fits(connection)), place > tuple_(literal(after[0]), literal(after[1])))
            .order_by(s.session, s.agent)
            .limit(_SESSIONS)
            .with_for_update(skip_locked=True)  # what another worker is writing, it will tag itself
        )
        rows = _within(_Session(*row) for row in connection.execute(query).all())
        if not rows:
            return None
        conversations = _conversations(connection, rows)
        chain = self.chain(connection)
        tagged = chain.tag(conversations)
        found = tables.event_topics
        mine = and_(
            belongs(found, [(row.agent, row.session) for row in rows]),
            found.c.topic_id.startswith(FOUND, autoescape=True),
        )
        sync(connection, found, mine, as_rows(row for tags in tagged for row in tags))
        t = tables.sessions
        change = update(t).where(t.c.agent == bindparam("whose"), t.c.session == bindparam("which"))
        connection.execute(
            change.values(found=bindparam("spans"), topic_model=bindparam("by")),
            [
                {"whose": c.agent, "which": c.session, "spans": topic_spans(tags), "by": chain.governing(c.ended_at)}
                for c, tags in zip(conversations, tagged, strict=True)
            ],
        )
        return rows[-1].session, rows[-1].agent


def _fits(connection: Connection) -> list[Fit]:
    t = tables.discovered_models.c
    return [Fit(*row) for row in connection.execute(select(t.mark, t.inputs, t.version).order_by(t.mark))]


def _hours(connection: Connection) -> dict[int, Hour]:
    """What users said by hour, with sums that change with any message."""
    t = tables.message_styles.c
    hour, seq = t.ts // HOUR, t.seq % _PRIME
    sums = [func.sum(seq), func.sum(seq * seq), func.sum(seq * (t.ts % _PRIME))]
    query = select(t.stream, hour, func.count(), *sums).where(t.speaker == "user").group_by(t.stream, hour)
    found: dict[int, list[tuple[str, list[int]]]] = defaultdict(list)
    for stream, at, *figures in connection.execute(query):
        found[at].append((stream, [int(figure) for figure in figures]))
    return {at: Hour(sum(said for _, (said, *_) in parts), repr(sorted(parts))) for at, parts in found.items()}


def _said(connection: Connection, due: Due) -> Iterator[tuple[Ref, int, str]]:
    m, e = tables.message_styles.c, tables.events.c
    query = (
        select(m.stream, m.seq, m.ts, e.text)
        .join(tables.events, and_(e.stream == m.stream, e.seq == m.seq))
        .where(m.speaker == "user", m.ts > due.since, m.ts <= due.mark, e.visibility.in_([v.value for v in TOLD]))
    )
    for stream, seq, ts, text in connection.execute(query.execution_options(yield_per=500)):
        yield (stream, seq), ts, text


def _stale(fits: Sequence[Fit]) -> ColumnElement[bool]:
    """The sessions that are not tagged with the model that governs them, as :class:`Chain` says."""
    if not fits:
        return tables.sessions.c.topic_model != ""
    s, d = tables.sessions, tables.discovered_models
    first = select(d.c.version).where(d.c.mark >= s.c.ended_at).order_by(d.c.mark).limit(1)
    return s.c.topic_model != func.coalesce(first.correlate(s).scalar_subquery(), fits[-1].version)


def _within(rows: Iterable[_Session]) -> list[_Session]:
    """As many of the sessions as have few messages together, but one at least."""
    taken: list[_Session] = []
    total = 0
    for row in rows:
        total += row.messages
        if taken and total > _MESSAGES:
            break
        taken.append(row)
    return taken


def _conversations(connection: Connection, sessions: Sequence[_Session]) -> list[Conversation]:
    """What was said in sessions, in the order in which :func:`analytics.conversation.fold` has it."""
    m, e = tables.message_styles, tables.events.c
    query = (
        select(m.c.agent, m.c.session, m.c.stream, m.c.seq, m.c.ts, m.c.speaker, e.text, e.order, e.digest)
        .join(tables.events, and_(e.stream == m.c.stream, e.seq == m.c.seq))
        .where(belongs(m, [(one.agent, one.session) for one in sessions]))
        .order_by(m.c.agent, m.c.session)
    )
    said: dict[tuple[str, str], tuple[Message, ...]] = {}
    rows = connection.execute(query.execution_options(yield_per=500))
    for key, group in groupby(rows, key=attrgetter("agent", "session")):
        placed = [
            (
                (row.ts, row.order, row.speaker != "user", row.digest),
                _message(row.stream, row.seq, row.ts, row.speaker, row.text),
            )
            for row in group
        ]
        said[key] = tuple(message for _, message in sorted(placed, key=lambda one: one[0]))
    return [
        Conversation(one.agent, one.session, one.started_at, one.ended_at, said.get((one.agent, one.session), ()))
        for one in sessions
    ]


def _message(stream: str, seq: int, ts: int, speaker: str, text: str) -> Message:
    return Message((stream, seq), ts, "user" if speaker == "user" else "agent", text[:READ])


def _lock(connection: Connection) -> None:
    """Keep sessions from settling until the transaction ends: each that settles marks the overview as pending."""
    t = tables.pending.c
    connection.execute(select(t.touched).where(t.agent == "", t.session == "").with_for_update())
