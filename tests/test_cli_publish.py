"""Publishing: lines into the log as they are, quickly, whatever is in them."""

import asyncio
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from command import Eventlore
from hypothesis import given
from hypothesis import strategies as st
from log_server import NatsServer, jetstream
from nats.js.api import StreamConfig

from worker.publish import lines_of, subject_of


@pytest.fixture
def eventlore(nats_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=f"sqlite:///{tmp_path / 'insights.db'}", home=tmp_path / "home")


def stored(url: str, stream: str = "openclaw-events") -> list[tuple[str, bytes, dict[str, str] | None]]:
    async def read() -> list[tuple[str, bytes, dict[str, str] | None]]:
        async with jetstream(url) as js:
            last = (await js.stream_info(stream)).state.last_seq
            messages = [await js.get_msg(stream, seq) for seq in range(1, last + 1)]
            return [(m.subject or "", m.data or b"", m.headers) for m in messages]

    return asyncio.run(read())


def add_stream(url: str, name: str, subject: str, **options: Any) -> None:
    async def add() -> None:
        async with jetstream(url) as js:
            await js.add_stream(name=name, subjects=[subject], **options)

    asyncio.run(add())


def configuration(url: str) -> StreamConfig:
    async def read() -> StreamConfig:
        async with jetstream(url) as js:
            return (await js.stream_info("openclaw-events")).config

    return asyncio.run(read())


def test_lines_arrive_byte_for_byte_under_their_producers_subject(eventlore, nats_url):
    lines = [
        b'{"agent": "agent",  "type": "conversation.message.in"}',
        b'\xff\xfe{"broken',
        b"  ",
        b"",
        '{"type":"msg.in","agent":"gärtner o.b","text":"ü"} '.encode(),
        b'{"ts": NaN}',
        b'{"type": "x", "agent": 3}\r',
        b"[" * 3_000,
    ]
    out = eventlore("publish", "-", stdin=b"\n".join(lines))
    assert out == "6 events (0.0 MB) stored in openclaw-events\n"
    assert stored(nats_url) == [
        ("openclaw.events.agent.conversation_message_in", lines[0], None),
        ("openclaw.events.unknown.unknown", lines[1], None),
        ("openclaw.events.gärtner_o_b.msg_in", lines[4], None),
        ("openclaw.events.unknown.unknown", lines[5], None),
        ("openclaw.events.unknown.x", b'{"type": "x", "agent": 3}', None),
        ("openclaw.events.unknown.unknown", lines[7], None),
    ]


def test_a_missing_stream_is_made_as_producers_make_it(eventlore, nats_url):
    eventlore("publish", "-", stdin=b"{}")
    config = configuration(nats_url)
    assert (config.subjects, config.storage, config.retention) == (["openclaw.events.>"], "file", "limits")
    assert (config.discard, config.duplicate_window, config.num_replicas) == ("old", 120, 1)


def test_a_stream_that_is_there_stays_as_it_is(eventlore, nats_url):
    add_stream(nats_url, "openclaw-events", "openclaw.events.*.>", duplicate_window=5)
    eventlore("publish", "-", stdin=b"{}")
    config = configuration(nats_url)
    assert (config.subjects, config.duplicate_window) == (["openclaw.events.*.>"], 5)


def test_subjects_that_another_stream_holds_are_one_line_and_exit_code_3(eventlore, nats_url):
    add_stream(nats_url, "openclaw-events", "elsewhere.>")
    add_stream(nats_url, "other", "openclaw.>")
    eventlore("publish", "-", stdin=b"{}", code=3)
    eventlore.env["EVENTLORE_STREAM_NAME"] = "third"
    eventlore("publish", "-", stdin=b"{}", code=3)


