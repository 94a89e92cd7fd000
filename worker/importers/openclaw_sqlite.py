"""OpenClaw transcripts in an agent's database, as the gateway of 2026 keeps them.

Rows are read a few hundred at a time, each time by a statement that ends: no lock is held, and the gateway may go on
writing. Large entries are packed with zstd. What was reset or deleted lies in the same file, packed whole.
"""

import contextlib
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import zstandard

from worker.importers.base import File, Memory, Record
from worker.importers.openclaw_entries import Transcript
from worker.importers.openclaw_names import DATABASE, Sessions, agent_of, connect, text_of
from worker.importers.openclaw_tree import Link, abandoned, link
from worker.lines import LONGEST

__all__ = ["FORMAT", "entries", "read", "recognises", "tail", "unpacked"]

FORMAT = "OpenClaw database"

PATIENCE = 2.0
"""Seconds that following waits for a lock, which a gateway that writes ahead never makes it do."""
AGAIN, RETRY = 0.2, 2.0
"""Seconds until a database that could not be read is read again: the first time, and each time after that."""
OPEN = 100
"""Transcripts of a database that can go on at once; others are read again from their beginning."""
_ROWS = 500
_LAST = 2**52
"""A number that no entry has."""
_ARCHIVES = ("session_transcript_archives", "session_transcript_cold_archives")

Row = tuple[int, bytes, int]
"""An entry: its number from 0, its JSON, when it was written (Unix milliseconds)."""


def recognises(file: File) -> bool:
    """Whether it is a SQLite database with transcripts."""
    if not file.head.startswith(b"SQLite format 3\x00"):
        return False
    try:
        with contextlib.closing(connect(file.path)) as connection:
            return "event_json" in _columns(connection, "transcript_events")
    except sqlite3.Error:
        return file.name == DATABASE  # damaged or locked: reading it will say so


def read(file: File, memory: Memory) -> Iterator[Record]:
    """The events of every transcript in the database, then those of its archives."""
    try:
        connection = connect(file.path)
    except sqlite3.Error as error:
        yield Record(0, [], f"the database cannot be opened: {error}")
        return
    sessions = Sessions.settled_beside(file.path, agent_of(file.path, None, file.agent), memory)
    number = 0
    try:
        for (identity,) in connection.execute("SELECT DISTINCT session_id FROM transcript_events").fetchall():
            for record in _transcript(connection, sessions, identity):
                number += 1
                yield record
        for table in _ARCHIVES:
            for record in _archived(connection, sessions, table):
                number += 1
                yield record
    except sqlite3.Error as error:
        yield Record(number + 1, [], f"the database cannot be read from here on: {error}")
    finally:
        connection.close()


def entries(
    connection: sqlite3.Connection, session: object, after: object = -1, rows: int = _ROWS
) -> Iterator[Row | Record]:
    """A transcript's entries behind a number, so many at a time; a record instead of one that cannot be read."""
    columns = _columns(connection, "transcript_events")
    packed, written_at = (name if name in columns else "NULL" for name in ("event_zstd", "created_at"))
    query = (
        f"SELECT seq, event_json, {packed}, {written_at} FROM transcript_events "
        "WHERE session_id IS ? AND seq > ? ORDER BY seq LIMIT ?"
    )
    while found := connection.execute(query, (session, after, rows)).fetchall():
        for seq, plain, frame, written in found:
            after = seq
            if not isinstance(seq, int) or seq > _LAST:
                yield Record(0, [], f"session {session}, entry {seq!r}: that is no number of an entry")
                continue
            try:
                yield seq, _raw(plain, frame), written if isinstance(written, int) else 0
            except (zstandard.ZstdError, TypeError) as error:
                yield Record(seq + 1, [], f"session {session}, entry {seq}: {error}")


def _raw(plain: object, frame: object) -> bytes:
    """An entry's JSON, from the columns that may hold it."""
    if isinstance(plain, str):
        return plain.encode()
    if isinstance(plain, bytes):
        return plain
    if isinstance(frame, bytes):
        return unpacked(frame)
    raise TypeError("neither JSON nor anything packed")


