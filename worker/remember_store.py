"""What the context builder writes: the memory of sessions that have something new, each time in one transaction."""

import logging
import time
import uuid
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, and_, func, select, text, update
from sqlalchemy.exc import OperationalError

from analytics.memory import link, remember
from analytics.memory.links import slot
from models import tables
from models.events import Kind
from models.rows import MemoryItem
from worker.database import insert_or_ignore, writing
from worker.store import Session, Store, belongs, claim, events_by_session, mark, put_aside, unmark, within
from worker.sync import apply, as_rows, compare

__all__ = ["DURABLE", "MemoryStore"]

log = logging.getLogger(__name__)

DURABLE = "context"
"""The durable consumer that all context builders of a database share."""

Place = tuple[str, int]
"""(stream, seq)"""

_MATTERS = (
    Kind.MESSAGE_IN,
    Kind.MESSAGE_OUT,
    Kind.TOOL_CALL,
    Kind.TOOL_RESULT,
    Kind.RUN_ERROR,
    Kind.SESSION_RESET,
)
"""Kinds of event that change what is remembered; others are passed over."""
_STARTS = (Kind.RUN_START, Kind.SESSION_START)
_LOCKS = 7_226_019
"""PostgreSQL's advisory locks of this number, and an agent, are held by who writes that agent's memory."""


class MemoryStore:
    """The memory tables of a database."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine = store.engine

    def name_durable(self, stream: str, *, taken: bool) -> str:
        """The durable that this database's context builders read a stream through; see :meth:`Store.name_durable`."""
        t = tables.streams
        with writing(self.engine) as connection:
            named = connection.scalar(select(t.c.context_durable).where(t.c.stream == stream).with_for_update())
            if named:
                return str(named)
            durable = f"{DURABLE}-{uuid.uuid4().hex[:8]}" if taken else DURABLE
            connection.execute(update(t).where(t.c.stream == stream).values(context_durable=durable))
            return durable

    # Pending sessions --------------------------------------------------------------------------------------------------

    def note(self, places: Collection[Place]) -> set[Place]:
        """Mark the sessions of recorded messages as having something new; returns the messages that are not recorded."""
        e, d = tables.events, tables.dead_letters
        missing = set(places)
        touched: dict[Session, int] = {}
        for stream in sorted({stream for stream, _ in places}):
            seqs = sorted(seq for one, seq in places if one == stream)
            with self.engine.connect() as connection:
                here = select(e.c.seq, e.c.agent, e.c.session, e.c.kind).where(e.c.stream == stream, e.c.seq.in_(seqs))
                for seq, agent, session, kind in connection.execute(here):
                    missing.discard((stream, seq))
                    if kind in _MATTERS:
                        touched[agent, session] = max(seq, touched.get((agent, session), 0))
                if missing:
                    buried = select(d.c.seq).where(d.c.stream == stream, d.c.seq.in_(seqs))
                    missing -= {(stream, seq) for seq in connection.scalars(buried)}
        if touched:
            with writing(self.engine) as connection:
                mark(connection, touched, tables.memory_pending)
        return missing

    def started(self, places: Collection[Place], since: int) -> list[Session]:
        """The sessions that the recorded messages start, or start a run of, at ``since`` (Unix milliseconds) or later."""
        e = tables.events
        found: set[Session] = set()
        with self.engine.connect() as connection:
            for stream in {stream for stream, _ in places}:
                seqs = [seq for one, seq in places if one == stream]
                begun = and_(e.c.kind.in_(_STARTS), e.c.ts >= since)
                query = select(e.c.agent, e.c.session).where(e.c.stream == stream, e.c.seq.in_(seqs), begun)
                found |= {(agent, session) for agent, session in connection.execute(query)}
        return sorted(found)

    def pending_sessions(self) -> int:
        """How many sessions have events that their memory does not reflect yet."""
        t = tables.memory_pending
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).where(t.c.attempts == 0, t.c.session != "")) or 0

    def forget(self) -> None:
        """Mark every session as pending, so that settling computes all memory anew."""
        e = tables.events
        with writing(self.engine) as connection:
            every = connection.execute(select(e.c.agent, e.c.session, func.max(e.c.seq)).group_by("agent", "session"))
            mark(connection, {(agent, session): seq for agent, session, seq in every}, tables.memory_pending)

    # Memory ----------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Settle everything that is pending."""
        while self.settle_sessions():
            pass

    def settle_sessions(self, *, most_sessions: int = 200, most_events: int = 20_000) -> int:
        """Remember the pending sessions that have been quiet for longest, in one transaction; returns how many.

        A session that cannot be remembered is put aside with the reason until it is touched again.
        """
        try:
            return self._settle(most_sessions, most_events)
        except OperationalError:
            raise
        except Exception:
            log.exception("remembering failed; trying the sessions one by one")
            done = 0
            while done < most_sessions and (settled := self._settle_one(most_events)):
                done += settled
            return done

    def _settle(self, most_sessions: int, most_events: int) -> int:
        with writing(self.engine) as connection:
            claimed = claim(connection, most_sessions, tables.memory_pending)
            sessions = within(connection, claimed, most_events)
            if not sessions:
                return 0
            _alone(connection, {agent for agent, _ in sessions})
            new = [item for events in events_by_session(connection, sessions) for item in remember(events)]
            _write(connection, sessions, new)
            for agent, session in sessions:
                unmark(connection, agent, session, tables.memory_pending)
        return len(sessions)

    def _settle_one(self, most_events: int) -> int:
        try:
            return self._settle(1, most_events)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an extractor raises concerns this session only
            with writing(self.engine) as connection:
                for agent, session in claim(connection, 1, tables.memory_pending):
                    log.warning("session %s of %s cannot be remembered: %r", session, agent, error)
                    put_aside(connection, agent, session, f"{type(error).__name__}: {error}", tables.memory_pending)
            return 1

    # Hand-overs ------------------------------------------------------------------------------------------------------

    def log_context(
        self, *, agent: str, session: str, budget: int, tokens: int, about: str, way: str, items: Sequence[Place]
    ) -> None:
        """Note what was handed to whom."""
        row = {
            "agent": agent,
            "session": session,
            "built_at": time.time_ns() // 1_000_000,
            "budget": budget,
            "tokens": tokens,
            "about": about,
            "way": way,
            "items": [list(place) for place in items],
        }
        with writing(self.engine) as connection:
            insert_or_ignore(connection, tables.context_log, [row])


