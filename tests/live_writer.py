"""A process that writes to a state folder step by step, as a gateway does while it runs.

Each step is a list: what to do, then its arguments. Databases stay open, in WAL mode.
"""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import zstandard

__all__ = ["Step", "write_apart"]

Step = list[Any]

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 20;
CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, previous_session_id TEXT, reason TEXT);
CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER, event_zstd BLOB,
                                event_utf8_bytes INTEGER, navigation_json TEXT, PRIMARY KEY (session_id, seq)) STRICT;
CREATE TABLE transcript_rewrite_watermarks (session_id TEXT PRIMARY KEY, generation TEXT);
CREATE TABLE session_transcript_archives (session_id TEXT, session_key TEXT, reason TEXT, archive_blob BLOB);
"""


def write_apart(steps: list[Step], pause: float) -> subprocess.Popen[bytes]:
    """Start a process that does the steps with a pause after each."""
    process = subprocess.Popen([sys.executable, __file__, str(pause)], stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(json.dumps(steps).encode())
    process.stdin.close()
    return process


class Writer:
    def __init__(self) -> None:
        self.databases: dict[str, sqlite3.Connection] = {}

    def append(self, path: str, line: str) -> None:
        """Append a line, the second half a little later."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        data = line.encode("utf-8", "surrogatepass") + b"\n"
        with Path(path).open("ab", buffering=0) as stream:
            stream.write(data[: len(data) // 2])
            time.sleep(0.002)
            stream.write(data[len(data) // 2 :])

    def write(self, path: str, text: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)

    def move(self, path: str, to: str) -> None:
        Path(path).rename(to)

    def database(self, path: str) -> sqlite3.Connection:
        if path not in self.databases:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            new = not Path(path).exists()
            self.databases[path] = sqlite3.connect(path)
            if new:
                self.databases[path].executescript(SCHEMA)
        return self.databases[path]

    def window(self, path: str, session: str, key: str) -> None:
        with self.database(path) as database:
            database.execute("INSERT INTO session_windows VALUES (?, ?, NULL, 'initial')", (session, key))

    def row(self, path: str, session: str, seq: int, line: str) -> None:
        large = len(line) > 500
        packed = zstandard.ZstdCompressor().compress(line.encode()) if large else None
        with self.database(path) as database:
            values = (session, seq, None if large else line, 1, packed, None, None)
            database.execute("INSERT INTO transcript_events VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def rewrite(self, path: str, session: str, lines: list[str]) -> None:
        """Write a transcript anew, in one transaction."""
        with self.database(path) as database:
            database.execute("DELETE FROM transcript_events WHERE session_id = ?", (session,))
            rows = [(session, seq, line, 1, None, None, None) for seq, line in enumerate(lines)]
            database.executemany("INSERT INTO transcript_events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            database.execute("INSERT OR REPLACE INTO transcript_rewrite_watermarks VALUES (?, ?)", (session, "again"))

    def archive(self, path: str, session: str, key: str, lines: list[str]) -> None:
        """Move a transcript to the archive, in one transaction."""
        packed = zstandard.ZstdCompressor().compress("\n".join(lines).encode())
        with self.database(path) as database:
            database.execute("DELETE FROM transcript_events WHERE session_id = ?", (session,))
            database.execute(
                "INSERT INTO session_transcript_archives VALUES (?, ?, 'reset', ?)", (session, key, packed)
            )


if __name__ == "__main__":
    writer = Writer()
    for what, *arguments in json.loads(sys.stdin.buffer.read()):
        getattr(writer, what)(*arguments)
        time.sleep(float(sys.argv[1]))
