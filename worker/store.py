"""What the worker writes: events as they come, and insights once a session has settled; each in one transaction."""

import hashlib
import io
import logging
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter, itemgetter

import msgspec
from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.exc import OperationalError

from analytics import topics
from analytics.analysis import analyse_sessions, overview
from analytics.days import Sign
from analytics.topics import TopicModel
from analytics.topics.several import Several
from analytics.topics.tagging import Tagger
from analytics.topics.taxonomy import Taxonomy
from models import tables
from models.events import Event, Kind, Visibility
from models.redaction import Redactor, marks_in
from models.rows import SessionRow, Signal, SkillUse
from worker.audit import chain
from worker.database import Row, count_for_planner, insert_or_ignore, migrate, open_engine, upsert, writing
from worker.discovery import Discovery
from worker.sync import as_rows, belongs, sync

__all__ = [
    "DURABLE",
    "DeadLetter",
    "Store",
    "belongs",
    "claim",
    "events_by_session",
    "mark",
    "put_aside",
    "unmark",
    "within",
]

log = logging.getLogger(__name__)

DURABLE = "insights"
"""The durable consumer that all workers of a database share."""

OVERVIEW = ("", "")
"""The pending mark of what is derived over all sessions."""

Session = tuple[str, str]
"""(agent, session key)"""

_ROUNDS = 5
"""How often topics are discovered again, because more was said meanwhile, before other work has its turn."""

