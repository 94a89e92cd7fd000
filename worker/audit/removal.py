"""Removing content from the record, by right or by law: a tombstone stays, and with it the proof that something was."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nats.js.errors import APIError, NotFoundError
from sqlalchemy import ColumnElement, Connection, and_, or_, select, tuple_, update

from models import tables
from worker.connection import connected
from worker.database import insert_or_ignore, writing
from worker.log import extent
from worker.remember_store import MemoryStore
from worker.settings import Log
from worker.store import Store, mark

__all__ = ["Removed", "Selection", "erase", "forget", "select_places"]

AT_ONCE = 500
"""Messages whose content is removed in one transaction."""

Place = tuple[str, int]
"""(stream, sequence)"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Whose content to remove: what meets every condition that is given."""

    seqs: tuple[int, ...] = ()
    stream: str = ""
    agent: str = ""
    session: str = ""
    before: int | None = None
    """Unix milliseconds."""

    def __bool__(self) -> bool:
        return bool(self.seqs or self.agent or self.session or self.before is not None)


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of a removal."""

    places: list[Place]
    """Messages that are tombstones now."""
    in_log: list[Place]
    """Of these, those that the log refused to erase."""


def select_places(store: Store, selection: Selection) -> list[Place]:
    """What a selection means: messages of the record, with those that have the same bytes in the same session."""
    e, d = tables.events, tables.dead_letters
    with store.engine.connect() as connection:
        rows = connection.execute(select(e.c.stream, e.c.seq, e.c.session, e.c.digest).where(_meets(selection))).all()
        places = {(row.stream, row.seq) for row in rows}
        digests = {row.digest for row in rows}
        sessions = sorted({row.session for row in rows})
        for start in range(0, len(sessions), AT_ONCE):
            same = select(e.c.stream, e.c.seq, e.c.digest).where(e.c.session.in_(sessions[start : start + AT_ONCE]))
            places |= {(row.stream, row.seq) for row in connection.execute(same) if row.digest in digests}
        if selection.seqs and not (selection.agent or selection.session or selection.before is not None):
            letters = select(d.c.stream, d.c.seq).where(d.c.stream == selection.stream, d.c.seq.in_(selection.seqs))
            places |= {(row.stream, row.seq) for row in connection.execute(letters)}
    return sorted(places)


async def forget(store: Store, logs: Sequence[Log], places: Sequence[Place], *, by: str, reason: str) -> Removed:
    """Remove the content of messages from the tables, from what was learned of them, and from the log.

    Sequence, digest and chain stay, and who removed it, when and why is kept. Doing it again changes nothing, and
    tries again to erase what the log refused.

    Raises:
        LogError: a log cannot be reached; the tables are done by then.
    """
    for start in range(0, len(places), AT_ONCE):
        await asyncio.to_thread(_empty, store, places[start : start + AT_ONCE], by, reason)
    await asyncio.to_thread(store.settle)
    await asyncio.to_thread(MemoryStore(store).settle)
    refused = [place for log in logs for place in await erase(store, log, places)]
    return Removed(list(places), refused)


async def erase(store: Store, log: Log, places: Iterable[Place]) -> list[Place]:
    """Overwrite messages in the log; returns those that it refused to erase."""
    refused = []
    async with connected(log.url or "") as client:
        _, created = await extent(client, log.stream)
        name = await asyncio.to_thread(store.name_stream, log.stream, created)
        for stream, seq in places:
            if stream != name:
                continue
            try:
                await client.jetstream().get_msg(log.stream, seq)
                await client.jetstream().delete_msg(log.stream, seq)  # the server overwrites it with random bytes
            except NotFoundError:
                continue  # it is gone already
            except APIError:
                refused.append((stream, seq))
    return refused


def _meets(selection: Selection) -> ColumnElement[bool]:
    c = tables.events.c
    conditions = []
    if selection.seqs:
        conditions += [c.stream == selection.stream, c.seq.in_(selection.seqs)]
    if selection.agent:
        conditions.append(c.agent == selection.agent)
    if selection.session:
        conditions.append(c.session == selection.session)
    if selection.before is not None:
        conditions.append(c.ts < selection.before)
    return and_(*conditions)


def _empty(store: Store, places: Sequence[Place], by: str, reason: str) -> None:
    now = time.time_ns() // 1_000_000
    e, d = tables.events, tables.dead_letters
    rows = [{"stream": s, "seq": n, "removed_at": now, "removed_by": by, "reason": reason} for s, n in places]
    with writing(store.engine) as connection:
        insert_or_ignore(connection, tables.audit_removals, rows)
        here = tuple_(e.c.stream, e.c.seq).in_(places)
        full = or_(e.c.text != "", e.c.payload != "", e.c.arguments != "", e.c.error != "")
        touched = connection.execute(select(e.c.agent, e.c.session).where(here, full).distinct()).all()
        connection.execute(update(e).where(here).values(text="", payload="", arguments="", error=""))
        connection.execute(update(d).where(tuple_(d.c.stream, d.c.seq).in_(places)).values(data=b""))
        _learn_again(store, connection, [(row.agent, row.session) for row in touched])


def _learn_again(store: Store, connection: Connection, sessions: Sequence[tuple[str, str]]) -> None:
    """Let what was learned from removed content be computed anew, without it."""
    store.mark_pending(connection, dict.fromkeys(sessions, 0))
    mark(connection, dict.fromkeys(sessions, 0), tables.memory_pending)
