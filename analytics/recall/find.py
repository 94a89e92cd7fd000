"""Finds, in the index of words, what may answer a question, and ranks it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, true

from analytics.reader import Reader
from analytics.recall.entries import text_of
from analytics.recall.lookup import Having, look_up
from analytics.recall.rank import Passage, Question, Ranked, idf, rank, read
from analytics.recall.terms import PUBLIC, Word, own
from models import tables
from models.events import Visibility

__all__ = ["Pool", "gather", "latest", "recall"]

CANDIDATES = 50
"""Passages that share the rarest words with the question."""
LOOKED_AT = (100, 600, 3_000)
"""The best by their words that are looked at until so many may be read and are wanted."""
AROUND = 2
"""Passages before and after each that are looked at, too."""
_SOON = 200
"""Entries before a time that tell which entries were there by then."""

_OF_EVENTS = {"event_id": tables.events.c.id}
_READ = [
    _OF_EVENTS[name] if name in _OF_EVENTS else tables.entries.c[name]
    for name in Passage.__struct_fields__
    if name != "text"
]


class Pool(NamedTuple):
    """What ranking chooses from."""

    question: Question
    passages: list[Passage]
    rarity: dict[Word, float]


def recall(reader: Reader, agent: str, about: str, limit: int) -> list[Ranked]:
    """What an agent knows about something, best first: its own, and what others made public.

    Args:
        reader: who asks; it sees nothing that it may not read.
        agent: whose memory is asked.
        about: a question or words, in English or German; times in it are seen from the agent's latest event.
        limit: how many at most.
    """
    pool = gather(reader, agent, about)
    return rank(pool.question, pool.passages, pool.rarity, limit)


def gather(
    reader: Reader,
    agent: str | None,
    about: str,
    only: Sequence[ColumnElement[bool]] = (),
    until: int | None = None,
) -> Pool:
    """The passages to rank: those with the question's rarest words, and their neighbours in the conversation.

    Args:
        reader: who asks.
        agent: whose memory; None: everybody's that the reader may read.
        about: the question.
        only: conditions on ``entries`` that passages must meet, though not their neighbours.
        until: Unix milliseconds; common words are looked up among what had come by then.
    """
    with reader.engine.connect() as connection:
        question = read(about, latest(reader, connection, agent))
        if not question.words and question.span:
            candidates = _within(reader, connection, agent, question.span.start, question.span.end)
            return Pool(question, _passages(reader, connection, agent, candidates), {})
        last = _last(connection, until)
        for scope in dict.fromkeys(((), _scope(reader, agent))):
            found = look_up(connection, list(question.words), scope, last)
            total = look_up(connection, [scope], (), last)[scope].estimate if scope else last
            rarity = {word: idf(one.estimate, max(total, one.estimate)) for word, one in found.items()}
            best = _best(found, rarity, LOOKED_AT[-1])
            readable, candidates = _meeting(reader, connection, agent, best, only)
            # Where most is others', the latest entries with a word may all be theirs: ask for the agent's alone.
            if readable >= CANDIDATES or all(one.whole for one in found.values()):
                break
        return Pool(question, _passages(reader, connection, agent, candidates), rarity)


def latest(reader: Reader, connection: Connection, agent: str | None) -> int:
    """The time of the latest entry that the reader sees, of an agent or of all: Unix milliseconds, 0 without any."""
    t = tables.entries
    query = reader.rows(t, t.c.ts).order_by(t.c.ts.desc()).limit(1)
    return connection.scalar(query if agent is None else query.where(t.c.agent == agent)) or 0


def _scope(reader: Reader, agent: str | None) -> Word:
    """The terms of which an entry has one when it is the agent's to know, as far as the reader may see."""
    if agent is None:
        return () if reader.viewer is None else (own(reader.viewer), PUBLIC)
    return (own(agent), PUBLIC) if reader.viewer in (None, agent) else (PUBLIC,)


