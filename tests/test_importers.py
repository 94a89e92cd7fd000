"""Each format read by itself: what is odd, broken, enormous or hostile in a file stops nothing."""

import gzip
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dialects import decode
from models.dialects.packing import LARGEST
from models.events import Event, Kind
from worker.importers import IMPORTERS, event_lines, memory_workspace, openai_chat, openclaw, openclaw_sqlite
from worker.importers.base import File, Record
from worker.importers.discovery import discover
from worker.importers.openclaw_entries import Transcript
from worker.importers.openclaw_names import Sessions

T = "2026-03-08T10:00:00.000Z"
TS = 1772964000000


class Memory:
    """What is remembered, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def recall(self, what: str) -> str:
        return self.known.get(what, "")

    def remember(self, what: str, value: str) -> None:
        self.known[what] = value


def records(path: Path, importer: Any = None, agent: str = "", memory: Memory | None = None) -> list[Record]:
    file = File(path, path, agent)
    reader = importer or next(one for one in IMPORTERS if one.recognises(file))
    return list(reader.read(file, memory or Memory()))


def events(path: Path, importer: Any = None, agent: str = "", memory: Memory | None = None) -> list[Event]:
    return [
        decode(event.data, stream="log", seq=seq)
        for seq, event in enumerate((e for r in records(path, importer, agent, memory) for e in r.events), 1)
    ]


def told(path: Path, agent: str = "") -> list[tuple[str, str, str]]:
    return [(e.kind.value, e.name, e.text) for e in events(path, agent=agent)]


def transcript(path: Path, *entries: dict[str, object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"type": "session", "version": 3, "id": "s1", "timestamp": T, "cwd": "/w"}, *entries]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def message(identity: str, parent: str | None, role: str, content: object, **more: object) -> dict[str, object]:
    said = {"role": role, "content": content, **more}
    return {"type": "message", "id": identity, "parentId": parent, "timestamp": T, "message": said}


# OpenClaw


@pytest.mark.data
def test_real_transcripts(data: Path) -> None:
    (database,) = (data / "openclaw").glob("*.sqlite")
    told_by_database = [(e.kind, e.name, e.session) for e in events(database)]
    assert {session for _, _, session in told_by_database} == {"agent:research:main", "agent:research:essay"}
    kinds = [kind for kind, _, _ in told_by_database]
    assert [kinds.count(kind) for kind in (Kind.MESSAGE_IN, Kind.MESSAGE_OUT, Kind.TOOL_CALL, Kind.TOOL_RESULT)] == [
        6,
        5,
        2,
        2,
    ]
    assert kinds.count(Kind.RUN_ERROR) == 1
    (file,) = (data / "openclaw").glob("openclaw-2026.4*.jsonl")
    kinds = [e.kind for e in events(file)]
    assert [kinds.count(kind) for kind in (Kind.MESSAGE_IN, Kind.MESSAGE_OUT, Kind.TOOL_CALL, Kind.TOOL_RESULT)] == [
        2,
        2,
        2,
        2,
    ]
    assert {e.agent for e in events(file)} == {"research"}


def test_the_agent_is_the_folders_the_workspaces_or_the_users_word(tmp_path: Path) -> None:
    path = transcript(tmp_path / "agents" / "cook" / "sessions" / "s1.jsonl")
    assert events(path)[0].session == "agent:cook:s1"
    path = transcript(tmp_path / "s1.jsonl")
    assert events(path)[0].session == "agent:main:s1"
    assert events(path, agent="ada")[0].agent == "ada"
    path.write_text(path.read_text().replace('"/w"', '"/home/claw/.openclaw/workspace-cook"'))
    assert events(path)[0].agent == "cook"


def test_a_session_key_is_remembered_after_its_index_forgot_it(tmp_path: Path) -> None:
    path = transcript(tmp_path / "agents" / "cook" / "sessions" / "s1.jsonl")
    index = path.parent / "sessions.json"
    index.write_text('{"agent:cook:telegram:direct:7": {"sessionId": "s1"}}')
    memory = Memory()
    assert events(path, memory=memory)[0].session == "agent:cook:telegram:direct:7"
    index.write_text("{}")
    assert events(path, memory=memory)[0].session == "agent:cook:telegram:direct:7"


def test_entries_without_identifiers_and_times_are_read_in_their_place(tmp_path: Path) -> None:
    path = transcript(
        tmp_path / "s1.jsonl",
        {"type": "message", "message": {"role": "user", "content": "one"}},
        {"type": "message", "message": {"role": "assistant", "content": "two"}},
        {"message": {"role": "user", "content": "three"}},
    )
    found = events(path)
    assert [(e.kind, e.text, e.ts) for e in found] == [
        (Kind.SESSION_START, "", TS),
        (Kind.MESSAGE_IN, "one", TS),
        (Kind.MESSAGE_OUT, "two", TS),
        (Kind.MESSAGE_IN, "three", TS),
    ]
    assert len({e.id for e in found}) == 4


def test_two_requests_with_the_same_words_are_two_messages(tmp_path: Path) -> None:
    path = transcript(
        tmp_path / "s1.jsonl",
        message("a", None, "user", "again", idempotencyKey="r1:user"),
        message("b", "a", "assistant", [], stopReason="error", errorMessage="down"),
        message("c", "b", "user", "again", idempotencyKey="r2:user"),
        message("d", "c", "user", "again", idempotencyKey="r2:user"),
    )
    assert [(e.kind.value, e.name, e.run) for e in events(path)][1:] == [
        ("message.in", "", "r1"),
        ("run.error", "model", ""),
        ("message.in", "", "r2"),
        ("other", "repeat", "r2"),
    ]


def test_what_is_too_large_is_cut_not_lost(tmp_path: Path) -> None:
    path = transcript(
        tmp_path / "s1.jsonl",
        message("a", None, "toolResult", [{"type": "text", "text": "ä" * LARGEST}], toolCallId="c", toolName="read"),
        message(
            "b", "a", "assistant", [{"type": "toolCall", "id": "d", "name": "write", "arguments": {"x": "y" * LARGEST}}]
        ),
        message("c", "b", "user", [{"type": "image", "data": "A" * 3 * LARGEST, "mimeType": "image/png"}]),
    )
    made = [event for record in records(path) for event in record.events]
    assert all(len(event.data) <= LARGEST for event in made)
    found = events(path)
    assert [(e.kind, e.name) for e in found[1:]] == [
        (Kind.TOOL_RESULT, "read"),
        (Kind.TOOL_CALL, "write"),
        (Kind.MESSAGE_IN, ""),
    ]
    assert "bytes are more than an event holds]" in found[1].text[-80:]
    assert '"data":"3,000,000 characters"' in found[3].payload


def test_deep_nesting_is_cut_not_lost(tmp_path: Path) -> None:
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    path = transcript(
        tmp_path / "s1.jsonl", {"type": "custom", "customType": "deep", "id": "a", "timestamp": T, "data": deep}
    )
    assert [(e.kind, e.name) for e in events(path)] == [(Kind.SESSION_START, "session"), (Kind.OTHER, "deep")]


def test_a_truncated_archive_gives_what_is_left_of_it(tmp_path: Path) -> None:
    path = transcript(
        tmp_path / "s1.jsonl", *(message(f"m{n}", None, "user", f"message {n} " + "x" * n) for n in range(2000))
    )
    whole = path.read_bytes()
    (tmp_path / "s1.jsonl.reset.2026-03-08T10-00-00.000Z.zst").write_bytes(
        zstandard.ZstdCompressor().compress(whole)[:-20]
    )
    (tmp_path / "s2.jsonl.bak-1-2.gz").write_bytes(gzip.compress(whole)[:-20])
    for name in ("s1.jsonl.reset.2026-03-08T10-00-00.000Z.zst", "s2.jsonl.bak-1-2.gz"):
        found = records(tmp_path / name)
        assert found[-1].refused
        assert not any(record.refused for record in found[:-1])


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "id", "parentId", "timestamp", "message", "role", "content", "text", "stopReason",
                         "data", "errorMessage", "responseId", "model", "name", "arguments", "idempotencyKey",
                         "__openclaw", "runId", "details", "toolName", "toolCallId", "isError", "customType", "summary",
                         "parentSession", "thinking"]),
        inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
kinds = st.sampled_from(["message", "session", "custom", "leaf", "reset", "compaction", "new"])
roles = st.sampled_from(["user", "assistant", "toolResult", "system", ""])
odd_entries = st.builds(
    lambda entry, kind, said, role, likely: (
        {**entry, "type": kind, "timestamp": T, **({"message": {**said, "role": role}} if likely else {})}
        if isinstance(entry, dict) and isinstance(said, dict)
        else entry
    ),
    any_json, kinds, any_json, roles, st.booleans(),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(odd_entries, max_size=6), st.lists(st.binary(max_size=40), max_size=2))
def test_any_entries_become_events_or_reasons(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Any], raw: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("odd") / "s1.jsonl"
    path.write_bytes(b"\n".join([json.dumps(entry).encode() for entry in entries] + raw))
    for record in records(path, openclaw):
        assert bool(record.refused) or record.events
        for event in record.events:
            assert decode(event.data, stream="log", seq=1).id == event.id


def test_following_gives_the_same_events_as_importing(tmp_path: Path) -> None:
    path = transcript(
        tmp_path / "s1.jsonl",
        message("a", None, "user", "hello"),
        message("b", "a", "assistant", [{"type": "text", "text": "hi"}]),
        message("c", "b", "user", "bye"),
    )
    sessions = Sessions.beside(path, "main", Memory())
    following = Transcript(sessions.session("s1"), sessions)
    lines = enumerate(path.read_bytes().splitlines(), 1)
    assert [following.entry(line, place) for place, line in lines] == records(path)


# OpenClaw's database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    path = tmp_path / "agents" / "research" / "agent" / "openclaw-agent.sqlite"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript(
        "PRAGMA journal_mode = WAL; CREATE TABLE sessions (session_id TEXT, session_key TEXT);"
        "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER);"
        "INSERT INTO sessions VALUES ('s1', 'agent:research:main')"
    )
    for seq, entry in enumerate([message("a", None, "user", "hello"), message("b", "a", "assistant", "hi")]):
        connection.execute("INSERT INTO transcript_events VALUES ('s1', ?, ?, 0)", (seq, json.dumps(entry)))
    connection.commit()
    yield path, connection
    connection.close()


def test_a_database_is_read_while_its_gateway_writes(database: tuple[Path, sqlite3.Connection]) -> None:
    path, gateway = database
    gateway.execute("BEGIN IMMEDIATE")
    gateway.execute("INSERT INTO transcript_events VALUES ('s1', 2, '{}', 0)")
    assert [e.text for e in events(path)] == ["hello", "hi"]
    reading = openclaw_sqlite.read(File(path, path), Memory())
    next(reading)
    gateway.commit()
    gateway.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert gateway.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # nobody holds a lock
    assert [record.refused or [e.type for e in record.events] for record in reading]


def test_a_database_of_an_older_form_is_read(database: tuple[Path, sqlite3.Connection]) -> None:
    path, _ = database
    assert {(e.agent, e.session) for e in events(path)} == {("research", "agent:research:main")}


def test_reading_changes_nothing_in_a_database(database: tuple[Path, sqlite3.Connection]) -> None:
    path, gateway = database
    gateway.close()
    before = path.read_bytes()
    assert events(path)
    assert path.read_bytes() == before


def test_a_database_is_read_where_nothing_can_be_written(database: tuple[Path, sqlite3.Connection]) -> None:
    path, gateway = database
    gateway.close()
    path.with_name(path.name + "-shm").mkdir()  # SQLite cannot have its own file there
    assert [e.text for e in events(path)] == ["hello", "hi"]


def test_a_damaged_database_is_named(database: tuple[Path, sqlite3.Connection]) -> None:
    path, gateway = database
    gateway.executemany("INSERT INTO transcript_events VALUES ('s1', ?, ?, 0)", ((n, "x" * 900) for n in range(9, 99)))
    gateway.commit()
    gateway.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    gateway.close()
    data = bytearray(path.read_bytes())
    data[8192:40960] = b"\xff" * (40960 - 8192)
    path.write_bytes(data)
    found = records(path, openclaw_sqlite)
    assert any("the database cannot be read from here on" in record.refused for record in found)


@pytest.mark.parametrize("half", [False, True])
def test_a_database_that_cannot_be_opened_is_refused_not_passed_over(tmp_path: Path, *, half: bool) -> None:
    path = tmp_path / "agents" / "ada" / "agent" / "openclaw-agent.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json, created_at)")
        rows = [(n, json.dumps(message(str(n), None, "user", "x" * 900))) for n in range(50)]
        connection.executemany("INSERT INTO transcript_events VALUES ('s1', ?, ?, 0)", rows)
    connection.close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if half else data[:16] + bytes(range(256)) * 20)
    assert [bool(record.refused) for record in records(path)] == [True]


def test_a_database_that_does_not_say_when_entries_were_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "openclaw-agent.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json)")
        connection.execute(
            "INSERT INTO transcript_events VALUES ('s1', 0, ?)", (json.dumps(message("a", None, "user", "hello")),)
        )
    connection.close()
    assert [e.text for e in events(path)] == ["hello"]


def test_times_may_be_numbers_that_are_written_as_text(tmp_path: Path) -> None:
    entries = [
        {**message(at, None, "user", at), "timestamp": at} for at in ("1772964001", "1772964002000", "1772964003.5")
    ]
    path = transcript(tmp_path / "s1.jsonl", *entries)
    assert [e.ts - TS for e in events(path)] == [0, 1000, 2000, 3500]


def test_a_database_that_nobody_may_write_is_read(database: tuple[Path, sqlite3.Connection]) -> None:
    path, gateway = database
    gateway.close()
    path.chmod(stat.S_IRUSR)
    assert [e.text for e in events(path)] == ["hello", "hi"]


def test_a_packed_entry_that_is_damaged_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "openclaw-agent.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE transcript_events (session_id, seq, event_json, created_at, event_zstd)")
    rows = [
        (json.dumps(message("a", None, "user", "hello")), None),
        (None, b"no frame"),
        (json.dumps(message("b", "a", "user", "bye")), None),
    ]
    connection.executemany(
        "INSERT INTO transcript_events VALUES ('s1', ?, ?, 0, ?)", ((seq, *row) for seq, row in enumerate(rows))
    )
    connection.commit()
    connection.close()
    found = records(path)
    assert [len(record.events) for record in found] == [1, 0, 1]
    assert found[1].refused.startswith("session s1, entry 1: ")


# Event lines, chats, notes


def test_event_lines_of_every_dialect_and_captures_are_kept_byte_for_byte(tmp_path: Path) -> None:
    line = (
        b'{"id": "1", "ts": 1772964000000, "agent": "agent", "session": "agent:a:main", "type": "msg.in", '
        b'"payload": {"content": "x"}}'
    )
    captured = {"stream_seq": 1, "subject": "openclaw.events.a.msg_in", "headers": None, "data": line.decode()}
    path = tmp_path / "log.jsonl"
    path.write_bytes(line + b"\n" + json.dumps(captured).encode() + b"\n{broken\n" + b'{"type":"msg.in"}\n')
    found = records(path)
    assert [record.refused for record in found] == ["", "", "not JSON: object keys must be strings (byte 1)", "no time"]
    assert [event.data for record in found for event in record.events] == [line, line]
    assert len({event.id for record in found for event in record.events}) == 1
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(line))
    assert records(packed)[0].events[0].data == line


def test_a_chatgpt_export_is_read_branch_by_branch(tmp_path: Path) -> None:
    def node(name: str, parent: str | None, role: str, text: str, at: float | None, **more: Any) -> dict[str, object]:
        content = {"content_type": more.pop("type", "text"), "parts": [text]}
        author = {"role": role, "name": more.pop("tool", None)}
        said = {"id": name, "author": author, "create_time": at, "content": content, "recipient": more.pop("to", "all")}
        return {"id": name, "parent": parent, "children": [], "message": said}

    mapping = {
        "root": {"id": "root", "parent": None, "children": [], "message": None},
        "u1": node("u1", "root", "user", "Plan a trip", 1772964000.5),
        "a1": node("a1", "u1", "assistant", "Where to?", 1772964002.0),
        "u2": node("u2", "a1", "user", "Rome", 1772964010.0),
        "u3": node("u3", "a1", "user", "Cologne", 1772964020.0),
        "t1": node("t1", "u3", "assistant", '{"q": "Cologne"}', 1772964021.0, to="browser", type="code"),
        "t2": node("t2", "t1", "tool", "Error: offline", 1772964022.0, tool="browser"),
        "a2": node("a2", "t2", "assistant", "Cologne it is.", None),
    }
    chat = {
        "title": "Trip",
        "create_time": 1772964000.0,
        "mapping": mapping,
        "current_node": "a2",
        "conversation_id": "c1",
    }
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([chat, {"title": "odd"}, 7]))
    found = events(path)
    assert [(e.kind.value, e.name, e.text, bool(e.error)) for e in found] == [
        ("message.in", "", "Plan a trip", False),
        ("message.out", "", "Where to?", False),
        ("other", "abandoned", "Rome", False),
        ("message.in", "", "Cologne", False),
        ("tool.call", "browser", "", False),
        ("tool.result", "browser", "Error: offline", True),
        ("message.out", "", "Cologne it is.", False),
    ]
    assert found[0].ts == 1772964000500
    assert found[-1].ts == found[-2].ts
    assert found[4].arguments == '{"q":"Cologne"}'
    assert {(e.agent, e.session) for e in found} == {("chatgpt", "agent:chatgpt:chat:c1")}
    assert [r.refused for r in records(path) if r.refused] == [
        "no conversation: neither mapping nor messages",
        "no conversation but a JSON int",
    ]


@pytest.mark.parametrize(
    ("content", "metadata"),
    [
        ({"content_type": "user_editable_context", "user_profile": "I am Ada", "user_instructions": "Be brief"}, {}),
        ({"content_type": "text", "parts": ["Be brief"]}, {"is_user_system_message": True}),
        ({"content_type": "text", "parts": ["Be brief"]}, {"is_visually_hidden_from_conversation": True}),
    ],
)
def test_instructions_from_the_settings_are_no_message_of_the_user(
    tmp_path: Path, content: dict[str, object], metadata: dict[str, object]
) -> None:
    said = {"author": {"role": "user"}, "create_time": None, "content": content, "metadata": metadata}
    chat = {"title": "x", "create_time": 1772964000.0, "mapping": {"i": {"id": "i", "parent": None, "message": said}}}
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([chat]))
    assert [(e.kind.value, e.name) for e in events(path)] == [("other", "user")]


def test_a_chat_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode())
    assert told(path) == [("message.in", "", "hello")]


def test_chats_as_the_api_takes_them_are_read(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "tea"}'}}
    chat = {
        "id": "chat-1",
        "created_at": "2026-03-08T10:00:00Z",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Find tea"}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": '{"error": "offline"}'},
            {"role": "assistant", "content": "It is offline."},
            "odd",
        ],
    }
    expected = [
        ("other", "system", "Be kind."),
        ("message.in", "", "Find tea"),
        ("tool.call", "search", ""),
        ("tool.result", "search", '{"error": "offline"}'),
        ("message.out", "", "It is offline."),
    ]
    for name, text in (("one.json", json.dumps(chat, indent=1)), ("lines.jsonl", json.dumps(chat) + "\n{broken\n"),
                       ("list.json", json.dumps([chat])), ("bare.json", json.dumps(chat["messages"]))):  # fmt: skip
        (tmp_path / name).write_text(text)
        assert told(tmp_path / name, agent="gpt") == expected, name
    found = events(tmp_path / "one.json")
    assert [e.ts for e in found[:2]] == [TS, TS + 1000]
    assert (found[2].arguments, found[2].call, found[3].call, bool(found[3].error)) == ('{"q":"tea"}', "c1", "c1", True)
    assert [r.refused for r in records(tmp_path / "lines.jsonl") if r.refused][1].startswith("no JSON")


def test_an_export_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    chats = [{"id": f"c{n}", "messages": [{"role": "user", "content": "x" * 50}]} for n in range(500)]
    path = tmp_path / "chats.json"
    path.write_text(json.dumps(chats)[:-200])
    found = records(path)
    assert sum(len(record.events) for record in found) == 498
    assert found[-1].refused.startswith("no JSON from here on")


def test_a_note_that_grew_adds_its_new_section_and_itself(tmp_path: Path) -> None:
    path = tmp_path / "workspace" / "memory" / "2026-03-08.md"
    path.parent.mkdir(parents=True)
    path.write_text("## Morning\nran\n")
    before = {event.id for record in records(path) for event in record.events}
    path.write_text("## Morning\nran\n\n## Evening\nread\n")
    after = {event.id for record in records(path) for event in record.events}
    assert (len(before), len(after), len(after - before)) == (2, 3, 2)
    assert {e.agent for e in events(path)} == {"main"}


@pytest.mark.parametrize(
    "name",
    [
        "2026-03-08.md",
        "20260308.md",
        "2026_03_08-standup.md",
        "standup-2026-03-08.md",
        "2026/03/08.md",
        "2026-03-08/x.md",
    ],
)
def test_a_daily_note_has_the_date_of_its_name_or_folders(tmp_path: Path, name: str) -> None:
    path = tmp_path / "workspace" / "memory" / name
    path.parent.mkdir(parents=True)
    path.write_text("ran")
    assert [(e.name, e.ts) for e in events(path)] == [("daily-note", 1772928000000)]


@pytest.mark.parametrize("name", ["2026-02-31.md", "call-49202603081.md", "march.md"])
def test_a_note_without_a_date_has_the_time_of_its_last_change(tmp_path: Path, name: str) -> None:
    path = tmp_path / "2026-03-08" / "memory" / name
    path.parent.mkdir(parents=True)
    path.write_text("ran")
    os.utime(path, (1772964000, 1772964000))
    assert [e.ts for e in events(path)] == [TS]


def test_a_note_that_is_no_text_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "MEMORY.md"
    path.write_bytes(b"fine\n\xff\xfe\n")
    assert records(path, memory_workspace) == [Record(2, [], "no UTF-8: byte 0xff")]


# Which file is what


def test_every_format_is_recognised_as_itself(tmp_path: Path) -> None:
    transcript(tmp_path / "a.jsonl", message("a", None, "user", "x"))
    (tmp_path / "b.jsonl").write_text('{"type":"msg.in","ts":1,"session":"s","payload":{}}\n')
    (tmp_path / "c.json").write_text('{"messages":[{"role":"user","content":"x"}]}')
    (tmp_path / "MEMORY.md").write_text("x")
    (tmp_path / "d.jsonl").write_text('{"messages":[{"role":"user","content":"x"}]}\n')
    (tmp_path / "e.json").write_text('{"name":"package","dependencies":{}}')
    (tmp_path / "f.jsonl").write_text('{"text":"a","label":"b"}\n')
    sqlite3.connect(tmp_path / "g.sqlite").execute("CREATE TABLE t (x)").connection.close()
    found = {
        one.file.name: one.importer.FORMAT if one.importer else one.skipped for one in discover(tmp_path, IMPORTERS)
    }
    assert found == {
        "a.jsonl": openclaw.FORMAT,
        "b.jsonl": event_lines.FORMAT,
        "c.json": openai_chat.FORMAT,
        "MEMORY.md": memory_workspace.FORMAT,
        "d.jsonl": openai_chat.FORMAT,
        "f.jsonl": "no format that is known",
        "g.sqlite": "no format that is known",
    }


def test_links_that_go_in_circles_are_followed_once(tmp_path: Path) -> None:
    transcript(tmp_path / "agents" / "a" / "sessions" / "s1.jsonl")
    (tmp_path / "agents" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    assert [one.file.name for one in discover(tmp_path, IMPORTERS)] == ["s1.jsonl"]