def test_what_the_server_refuses_is_named_with_its_line_and_the_rest_goes_on(tmp_path):
    server = NatsServer(tmp_path / "nats", config="max_payload: 1000")
    server.start()
    eventlore = Eventlore(nats=server.url, database=f"sqlite:///{tmp_path / 'i.db'}", home=tmp_path)
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"{}\n\n" + b"x" * 1001 + b"\n{}\n")
    found = json.loads(eventlore("publish", str(file), "--json", code=1))
    server.stop()
    assert found == {
        "stream": "openclaw-events",
        "stored": 2,
        "duplicates": 0,
        "bytes": 4,
        "refused": 1,
        "refusals": [{"line": 3, "reason": "1,001 bytes; the server takes up to 1,000 a message"}],
    }


def test_a_stream_that_is_full_refuses_by_line(eventlore, nats_url):
    add_stream(nats_url, "openclaw-events", "openclaw.events.>", max_msgs=2, discard="new")
    found = json.loads(eventlore("publish", "-", "--json", stdin=b"{}\n" * 4, code=1))
    assert (found["stored"], found["refused"]) == (2, 2)
    assert found["refusals"][0] == {"line": 3, "reason": "maximum messages exceeded"}


def test_publishing_twice_gives_two_copies_unless_messages_have_ids(eventlore, nats_url):
    for _ in range(2):
        eventlore("publish", "-", stdin=b'{"n": 1}\n')
    assert len(stored(nats_url)) == 2
    twice = [json.loads(eventlore("publish", "-", "--message-ids", "--json", stdin=b'{"n": 2}\n')) for _ in range(2)]
    assert [(one["stored"], one["duplicates"]) for one in twice] == [(1, 0), (0, 1)]
    assert len(stored(nats_url)) == 3


def test_gzip_is_unpacked_and_many_lines_stay_in_order(eventlore, nats_url, tmp_path):
    lines = [b'{"n": %d}' % n for n in range(5_000)]
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    assert eventlore.json("publish", str(tmp_path / "events.jsonl.gz"))["stored"] == 5_000
    assert [line for _, line, _ in stored(nats_url)] == lines


def test_a_broken_gzip_is_one_line_and_exit_code_2(eventlore, tmp_path):
    (tmp_path / "events.gz").write_bytes(gzip.compress(b"{}\n" * 1000)[:-20])
    eventlore("publish", str(tmp_path / "events.gz"), code=2)


def test_an_agent_with_a_log_of_its_own_gets_its_lines_there(eventlore, nats_url, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("gateway: {eventStore: {agents: {ada: {streamName: ada, subjectPrefix: ada.events}}}}")
    eventlore("publish", "-", "--agent", "ada", "--config", str(config), stdin=b'{"agent":"ada","type":"msg.in"}')
    assert [subject for subject, _, _ in stored(nats_url, "ada")] == ["ada.events.ada.msg_in"]


@given(st.lists(st.binary(max_size=20), max_size=20), st.integers(1, 30))
def test_any_bytes_are_cut_into_their_lines(pieces, chunk):
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read(min(chunk, size or chunk))

    data = b"\n".join(pieces)
    expected = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    found = [line for batch in lines_of(Slow(data)) for line in batch]
    assert [(number, line) for number, line, _, _ in found] == [
        (number, line) for number, line in enumerate(expected, 1) if line and not line.isspace()
    ]
    assert all(len(line) == size for _, line, size, _ in found)


def test_a_line_longer_than_any_server_takes_is_not_kept_in_memory(monkeypatch):
    monkeypatch.setattr("worker.lines.LONGEST", 10)
    monkeypatch.setattr("worker.lines.CHUNK", 8)
    [[(number, line, size, ended)], [second]] = lines_of(io.BytesIO(b"x" * 1000 + b"\ny"))
    assert (number, size, ended, second) == (1, 1000, True, (2, b"y", 1, False))
    assert len(line) < 30


@given(st.binary(max_size=60), st.text(max_size=10), st.text(max_size=10))
def test_every_line_has_a_subject_that_a_server_takes(junk, agent, kind):
    for line in (junk, json.dumps({"agent": agent, "type": kind}).encode()):
        words = subject_of(line, "p.q").split(".")
        assert words[:2] == ["p", "q"]
        assert len(words) == 4
        assert all(word and not any(c.isspace() or c in "*>" for c in word) for word in words)
