"""The store: batches in, rows out, in transactions that can be repeated, on SQLite and PostgreSQL."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from analytics import analysis
from analytics.topics.learning import train
from models import tables
from models.dialects import decode
from models.events import Event
from worker import database
from worker.database import migrate, open_engine, writing
from worker.store import DeadLetter, Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


def said(seq: int, text: str, *, session: str = "agent:cook:main", kind: str = "msg.in") -> Event:
    line = (
        f'{{"id":"e{seq}","ts":{1_767_225_600_000 + seq * 1_000},"agent":"agent","session":"{session}",'
        f'"type":"{kind}","payload":{{"content":"{text}","from":"user","to":"user","channel":"irc","success":true}}}}'
    )
    return decode(line.encode(), stream="log", seq=seq)


def rows(store: Store, table: str) -> list[dict[str, object]]:
    with store.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(tables.metadata.tables[table])).mappings()]


def test_migrations_make_the_tables_that_the_code_describes(store):
    with store.engine.connect() as connection:
        # Indexes of words are nothing that SQLAlchemy could describe for both databases.
        ours = {"include_name": lambda name, *_: not (name or "").startswith(("entries_index", "ix_entries_words"))}
        context = MigrationContext.configure(connection, opts={"compare_type": True} | ours)
        assert compare_metadata(context, tables.metadata) == []


def test_migrating_twice_changes_nothing(store):
    store.record([said(1, "hello")])
    store.migrate()
    assert store.counts()["events"] == 1


def test_what_an_older_version_scored_has_no_language_until_its_session_goes_on(database_url, monkeypatch):
    upgrade = database.command.upgrade
    store = Store(database_url)
    with monkeypatch.context() as patch:
        patch.setattr(database.command, "upgrade", lambda config, _: upgrade(config, "0009"))
        migrate(store.engine)
    scores = "politeness, formality, directness, verbosity, sentiment, frustration, hedging, question"
    with writing(store.engine) as connection:
        connection.execute(
            text(
                f"INSERT INTO message_styles (agent, session, stream, seq, ts, speaker, {scores}, satisfaction, model) "
                "VALUES ('agent', 'agent:cook:main', 'log', 1, 1767225601000, 'user', "
                "0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, NULL, 'old')"
            )
        )
    store.migrate()
    (old,) = rows(store, "message_styles")
    assert (old["seq"], old["politeness"], old["model"], old["language"]) == (1, 0.1, "old", "")
    store.record([said(1, "Kannst du mir bitte helfen?"), said(2, "Could you help me with this?")])
    store.settle()
    assert {row["seq"]: row["language"] for row in rows(store, "message_styles")} == {1: "de", 2: "en"}
    store.close()


def test_a_batch_written_twice_is_there_once(store):
    batch = [said(1, "Could you find a soup recipe?"), said(2, "Here is one.", kind="msg.out")]
    store.record(batch)
    store.record(batch)
    store.settle()
    counts = store.counts()
    assert (counts["events"], counts["sessions"], counts["message_styles"]) == (2, 1, 2)


def test_an_event_reads_back_as_it_was_written(store):
    event = said(1, "Gr\\u00fc\\u00dfe \\ud83c\\udf72 \\u0000 end")
    store.record([event])
    (row,) = rows(store, "events")
    assert row == {name: getattr(event, name) for name in Event.__struct_fields__}


def test_sessions_are_pending_until_they_are_settled(store):
    store.record([said(1, "hello"), said(2, "hallo", session="agent:cook:other")])
    assert store.pending_sessions() == 2
    assert store.settle_sessions() == 2
    assert store.pending_sessions() == 0
    assert store.settle_sessions() == 0


def test_the_overview_is_derived_only_when_a_session_has_changed(store):
    assert store.settle_overview() is False
    store.record([said(1, "hello")])
    store.settle_sessions()
    assert store.settle_overview() is True
    assert store.settle_overview() is False


def test_a_late_event_changes_the_session_that_it_belongs_to(store):
    store.record([said(1, "Could you find a soup recipe?")])
    store.settle()
    store.record([said(2, "Here is one.", kind="msg.out")])
    store.settle()
    (session,) = rows(store, "sessions")
    assert (session["messages"], session["turns"]) == (2, 1)


def test_identical_bytes_count_once(store):
    once = said(7, "Could you find a soup recipe?")
    line = once.payload.encode()
    again = decode(line, stream="log", seq=3)
    store.record([once])
    store.settle()
    store.record([again])
    store.settle()
    assert [row["seq"] for row in rows(store, "message_styles")] == [3]
    assert [row["messages"] for row in rows(store, "sessions")] == [1]


def test_rows_that_did_not_change_are_not_written_again(store):
    store.record([said(1, "hello"), said(2, "good morning to you", session="agent:cook:other")])
    store.settle()
    before = {name: rows(store, name) for name in ("sessions", "message_styles", "topics")}
    store.forget_insights()
    store.settle()
    assert {name: rows(store, name) for name in before} == before


def test_a_dead_letter_keeps_its_bytes_and_its_reason(store):
    letter = DeadLetter("log", 4, "openclaw.events.x.y", "not JSON", b"\xff\x00{")
    store.record([], [letter])
    store.record([], [letter])
    assert store.dead_letters() == [letter]


def test_a_revived_dead_letter_becomes_an_event(store):
    store.record([said(1, "hello")], [DeadLetter("log", 2, "s", "unknown type", b"{}")])
    store.revive([said(2, "Here I am.")])
    store.settle()
    assert store.dead_letters() == []
    assert [row["messages"] for row in rows(store, "sessions")] == [2]


def test_a_session_that_cannot_be_analysed_harms_no_other(store, monkeypatch):
    fold = analysis.fold

    def fragile(events):
        if any(event.text == "poison" for event in events):
            raise ZeroDivisionError("an analyser's bug")
        return fold(events)

    monkeypatch.setattr(analysis, "fold", fragile)
    store.record([said(n, "poison" if n == 2 else "hello", session=f"agent:cook:{n}") for n in range(1, 5)])
    store.settle()
    assert [row["session"] for row in rows(store, "sessions")] == ["agent:cook:1", "agent:cook:3", "agent:cook:4"]
    assert store.unsettled() == [("cook", "agent:cook:2", "ZeroDivisionError: an analyser's bug")]
    monkeypatch.undo()
    store.forget_insights()
    store.settle()
    assert len(rows(store, "sessions")) == 4
    assert store.unsettled() == []


def test_an_endless_session_is_analysed_by_its_latest_events(store, monkeypatch):
    monkeypatch.setattr(analysis, "MOST_EVENTS", 10)
    store.record([said(n, f"message {n}") for n in range(1, 31)])
    store.settle()
    (session,) = rows(store, "sessions")
    assert session["messages"] == 10
    assert session["started_at"] == 1_767_225_600_000 + 21_000


def test_a_stream_that_was_made_anew_gets_a_name_of_its_own(store):
    assert store.name_stream("log", "2026-01-01") == "log"
    assert store.name_stream("log", "2026-02-02") == "log@2026-02-02"
    assert store.name_stream("log", "2026-01-01") == "log"


def test_an_unknown_database_is_refused_with_what_to_write():
    with pytest.raises(ValueError, match="mysql is not supported: use sqlite:///FILE or postgresql://"):
        open_engine("mysql://host/name")


def test_a_taxonomy_of_the_users_own_tags_in_place_of_the_packaged_topics(store):
    lines = [said(1, "The soup needs more salt and pepper"), said(2, "hallo", session="agent:cook:other")]
    store.record(lines)
    store.settle()
    cooking = [
        "add salt to the soup",
        "pepper and salt",
        "soup with pepper",
        "salt the soup well",
        "more pepper please",
    ]
    riding = ["ride the horse", "saddle a horse", "the horse gallops", "a saddle for riding", "riding in the woods"]
    store.save_taxonomy("mine", train([*((t, "cooking") for t in cooking), *((t, "riding") for t in riding)]))
    store.record([said(3, "How much salt and pepper does the soup need?", session="agent:cook:new")])
    store.settle()
    tagged = {row["seq"]: row["topic_id"] for row in rows(store, "event_topics")}
    assert tagged[3] == "mine:cooking"
    assert tagged.get(1) != "mine:cooking"
    store.forget_insights()
    store.settle()
    tagged = {row["seq"]: row["topic_id"] for row in rows(store, "event_topics")}
    assert tagged == {1: "mine:cooking", 3: "mine:cooking"}
    assert [row["label"] for row in rows(store, "topics")] == ["cooking"]