def unpacked(frame: bytes) -> bytes:
    """What a zstd frame holds.

    Raises:
        zstandard.ZstdError: it is damaged, or larger than any entry.
    """
    return zstandard.ZstdDecompressor().decompress(frame, max_output_size=LONGEST)


def _transcript(connection: sqlite3.Connection, sessions: Sessions, identity: object) -> Iterator[Record]:
    transcript = _begun(connection, sessions, identity)
    for row in entries(connection, identity):
        yield row if isinstance(row, Record) else _record(transcript, identity, row)


def _begun(connection: sqlite3.Connection, sessions: Sessions, identity: object) -> Transcript:
    """A transcript before its first entry."""

    def links() -> Iterator[tuple[int, Link]]:
        for row in entries(connection, identity):
            if not isinstance(row, Record) and (found := link(row[1])):
                yield row[0] + 1, found

    return Transcript(sessions.session(_name(identity)), sessions, abandoned=abandoned(links))


def _name(identity: object) -> str:
    """What a column holds, as a name."""
    return identity.decode("utf-8", "replace") if isinstance(identity, bytes) else text_of(identity)


def _record(transcript: Transcript, identity: object, row: Row) -> Record:
    record = transcript.entry(row[1], row[0] + 1, row[2])
    if record.refused:
        return Record(record.place, [], f"session {identity}, entry {row[0]}: {record.refused}")
    return record


def _archived(connection: sqlite3.Connection, sessions: Sessions, table: str, after: int = 0) -> Iterator[Record]:
    if not {"session_id", "archive_blob"} <= _columns(connection, table):
        return
    query = f"SELECT rowid, session_id FROM {table} WHERE rowid > ? ORDER BY rowid"
    for rowid, identity in connection.execute(query, (after,)).fetchall():
        blob = connection.execute(f"SELECT archive_blob FROM {table} WHERE rowid = ?", (rowid,)).fetchone()
        if blob is None or blob[0] is None:
            continue
        try:
            packed = blob[0].encode() if isinstance(blob[0], str) else blob[0]
            if not isinstance(packed, bytes):
                raise TypeError(f"no archive but {packed!r}")
            whole = zstandard.ZstdDecompressor().decompressobj().decompress(packed) if _is_zstd(packed) else packed
        except (zstandard.ZstdError, TypeError) as error:
            yield Record(1, [], f"session {identity}, archive: {error}")
            continue
        raw = [(number, line) for number, line in enumerate(whole.split(b"\n"), 1) if line.strip()]
        links = [(number, found) for number, line in raw if (found := link(line))]
        transcript = Transcript(sessions.session(_name(identity)), sessions, abandoned=abandoned(links.__iter__))
        for number, line in raw:
            yield transcript.entry(line, number)


def _is_zstd(data: bytes) -> bool:
    return data.startswith(b"\x28\xb5\x2f\xfd")


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


class _Reached(NamedTuple):
    """How far a transcript was read."""

    seq: Any
    generation: str
    """Changes when the gateway writes a transcript anew."""
    row: int
    """The hash of the last entry."""


