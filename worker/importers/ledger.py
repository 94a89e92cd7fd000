"""What is in the log already, by identifier: the reason why importing twice adds nothing.

The log is the truth. The ledger is a copy of the identifiers in it (of messages that have a ``Nats-Msg-Id``), kept in
a file so that the log need not be read again, and brought up to date from the log at each start: what an import sent
before it was killed is in the log though not in the ledger, and :mod:`worker.importers.catch_up` finds it there. So
nothing rests on the stream's duplicate window, nor on the file being there or complete.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Self

__all__ = ["Ledger"]

FILE = "imports.sqlite"
_QUESTIONS = 500
"""Identifiers that are asked for at a time."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, upto INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (stream INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (stream, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, version TEXT NOT NULL, report BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS names (what TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Ledger:
    """The identifiers that streams hold, and what is remembered of files and sessions.

    Changes are seen at once and kept only by :meth:`commit`: a process that dies leaves the ledger as it was at the
    last one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _change(self, statement: str, *values: object) -> int:
        """Make a change; how many rows it made or took."""
        self._begin()
        return self._connection.execute(statement, values).rowcount

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _ask(self, query: str, *values: object) -> tuple[object, ...] | None:
        row: tuple[object, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The ledger in a folder, made when it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / FILE, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power failure takes is found in the log again
        connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def rehearsal(cls, folder: Path) -> Self:
        """A ledger that knows what the folder's knows, and leaves nothing behind."""
        connection = sqlite3.connect("", isolation_level=None, uri=True)
        connection.executescript(_SCHEMA)
        path = folder / FILE
        if path.exists():
            connection.execute("ATTACH ? AS kept", (f"{path.absolute().as_uri()}?mode=ro",))
            for table in ("streams", "events", "files", "names"):
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM kept.{table}")
            connection.execute("DETACH kept")
        return cls(connection)

    def close(self) -> None:
        """Close it; what was not committed is forgotten."""
        self._connection.close()

    def commit(self) -> None:
        """Keep what was changed."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    # Events

    def stream(self, name: str, made: str = "") -> int:
        """The number of a stream; 0: it was never met.

        Args:
            name: its name.
            made: when it was made, which tells it from a deleted one; empty: the one that was met last.
        """
        if made:
            self._change("INSERT OR IGNORE INTO streams (name, upto) VALUES (?, 0)", f"{name} {made}")
            row = self._ask("SELECT number FROM streams WHERE name = ?", f"{name} {made}")
        else:
            row = self._ask("SELECT max(number) FROM streams WHERE substr(name, 1, length(?1)) = ?1", f"{name} ")
        return int(str(row[0])) if row and row[0] else 0

    def upto(self, stream: int) -> int:
        """The sequence up to which everything in the stream is known."""
        row = self._ask("SELECT upto FROM streams WHERE number = ?", stream)
        return int(str(row[0])) if row else 0

    def seen(self, stream: int, upto: int) -> None:
        """Everything in the stream up to this sequence is known."""
        self._change("UPDATE streams SET upto = max(upto, ?) WHERE number = ?", upto, stream)

    def add(self, stream: int, name: str) -> bool:
        """Add an event's identifier; whether it was new."""
        return self._change("INSERT OR IGNORE INTO events VALUES (?, ?)", stream, _key(name)) > 0

    def add_all(self, stream: int, names: Sequence[str]) -> list[bool]:
        """Add events' identifiers; which of them were new."""
        keys = list(map(_key, names))
        new = self._new(stream, keys)
        if any(new):
            if not self._connection.in_transaction:
                self._begin()
                new = self._new(stream, keys)  # since another process may just have added some
            rows = [(stream, key) for key, is_new in zip(keys, new, strict=True) if is_new]
            self._connection.executemany("INSERT INTO events VALUES (?, ?)", rows)
        return new

    def _new(self, stream: int, keys: Sequence[bytes]) -> list[bool]:
        """Which of these are not there, nor among those before."""
        known = self._known(stream, keys)
        if not known and len(set(keys)) == len(keys):
            return [True] * len(keys)
        new = []
        for key in keys:
            new.append(key not in known)
            known.add(key)
        return new

    def _known(self, stream: int, keys: Sequence[bytes]) -> set[bytes]:
        known: set[bytes] = set()
        for part in (keys[at : at + _QUESTIONS] for at in range(0, len(keys), _QUESTIONS)):
            marks = ",".join("?" * len(part))
            query = f"SELECT id FROM events WHERE stream = ? AND id IN ({marks})"
            known.update(row[0] for row in self._connection.execute(query, (stream, *part)))
        return known

    def has(self, stream: int, name: str) -> bool:
        """Whether an event's identifier is there."""
        return self._ask("SELECT 1 FROM events WHERE stream = ? AND id = ?", stream, _key(name)) is not None

    def remove(self, stream: int, name: str) -> None:
        """Take back the identifier of an event that the stream did not take."""
        self._change("DELETE FROM events WHERE stream = ? AND id = ?", stream, _key(name))

    # Files

    def report(self, path: str, version: str) -> bytes | None:
        """What was reported of a file when it was imported whole, if it has not changed since."""
        row = self._ask("SELECT report FROM files WHERE path = ? AND version = ?", path, version)
        return row[0] if row and isinstance(row[0], bytes) else None

    def done(self, path: str, version: str, report: bytes) -> None:
        """Remember that a file was imported whole."""
        self._change("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", path, version, report)

    # Names

    def recall(self, what: str) -> str:
        """What was remembered; empty when nothing was."""
        row = self._ask("SELECT value FROM names WHERE what = ?", what)
        return str(row[0]) if row else ""

    def remember(self, what: str, value: str) -> None:
        """Keep this for later imports."""
        if self.recall(what) != value:
            self._change("INSERT OR REPLACE INTO names VALUES (?, ?)", what, value)


def _key(name: str) -> bytes:
    """An identifier as the ledger keeps it: ours are 16 bytes in hexadecimal, others may be anything."""
    try:
        return bytes.fromhex(name)
    except ValueError:
        return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
