"""``eventlore audit verify``: the whole chain against the tables and the log."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.js.api import RetentionPolicy
from nats.js.errors import NotFoundError
from sqlalchemy import Connection, Engine, Table, func, select

from models import tables
from worker.audit.check import Chained, Checker, Difference, Letter, Part, Recorded, Seen, name
from worker.audit.proofs import head_of
from worker.connection import connected
from worker.log import Message, extent, read_log
from worker.settings import Log
from worker.store import Store

__all__ = ["Anchor", "StreamReport", "catch_up", "catch_up_all", "snapshot", "verify"]

PART = 1_000
_END = 1 << 62


class Anchor(NamedTuple):
    """Where a stream's chain was when somebody signed it."""

    size: int
    last_seq: int
    chain: str


class StreamReport(NamedTuple):
    """What was found out about a stream."""

    stream: str
    entries: int
    """Entries of the chain that were verified."""
    last_seq: int
    chain: str
    removed: int
    """Messages whose content was removed."""
    gone: int
    """Entries that the log has let go, as its limits say; they were compared with the tables alone."""
    gaps: int
    """Sequences that the log never gave the worker."""
    waiting: int
    """Recorded, and not chained until what comes before is recorded."""
    unread: int
    """Messages that the worker has not read yet."""
    difference: Difference | None
    """The first thing that does not agree; None: all does."""


