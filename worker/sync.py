"""Bring a table's rows to what they should be, writing only what differs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, select, tuple_

from worker.database import Row, key_of, told, upsert

__all__ = ["Differences", "apply", "as_rows", "belongs", "compare", "sync"]


class Differences(NamedTuple):
    """How rows differ from what they should be."""

    gone: list[Row]
    """Rows that should not be there."""
    changed: list[Row]
    """Rows that should be there, as they should be, and are missing or different."""


def as_rows(structs: Iterable[msgspec.Struct]) -> list[Row]:
    return [msgspec.structs.asdict(struct) for struct in structs]


def belongs(table: Table, sessions: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    """The rows of sessions, given as (agent, session key)."""
    # SQLite finds no index by a pair of columns: the keys alone lead it there.
    keys = sorted({session for _, session in sessions})
    return and_(table.c.session.in_(keys), tuple_(table.c.agent, table.c.session).in_(sessions))


def compare(
    table: Table, present: Iterable[Row], wanted: Iterable[Row], *, ignoring: Collection[str] = ()
) -> Differences:
    """Compare rows by key; both sides may come in any order, columns of ``ignoring`` may differ."""
    keys = key_of(table)
    compared = [column.name for column in told(table) if column.name not in ignoring]

    def values(row: Row, names: list[str]) -> tuple[Any, ...]:
        return tuple(row[name] for name in names)

    there = {values(row, keys): row for row in present}
    changed = [
        row
        for row in wanted
        if (other := there.pop(values(row, keys), None)) is None or values(row, compared) != values(other, compared)
    ]
    return Differences(gone=list(there.values()), changed=changed)


def sync(connection: Connection, table: Table, where: ColumnElement[bool] | None, wanted: Iterable[Row]) -> None:
    """Make the rows of ``table`` that meet ``where`` (all, when None) equal to ``wanted``."""
    query = select(table) if where is None else select(table).where(where)
    present = (dict(row) for row in connection.execute(query).mappings())
    apply(connection, table, compare(table, present, wanted))


def apply(connection: Connection, table: Table, differences: Differences) -> None:
    """Delete and write the rows that differ."""
    if differences.gone:
        keys = key_of(table)
        match = and_(*(table.c[name] == bindparam(f"k_{name}") for name in keys))
        connection.execute(delete(table).where(match), [{f"k_{n}": r[n] for n in keys} for r in differences.gone])
    for rows in _batches(differences.changed):
        upsert(connection, table, rows)


def _batches(rows: list[Row], size: int = 1_000) -> Iterator[list[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