def _alone(connection: Connection, agents: Iterable[str]) -> None:
    """Let no other worker write these agents' memory until the transaction ends: items of sessions are linked."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        for agent in sorted(agents):
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:kind, hashtext(:agent))"), {"kind": _LOCKS, "agent": agent}
            )


def _write(connection: Connection, sessions: Sequence[Session], new: Sequence[MemoryItem]) -> None:
    """Bring the sessions' items to what they should be, and with them all links of the subjects they are about."""
    t = tables.memory_items
    present = [MemoryItem(**row) for row in connection.execute(select(t).where(belongs(t, sessions))).mappings()]
    linked = [item for item in (*present, *new) if slot(item)]
    touched, settled = set(map(slot, linked)), set(sessions)
    agents, subjects = sorted({item.agent for item in linked}), sorted({item.subject for item in linked})
    others: list[MemoryItem] = []
    for start in range(0, len(subjects), 1_000):
        same = and_(t.c.agent.in_(agents), t.c.subject.in_(subjects[start : start + 1_000]))
        rows = (MemoryItem(**row) for row in connection.execute(select(t).where(same)).mappings())
        others += [item for item in rows if slot(item) in touched and (item.agent, item.session) not in settled]
    wanted = link([*new, *others])
    apply(connection, t, compare(t, as_rows([*present, *others]), as_rows(wanted)))
