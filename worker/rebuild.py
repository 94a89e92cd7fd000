"""Recompute every insight from the log, compare it with what the tables hold, and put it there."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nats.aio.client import Client
from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select, tuple_

from models import tables
from worker.audit import chain
from worker.audit.verify import catch_up
from worker.connection import LogError, connected
from worker.database import Row, insert_or_ignore, writing
from worker.decoding import Origin, decode_all
from worker.log import Message, extent, read_log
from worker.remember_store import MemoryStore
from worker.settings import Log
from worker.store import Store
from worker.sync import apply, compare

__all__ = ["TableReport", "rebuild"]

SESSIONS_AT_A_TIME = 200
ENTRIES_AT_A_TIME = 10_000

_BY_SESSION = (
    tables.events,
    tables.sessions,
    tables.event_topics,
    tables.message_styles,
    tables.signals,
    tables.skill_uses,
    tables.entries,
    tables.memory_items,
)
_WHOLE = (
    tables.dead_letters,
    tables.discovered_models,
    tables.topics,
    tables.topic_trends,
    tables.skill_gaps,
    tables.patterns,
    tables.session_days,
    tables.agent_days,
    tables.style_days,
    tables.topic_days,
    tables.signal_days,
)
_NOT_FROM_THE_LOG = {"first_seen", "attempts"}
"""Columns of dead letters that tell of their handling."""


class TableReport(NamedTuple):
    """How a table compares with what the log gives."""

    table: str
    rows: int
    """Rows that the log gives."""
    differing: int
    """Of these, rows that the table lacks or has otherwise."""
    surplus: int
    """Rows of the table that the log does not give."""

    @property
    def equal(self) -> bool:
        return not (self.differing or self.surplus)


async def rebuild(
    store: Store, logs: Sequence[Log], *, check: bool, progress: Callable[[int], None] = lambda _: None
) -> list[TableReport]:
    """Recompute everything from the log in a scratch database and compare it, table by table.

    What the log no longer holds (its retention let it go) is taken from the record in ``events``.

    Args:
        store: the database to compare; sessions that are still pending in it are settled first.
        logs: every log, with its server's address.
        check: only compare; otherwise the tables are brought to what was recomputed, in one transaction.
        progress: told the messages of each batch that was read.

    The audit chain is compared too, and never written over; content that was removed stays removed.

    Raises:
        LogError: a log cannot be read, or is to be written into the tables and contradicts the audit chain.
    """
    await asyncio.to_thread(store.settle)
    with tempfile.TemporaryDirectory(prefix="eventlore-rebuild-") as folder:
        scratch = Store(f"sqlite:///{Path(folder) / 'scratch.db'}", store.redactor)
        scratch.migrate()
        for name, taxonomy in store.taxonomies().items():
            scratch.save_taxonomy(name, taxonomy)
        await asyncio.to_thread(_copy_models, store, scratch)
        try:
            for log in logs:
                async with connected(log.url or "") as client:
                    await _replay(client, log, store, scratch, progress)
            await asyncio.to_thread(scratch.settle)
            await asyncio.to_thread(store.settle)
            await asyncio.to_thread(_remember, scratch, store)
            reports = await asyncio.to_thread(_compare_all, store, scratch, check=check)
            # What cannot be analysed has no insights on either side: that must not pass for equal.
            unsettled = await asyncio.to_thread(scratch.unsettled)
            return [*reports, TableReport("pending", 0, 0, len(unsettled))]
        finally:
            scratch.close()


async def _replay(client: Client, log: Log, store: Store, scratch: Store, progress: Callable[[int], None]) -> None:
    first, created = await extent(client, log.stream)
    name = await asyncio.to_thread(store.name_stream, log.stream, created)
    await asyncio.to_thread(_copy_record, store, scratch, name, first)
    origins = {log.stream: Origin(name, log.agent)}
    async for batch in read_log(client, log.stream):
        await asyncio.to_thread(_record, scratch, batch, origins)
        progress(len(batch))
    await catch_up(store, client, log, name)
    await asyncio.to_thread(scratch.catch_up_chain, name, 1 << 62)


def _remember(scratch: Store, store: Store) -> None:
    MemoryStore(scratch).forget()
    MemoryStore(scratch).settle()
    MemoryStore(store).settle()


def _record(scratch: Store, batch: Sequence[Message], origins: Mapping[str, Origin]) -> None:
    scratch.record(*decode_all(batch, origins))


def _copy_record(store: Store, scratch: Store, stream: str, before: int) -> None:
    """Take from the record what the log has let go, and the tombstones of what was removed."""
    removed = select(tables.audit_removals.c.stream, tables.audit_removals.c.seq)
    copies = (
        (tables.events, tables.events),
        (tables.dead_letters, tables.dead_letters),
        (tables.audit_chain, tables.audit_waiting),
        (tables.audit_waiting, tables.audit_waiting),
    )
    for table, into in copies:
        t = table.c
        lost = and_(t.stream == stream, or_(t.seq < before, tuple_(t.stream, t.seq).in_(removed)))
        query = select(*(t[column.name] for column in into.columns)).where(lost)
        with store.engine.connect() as source, writing(scratch.engine) as target:
            for part in source.execution_options(yield_per=1_000).execute(query).mappings().partitions():
                insert_or_ignore(target, into, [dict(row) for row in part])
    scratch.forget_insights()


def _copy_models(store: Store, scratch: Store) -> None:
    """Take over the models of discovered topics: where the log gives what they were fitted on, they stand."""
    t = tables.discovered_models
    with store.engine.connect() as source, writing(scratch.engine) as target:
        insert_or_ignore(target, t, [dict(row) for row in source.execute(select(t)).mappings()])


def _compare_all(store: Store, scratch: Store, *, check: bool) -> list[TableReport]:
    with scratch.engine.connect() as source, writing(store.engine) as target:
        chained = _compare_chain(source, target, check=check)
        with chain.permitted(target, "rebuild"):
            return [chained, *(_compare(table, source, target, check=check) for table in (*_BY_SESSION, *_WHOLE))]


def _compare_chain(source: Connection, target: Connection, *, check: bool) -> TableReport:
    """Compare the audit chain; unless only checking, chain what the record lacked, and accept no other contents."""
    t = tables.audit_chain
    rows = differing = surplus = 0
    for where in _stretches(source, target):
        wanted, present = _rows(source, t, where), _rows(target, t, where)
        found = compare(t, present, wanted)
        rows, differing, surplus = rows + len(wanted), differing + len(found.changed), surplus + len(found.gone)
        if not check:
            digests = {(row["stream"], row["seq"]): row["digest"] for row in present}
            for row in found.changed:
                if digests.get((row["stream"], row["seq"]), row["digest"]) != row["digest"]:
                    what = f"{row['stream']} {row['seq']}"
                    raise LogError(f"the log contradicts the audit chain at {what}: see eventlore audit verify")
            new = [(row["stream"], row["seq"], row["digest"]) for row in found.changed]
            chain.extend(target, [one for one in new if one[:2] not in digests])
    return TableReport(t.name, rows, differing, surplus)


def _stretches(*connections: Connection) -> Iterator[ColumnElement[bool]]:
    """Conditions that cut the audit chain in parts of bounded size."""
    t = tables.audit_chain.c
    ends: dict[str, int] = {}
    for connection in connections:
        for stream, last in connection.execute(select(t.stream, func.max(t.seq)).group_by(t.stream)):
            ends[stream] = max(last, ends.get(stream, 0))
    for stream, last in sorted(ends.items()):
        for start in range(0, last + 1, ENTRIES_AT_A_TIME):
            yield and_(t.stream == stream, t.seq >= start, t.seq < start + ENTRIES_AT_A_TIME)


def _compare(table: Table, source: Connection, target: Connection, *, check: bool) -> TableReport:
    rows = differing = surplus = 0
    ignoring = _NOT_FROM_THE_LOG if table is tables.dead_letters else ()
    for where in _parts(table, source, target):
        wanted = _rows(source, table, where)
        found = compare(table, _rows(target, table, where), wanted, ignoring=ignoring)
        rows, differing, surplus = rows + len(wanted), differing + len(found.changed), surplus + len(found.gone)
        if not check:
            apply(target, table, found)
    return TableReport(table.name, rows, differing, surplus)


def _parts(table: Table, *connections: Connection) -> Iterator[ColumnElement[bool] | None]:
    """Conditions that cut a table in parts of bounded size, the same on both sides."""
    if table in _WHOLE:
        yield None
        return
    keys = sorted({key for c in connections for key in c.scalars(select(table.c.session).distinct())})
    for start in range(0, len(keys), SESSIONS_AT_A_TIME):
        yield table.c.session.in_(keys[start : start + SESSIONS_AT_A_TIME])


def _rows(connection: Connection, table: Table, where: ColumnElement[bool] | None) -> list[Row]:
    query = select(table) if where is None else select(table).where(where)
    return [dict(row) for row in connection.execute(query).mappings()]
