"""The chain over the record: extended in the transaction that writes the events, in the order of their sequences.

Workers that share a log commit its batches out of order, and the chain must not depend on that. So an entry is chained
only when all that comes before it is; until then it waits. Sequences that the log lacks are stepped over once the
durable consumer is past them, for it acknowledges nothing that is not recorded.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, func, insert, select, text

from models import tables
from worker.audit.verify_bundle import START, leaf, link, root
from worker.database import insert_or_ignore

__all__ = ["TILE", "Entry", "catch_up", "digests_of", "extend", "permitted", "waits"]

TILE = 256
"""Entries under a tile, and tiles under one of the next level."""
MOST = 5_000
"""Waiting entries that are chained in one transaction."""
_LOCK = 7226019

Entry = tuple[str, int, str]
"""(stream, sequence, digest)"""


class _Head(NamedTuple):
    seq: int
    size: int
    chain: bytes


def extend(connection: Connection, entries: Iterable[Entry]) -> None:
    """Chain what was recorded in this transaction, and what waited for it.

    Args:
        connection: in a transaction that writes; it commits soon, for other workers wait for it from here on.
        entries: in any order; those that are chained already change nothing.
    """
    for stream, group in groupby(sorted(set(entries)), key=itemgetter(0)):
        head = _lock(connection, stream)
        new = [(seq, digest) for _, seq, digest in group]
        late = [entry for entry in new if entry[0] <= head.seq]
        fresh = new[len(late) :]
        ready = _following(head.seq, fresh)
        _put_off(connection, stream, [*_unchained(connection, stream, late), *fresh[len(ready) :]])
        ready += _released(connection, stream, ready[-1][0] if ready else head.seq)
        _append(connection, stream, head, ready)


def catch_up(connection: Connection, stream: str, through: int) -> bool:
    """Chain some of what waits, stepping over what the log lacks.

    Args:
        connection: in a transaction that writes.
        stream: as the tables call it.
        through: the sequence up to which everything that the log holds was recorded: the acknowledged one.

    Returns:
        Whether there may be more to chain.
    """
    head = _lock(connection, stream)
    t = tables.audit_waiting
    query = select(t.c.seq, t.c.digest).where(t.c.stream == stream, t.c.seq > head.seq, t.c.seq <= through)
    ready = [(row.seq, row.digest) for row in connection.execute(query.order_by(t.c.seq).limit(MOST))]
    if ready:
        released = delete(t).where(t.c.stream == stream, t.c.seq > head.seq, t.c.seq <= ready[-1][0])
        connection.execute(released)
    ready += _released(connection, stream, ready[-1][0] if ready else head.seq)
    _append(connection, stream, head, ready)
    return bool(ready)


def waits(connection: Connection, stream: str) -> bool:
    """Whether entries of a stream wait for others."""
    t = tables.audit_waiting
    chained = select(func.coalesce(func.max(tables.audit_chain.c.seq), 0)).where(tables.audit_chain.c.stream == stream)
    query = select(exists().where(t.c.stream == stream, t.c.seq > chained.scalar_subquery()))
    return bool(connection.scalar(query))


def digests_of(connection: Connection, places: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
    """The digests of recorded messages, as they were when they came."""
    found: dict[tuple[str, int], str] = {}
    for table in (tables.audit_chain, tables.audit_waiting):
        for stream, seq in places:
            query = select(table.c.digest).where(table.c.stream == stream, table.c.seq == seq)
            if digest := connection.scalar(query):
                found[stream, seq] = digest
    return found


@contextmanager
def permitted(connection: Connection, purpose: str) -> Iterator[None]:
    """A part of a transaction in which the database lets events and dead letters be written over."""
    connection.execute(insert(tables.audit_permits), {"purpose": purpose})
    yield
    connection.execute(delete(tables.audit_permits).where(tables.audit_permits.c.purpose == purpose))


def _lock(connection: Connection, stream: str) -> _Head:
    """The last entry, which nobody else goes on from until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:lock, hashtext(:stream))"), {"lock": _LOCK, "stream": stream}
        )
    t = tables.audit_chain
    query = select(t.c.seq, t.c.entry, t.c.chain).where(t.c.stream == stream).order_by(t.c.seq.desc()).limit(1)
    last = connection.execute(query).first()
    return _Head(last.seq, last.entry + 1, bytes.fromhex(last.chain)) if last else _Head(0, 0, START)


