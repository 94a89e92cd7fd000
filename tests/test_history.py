"""Looking back: times in words, history by conditions, recall of what was said."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from analytics.insights import Insights
from analytics.recall.times import find
from models.dialects import decode
from worker.cli import main
from worker.store import Store

FRIDAY = int(datetime(2026, 3, 13, 12, tzinfo=UTC).timestamp() * 1000)
DAY = 86_400_000
ORDERED = ("latest", "earliest")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("what did we do last week?", "2026-03-02", "2026-03-08"),
        ("was war letzte Woche?", "2026-03-02", "2026-03-08"),
        ("what was planned in May", "2025-05-01", "2025-05-31"),
        ("was haben wir im Februar besprochen", "2026-02-01", "2026-02-28"),
        ("on 8 May 2023", "2023-05-08", "2023-05-08"),
        ("on Aug 15th", "2025-08-15", "2025-08-15"),
        ("gestern", "2026-03-12", "2026-03-12"),
        ("what failed on Monday", "2026-03-09", "2026-03-09"),
        ("vor drei Tagen", "2026-03-10", "2026-03-10"),
        ("this month", "2026-03-01", "2026-03-31"),
        ("in 2024", "2024-01-01", "2024-12-31"),
        ("the day before yesterday", "2026-03-11", "2026-03-11"),
        ("what changed since Monday?", "2026-03-09", "2026-03-13"),
        ("alles seit letzter Woche", "2026-03-02", "2026-03-13"),
        ("since February", "2026-02-01", "2026-03-13"),
        ("seit dem 3. März", "2026-03-03", "2026-03-13"),
        ("am 3.3.", "2026-03-03", "2026-03-03"),
        ("der Bericht vom 03.12.2025", "2025-12-03", "2025-12-03"),
        ("the week before last", "2026-02-23", "2026-03-01"),
        ("vorletzte Woche", "2026-02-23", "2026-03-01"),
        ("what broke last night?", "2026-03-12", "2026-03-13"),
        ("this morning", "2026-03-13", "2026-03-13"),
        ("vor ein paar Tagen", "2026-03-10", "2026-03-10"),
    ],
)
def test_times_in_words_are_read(text, first, last):
    span = find(text, FRIDAY)
    assert span is not None
    days = [datetime.fromtimestamp(ms / 1000, UTC).date().isoformat() for ms in (span.start, span.end - 1)]
    assert days == [first, last]


def test_a_text_without_a_time_names_none():
    assert find("may I march one further, on the 30th floor?", FRIDAY) is None


SAID = [
    (11, "message.in", "Which backup failed?", {}),
    (11, "tool.call", "", {"name": "exec", "call": "c1", "arguments": {"command": "restic check"}}),
    (11, "tool.result", "", {"name": "exec", "call": "c1", "error": "repository locked"}),
    (11, "message.out", "The restic backup of the database failed, the repository is locked.", {}),
    (3, "message.in", "Wir haben die Rechnungen an die Buchhaltung geschickt.", {}),
    (3, "message.out", "Gut, die Buchhaltung hat sie.", {}),
    (1, "message.in", "My sister visits on Sunday.", {}),
    (1, "message.out", "Noted: your sister comes on Sunday.", {}),
]
"""(days ago, type, text, more)"""


@pytest.fixture
def db(database_url: str) -> Iterator[Insights]:
    store = Store(database_url)
    store.migrate()
    events = []
    for seq, (ago, kind, text, more) in enumerate(SAID, 1):
        event = {"eventlore": 1, "id": f"e{seq}", "ts": FRIDAY - ago * DAY + seq * 1_000, "type": kind, "text": text}
        event |= {"agent": "ops", "session": f"agent:ops:{ago}"} | more
        events.append(decode(msgspec.json.encode(event), stream="log", seq=seq))
    store.record(events)
    store.settle()
    yield Insights(store.engine)
    store.close()


def test_history_is_listed_by_conditions(db):
    assert db.history()["seq"].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert db.history(tool="exec", order="earliest")["seq"].tolist() == [2, 3]
    assert db.history(speaker="user", since="2026-03-09")["seq"].tolist() == [7, 5]
    assert db.history(since="last week", until="last week", order="earliest")["seq"].tolist() == [1, 2, 3, 4]
    assert db.history("backup restic", order="latest")["seq"].tolist() == [4]
    assert db.history("last week", limit=2)["seq"].tolist() == [4, 3]
    around = db.history("locked", order="earliest", limit=1, around=1)
    assert list(zip(around["seq"], around["hit"], strict=True)) == [(2, False), (3, True), (4, False)]
    assert [row["seq"] for row in db.history_rows(order="earliest", limit=3)] == [1, 2, 3]
    assert db.event("log", 3)[0]["text"] == "repository locked"


def test_what_no_history_can_be_is_refused(db):
    with pytest.raises(ValueError, match="no speaker"):
        db.history(speaker="bob")
    with pytest.raises(ValueError, match="no time"):
        db.history(since="whenever")
    with pytest.raises(ValueError, match="no topic"):
        db.history(topic="nonsense")


def test_recall_finds_what_was_said_whatever_the_form_of_the_words(db):
    assert db.recall("ops", "why do backups fail?", 3)["seq"].tolist()[0] in {1, 4}
    assert db.recall("ops", "an wen ging die Rechnung?", 1)["event_id"].tolist() == ["e5"]
    assert {5, 6} >= set(db.recall("ops", "buchhaltung", 2)["seq"])
    assert db.recall("other", "backups", 3).empty


def test_many_matches_are_walked_to_with_the_same_result(db, monkeypatch):
    found = [db.history(word, order=order)["seq"].tolist() for word in ("sunday", "buchhaltung") for order in ORDERED]
    assert found == [[8, 7], [7, 8], [6, 5], [5, 6]]
    monkeypatch.setattr("analytics.recall.lookup.SORTED", 0)
    assert [
        db.history(word, order=order)["seq"].tolist() for word in ("sunday", "buchhaltung") for order in ORDERED
    ] == found


def test_an_agent_recalls_its_own_among_many_others_that_say_the_same(database_url, monkeypatch):
    store = Store(database_url)
    store.migrate()
    events = []
    for seq in range(1, 121):
        agent = "small" if seq <= 2 else f"other{seq % 7}"
        event = {"eventlore": 1, "id": f"e{seq}", "ts": FRIDAY + seq * 1_000, "type": "message.in", "agent": agent}
        event |= {"text": f"The backup of disk {seq} is done.", "session": f"agent:{agent}:{seq // 10}"}
        events.append(decode(msgspec.json.encode(event), stream="log", seq=seq))
    store.record(events)
    store.settle()
    monkeypatch.setattr("analytics.recall.lookup.MOST", 20)
    assert sorted(Insights(store.engine).recall("small", "which backup is done?", 5)["seq"]) == [1, 2]
    assert sorted(Insights(store.engine, "small").recall("small", "which backup is done?", 5)["seq"]) == [1, 2]
    store.close()


def test_a_word_without_end_is_looked_for_like_any_other(database_url):
    store = Store(database_url)
    store.migrate()
    event = {"eventlore": 1, "id": "e1", "ts": FRIDAY, "type": "message.in", "agent": "ops", "session": "agent:ops:1"}
    store.record([decode(msgspec.json.encode(event | {"text": "a" * 200_000}), stream="log", seq=1)])
    store.settle()
    db = Insights(store.engine)
    assert db.history("a" * 200_000)["seq"].tolist() == [1]
    assert db.recall("ops", "a" * 200_000, 3)["seq"].tolist() == [1]
    store.close()


def test_what_was_said_commands_no_terminal(monkeypatch, tmp_path, capsys):
    hostile = "see [/b] and [bold]this[/] \x1b]0;owned\x07 \u202eabc"
    database = f"sqlite:///{tmp_path / 'insights.db'}"
    store = Store(database)
    store.migrate()
    event = {"eventlore": 1, "id": "e1", "ts": FRIDAY, "type": "message.in", "agent": "ops", "session": "agent:ops:1"}
    store.record([decode(msgspec.json.encode(event | {"text": hostile}), stream="log", seq=1)])
    store.settle()
    store.close()
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", database)
    for arguments in ([], ["--event", "log:1"]):
        monkeypatch.setattr(sys, "argv", ["eventlore", "history", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert r"see [/b] and [bold]this[/] \x1b]0;owned\x07 \u202eabc" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["log", "log:", ":1", "log:x", "log:²", "log:-1", "log:" + "9" * 30])
def test_what_names_no_event_is_one_line(monkeypatch, tmp_path, capsys, place):
    database = f"sqlite:///{tmp_path / 'insights.db'}"
    store = Store(database)
    store.migrate()
    store.close()
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", database)
    monkeypatch.setattr(sys, "argv", ["eventlore", "history", "--event", place])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"eventlore: {place!r} names no event: write STREAM:SEQ, for instance openclaw-events:42\n"
    )


def test_an_export_whose_ending_names_no_form_is_refused(monkeypatch, tmp_path, capsys):
    database = f"sqlite:///{tmp_path / 'insights.db'}"
    store = Store(database)
    store.migrate()
    store.close()
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", database)
    monkeypatch.setattr(sys, "argv", ["eventlore", "history", "-o", str(tmp_path / "x.xlsx")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "names no form" in capsys.readouterr().err
    assert not (tmp_path / "x.xlsx").exists()