_PER_SESSION: Mapping[SqlTable, str] = {
    tables.message_styles: "styles",
    tables.event_topics: "topics",
    tables.signals: "signals",
    tables.skill_uses: "uses",
    tables.entries: "entries",
}
_READ = [column for column in tables.events.columns if column.name != "payload"]
_EVENT_FIELDS = [column.name for column in _READ]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be decoded, whole, with the reason."""

    stream: str
    seq: int
    subject: str
    reason: str
    data: bytes


class Store:
    """The insight database.

    Raises:
        ValueError: the URL is not of a supported database.
        sqlalchemy.exc.OperationalError: the database cannot be reached (from any method).
    """

    def __init__(self, url: str, redactor: Redactor | None = None) -> None:
        """Open it.

        Args:
            url: its address.
            redactor: masks credentials in everything that is recorded; None: one without patterns of the user's.
        """
        self.engine = open_engine(url)
        self._taught: tuple[tuple[str, str], ...] = ()
        self._own: TopicModel | None = None
        self._discovery = Discovery(self.engine)
        self.redactor = redactor or Redactor()
        """Credentials that were masked, by kind."""

    def migrate(self) -> None:
        """Create or upgrade the tables."""
        migrate(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    def name_stream(self, name: str, created: str) -> str:
        """The name that events of a stream carry: its own, or with its birth time when it was deleted and made anew."""
        t = tables.streams
        with writing(self.engine) as connection:
            known = {row.created: row.stream for row in connection.execute(select(t).where(t.c.name == name))}
            if created not in known:
                known[created] = f"{name}@{created}" if known else name
                row = {"stream": known[created], "name": name, "created": created, "durable": ""}
                insert_or_ignore(connection, t, [row])
            return str(known[created])

    def name_durable(self, stream: str, *, taken: bool) -> str:
        """The durable consumer that this database's workers read a stream through; once named it stays.

        Args:
            stream: as :meth:`name_stream` calls it.
            taken: whether :data:`DURABLE` exists on the stream already, so that another database reads through it.
        """
        t = tables.streams
        with writing(self.engine) as connection:
            named = connection.scalar(select(t.c.durable).where(t.c.stream == stream).with_for_update())
            if named:
                return str(named)
            durable = f"{DURABLE}-{uuid.uuid4().hex[:8]}" if taken else DURABLE
            connection.execute(update(t).where(t.c.stream == stream).values(durable=durable))
            return durable

    def durable_of(self, name: str) -> str:
        """The durable that a stream is read through; empty: it was never read."""
        t = tables.streams
        query = select(t.c.durable).where(t.c.name == name).order_by(t.c.created.desc()).limit(1)
        with self.engine.connect() as connection:
            return connection.scalar(query) or ""

    # The record ------------------------------------------------------------------------------------------------------

    def record(self, events: Sequence[Event], refused: Sequence[DeadLetter] = ()) -> None:
        """Write a batch of events and dead letters in one transaction; what is there already stays as it is.

        The sessions that the events belong to are marked as pending in the same transaction, so that a crash
        right after it loses no insight, and all is chained in it (:mod:`worker.audit.chain`).
        """
        # Sorted, so that workers writing the same keys wait for each other instead of deadlocking.
        ordered = sorted(map(self._masked, events), key=attrgetter("stream", "seq"))
        touched = {(e.agent, e.session): e.seq for e in ordered}
        entries = [(e.stream, e.seq, e.digest) for e in ordered]
        entries += [(one.stream, one.seq, hashlib.sha256(one.data).hexdigest()) for one in refused]
        with writing(self.engine) as connection:
            insert_or_ignore(connection, tables.events, [_event_row(e) for e in ordered])
            letters = list(map(self._masked_letter, refused))
            _bury(connection, letters)
            insert_or_ignore(connection, tables.redactions, [*_redactions(ordered, letters)])
            mark(connection, touched)
            chain.extend(connection, entries)

    def chain_waits(self) -> bool:
        """Whether anything that was recorded is not chained yet."""
        with self.engine.connect() as connection:
            return bool(connection.scalar(select(exists().select_from(tables.audit_waiting))))

    def catch_up_chain(self, stream: str, through: int) -> None:
        """Chain what waits for messages that the log lacks: everything up to ``through`` was recorded."""
        with self.engine.connect() as connection:
            waits = chain.waits(connection, stream)
        while waits:
            with writing(self.engine) as connection:
                waits = chain.catch_up(connection, stream, through)

    def mark_pending(self, connection: Connection, sessions: Mapping[Session, int]) -> None:
        """Let the insights of sessions be computed anew, in a transaction of the caller's."""
        mark(connection, sessions)

    def _masked(self, event: Event) -> Event:
        return self.redactor.event(event)[0]

    def _masked_letter(self, letter: DeadLetter) -> DeadLetter:
        data, found = self.redactor.message(letter.data)
        return replace(letter, data=data, reason=self.redactor.text(letter.reason)[0]) if found else letter

    def masked(self) -> dict[str, int]:
        """How many credentials are masked in the record, by kind."""
        t = tables.redactions
        query = select(t.c.kind, func.sum(t.c.masked)).group_by(t.c.kind).order_by(t.c.kind)
        with self.engine.connect() as connection:
            return {kind: int(masked) for kind, masked in connection.execute(query)}

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters, oldest first."""
        t = tables.dead_letters
        with self.engine.connect() as connection:
            rows = connection.execute(select(t).order_by(t.c.stream, t.c.seq)).mappings()
            return [DeadLetter(r["stream"], r["seq"], r["subject"], r["reason"], bytes(r["data"])) for r in rows]

    def revive(self, events: Sequence[Event]) -> None:
        """Move dead letters that can be decoded by now to the events."""
        with writing(self.engine) as connection:
            ordered = sorted(map(self._masked, events), key=attrgetter("stream", "seq"))
            # A letter was masked when it was recorded; the chain has the digest of its bytes as they came.
            came = chain.digests_of(connection, [(e.stream, e.seq) for e in ordered])
            ordered = [msgspec.structs.replace(e, digest=came.get((e.stream, e.seq), e.digest)) for e in ordered]
            insert_or_ignore(connection, tables.events, [_event_row(e) for e in ordered])
            insert_or_ignore(connection, tables.redactions, [*_redactions(ordered, [])])
            mark(connection, {(e.agent, e.session): e.seq for e in ordered})
            t = tables.dead_letters
            for event in ordered:
                connection.execute(delete(t).where(t.c.stream == event.stream, t.c.seq == event.seq))

    # Topics of the user's own -----------------------------------------------------------------------------------------

    def save_taxonomy(self, name: str, taxonomy: Taxonomy) -> None:
        """Let sessions that settle from now on be tagged with a taxonomy; one of the same name is replaced."""
        row = {"name": name, "version": taxonomy.version, "data": taxonomy.to_bytes()}
        with writing(self.engine) as connection:
            upsert(connection, tables.topic_models, [row])

    def forget_taxonomy(self, name: str) -> bool:
        """Let sessions that settle from now on be tagged without it; returns whether there was one of this name."""
        t = tables.topic_models
        with writing(self.engine) as connection:
            return connection.execute(delete(t).where(t.c.name == name)).rowcount > 0

    def taxonomies(self) -> dict[str, Taxonomy]:
        """The taxonomies that users taught, by name."""
        t = tables.topic_models
        with self.engine.connect() as connection:
            rows = connection.execute(select(t.c.name, t.c.data).order_by(t.c.name))
            return {name: Taxonomy.load(io.BytesIO(data)) for name, data in rows}

    def _tagger(self, connection: Connection) -> TopicModel:
        t = tables.topic_models
        query = select(t.c.name, t.c.version).order_by(t.c.name)
        taught = tuple((name, version) for name, version in connection.execute(query))
        if taught != self._taught:
            own = [Tagger(name, taxonomy) for name, taxonomy in self.taxonomies().items()]
            self._own = Several(own, former=[topics.load()]) if own else None
            self._taught = taught
        return self._own or topics.load()

    # What was learned ------------------------------------------------------------------------------------------------

    def pending_sessions(self) -> int:
        """How many sessions have events that their insights do not reflect yet."""
        t = tables.pending
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).where(t.c.session != "", t.c.attempts == 0)) or 0

    def settle_sessions(self, *, most_sessions: int = 50, most_events: int = 1_000) -> int:
        """Analyse the pending sessions that have been quiet for longest and write their insights in one transaction.

        A session whose analysis fails is put aside with the reason until it is touched again or
        :meth:`forget_insights` is called, and harms no other.

        Returns:
            How many sessions were done with; 0 when none is pending (or others are at it).
        """
        try:
            return self._settle(most_sessions, most_events)
        except OperationalError:
            raise
        except Exception:
            log.exception("settling failed; trying the sessions one by one")
            done = 0
            while done < most_sessions and (settled := self._settle_one(most_events)):
                done += settled
            return done

    def _settle(self, most_sessions: int, most_events: int) -> int:
        with writing(self.engine) as connection:
            sessions = within(connection, claim(connection, most_sessions), most_events)
            if not sessions:
                return 0
            self._write_insights(connection, sessions)
            for agent, session in sessions:
                unmark(connection, agent, session)
            mark(connection, {OVERVIEW: 0})
        return len(sessions)

    def _settle_one(self, most_events: int) -> int:
        """Settle the next session alone; one that cannot be settled is put aside."""
        try:
            return self._settle(1, most_events)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an analyser raises concerns this session only
            with writing(self.engine) as connection:
                for agent, session in claim(connection, 1):
                    log.warning("session %s of %s cannot be analysed: %r", session, agent, error)
                    put_aside(connection, agent, session, f"{type(error).__name__}: {error}")
            return 1

    def unsettled(self) -> list[tuple[str, str, str]]:
        """Sessions that could not be analysed: (agent, session, reason)."""
        t = tables.pending
        query = select(t.c.agent, t.c.session, t.c.reason).where(t.c.attempts > 0).order_by(t.c.agent, t.c.session)
        with self.engine.connect() as connection:
            return [(row.agent, row.session, row.reason) for row in connection.execute(query)]

    def settle_overview(self) -> bool:
        """Derive anew what all sessions show together, when any has changed; returns whether there was need.

        Topics are discovered first, where that is due; outside the transaction, since it may take seconds.
        """
        for _ in range(_ROUNDS):
            with writing(self.engine) as connection:
                if not _claim_overview(connection):
                    return False
                if self._discovery.current(connection):
                    self._write_overview(connection)
                    unmark(connection, *OVERVIEW)
                    return True
            self._discovery.advance()
        return True

    def _write_overview(self, connection: Connection) -> None:
        shown = overview(
            (SessionRow(**row) for row in _all(connection, tables.sessions)),
            (Signal(**row) for row in _tool_failures(connection)),
            (SkillUse(**row) for row in _all(connection, tables.skill_uses)),
            _signs(connection),
            self._tagger(connection),
            self._discovery.chain(connection),
        )
        sync(connection, tables.topics, None, as_rows(shown.topics))
        sync(connection, tables.topic_trends, None, as_rows(shown.trends))
        sync(connection, tables.signals, tables.signals.c.kind == "recurring_failure", as_rows(shown.signals))
        sync(connection, tables.skill_gaps, None, as_rows(shown.gaps))
        sync(connection, tables.patterns, None, as_rows(shown.patterns))
        sync(connection, tables.session_days, None, as_rows(shown.session_days))
        sync(connection, tables.agent_days, None, as_rows(shown.agent_days))
        sync(connection, tables.style_days, None, as_rows(shown.style_days))
        sync(connection, tables.topic_days, None, as_rows(shown.topic_days))
        sync(connection, tables.signal_days, None, as_rows(shown.signal_days))
        count_for_planner(connection)

    def settle(self) -> None:
        """Settle everything that is pending."""
        while self.settle_sessions():
            pass
        self.settle_overview()

    def forget_insights(self) -> None:
        """Mark every session as pending, so that settling computes its insights anew."""
        t = tables.events
        with writing(self.engine) as connection:
            every = connection.execute(select(t.c.agent, t.c.session, func.max(t.c.seq)).group_by("agent", "session"))
            mark(connection, {(agent, session): seq for agent, session, seq in every} | {OVERVIEW: 0})

    def _write_insights(self, connection: Connection, sessions: Sequence[Session]) -> None:
        events = events_by_session(connection, sessions)
        found = analyse_sessions(events, self._tagger(connection), self._discovery.chain(connection))
        sync(connection, tables.sessions, belongs(tables.sessions, sessions), as_rows(f.session for f in found))
        for table, name in _PER_SESSION.items():
            where = belongs(table, sessions)
            if table is tables.signals:
                where = and_(where, table.c.kind != "recurring_failure")  # the overview keeps those
            sync(connection, table, where, as_rows(row for f in found for row in getattr(f, name)))

    # Figures ---------------------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        with self.engine.connect() as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in tables.metadata.sorted_tables
            }


def _event_row(event: Event) -> Row:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def _redactions(events: Iterable[Event], letters: Iterable[DeadLetter]) -> Iterator[Row]:
    """What was masked in messages, in the worker or before."""
    texts = [(e.stream, e.seq, e.payload) for e in events]
    texts += [(one.stream, one.seq, one.data.decode("utf-8", "replace")) for one in letters]
    for stream, seq, text in texts:
        for kind, masked in marks_in(text).items():
            yield {"stream": stream, "seq": seq, "kind": kind, "masked": masked}


def _bury(connection: Connection, refused: Iterable[DeadLetter]) -> None:
    now = time.time_ns() // 1_000_000
    rows = [
        {
            "stream": letter.stream,
            "seq": letter.seq,
            "subject": letter.subject,
            "reason": letter.reason,
            "data": letter.data,
            "first_seen": now,
            "attempts": 1,
        }
        for letter in sorted(refused, key=attrgetter("stream", "seq"))
    ]
    insert_or_ignore(connection, tables.dead_letters, rows)


def mark(connection: Connection, touched: Mapping[Session, int], table: SqlTable = tables.pending) -> None:
    """Mark sessions as having something new."""
    # An upsert, never "do nothing": it must wait for a settling transaction that is about to remove the mark.
    upsert(
        connection,
        table,
        [
            {"agent": agent, "session": session, "touched": seq, "attempts": 0, "reason": ""}
            for (agent, session), seq in sorted(touched.items())
        ],
    )


def put_aside(connection: Connection, agent: str, session: str, reason: str, table: SqlTable = tables.pending) -> None:
    """Leave a session alone until something new happens in it."""
    t = table
    mark = update(t).where(t.c.agent == agent, t.c.session == session)
    connection.execute(mark.values(attempts=t.c.attempts + 1, reason=reason[:1_000]))


def unmark(connection: Connection, agent: str, session: str, table: SqlTable = tables.pending) -> None:
    """Say that a session is done with."""
    t = table
    connection.execute(delete(t).where(t.c.agent == agent, t.c.session == session))


def claim(connection: Connection, most: int, table: SqlTable = tables.pending) -> list[Session]:
    """The marked sessions that were touched longest ago and that no other worker has, kept until the transaction ends."""
    t = table
    query = (
        select(t.c.agent, t.c.session)
        .where(t.c.session != "", t.c.attempts == 0)
        .order_by(t.c.touched, t.c.agent, t.c.session)
    )
    return [(a, s) for a, s in connection.execute(query.limit(most).with_for_update(skip_locked=True))]


def _claim_overview(connection: Connection) -> bool:
    t = tables.pending
    query = select(t.c.touched).where(t.c.agent == "", t.c.session == "")
    return connection.execute(query.with_for_update()).first() is not None


def within(connection: Connection, claimed: Sequence[Session], most_events: int) -> list[Session]:
    """As many of the claimed sessions as have ``most_events`` events together, but one at least."""
    if not claimed:
        return []
    t = tables.events
    query = select(t.c.agent, t.c.session, func.count()).where(belongs(t, claimed)).group_by(t.c.agent, t.c.session)
    sizes = {(agent, session): size for agent, session, size in connection.execute(query)}
    taken: list[Session] = []
    total = 0
    for session in claimed:
        total += sizes.get(session, 0)
        if taken and total > most_events:
            break
        taken.append(session)
    return taken


def events_by_session(connection: Connection, sessions: Sequence[Session]) -> Iterator[list[Event]]:
    """Each session's events, without payloads."""
    t = tables.events
    query = select(*_READ).where(belongs(t, sessions)).order_by(t.c.agent, t.c.session)
    rows = connection.execute(query)
    for _, group in groupby(rows, key=itemgetter(_EVENT_FIELDS.index("agent"), _EVENT_FIELDS.index("session"))):
        yield [_event(row) for row in group]


