"""Engines for the two databases that Eventlore writes to, set up so that what is committed stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

__all__ = ["count_for_planner", "insert_or_ignore", "key_of", "migrate", "open_engine", "told", "upsert", "writing"]

Row = dict[str, Any]


def open_engine(url: str) -> Engine:
    """Open an engine on SQLite (WAL, full durability) or PostgreSQL (psycopg 3).

    Raises:
        ValueError: the URL is of another database, or malformed.
        ModuleNotFoundError: PostgreSQL is asked for and psycopg is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(f"not a database URL: {url!r} (sqlite:///FILE or postgresql://...)") from error
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=4)
    raise ValueError(f"{parsed.get_backend_name()} is not supported: use sqlite:///FILE or postgresql://...")


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions itself, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that will write takes the lock at once: one that upgrades later can fail instead of waiting.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed when the block ends, rolled back when it raises."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def migrate(engine: Engine) -> None:
    """Bring the tables to the version of this code; does nothing when they are there already."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "models" / "migrations"))
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":  # several workers may start at once
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7226018)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def count_for_planner(connection: Connection) -> None:
    """Let SQLite know how many rows its indexes tell apart; PostgreSQL sees to that by itself."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA analysis_limit=400")  # rows of each index: a few milliseconds in all
        connection.exec_driver_sql("ANALYZE")


def insert_or_ignore(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows; one whose key exists already stays as it is."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def upsert(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Insert rows, or overwrite those of equal key."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = key_of(table)
    names = [column.name for column in told(table)]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    values = [{name: row[name] for name in names} for row in rows]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), values)


def key_of(table: Table) -> list[str]:
    """The columns that identify a row, whatever database it is in."""
    return list(table.info.get("key") or (column.name for column in table.primary_key))


def told(table: Table) -> list[Column[Any]]:
    """The columns whose values come from us: all but a number that the database gives."""
    given = set(table.primary_key.columns.keys()) if "key" in table.info else set()
    return [column for column in table.columns if column.name not in given]


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