class _Tail:
    """A database that the gateway writes to.

    It is opened for each reading: an open connection would keep the gateway from clearing its write-ahead log away.
    """

    def __init__(self, file: File, memory: Memory) -> None:
        self.again = 0.0
        self._file = file
        self._memory = memory
        self._inode = 0
        self._failures = 0
        """How often in a row it could not be read."""
        self._reached: dict[Any, _Reached] = {}
        self._archives: dict[str, int] = {}
        """The last row of each table of archives."""
        self._transcripts: OrderedDict[Any, Transcript] = OrderedDict()

    def skip(self) -> None:
        """Take all that is there for read."""
        with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(self._connect()) as connection:
            self._reached = {one: _Reached(seq, generation, 0) for one, seq, generation in _ends(connection)}
            self._archives = {table: _last(connection, table) for table in _ARCHIVES}

    def read(self) -> Iterator[Record]:
        """The entries that are new, of all transcripts."""
        self.again = 0.0
        try:
            with contextlib.closing(self._connect()) as connection:
                yield from self._new(connection)
        except sqlite3.Error as error:
            # Once is no news: it may just have been made, or put in another's place.
            self.again = RETRY if self._failures else AGAIN
            if self._failures:
                yield Record(0, [], f"the database cannot be read now: {error}")
            self._failures += 1
        else:
            self._failures = 0

    def _connect(self) -> sqlite3.Connection:
        inode = self._file.path.stat().st_ino
        if inode != self._inode:
            self._inode = inode
            self._reached.clear()
            self._archives.clear()
            self._transcripts.clear()
        return connect(self._file.path, timeout=PATIENCE)

    def _new(self, connection: sqlite3.Connection) -> Iterator[Record]:
        ends = _ends(connection)
        for identity, seq, generation in ends:
            reached = self._reached.get(identity)
            if reached is None or (seq, generation) != reached[:2]:
                yield from self._entries(connection, identity, generation)
        for gone in self._reached.keys() - {identity for identity, _, _ in ends}:
            del self._reached[gone]
            self._transcripts.pop(gone, None)
        for table in _ARCHIVES:
            last, before = _last(connection, table), self._archives.get(table, 0)
            if last > before:
                yield from _archived(connection, self._sessions(), table, after=before)
            self._archives[table] = last

    def _sessions(self) -> Sessions:
        return Sessions.beside(self._file.path, agent_of(self._file.path, None, self._file.agent), self._memory)

    def _entries(self, connection: sqlite3.Connection, identity: object, generation: str) -> Iterator[Record]:
        """A transcript's entries that are new: of one that was written anew, or is not known any more, all."""
        transcript = self._transcripts.pop(identity, None)
        reached = self._reached.get(identity)
        if transcript is None or reached is None or not self._is_as_read(connection, identity, reached, generation):
            transcript = _begun(connection, self._sessions(), identity)
            reached = _Reached(-1, generation, 0)
        self._transcripts[identity] = transcript
        if len(self._transcripts) > OPEN:
            self._transcripts.popitem(last=False)
        for row in entries(connection, identity, reached.seq):
            if isinstance(row, Record):
                self._reached[identity] = _Reached(row.place - 1, generation, 0)
                yield row
            else:
                self._reached[identity] = _Reached(row[0], generation, hash(row[1]))
                yield _record(transcript, identity, row)

    def _is_as_read(self, connection: sqlite3.Connection, identity: object, reached: _Reached, generation: str) -> bool:
        if generation != reached.generation:
            return False
        row = next(entries(connection, identity, reached.seq - 1, rows=1), None)
        return row is not None and not isinstance(row, Record) and (row[0], hash(row[1])) == (reached.seq, reached.row)


def tail(file: File, memory: Memory) -> _Tail:
    """A database's tail."""
    return _Tail(file, memory)


def _ends(connection: sqlite3.Connection) -> list[tuple[Any, Any, str]]:
    """Each transcript's last number and its generation; a few look-ups each, however long transcripts are."""
    generation = "NULL"
    if {"session_id", "generation"} <= _columns(connection, "transcript_rewrite_watermarks"):
        generation = "(SELECT generation FROM transcript_rewrite_watermarks WHERE session_id = one.id)"
    rows = connection.execute(
        "WITH RECURSIVE one(id) AS ("
        " SELECT min(session_id) FROM transcript_events UNION ALL"
        " SELECT (SELECT min(session_id) FROM transcript_events WHERE session_id > one.id) FROM one"
        " WHERE one.id IS NOT NULL) "
        f"SELECT id, (SELECT max(seq) FROM transcript_events WHERE session_id = one.id), {generation} "
        "FROM one WHERE id IS NOT NULL"
    )
    return [(identity, seq, text_of(known)) for identity, seq, known in rows]


def _last(connection: sqlite3.Connection, table: str) -> int:
    if not {"session_id", "archive_blob"} <= _columns(connection, table):
        return 0
    return int(connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()[0])
