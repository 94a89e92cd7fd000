"""Discovered topics in the tables: when models are fitted, what they may know, and that arrival does not matter."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from analytics import analyse
from models import tables
from models.dialects import decode
from models.events import Event
from worker.store import Store

START = 1_767_225_600_000
HOUR = 3_600_000
SUBJECTS = {
    "flight": ["the flight to Oslo", "my flight from Rome", "an airline flight ticket", "the delayed flight"],
    "printer": ["the office printer", "a printer driver", "the jammed printer tray", "the broken printer cable"],
}
VERBS = ["book", "check", "cancel", "replace", "mention", "order"]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


def said(seq: int, hour: int, text: str, visibility: str = "internal") -> Event:
    """A message of a conversation of its own."""
    line = (
        f'{{"id":"e{seq}","ts":{START + hour * HOUR + seq},"agent":"agent","session":"agent:cook:s{seq}","type":"msg.in",'
        f'"visibility":"{visibility}","payload":{{"content":"{text}","from":"user","channel":"irc"}}}}'
    )
    return decode(line.encode(), stream="log", seq=seq)


def talk(subjects: dict[str, list[str]], start: int = 0, visibility: str = "internal") -> list[Event]:
    texts = [f"please {verb} {thing} {extra}" for things in subjects.values() for thing in things for verb in VERBS
             for extra in ("soon", "in March", "for Ann")]  # fmt: skip
    random.Random(1).shuffle(texts)
    return [said(start + n, n + 1, text, visibility) for n, text in enumerate(texts, 1)]


def rows(store: Store, table: str) -> list[dict[str, object]]:
    t = tables.metadata.tables[table]
    with store.engine.connect() as connection:
        found = connection.execute(select(t).order_by(*t.primary_key)).mappings()
        return [dict(row) for row in found]


def learned(store: Store) -> dict[str, list[dict[str, object]]]:
    names = ("sessions", "event_topics", "topics", "topic_trends", "discovered_models")
    return {name: rows(store, name) for name in names}


def test_topics_are_discovered_whatever_arrives_when(store, tmp_path):
    events = talk(SUBJECTS)
    store.record(events)
    store.settle()
    at_once = learned(store)
    found = [topic for topic in at_once["topics"] if topic["source"] == "discovered"]
    assert {word for topic in found for word in topic["keywords"]} >= {"flight", "printer"}
    versions = [row["version"] for row in at_once["discovered_models"]]
    assert len(versions) == 7
    assert {row["topic_model"] for row in at_once["sessions"]} == set(versions)

    piecemeal = Store(f"sqlite:///{tmp_path / 'other.db'}")
    piecemeal.migrate()
    late, early = events[:20], events[20:]  # those of the first hours come last, after a model was fitted without them
    for part in (early[60:], early[:60], late):
        piecemeal.record(part)
        piecemeal.settle()
    assert learned(piecemeal) == at_once
    piecemeal.close()

    given = analyse(events, stream="log")
    for name in ("topics", "event_topics"):
        assert given[name].to_dict("records") == at_once[name]


def test_a_model_is_the_same_when_it_is_fitted_again(store):
    store.record(talk(SUBJECTS))
    store.settle()
    before = learned(store)
    with store.engine.begin() as connection:
        connection.execute(tables.discovered_models.delete())
    store.forget_insights()
    store.settle()
    assert learned(store) == before


def test_no_topic_is_found_in_what_others_may_not_read(store):
    store.record(talk({"flight": SUBJECTS["flight"]}))
    store.record(talk({"printer": SUBJECTS["printer"]}, start=1_000, visibility="secret"))
    store.record(talk({"merger": [f"the falcon merger {n}" for n in range(4)]}, start=2_000, visibility="confidential"))
    store.settle()
    models = b"".join(row["data"] for row in rows(store, "discovered_models"))
    assert b"flight" in models
    assert b"printer" not in models
    assert b"falcon" not in models
    examples = {row["example_seq"] for row in rows(store, "topics") if row["source"] == "discovered"}
    assert examples
    assert max(examples) < 1_000