def _event(row: Sequence[object]) -> Event:
    fields: Row = dict(zip(_EVENT_FIELDS, row, strict=True))
    fields["kind"] = Kind(fields["kind"])
    fields["visibility"] = Visibility(fields["visibility"])
    return Event(**fields)


def _all(connection: Connection, table: SqlTable) -> Iterator[Row]:
    query = select(table).execution_options(yield_per=1_000)
    return (dict(row) for row in connection.execute(query).mappings())


def _tool_failures(connection: Connection) -> Iterator[Row]:
    t = tables.signals
    query = select(t).where(or_(t.c.kind == "tool_failure", t.c.kind == "unrecovered_tool_failure"))
    return (dict(row) for row in connection.execute(query).mappings())


def _signs(connection: Connection) -> Iterator[Sign]:
    """What went wrong in each session, by kind; what only several sessions show together is no session's."""
    s, g = tables.sessions.c, tables.signals.c
    # Grouped before they are joined: SQLite would else look up each session's signals by its agent alone.
    kinds = (
        select(g.session, g.agent, g.kind, func.count().label("signals"), func.max(g.severity).label("severity"))
        .where(g.kind != "recurring_failure")
        .group_by(g.session, g.agent, g.kind)
        .subquery()
    )
    query = select(s.started_at, s.agent, s.topic_id, kinds.c.kind, kinds.c.signals, kinds.c.severity).join(
        tables.sessions, and_(s.session == kinds.c.session, s.agent == kinds.c.agent)
    )
    return (Sign(*row) for row in connection.execute(query.execution_options(yield_per=1_000)))
