"""A folder of everything that should not be there: an import names what it cannot read, and goes on."""

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from test_importers import Memory, T, message, transcript

from models.dialects import decode
from worker.importers import IMPORTERS, plan
from worker.importers.base import File
from worker.importers.discovery import discover
from worker.importers.reading import read_here, task_for
from worker.settings import Settings

HELLO = message("a", None, "user", "hello")
ODD = (None, True, -1, 10**30, 1e308, "", "\ud800", "\x00", "x" * 3000, [], {}, [[]], [None], {"": None}, 2**64)
CLAUDE = {
    "type": "user",
    "uuid": "u",
    "parentUuid": None,
    "sessionId": "s",
    "timestamp": T,
    "message": {"role": "user"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Pipes, sockets, loops, folders named as files, and transcripts with something wrong in them."""
    root = tmp_path / "state"
    sessions = root / "agents" / "ada" / "sessions"
    whole = transcript(sessions / "good.jsonl", HELLO).read_bytes()
    (sessions / "folder.jsonl").mkdir()
    (sessions / "loop").symlink_to(root)
    (sessions / "self.jsonl").symlink_to("self.jsonl")
    os.mkfifo(sessions / "pipe.jsonl")
    (sessions / "empty.jsonl").touch()
    (sessions / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + whole.replace(b"\n", b"\r\n"))
    (sessions / "nul.jsonl").write_bytes(whole + b"\x00" * 50 + b"\n" + whole.splitlines()[1] + b"\n")
    deep = b'{"type":"message","id":"d","timestamp":"%s","message":{"role":"user","content":' % T.encode()
    (sessions / "deep.jsonl").write_bytes(whole + deep + b"[" * 5000 + b"]" * 5000 + b"}}\n" + b"[" * 9000 + b"\n")
    (sessions / "junk.jsonl").write_bytes(bytes(range(128, 192)) + b"\n" + b"\xff\xfe{\x00}\x00\n")
    (sessions / "packed.jsonl.deleted.x.zst").write_bytes(zstandard.ZstdCompressor().compress(whole)[:-9])
    (sessions / "claude.jsonl").write_text(json.dumps(CLAUDE) + "\n")
    (root / "scalar.json").write_text("7")
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(sessions)  # the whole path may be longer than a socket's may be
        listening.bind("socket.jsonl")
        os.chdir(before)
        yield root


def test_each_file_and_line_that_cannot_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    report = asyncio.run(plan(folder, Settings(home=tmp_path / "home")))
    found = {file.path.rpartition("/")[2]: (file.records, file.refused, file.skipped) for file in report.files}
    assert found == {
        "bom.jsonl": (2, 0, ""),
        "claude.jsonl": (0, 0, "no format that is known"),
        "deep.jsonl": (4, 2, ""),
        "empty.jsonl": (0, 0, "empty"),
        "good.jsonl": (2, 0, ""),
        "junk.jsonl": (0, 0, "no format that is known"),
        "nul.jsonl": (4, 1, ""),
        "packed.jsonl.deleted.x.zst": (0, 0, "nothing in it can be unpacked"),
    }
    assert report.total("refused") == len(report.refusals) == 3


class Nothing(Memory):
    """What no import left before."""

    def report(self, path: str, version: str) -> None:
        """Nothing is known of any file."""


def odd_rows() -> Iterator[tuple[Any, ...]]:
    """Rows of a database in which every column once holds what it should not."""
    good = ("s1", 0, json.dumps(HELLO), 1, None)
    for column in range(5):
        for number, odd in enumerate((None, 7, -3.5, "text", b"\xff\xfe", 2**62), 1):
            row = list(good)
            row[1] = number
            row[column] = odd
            yield tuple(row)


def test_a_database_of_another_mind_costs_only_what_is_odd_in_it(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "ada" / "agent" / "openclaw-agent.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE transcript_events (session_id, seq, event_json, created_at, event_zstd)")
        database.execute("CREATE TABLE session_windows (session_id, session_key, previous_session_id)")
        database.execute("CREATE TABLE session_transcript_archives (session_id, archive_blob)")
        for row in odd_rows():
            database.execute("INSERT INTO transcript_events VALUES (?, ?, ?, ?, ?)", row)
            database.execute("INSERT INTO session_windows VALUES (?, ?, ?)", (row[0], row[1], row[2]))
            database.execute("INSERT INTO session_transcript_archives VALUES (?, ?)", (row[0], row[2]))
        database.execute("INSERT INTO transcript_events VALUES ('s1', 9, CAST(x'22ff22' AS TEXT), 1, NULL)")
        database.execute("INSERT INTO transcript_events VALUES ('s2', 1, ?, 1, NULL)", (json.dumps(HELLO),))
    database.close()
    task = task_for(
        discover(tmp_path, IMPORTERS), root=tmp_path, agent="", home=tmp_path, marks="", patterns={}, redact=True
    )
    batches = list(read_here(task, Nothing()))
    sessions = {decode(e.data, stream="log", seq=1).session for batch in batches for e in batch.events}
    assert "agent:ada:s2" in sessions
    reasons = [refused.reason for batch in batches for refused in batch.refused]
    assert not [reason for reason in reasons if "any further" in reason or "from here on" in reason]
    assert any("neither JSON nor anything packed" in reason for reason in reasons)
    assert any("that is no number of an entry" in reason for reason in reasons)


def test_any_value_in_any_field_becomes_an_event_that_is_read_again_or_a_reason(tmp_path: Path) -> None:
    fields = {
        "session": ("version", "id", "timestamp", "cwd", "parentSession"),
        "message": ("id", "parentId", "timestamp", "message"),
        "compaction": ("id", "parentId", "summary", "firstKeptEntryId", "tokensBefore"),
        "custom": ("customType", "data"),
        "leaf": ("targetId",),
    }
    said = ("role", "content", "timestamp", "toolCallId", "toolName", "isError", "details", "stopReason", "errorMessage",
            "model", "usage", "responseId", "idempotencyKey", "__openclaw")  # fmt: skip
    part = ("type", "text", "id", "name", "arguments", "thinking", "data")
    lines: list[dict[str, Any]] = [{"type": "session", "version": 4, "id": "s1", "timestamp": T}]
    for odd in ODD:
        lines += [{"type": kind, "timestamp": T, name: odd} for kind, names in fields.items() for name in names]
        for role in ("user", "assistant", "toolResult", "new"):
            lines += [message("m", None, role, "x", **{name: odd}) for name in said if name not in ("role", "content")]
            for kind in ("text", "toolCall", "thinking", "image"):
                lines += [message("m", None, role, [{"type": kind, name: odd}]) for name in part]
            lines.append(message("m", None, role, odd))
        lines.append(message("m", None, odd, "x"))  # type: ignore[arg-type]
    path = tmp_path / "s1.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (importer,) = [one for one in IMPORTERS if one.recognises(File(path, path))][:1]
    found = list(importer.read(File(path, path, "ada"), Memory()))
    assert len(found) == len(lines)
    for record in found:
        assert bool(record.refused) or record.events
        for event in record.events:
            assert decode(event.data, stream="log", seq=1).id == event.id
