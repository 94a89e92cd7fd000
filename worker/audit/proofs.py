"""The Merkle tree over the chain's entries (RFC 6962): its root, and the proof that one entry is in it."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from models import tables
from worker.audit.chain import TILE
from worker.audit.verify_bundle import START, leaf, path, root

__all__ = ["Head", "Proof", "head_of", "prove", "root_of"]


class Head(NamedTuple):
    """Where the chain of a stream ends."""

    stream: str
    size: int
    first_seq: int
    last_seq: int
    chain: str


class Proof(NamedTuple):
    """That an entry is in the tree: its siblings on the way to the root."""

    stream: str
    seq: int
    digest: str
    entry: int
    path: list[str]


def head_of(connection: Connection, stream: str) -> Head:
    """Where a stream's chain ends; size 0: nothing is chained."""
    t = tables.audit_chain
    query = select(t).where(t.c.stream == stream)
    last = connection.execute(query.order_by(t.c.seq.desc()).limit(1)).first()
    first = connection.execute(query.order_by(t.c.seq).limit(1)).first()
    if first is None or last is None:
        return Head(stream, 0, 0, 0, START.hex())
    return Head(stream, last.entry + 1, first.seq, last.seq, last.chain)


def root_of(connection: Connection, head: Head) -> str:
    """The root of the tree that ends here, from O(log n) tiles."""
    return root(_Tree(connection, head).top()).hex()


def prove(connection: Connection, head: Head, seq: int) -> Proof:
    """Prove that a message is in the tree that ends here, from O(log n) tiles; the proof has O(log n) hashes.

    Raises:
        LookupError: it is not.
    """
    t = tables.audit_chain
    row = connection.execute(select(t).where(t.c.stream == head.stream, t.c.seq == seq)).first()
    if row is None or row.entry >= head.size:
        raise LookupError(f"{head.stream} {seq} is not in the audit chain")
    siblings = _Tree(connection, head).path(row.entry)
    return Proof(head.stream, seq, row.digest, row.entry, [one.hex() for one in siblings])


class _Tree:
    """The tree over the first entries of a stream, read a tile at a time."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self._head = head

    def path(self, index: int) -> list[bytes]:
        found: list[bytes] = []
        level = 0
        while True:
            hashes = self._tile(level, index // TILE)
            found += path(index % TILE, hashes)
            if self._count(level) <= TILE:
                return found
            index, level = index // TILE, level + 1

    def top(self) -> list[bytes]:
        level = 0
        while self._count(level) > TILE:
            level += 1
        return self._tile(level, 0)

    def _count(self, level: int) -> int:
        """Hashes of a level, with a last one that is not complete."""
        below: int = TILE**level
        return (self._head.size + below - 1) // below

    def _tile(self, level: int, tile: int) -> list[bytes]:
        """The hashes under a tile of the level above."""
        if level == 0:
            return self._leaves(tile)
        first, last = tile * TILE, min((tile + 1) * TILE, self._count(level))
        complete = min(last, self._head.size // TILE**level)
        t = tables.audit_tiles
        query = select(t.c.root).where(t.c.stream == self._head.stream, t.c.level == level)
        within = query.where(t.c.tile >= first, t.c.tile < complete).order_by(t.c.tile)
        hashes = [bytes.fromhex(one) for one in self._connection.scalars(within)]
        if complete < last:
            hashes.append(root(self._tile(level - 1, complete)))
        return hashes

    def _leaves(self, tile: int) -> list[bytes]:
        count = min(TILE, self._head.size - tile * TILE)
        t, tiles = tables.audit_chain, tables.audit_tiles
        stream = self._head.stream
        query = select(t.c.seq, t.c.digest).where(t.c.stream == stream, t.c.seq <= self._head.last_seq).limit(count)
        if count == TILE:
            place = (tiles.c.stream == stream, tiles.c.level == 1, tiles.c.tile == tile)
            first = self._connection.scalar(select(tiles.c.first_seq).where(*place))
            rows = self._connection.execute(query.where(t.c.seq >= first).order_by(t.c.seq)).all()
        else:
            rows = self._connection.execute(query.order_by(t.c.seq.desc())).all()[::-1]
        return [leaf(stream, row.seq, row.digest) for row in rows]
