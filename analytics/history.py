"""What was said and done: entries that meet conditions, in order of time or of how well they answer, page by page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Select, and_, exists, or_, select, true

from analytics.reader import Reader
from analytics.recall.entries import speaker_of, text_of
from analytics.recall.find import gather, latest
from analytics.recall.lookup import having_all
from analytics.recall.rank import rank, read
from analytics.recall.terms import query_words
from models import tables
from models.events import Kind

__all__ = ["ORDERS", "OUTCOMES", "SPEAKERS", "Place", "Wanted", "around", "event", "page", "pages"]

Row = dict[str, Any]

MOST = 100
"""Rows that are found at most in order ``best``."""
ORDERS = ("best", "latest", "earliest")
SPEAKERS = ("user", "agent", "tool", "note", "run")
OUTCOMES = ("good", "bad")

_entries, _events = tables.entries, tables.events
_SHOWN: list[ColumnElement[Any]] = [
    _events.c.id.label("event_id"),
    *(_entries.c[name] for name in ("stream", "seq", "ts", "agent", "session")),
]
_SHOWN += [_entries.c[name] for name in ("place", "speaker", "tool", "visibility", "failed")]
_SHOWN += [_events.c[name] for name in ("text", "kind", "arguments", "error")]


class Place(NamedTuple):
    """Where a page ended."""

    ts: int
    stream: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What history is asked for: what meets every condition that is given."""

    text: str = ""
    """Words that entries have; a time that they name ("last week") is a condition, unless others name one."""
    agent: str | None = None
    topic: str | None = None
    """A topic's id or label."""
    speaker: str | None = None
    tool: str | None = None
    since: int | None = None
    """Unix milliseconds."""
    until: int | None = None
    """Unix milliseconds, the first that is past it."""
    outcome: str | None = None
    """``good``: of sessions whose users got what they wanted, likelier than not; ``bad``: of the others."""
    order: str = ""
    """One of :data:`ORDERS`; empty: ``best`` where there is text, else ``latest``."""


def pages(reader: Reader, wanted: Wanted, size: int) -> Iterator[list[Row]]:
    """Everything that is wanted, in pages of at most ``size`` rows."""
    after = None
    while rows := page(reader, wanted, size, after):
        yield rows
        if len(rows) < size or _order(wanted) == "best":
            return
        after = Place(rows[-1]["ts"], rows[-1]["stream"], rows[-1]["seq"])


