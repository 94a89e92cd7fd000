"""Half-written things, as they are found beside an agent at work: nothing is lost by them, and nothing false is said."""

import asyncio
import json
import os
import sqlite3
import time
from pathlib import Path

import pytest
from test_importers import Memory, T, message, records, transcript

from worker.follow.sources import Sources
from worker.importers import IMPORTERS, event_lines, openclaw, openclaw_names, openclaw_sqlite, plan, tailing
from worker.importers.base import File, Record
from worker.importers.run import BEING_WRITTEN, import_path
from worker.importers.tailing import GrowingFile
from worker.settings import Settings

HELLO = message("a", None, "user", "hello")
EVENT = b'{"eventlore":1,"ts":1772964000000,"type":"message.in","session":"s","text":"x"}'


def texts(found: list[Record]) -> list[str]:
    """What records tell, or why they tell nothing."""
    return [
        record.refused or json.loads(event.data).get("text", "")
        for record in found
        for event in record.events or [None]
    ]


def test_a_last_line_that_is_not_finished_is_said_to_be_that(tmp_path: Path) -> None:
    path = transcript(tmp_path / "s1.jsonl", HELLO)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type":"message","id":"b"')
    (record,) = records(path)[2:]
    assert (record.place, record.refused) == (3, "the last line is not finished: no JSON: unexpected end of data")
    path.write_bytes(whole + json.dumps(message("b", "a", "user", "bye")).encode())
    assert texts(records(path))[1:] == ["hello", "bye"]
    path.write_bytes(EVENT + b"\n" + EVENT[:-5])
    assert texts(records(path, event_lines))[1].startswith("the last line is not finished: ")


def test_the_first_line_says_whose_the_others_are_so_it_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "copy.jsonl"
    header = {"type": "session", "version": 3, "id": "s1", "timestamp": T, "cwd": "/home/workspace-ada"}
    data = b"".join(json.dumps(entry).encode() + b"\n" for entry in (header, HELLO))
    path.write_bytes(data[:40])
    tail = openclaw.tail(File(path, path), Memory())
    assert list(tail.read()) == []
    path.write_bytes(data)
    assert list(tail.read()) == records(path, openclaw)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """A transcript and the index that names its session, of which only half is written."""
    path = transcript(tmp_path / "agents" / "ada" / "sessions" / "s1.jsonl", HELLO)
    index = path.with_name("sessions.json")
    index.write_text('{"agent:ada:main": {"sessionId"')
    return path, index


def sessions_of(found: list[Record]) -> set[str]:
    return {json.loads(event.data)["session"] for record in found for event in record.events}


def test_following_waits_for_an_index_that_is_being_written(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, index = two
    monkeypatch.setattr(openclaw_names, "SETTLED_WITHIN", 1e6)
    tail = openclaw.tail(File(path, path), Memory())
    assert (list(tail.read()), tail.again) == ([], 0.2)
    index.write_text('{"agent:ada:main": {"sessionId": "s1"}, "agent:ada:odd": 7}')
    assert (sessions_of(list(tail.read())), tail.again) == ({"agent:ada:main"}, 0.0)


def test_an_import_waits_for_an_index_that_is_being_written(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, index = two
    monkeypatch.setattr(openclaw_names, "SETTLED_WITHIN", 1e6)
    monkeypatch.setattr(time, "sleep", lambda _: index.write_text('{"agent:ada:main": {"sessionId": "s1"}}'))
    assert sessions_of(records(path)) == {"agent:ada:main"}


def test_an_index_that_stays_broken_is_in_the_table_and_stops_nothing(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(openclaw_names, "SETTLED_WITHIN", 0)
    report = asyncio.run(plan(tmp_path, Settings(home=tmp_path / "home")))
    assert [(file.path, file.events, file.skipped) for file in report.files] == [
        (
            "agents/ada/sessions/sessions.json",
            0,
            "it cannot be read: sessions that it names are named after their transcripts",
        ),
        ("agents/ada/sessions/s1.jsonl", 2, ""),
    ]
    assert sessions_of(records(two[0])) == {"agent:ada:s1"}


def test_a_file_that_is_cut_and_written_anew_while_it_is_read_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":2}\n')
    growing = GrowingFile(path)
    assert growing.begun_anew()
    assert [line[1] for line in growing.lines() if isinstance(line, tuple)] == [b'{"n":1}', b'{"n":2}']
    assert not growing.begun_anew()
    path.write_bytes(b'{"m":1}\n{"m":2}\n{"m":3}\n')  # between the look at the file and the reading of it
    assert list(growing.lines()) == []
    assert growing.begun_anew()
    assert [line[:2] for line in growing.lines()] == [(1, b'{"m":1}'), (2, b'{"m":2}'), (3, b'{"m":3}')]


def test_a_file_that_was_empty_a_moment_ago_is_looked_into_again(tmp_path: Path) -> None:
    path = tmp_path / "s1.jsonl"
    path.touch()
    made = path.stat().st_mtime_ns
    sources = Sources(tmp_path, IMPORTERS, "", Memory())
    sources.look()
    assert list(sources.records(path)) == []
    transcript(path, HELLO)
    os.utime(path, ns=(made, made))  # within the same tick of the clock that files are stamped by
    assert sources.look() == ([path], [])
    assert texts(list(sources.records(path))) == ["", "hello"]


def test_what_is_read_as_a_whole_is_left_to_be_followed_until_it_is_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "workspace"
    transcript(folder / "s1.jsonl", HELLO)
    (folder / "MEMORY.md").write_text("## Half of a n")
    settings = Settings(home=tmp_path / "home")

    def skipped(*, unfinished: bool) -> dict[str, str]:
        done = import_path(folder, settings, "", IMPORTERS, dry_run=True, unfinished=unfinished)
        return {file.path: file.skipped for file in asyncio.run(done).files}

    monkeypatch.setattr(tailing, "REST", 1e6)
    assert skipped(unfinished=False) == {"MEMORY.md": BEING_WRITTEN, "s1.jsonl": ""}
    assert skipped(unfinished=True) == {"MEMORY.md": "", "s1.jsonl": ""}
    monkeypatch.setattr(tailing, "REST", 0)
    assert skipped(unfinished=False) == {"MEMORY.md": "", "s1.jsonl": ""}


def test_a_database_that_cannot_be_read_once_is_read_again_before_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "ada" / "agent" / "openclaw-agent.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\x00" + b"half" * 30)
    tail = openclaw_sqlite.tail(File(path, path), Memory())
    first, again = list(tail.read()), tail.again
    second = list(tail.read())
    assert (first, again < tail.again) == ([], True)
    assert second[0].refused.startswith("the database cannot be read now: ")
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE transcript_events (session_id, seq, event_json, created_at)")
        database.execute("INSERT INTO transcript_events VALUES ('s1', 0, ?, 0)", (json.dumps(HELLO),))
    database.close()
    assert (texts(list(tail.read())), tail.again) == (["hello"], 0.0)