def _following(after: int, entries: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """The entries that follow ``after`` without a gap."""
    count = 0
    while count < len(entries) and entries[count][0] == after + count + 1:
        count += 1
    return list(entries[:count])


def _put_off(connection: Connection, stream: str, entries: Iterable[tuple[int, str]]) -> None:
    rows = [{"stream": stream, "seq": seq, "digest": digest} for seq, digest in entries]
    insert_or_ignore(connection, tables.audit_waiting, rows)


def _unchained(connection: Connection, stream: str, late: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those that the chain has passed without them."""
    if not late:
        return []
    t = tables.audit_chain
    query = select(t.c.seq).where(t.c.stream == stream, t.c.seq.between(late[0][0], late[-1][0]))
    chained = set(connection.scalars(query))
    return [entry for entry in late if entry[0] not in chained]


def _released(connection: Connection, stream: str, after: int) -> list[tuple[int, str]]:
    """Take what waited for the entry ``after`` from those that wait."""
    t = tables.audit_waiting
    query = select(t.c.seq, t.c.digest).where(t.c.stream == stream, t.c.seq > after).order_by(t.c.seq).limit(MOST)
    ready = _following(after, [(row.seq, row.digest) for row in connection.execute(query)])
    if ready:
        connection.execute(delete(t).where(t.c.stream == stream, t.c.seq.between(ready[0][0], ready[-1][0])))
    return ready


def _append(connection: Connection, stream: str, head: _Head, entries: Sequence[tuple[int, str]]) -> None:
    if not entries:
        return
    chain, rows, leaves = head.chain, [], []
    for number, (seq, digest) in enumerate(entries, head.size):
        leaves.append(leaf(stream, seq, digest))
        chain = link(chain, leaves[-1])
        rows.append({"stream": stream, "seq": seq, "entry": number, "digest": digest, "chain": chain.hex()})
    connection.execute(insert(tables.audit_chain), rows)
    size = head.size + len(entries)
    if size // TILE > head.size // TILE:
        _write_tiles(connection, stream, head, [seq for seq, _ in entries], leaves)


def _write_tiles(connection: Connection, stream: str, head: _Head, seqs: list[int], leaves: list[bytes]) -> None:
    """Write the tiles that these leaves have completed."""
    begun = head.size % TILE
    if begun:
        t = tables.audit_chain
        query = select(t.c.seq, t.c.digest).where(t.c.stream == stream, t.c.seq <= head.seq)
        before = connection.execute(query.order_by(t.c.seq.desc()).limit(begun)).all()[::-1]
        seqs = [row.seq for row in before] + seqs
        leaves = [leaf(stream, row.seq, row.digest) for row in before] + leaves
    level, tile = 1, head.size // TILE
    while len(leaves) >= TILE:
        starts = range(0, len(leaves) - TILE + 1, TILE)
        roots = [root(leaves[start : start + TILE]) for start in starts]
        firsts = [seqs[start] for start in starts]
        rows = [
            {"stream": stream, "level": level, "tile": tile + n, "first_seq": first, "root": top.hex()}
            for n, (first, top) in enumerate(zip(firsts, roots, strict=True))
        ]
        connection.execute(insert(tables.audit_tiles), rows)
        t = tables.audit_tiles
        query = select(t.c.first_seq, t.c.root).where(t.c.stream == stream, t.c.level == level)
        whole = tile - tile % TILE  # the first tile under the one above that is not complete yet
        below = connection.execute(query.where(t.c.tile >= whole).order_by(t.c.tile)).all()
        seqs, leaves = [row.first_seq for row in below], [bytes.fromhex(row.root) for row in below]
        level, tile = level + 1, tile // TILE