def page(reader: Reader, wanted: Wanted, limit: int, after: Place | None = None) -> list[Row]:
    """One page: rows with ``event_id``, ``stream``, ``seq``, ``ts``, ``agent``, ``session``, ``place``, ``speaker``,
    ``tool``, ``visibility``, ``failed`` and ``text``; in order ``best`` with ``score`` and ``why`` too.

    Args:
        reader: who asks; rows that it may not read are left out.
        wanted: which rows, and in what order.
        limit: rows at most; in order ``best`` no more than 100 are found.
        after: where the page before ended, for the next one in order of time.

    Raises:
        ValueError: there is no such topic, speaker, outcome or order, or ``best`` without text.
    """
    _check(wanted)
    wanted = _timed(reader, wanted)
    topics = [] if wanted.topic is None else [_topic(reader, wanted.topic)]
    if _order(wanted) == "best":
        return _best(reader, wanted, topics, limit)
    words = list(query_words(wanted.text))
    if wanted.text and not words:
        return []
    query, ts = _chosen(reader, wanted, topics)
    walk = False
    if words:
        condition, walk = having_all(reader.engine, words)
        query = query.where(condition)
    columns = [ts, _entries.c.stream, _entries.c.seq]
    backwards = _order(wanted) == "latest"
    if after is not None:
        query = query.where(_beyond(columns, after, backwards=backwards))
    ordered = [column.desc() if backwards else column.asc() for column in columns]
    with reader.engine.connect() as connection:
        if walk and connection.dialect.name == "postgresql":
            # What it believes to be rare, because several conditions meet, it would sort instead.
            connection.exec_driver_sql("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        return [_row(dict(row)) for row in connection.execute(query.order_by(*ordered).limit(limit)).mappings()]


def event(reader: Reader, stream: str, seq: int) -> Row | None:
    """One event of whatever kind, as it stands in the log; None: there is none that the reader may read."""
    e = _events.c
    query = reader.events().where(e.stream == stream, e.seq == seq)
    for found in reader.fetch(query):
        row = dict(found)
        speaker = speaker_of(row["kind"])
        said = text_of(row["kind"], row["text"], row["arguments"], row["error"])
        tool = row["name"] if row["kind"] in (Kind.TOOL_CALL, Kind.TOOL_RESULT) else ""
        return row | {"event_id": row["id"], "speaker": speaker, "tool": tool, "text": said}
    return None


def around(reader: Reader, rows: Sequence[Row], n: int) -> list[Row]:
    """Rows with the ``n`` entries before and after each, in the order of the rows; ``hit`` tells those from these."""
    result: list[Row] = []
    shown: set[tuple[str, int]] = set()
    hits = {(row["stream"], row["seq"]): row for row in rows}
    for row in rows:
        query = _joined(reader).where(_entries.c.session == row["session"], _entries.c.agent == row["agent"])
        query = query.where(_entries.c.place.between(_place(reader, row) - n, _place(reader, row) + n))
        for near in reader.fetch(query.order_by(_entries.c.place)):
            key = near["stream"], near["seq"]
            if key not in shown:
                shown.add(key)
                result.append(_row(near) | hits.get(key, {}) | {"hit": key in hits})
    return result


def _place(reader: Reader, row: Mapping[str, Any]) -> int:
    if "place" in row:
        return int(row["place"])
    query = reader.rows(_entries, _entries.c.place)
    same = and_(_entries.c.stream == row["stream"], _entries.c.seq == row["seq"])
    found = reader.fetch(query.where(same))
    return int(found[0]["place"]) if found else -1_000_000


def _order(wanted: Wanted) -> str:
    return wanted.order or ("best" if wanted.text else "latest")


def _check(wanted: Wanted) -> None:
    for what, value, known in (
        ("order", wanted.order or None, ORDERS),
        ("speaker", wanted.speaker, SPEAKERS),
        ("outcome", wanted.outcome, OUTCOMES),
    ):
        if value is not None and value not in known:
            raise ValueError(f"{value!r} is no {what}: choose {', '.join(known)}")
    if wanted.order == "best" and not wanted.text:
        raise ValueError("the order best needs words to look for")


def _timed(reader: Reader, wanted: Wanted) -> Wanted:
    """The same with the time that its text names as a condition, if nothing else names one."""
    if not wanted.text or wanted.since is not None or wanted.until is not None:
        return wanted
    with reader.engine.connect() as connection:
        question = read(wanted.text, latest(reader, connection, wanted.agent))
    if question.span is None:
        return wanted
    others = " ".join(question.words.values())
    given = {name: getattr(wanted, name) for name in ("agent", "topic", "speaker", "tool", "outcome")}
    order = wanted.order or ("best" if others else "latest")
    return Wanted(text=others, since=question.span.start, until=question.span.end, order=order, **given)


def _topic(reader: Reader, topic: str) -> str:
    about = reader.topics()
    if topic in about:
        return topic
    found = [topic_id for topic_id, one in about.items() if one.label.lower() == topic.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"several topics are called {topic!r}: choose {', '.join(found)}")
    known = ", ".join(sorted(one.label for one in about.values())[:8])
    raise ValueError(f"there is no topic {topic!r}; there are {known or 'none yet'}")


def _joined(reader: Reader) -> Select[Any]:
    same = and_(_events.c.stream == _entries.c.stream, _events.c.seq == _entries.c.seq)
    return reader.rows(_entries, *_SHOWN).join(_events, same)


def _chosen(reader: Reader, wanted: Wanted, topics: Sequence[str]) -> tuple[Select[Any], Column[Any]]:
    """The entries that meet every condition but the text's, and the column that their time is read from."""
    query, ts = _joined(reader), _entries.c.ts
    for topic in topics:
        t = tables.event_topics
        query = query.join(t, and_(t.c.stream == _entries.c.stream, t.c.seq == _entries.c.seq))
        query, ts = query.where(t.c.topic_id == topic, reader.visible(t)), t.c.ts
    return query.where(*_conditions(reader, wanted, ts)), ts


def _conditions(reader: Reader, wanted: Wanted, ts: Column[Any]) -> list[ColumnElement[bool]]:
    c = _entries.c
    given = [(c.agent, wanted.agent), (c.speaker, wanted.speaker), (c.tool, wanted.tool)]
    met: list[ColumnElement[bool]] = [column == value for column, value in given if value is not None]
    if wanted.since is not None:
        met.append(ts >= wanted.since)
    if wanted.until is not None:
        met.append(ts < wanted.until)
    if wanted.outcome is not None:
        s = tables.sessions
        good = s.c.outcome >= 0.5 if wanted.outcome == "good" else s.c.outcome < 0.5
        same = and_(s.c.session == c.session, s.c.agent == c.agent)
        met.append(exists(select(1).select_from(s).where(same, good, reader.visible(s))))
    return met


def _best(reader: Reader, wanted: Wanted, topics: Sequence[str], limit: int) -> list[Row]:
    only = _conditions(reader, wanted, _entries.c.ts)
    for topic in topics:
        t = tables.event_topics
        same = and_(t.c.stream == _entries.c.stream, t.c.seq == _entries.c.seq, t.c.topic_id == topic)
        only.append(exists(select(1).select_from(t).where(same, reader.visible(t))))
    pool = gather(reader, wanted.agent, wanted.text, only, wanted.until)
    ranked = [one for one in rank(pool.question, pool.passages, pool.rarity, MOST) if one.says]
    scores = {(one.passage.stream, one.passage.seq): one for one in ranked}
    if not scores:
        return []
    ids = [one.passage.id for one in ranked]
    found = reader.rows(_entries, _entries.c.id, and_(true(), *only).label("met")).where(_entries.c.id.in_(ids))
    # What stands around a passage need not meet the conditions.
    ids = [row["id"] for row in reader.fetch(found) if row["met"]]
    rows = [_row(row) for row in reader.fetch(_joined(reader).where(_entries.c.id.in_(ids)))]
    rows = [row | {"score": scores[key].score, "why": scores[key].why} for row in rows for key in [_key(row)]]
    position = {key: at for at, key in enumerate(scores)}
    return sorted(rows, key=lambda row: position[_key(row)])[:limit]


def _key(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["stream"], row["seq"]


def _beyond(columns: Sequence[Column[Any]], place: Place, *, backwards: bool) -> ColumnElement[bool]:
    """Past a place in order of time; the first condition alone lets an index be used."""
    ts, stream, seq = columns
    if backwards:
        later = or_(ts < place.ts, stream < place.stream, and_(stream == place.stream, seq < place.seq))
        return and_(ts <= place.ts, later)
    later = or_(ts > place.ts, stream > place.stream, and_(stream == place.stream, seq > place.seq))
    return and_(ts >= place.ts, later)


def _row(row: Mapping[str, Any]) -> Row:
    said = text_of(row["kind"], row["text"], row["arguments"], row["error"])
    return {name: row[name] for name in row if name not in {"kind", "arguments", "error"}} | {"text": said}
