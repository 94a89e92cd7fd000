"""Who may read what: agents, visibilities and the rows that were learned from them."""

from collections.abc import Iterator

import msgspec
import pytest

from analytics.insights import Insights
from models import tables
from models.dialects import decode
from worker.database import writing
from worker.store import DeadLetter, Store

NOON = 1_767_268_800_000


def line(
    seq: int, agent: str, text: str, *, visibility: str = "internal", session: str = "main", **more: object
) -> bytes:
    event = {
        "eventlore": 1,
        "id": f"e{seq}",
        "ts": NOON + seq * 1_000,
        "type": "message.in",
        "session": f"agent:{agent}:{session}",
        "visibility": visibility,
        "text": text,
    }
    return msgspec.json.encode(event | more)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


def record(store: Store, *lines: bytes) -> None:
    store.record([decode(one, stream="log", seq=seq) for seq, one in enumerate(lines, 1)])
    store.settle()


def seen(store: Store, viewer: str | None) -> Insights:
    return Insights(store.engine, viewer)


def test_an_agent_reads_its_own_events_and_what_others_made_public(store):
    texts = [("a", v) for v in ("public", "internal", "confidential", "secret")]
    texts += [("b", v) for v in ("public", "internal", "confidential", "secret")]
    record(store, *(line(n, agent, f"{agent} {v}", visibility=v) for n, (agent, v) in enumerate(texts, 1)))
    t = tables.events

    def read(viewer: str | None) -> list[str]:
        db = seen(store, viewer)
        return [f"{row['agent']}: {row['text']}" for row in db.reader.fetch(db.reader.events(t.c.agent, t.c.text))]

    own = ["a: a public", "a: a internal", "a: a confidential", "a: a secret"]
    assert sorted(read("a")) == sorted([*own, "b: b public"])
    assert sorted(read("c")) == ["a: a public", "b: b public"]
    assert len(read(None)) == 8


def test_what_was_learned_of_a_session_is_public_when_all_of_it_is(store):
    record(
        store,
        line(1, "a", "Please book a flight to Rome", visibility="public"),
        line(2, "a", "I want to cancel my flight", visibility="public", session="other"),
        line(3, "a", "My card was stolen", visibility="internal", session="other"),
    )
    other = seen(store, "b")
    assert other.sessions()["session"].tolist() == ["agent:a:main"]
    assert other.styles()["seq"].tolist() == [1]
    assert other.topics()["messages"].sum() == 1
    assert len(seen(store, "a").styles()) == len(seen(store, None).styles()) == 3


def test_a_discovered_topic_is_described_in_words_that_its_reader_knows(store):
    record(
        store,
        line(1, "a", "the falcon merger and the budget", visibility="internal"),
        line(2, "b", "the budget and the offsite", visibility="internal"),
    )
    topic = {"topic_id": "found:1", "label": "Falcon merger", "keywords": ["falcon", "budget", "merger"]}
    tag = {"topic_id": "found:1", "score": 1.0, "model": "found-1", "stream": "log"}
    with writing(store.engine) as connection:
        connection.execute(tables.topics.insert(), topic | {"messages": 2, "first_seen": NOON, "last_seen": NOON})
        for seq, agent in ((1, "a"), (2, "b")):
            place = {"agent": agent, "session": f"agent:{agent}:main", "seq": seq, "ts": NOON}
            connection.execute(tables.event_topics.insert(), tag | place)

    def described(viewer: str | None) -> list[tuple[str, list[str], int]]:
        found = seen(store, viewer).topics()
        return [(r.label, r.keywords, r.messages) for r in found[found["topic_id"] == "found:1"].itertuples()]

    assert described(None) == [("Falcon merger", ["falcon", "budget", "merger"], 2)]
    assert described("a") == [("Falcon merger", ["falcon", "budget", "merger"], 1)]
    assert described("b") == [("Budget", ["budget"], 1)]
    assert described("c") == []


def test_what_has_no_rule_is_the_operators(store):
    record(store, line(1, "a", "hello", visibility="public"))
    store.record([], [DeadLetter("log", 2, "events.b", "no JSON", b"{hidden")])
    everything = seen(store, None).reader
    assert everything.fetch(everything.rows(tables.dead_letters))[0]["data"] == b"{hidden"
    reader = seen(store, "a").reader
    for table in tables.metadata.tables.values():
        if "agent" not in table.c:
            assert reader.fetch(reader.rows(table)) == [], table.name


def test_of_gaps_that_prove_nothing_small_samples_come_last(store):
    gap = {column.name: 0 for column in tables.skill_gaps.columns}
    gap |= {"status": "opening", "evidence": [], "topic_id": "", "tool": "", "model": "m"}
    known = [("a", 4, 4, 0.9), ("b", 6, 12, 0.3), ("c", 3, 9, 0.5)]
    rows = [
        gap | {"agent": agent, "skill": agent, "failures": failures, "sessions": sessions, "excess": excess}
        for agent, failures, sessions, excess in known
    ]
    with writing(store.engine) as connection:
        connection.execute(tables.skill_gaps.insert(), rows)
    assert seen(store, None).gaps()["agent"].tolist() == ["b", "c", "a"]