async def verify(
    store: Store,
    logs: Sequence[Log],
    *,
    anchors: Mapping[str, Anchor] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[StreamReport]:
    """Compare chain, tables and log, for every stream of the record.

    Args:
        store: the database.
        logs: every log, with its server's address.
        anchors: heads that the chain must still go through, by stream.
        progress: told the entries of each part that was compared.

    Raises:
        LogError: a log cannot be read.
    """
    anchors = anchors or {}
    reports: dict[str, StreamReport] = {}
    for log in logs:
        async with connected(log.url or "") as client:
            _, created = await extent(client, log.stream)
            stream = await asyncio.to_thread(store.name_stream, log.stream, created)
            places = _Places(store, stream, client, log.stream)
            reports[stream] = await _verify_with_log(log, places, anchors.get(stream), progress)
    for stream in await asyncio.to_thread(_streams, store):
        if stream not in reports:  # its log was deleted, or is not configured any more
            checker = Checker(stream, store.redactor, held_from=_END)
            walk = _Walk(store, checker, anchors.get(stream), progress)
            await walk.through(_END)
            reports[stream] = await walk.end(_Places(store, stream))
    for stream in anchors.keys() - reports.keys():
        lost = Difference(stream, 0, "bundle", "dropped", "nothing of this stream is recorded any more")
        reports[stream] = StreamReport(stream, 0, 0, "", 0, 0, 0, 0, 0, lost)
    return list(reports.values())


async def catch_up_all(store: Store, logs: Sequence[Log]) -> None:
    """:func:`catch_up` for every log, where anything waits.

    Raises:
        LogError: a log cannot be reached.
    """
    for log in logs:
        if await asyncio.to_thread(store.chain_waits):
            async with connected(log.url or "") as client:
                _, created = await extent(client, log.stream)
                stream = await asyncio.to_thread(store.name_stream, log.stream, created)
                await catch_up(store, client, log, stream)


async def catch_up(store: Store, client: Client, log: Log, stream: str) -> int:
    """Chain what waits for sequences that the log lacks; returns the acknowledged sequence."""
    through = await _acknowledged(client, log, await asyncio.to_thread(_durable, store, stream))
    await asyncio.to_thread(store.catch_up_chain, stream, through)
    return through


async def _acknowledged(client: Client, log: Log, durable: str) -> int:
    """The sequence up to which the workers have acknowledged, and so recorded, everything; 0: they have not begun."""
    if not durable:
        return 0
    try:
        info = await client.jetstream().consumer_info(log.stream, durable)
    except NotFoundError:
        return 0
    return info.ack_floor.stream_seq if info.ack_floor else 0


async def _verify_with_log(
    log: Log, places: "_Places", anchor: Anchor | None, progress: Callable[[int], None]
) -> StreamReport:
    client, store, stream = places.client, places.store, places.stream
    assert client  # noqa: S101 - told by the caller
    info = await client.jetstream().stream_info(log.stream)
    through = await catch_up(store, client, log, stream)
    held_from = max(1, info.state.first_seq) if _forgets(info.config) else 1
    checker = Checker(stream, store.redactor, agent=log.agent, held_from=held_from, through=through)
    walk = _Walk(store, checker, anchor, progress, held_from=held_from)
    async for messages in read_log(client, log.stream):
        if messages and not walk.difference:
            await walk.on(messages)
    await walk.through(info.state.last_seq)
    highest = await asyncio.to_thread(_highest, store, stream)
    now = (await client.jetstream().stream_info(log.stream)).state.last_seq
    if highest > now:  # what came meanwhile is not compared, but nothing can be recorded that never came
        await walk.through(_END, after=now)
    return await walk.end(places)


def _forgets(config: Any) -> bool:  # noqa: ANN401 - nats-py's
    """Whether a stream lets messages go by itself."""
    limits = (config.max_msgs, config.max_bytes, config.max_msgs_per_subject, config.max_age)
    return config.retention is not RetentionPolicy.LIMITS or any((limit or 0) > 0 for limit in limits)


class _Walk:
    """Goes through a stream's sequences with what the database has of them."""

    def __init__(
        self,
        store: Store,
        checker: Checker,
        anchor: Anchor | None,
        progress: Callable[[int], None],
        *,
        held_from: int = _END,
    ) -> None:
        self.difference: Difference | None = None
        self._store, self._checker, self._anchor, self._progress = store, checker, anchor, progress
        self._held_from = held_from
        self._at = -_END
        self._removed = self._gone = 0

    async def on(self, messages: Sequence[Message]) -> None:
        """Compare everything up to the last of these messages."""
        log = {m.sequence: Seen(m.subject, m.data) for m in messages}
        await asyncio.to_thread(self._through, messages[0].sequence - 1, {})
        await asyncio.to_thread(self._through, messages[-1].sequence, log)

    async def through(self, last: int, *, after: int = -_END) -> None:
        """Compare what the database has up to a sequence, of which the log has nothing."""
        self._at = max(self._at, after)
        await asyncio.to_thread(self._through, last, {})

    async def end(self, places: "_Places") -> StreamReport:
        """Compare what is known only at the end, and say what was found."""
        if not self.difference:
            self.difference = await asyncio.to_thread(self._as_a_whole)
        found = await name(self.difference, places) if self.difference else None
        c = self._checker
        numbers = (c.size, c.last, c.chain.hex(), self._removed, self._gone, c.gaps, c.waiting, c.unread)
        return StreamReport(c.stream, *numbers, found)

    def _through(self, last: int, log: Mapping[int, Seen]) -> None:
        keep = {self._anchor.last_seq} if self._anchor else set()
        while not self.difference and self._at < last:
            with snapshot(self._store.engine) as connection:
                until = self._reach(connection, last)
                part = Part(
                    *_database_part(connection, self._checker.stream, self._at, until),
                    {seq: seen for seq, seen in log.items() if self._at < seq <= until},
                )
                removed = _removed(connection, self._checker.stream, self._at, until)
            self.difference = self._checker.check(part, removed, keep=keep)
            self._removed += len(removed)
            self._gone += sum(1 for seq in part.chained if seq < self._held_from and seq not in part.log)
            self._at = until
            self._progress(len(part.chained))

    def _reach(self, connection: Connection, last: int) -> int:
        """How far to go, so that no more than so many rows of a table are read at once."""
        reach = last
        for table in (tables.events, tables.audit_chain, tables.dead_letters, tables.audit_waiting):
            t = table.c
            query = select(t.seq).where(t.stream == self._checker.stream, t.seq > self._at, t.seq <= reach)
            reach = connection.scalar(query.order_by(t.seq).offset(PART - 1).limit(1)) or reach
        return reach

    def _as_a_whole(self) -> Difference | None:
        """Compare what is known only at the end: tiles, and the head that somebody signed."""
        stream, anchor = self._checker.stream, self._anchor
        t = tables.audit_tiles
        query = select(t.c.tile, t.c.first_seq, t.c.root).where(t.c.stream == stream, t.c.level == 1)
        with self._store.engine.connect() as connection:
            rows = connection.execute(query.order_by(t.c.tile)).all()
            grown = head_of(connection, stream).size - self._checker.size
        for row, root in zip(rows, self._checker.tiles, strict=False):
            if row.root != root:
                text = "the root over its entries is another"
                return Difference(stream, row.first_seq, "audit_tiles", "changed", text)
        if not grown and len(rows) != len(self._checker.tiles):
            return Difference(stream, self._checker.last, "audit_tiles", "dropped", "there are not as many as entries")
        if anchor and anchor.size and self._checker.heads.get(anchor.last_seq) != anchor.chain:
            return Difference(
                stream, anchor.last_seq, "bundle", "changed", "the chain does not go through what was signed"
            )
        return None


class _Places:
    """Looks up digests in the database and in the log."""

    def __init__(self, store: Store, stream: str, client: Client | None = None, log: str = "") -> None:
        self.store, self.stream, self.client, self._log = store, stream, client, log

    async def digest_at(self, place: str, seq: int) -> str:
        if place != "log":
            return await asyncio.to_thread(self._row, tables.metadata.tables[place], seq)
        if self.client is None:
            return ""
        try:
            message = await self.client.jetstream().get_msg(self._log, seq)
        except NotFoundError:
            return ""
        return hashlib.sha256(message.data or b"").hexdigest()

    async def sequences_of(self, place: str, digest: str) -> list[int]:
        t = tables.metadata.tables[place].c
        query = select(t.seq).where(t.stream == self.stream, t.digest == digest).order_by(t.seq).limit(20)

        def look() -> list[int]:
            with self.store.engine.connect() as connection:
                return list(connection.scalars(query))

        return await asyncio.to_thread(look)

    def _row(self, table: Table, seq: int) -> str:
        query = select(table.c.digest).where(table.c.stream == self.stream, table.c.seq == seq)
        with self.store.engine.connect() as connection:
            return connection.scalar(query) or ""


def _database_part(
    connection: Connection, stream: str, after: int, until: int
) -> tuple[dict[int, Chained], dict[int, Recorded], dict[int, Letter]]:
    def rows(table: Table) -> Any:  # noqa: ANN401 - SQLAlchemy's rows
        where = (table.c.stream == stream, table.c.seq > after, table.c.seq <= until)
        return connection.execute(select(table).where(*where)).mappings()

    chained = {r["seq"]: Chained(r["seq"], -1, r["digest"], "") for r in rows(tables.audit_waiting)}
    chained |= {r["seq"]: Chained(r["seq"], r["entry"], r["digest"], r["chain"]) for r in rows(tables.audit_chain)}
    events = {r["seq"]: Recorded(r["digest"], r) for r in rows(tables.events)}
    letters = {r["seq"]: Letter(bytes(r["data"])) for r in rows(tables.dead_letters)}
    return chained, events, letters


def _removed(connection: Connection, stream: str, after: int, until: int) -> Collection[int]:
    t = tables.audit_removals
    return set(connection.scalars(select(t.c.seq).where(t.c.stream == stream, t.c.seq > after, t.c.seq <= until)))


def _streams(store: Store) -> list[str]:
    found: set[str] = set()
    with store.engine.connect() as connection:
        for table in (tables.audit_chain, tables.events, tables.dead_letters):
            found |= set(connection.scalars(select(table.c.stream).distinct()))
    return sorted(found)


def _highest(store: Store, stream: str) -> int:
    """The highest sequence of anything recorded."""
    with snapshot(store.engine) as connection:
        return max(
            connection.scalar(select(func.max(table.c.seq)).where(table.c.stream == stream)) or 0
            for table in (tables.events, tables.dead_letters, tables.audit_chain, tables.audit_waiting)
        )


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection to which all tables are as they were at one moment."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection:
        yield connection


def _durable(store: Store, stream: str) -> str:
    t = tables.streams
    with store.engine.connect() as connection:
        return connection.scalar(select(t.c.durable).where(t.c.stream == stream)) or ""