def _last(connection: Connection, until: int | None) -> int:
    """The latest entry, or the latest by a time, as far as entries come in the order of their times."""
    t = tables.entries
    if until is not None:
        before = select(t.c.id).where(t.c.ts < until).order_by(t.c.ts.desc()).limit(_SOON).subquery()
        return connection.scalar(select(func.max(before.c.id))) or 0
    return connection.scalar(select(func.max(t.c.id))) or 0


def _best(having: Mapping[Word, Having], rarity: Mapping[Word, float], most: int) -> list[int]:
    """The entries with most of the question's words, counted by their rarity; of equals the latest."""
    found = [(one.ids, np.full(len(one.ids), rarity[word])) for word, one in having.items() if len(one.ids)]
    if not found:
        return []
    entries, at = np.unique(np.concatenate([ids for ids, _ in found]), return_inverse=True)
    scores = np.bincount(at, weights=np.concatenate([weights for _, weights in found])).round(9)
    return [int(entry) for entry in entries[np.lexsort((-entries, -scores))[:most]]]


def _meeting(
    reader: Reader,
    connection: Connection,
    agent: str | None,
    best: Sequence[int],
    only: Sequence[ColumnElement[bool]],
) -> tuple[int, list[int]]:
    """How many of the best entries may be read, and the best of these, in their order, that meet the conditions."""
    t = tables.entries
    query = reader.rows(t, t.c.id, and_(true(), *only).label("met"))
    query = query if agent is None else query.where(Reader(reader.engine, agent).visible(t))
    query = query.where(t.c.id.in_(bindparam("ids", expanding=True, literal_execute=True)))
    readable, met = 0, list[int]()
    for start, end in zip((0, *LOOKED_AT), LOOKED_AT, strict=False):
        part = best[start:end]
        found = {entry: bool(wanted) for entry, wanted in connection.execute(query, {"ids": part})} if part else {}
        readable += len(found)
        met += [entry for entry in part if found.get(entry)]
        if len(met) >= CANDIDATES:
            break
    return readable, met[:CANDIDATES]


def _within(reader: Reader, connection: Connection, agent: str | None, start: int, end: int) -> list[int]:
    """The latest entries of a stretch of time, where a question names nothing else."""
    t = tables.entries
    query = reader.rows(t, t.c.id).where(t.c.ts >= start, t.c.ts < end)
    query = query if agent is None else query.where(Reader(reader.engine, agent).visible(t))
    return list(connection.scalars(query.order_by(t.c.ts.desc()).limit(CANDIDATES)))


def _passages(reader: Reader, connection: Connection, agent: str | None, candidates: Sequence[int]) -> list[Passage]:
    """The candidates and what stands around them, as far as the reader and the agent may read it."""
    e, n = tables.events, tables.entries
    c, near = tables.entries.alias("candidate"), tables.entries.alias("near")
    beside = near.c.place.between(c.c.place - AROUND, c.c.place + AROUND)
    wanted = (
        select(near.c.id)
        .join_from(c, near, and_(near.c.session == c.c.session, near.c.agent == c.c.agent, beside))
        .where(c.c.id.in_(bindparam("candidates", expanding=True, literal_execute=True)))
    )
    query = (
        reader.rows(n, *_READ, e.c.text, e.c.kind, e.c.arguments, e.c.error)
        .join(e, and_(e.c.stream == n.c.stream, e.c.seq == n.c.seq))
        .where(n.c.id.in_(wanted), n.c.visibility != Visibility.SECRET.value)
    )
    query = query if agent is None else query.where(Reader(reader.engine, agent).visible(n))
    rows = connection.execute(query.order_by(n.c.id), {"candidates": list(candidates)}).all()
    return [_passage(*row) for row in rows]


def _passage(*columns: Any) -> Passage:  # noqa: ANN401 - as they were read
    *known, said, kind, arguments, error = columns
    fields = dict(zip(Passage.__struct_fields__, known, strict=False))
    return Passage(**fields, text=text_of(kind, said, arguments, error))
