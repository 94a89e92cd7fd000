"""What could not be sent, in a folder: it survives the agent and is sent by the next one.

The folder holds one SQLite file. Any number of processes may add to it; one of them, the one that holds a lock, sends
what is in it.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from worker.publisher.queue import Waiting

__all__ = ["Spool", "SpoolError"]

_PAGE = 4096
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (row INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, id TEXT NOT NULL,
    agent TEXT NOT NULL, type TEXT NOT NULL, data BLOB NOT NULL, after INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_log ON events (log, row);
"""


class SpoolError(OSError):
    """The spool cannot be used, or is full."""


class Spool:
    """The spool of a folder.

    Args:
        folder: made when it is missing.
        size: bytes that its file may have.

    Raises:
        SpoolError: the folder cannot be used.
    """

    def __init__(self, folder: Path, size: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = folder / "spool.sqlite"
            file.touch(mode=0o600)
            self._connection = sqlite3.connect(file, timeout=10, isolation_level=None)
            self._connection.execute(f"PRAGMA page_size = {_PAGE}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
            self._lock = (folder / "spool.lock").open("ab")
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"the spool {folder} cannot be used: {error}") from None
        self._pages = size // _PAGE
        self._ours = False

    def close(self) -> None:
        """Close it, and leave what is in it to others."""
        self._connection.close()
        self._lock.close()

    def is_ours(self) -> bool:
        """Whether this process is the one that sends what is in it."""
        if not self._ours:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._ours = True
        return self._ours

    def count(self) -> int:
        """Events in it."""
        return int(self._connection.execute("SELECT count(*) FROM events").fetchone()[0])

    def keep(self, log: str, many: Iterable[Waiting]) -> None:
        """Add events, all or none.

        Raises:
            SpoolError: there is no room for them, or the disk is full.
        """
        rows = [(log, one.id, one.agent, one.type, one.data, one.after) for one in many]
        insert = "INSERT INTO events (log, id, agent, type, data, after) VALUES (?, ?, ?, ?, ?, ?)"
        with self._limited(self._pages), self._changing():
            self._connection.executemany(insert, rows)

    def next(self, log: str, behind: int, limit: int, size: int) -> list[Waiting]:
        """Events of a log in the order in which they were added, from behind a row on, about ``size`` bytes at most."""
        query = "SELECT id, agent, type, data, after, row FROM events WHERE log = ? AND row > ? ORDER BY row LIMIT ?"
        found: list[Waiting] = []
        with self._failing(), contextlib.closing(self._connection.execute(query, (log, behind, limit))) as rows:
            for identifier, agent, kind, data, after, row in rows:
                found.append(Waiting(identifier, agent, kind, data, masked=True, after=after, row=row))
                size -= len(data)
                if size <= 0:
                    break
        return found

    def sent(self, many: Sequence[Waiting], after: int) -> None:
        """Note, before they are sent, that they may be in the stream behind a sequence."""
        rows = [(after, one.row) for one in many if one.after < 0]
        with self._changing():
            self._connection.executemany("UPDATE events SET after = ? WHERE row = ?", rows)

    def forget(self, rows: Collection[int]) -> None:
        """Take out what is settled."""
        with self._changing():
            self._connection.executemany("DELETE FROM events WHERE row = ?", [(row,) for row in rows])

    def adopt(self, logs: Collection[str]) -> None:
        """What is of logs that are no longer configured goes to the shared one."""
        marks = ", ".join("?" * len(logs))
        with self._changing():
            self._connection.execute(f"UPDATE events SET log = '' WHERE log NOT IN ({marks})", tuple(logs))

    @contextlib.contextmanager
    def _limited(self, pages: int) -> Iterator[None]:
        """Only what is added is limited: what is taken out may need a page for a while."""
        self._connection.execute(f"PRAGMA max_page_count = {pages}")
        try:
            yield
        finally:
            self._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self._failing(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpoolError(f"the spool: {error}") from None
