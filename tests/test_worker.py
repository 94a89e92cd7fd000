"""The worker from the log to the tables, as processes: real server, real databases, real kills."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
from command import Eventlore
from log_server import jetstream
from real_logs import NAMES, Counts, count, lines, sample
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from analytics import analyse
from models import tables

INSIGHTS = [table.name for table in tables.INSIGHTS]


@pytest.fixture(scope="session")
def events(data: Path) -> list[bytes]:
    """Some sessions of every public log."""
    return sample(data)


@pytest.fixture
def eventlore(nats_url: str, database_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=database_url, home=tmp_path / "home")


@pytest.fixture
def on_sqlite(nats_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=f"sqlite:///{tmp_path / 'insights.db'}", home=tmp_path / "home")


async def publish_raw(url: str, subject: str, data: bytes) -> None:
    async with jetstream(url) as js:
        await js.publish(subject, data)


def publish(eventlore: Eventlore, events: list[bytes]) -> None:
    eventlore("publish", "-", stdin=b"\n".join(events) + b"\n")


def assert_rebuilt_equal(eventlore: Eventlore) -> None:
    reports = eventlore.json("rebuild", "--check")
    assert {report["table"] for report in reports} >= set(INSIGHTS)
    assert [report for report in reports if not report["equal"]] == []


def read(eventlore: Eventlore, table: str) -> pd.DataFrame:
    """A table as it is in the database, in the order of its key."""
    keys = [f'"{column.name}"' for column in tables.metadata.tables[table].primary_key]
    engine = create_engine(eventlore.env["EVENTLORE_DATABASE_URL"])
    with engine.connect() as connection:
        frame = pd.read_sql(text(f"SELECT * FROM {table} ORDER BY {', '.join(keys)}"), connection)
    engine.dispose()
    return frame


def counted(eventlore: Eventlore) -> dict[str, Counts]:
    figures = ["messages", "tool_calls", "tool_errors"]
    frame = (
        read(eventlore, "sessions")
        .groupby("agent")
        .agg(sessions=("session", "size"), **{f: (f, "sum") for f in figures})
    )
    return {agent: Counts(**row) for agent, row in frame.to_dict("index").items()}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("database_url", "logs", "events"),
    [("sqlite", NAMES, 118_173), ("postgresql", ("uss-mwoz", "tau-airline"), 24_763)],
    indirect=["database_url"],
    ids=["sqlite", "postgresql"],
)
def test_the_public_logs_are_in_the_tables_exactly_once(eventlore, logs, events, data, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(lines(data, *logs)))
    eventlore("publish", str(file))
    eventlore("run", "--drain", "--only", "insights")  # what context keeps of a log, test_memory tells
    recorded = read(eventlore, "events")
    assert len(recorded) == events
    assert recorded["seq"].tolist() == list(range(1, events + 1))
    expected = count(lines(data, *logs))
    assert {"mwoz-desk", "airline"} <= set(expected)
    assert set(recorded["agent"]) == set(expected)
    assert counted(eventlore) == expected


def test_a_rebuild_after_a_normal_run_finds_everything_equal(eventlore, events):
    publish(eventlore, events)
    eventlore("run", "--drain")
    assert_rebuilt_equal(eventlore)


def test_a_log_in_random_order_gives_the_same_insights(on_sqlite, events):
    shuffled = random.Random(1).sample(events, len(events))
    publish(on_sqlite, shuffled)
    on_sqlite("run", "--drain")
    assert_rebuilt_equal(on_sqlite)
    place = {json.loads(line)["id"]: n for n, line in enumerate(events, 1)}
    moved = {n: place[json.loads(line)["id"]] for n, line in enumerate(shuffled, 1)}
    in_order = analyse(events, stream="openclaw-events")
    for table in ("sessions", "topic_trends", "skill_uses", "skill_gaps", "patterns"):
        assert_same_rows(read(on_sqlite, table), in_order[table], table)
    topics = read(on_sqlite, "topics")
    topics["example_seq"] = topics["example_seq"].replace(moved)
    assert_same_rows(topics, in_order["topics"], "topics")
    assert "discovered" in set(topics["source"])
    styles = read(on_sqlite, "message_styles")
    styles["seq"] = styles["seq"].map(moved)
    assert_same_rows(styles.sort_values(["stream", "seq"], ignore_index=True), in_order["message_styles"], "styles")


def test_messages_published_twice_count_once(on_sqlite, events):
    publish(on_sqlite, events)
    publish(on_sqlite, events)
    on_sqlite("run", "--drain")
    assert on_sqlite.json("status")["database"]["rows"]["events"] == 2 * len(events)
    assert_rebuilt_equal(on_sqlite)
    once = analyse(events, stream="openclaw-events")
    for table in INSIGHTS:
        assert_same_rows(read(on_sqlite, table), once[table], table)


def test_what_the_worker_wrote_is_what_analyse_gives(eventlore, events):
    publish(eventlore, events)
    eventlore("run", "--drain")
    expected = analyse(events, stream="openclaw-events")
    for table in [*INSIGHTS, "events"]:
        assert_same_rows(read(eventlore, table), expected[table], table)


def test_a_second_database_on_the_same_log_gets_all_of_it_too(nats_url, events, tmp_path):
    first, second = (
        Eventlore(nats=nats_url, database=f"sqlite:///{tmp_path / name}.db", home=tmp_path / name) for name in "ab"
    )
    publish(first, events)
    for eventlore in (first, second):
        eventlore("run", "--drain")
        assert counted(eventlore) == count(events)


def test_each_half_of_the_work_goes_on_without_the_other(on_sqlite, events):
    publish(on_sqlite, events)
    on_sqlite("run", "--drain", "--only", "context")
    rows = on_sqlite.json("status")["database"]["rows"]
    assert (rows["events"], rows["sessions"]) == (len(events), 0)
    assert rows["memory_items"] > 0
    on_sqlite("run", "--drain", "--only", "insights")
    assert_rebuilt_equal(on_sqlite)


def test_two_workers_share_the_log(eventlore, events):
    publish(eventlore, events)
    workers = [eventlore.start("run", "--drain") for _ in range(2)]
    assert [worker.wait(150) for worker in workers] == [0, 0]
    assert counted(eventlore) == count(events)
    assert_rebuilt_equal(eventlore)


def test_a_worker_killed_in_the_middle_loses_nothing(eventlore, events):
    publish(eventlore, events)
    worker = eventlore.start("run", "--drain")
    wait_for_rows(eventlore, 1)
    worker.kill()
    worker.wait(60)
    eventlore("run", "--drain")
    assert counted(eventlore) == count(events)
    assert_rebuilt_equal(eventlore)


def test_sigterm_during_a_drain_ends_soon_and_loses_nothing(eventlore, events):
    publish(eventlore, events)
    worker = eventlore.start("run", "--drain")
    wait_for_rows(eventlore, 1)
    before = sum(psutil.Process(worker.pid).cpu_times()[:2])
    worker.send_signal(signal.SIGTERM)
    _, status, used = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    # Five seconds of a processor: on a busy machine they take longer.
    assert (worker.returncode, used.ru_utime + used.ru_stime - before < 5) == (0, True)
    eventlore("run", "--drain")
    assert counted(eventlore) == count(events)
    assert_rebuilt_equal(eventlore)


def test_a_worker_that_keeps_running_settles_by_itself(on_sqlite, events):
    publish(on_sqlite, events)
    worker = on_sqlite.start("run")
    try:
        wait_for_rows(on_sqlite, len(events))
        while on_sqlite.json("status")["database"]["pending"]:
            time.sleep(0.2)
    finally:
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert counted(on_sqlite) == count(events)


def message(content: bytes = b"x", *, ts: bytes = b"1767225600000", kind: bytes = b"msg.in") -> bytes:
    return (
        b'{"id":"1","ts":' + ts + b',"agent":"a","session":"agent:a:b","type":"' + kind + b'",'
        b'"payload":{"content":"' + content + b'"}}'
    )


BAD = {
    "broken JSON": b'{"id": "1", "type": ',
    "wrong types": b'{"id":"1","timestamp":{},"agent":7,"session":["x"],"type":"msg.in","payload":"text"}',
    "unknown type": message(kind=b"made.up"),
    "NaN time": message(ts=b"NaN"),
    "deep nesting": b'{"type":"msg.in","payload":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "invalid UTF-8": message(b"\xff\xfe"),
    "five megabytes": message(b"x" * 5_000_000),
}


def test_bad_lines_harm_no_good_one_and_are_kept_whole(eventlore, nats_server, events):
    nats_server.stop()
    nats_server.config = "max_payload: 8MB"
    nats_server.start()
    mixed = list(events[:400])
    for number, line in enumerate(BAD.values()):
        mixed.insert(50 * number + 25, line)
    publish(eventlore, mixed)
    eventlore("run", "--drain")
    assert eventlore.json("status")["database"]["rows"]["events"] == 400
    letters = read(eventlore, "dead_letters")
    assert sorted(map(bytes, letters["data"])) == sorted(BAD.values())
    assert all(reason and "\n" not in reason and len(reason) < 300 for reason in letters["reason"])
    assert counted(eventlore) == count(events[:400])
    assert_rebuilt_equal(eventlore)


def test_an_empty_message_is_a_dead_letter(on_sqlite, nats_server, events):
    publish(on_sqlite, events[:10])
    asyncio.run(publish_raw(nats_server.url, "openclaw.events.a.msg_in", b""))
    on_sqlite("run", "--drain")
    (letter,) = on_sqlite.json("dlq", "list")
    assert (letter["seq"], letter["bytes"]) == (11, 0)


def test_dead_letters_are_replayed_once_they_can_be_read(on_sqlite, events, tmp_path):
    publish(on_sqlite, events[:100])
    on_sqlite("run", "--drain")
    # What an older version refused: the same state, made by moving events back.
    with sqlite3.connect(tmp_path / "insights.db") as db:
        db.execute(
            "INSERT INTO dead_letters SELECT stream, seq, '', 'unknown type', CAST(payload AS BLOB), 0, 1 "
            "FROM events WHERE seq > 90"
        )
        db.execute("INSERT INTO audit_permits VALUES ('test')")
        db.execute("DELETE FROM events WHERE seq > 90")
        db.execute("DELETE FROM audit_permits")
    assert on_sqlite.json("dlq", "replay") == {"revived": 10, "kept": 0}
    assert on_sqlite.json("dlq", "list") == []
    assert_rebuilt_equal(on_sqlite)


def wait_for_rows(eventlore: Eventlore, rows: int) -> None:
    engine = create_engine(eventlore.env["EVENTLORE_DATABASE_URL"], poolclass=NullPool)
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        with suppress(DBAPIError), engine.connect() as connection:  # the tables may not be there yet
            if connection.scalar(text("SELECT count(*) FROM events")) >= rows:
                return
        time.sleep(0.05)
    raise AssertionError(f"there were no {rows} events for long")


def assert_same_rows(got: pd.DataFrame, wanted: pd.DataFrame, table: str) -> None:
    def rows(frame: pd.DataFrame) -> list[str]:
        records = frame[list(wanted.columns)].astype(object).where(frame.notna(), None).to_dict("records")
        return sorted(json.dumps(_plain(record), sort_keys=True) for record in records)

    got_rows, wanted_rows = rows(got), rows(wanted)
    assert len(got_rows) == len(wanted_rows), table
    assert got_rows == wanted_rows, table


def _plain(record: dict) -> dict:
    """Values as JSON has them: databases give JSON columns as text, booleans as numbers."""
    plain = {}
    for name, value in record.items():
        if name in {"topics", "found", "styles", "tools", "evidence", "keywords"} and isinstance(value, str):
            plain[name] = json.loads(value)
        elif name == "failed":
            plain[name] = bool(value)
        else:
            plain[name] = value.item() if hasattr(value, "item") else value
    return plain
