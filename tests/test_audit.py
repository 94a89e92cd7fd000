"""The chain in the database: the same however it came about, protected, and proven entry by entry."""

import hashlib
import random
import sqlite3
from collections.abc import Iterator

import pytest
from conftest import new_postgres_database
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from test_store import rows, said

from worker.audit.chain import permitted
from worker.audit.proofs import head_of, prove, root_of
from worker.audit.verify_bundle import START, leaf, link, proves, root
from worker.database import migrate, open_engine, writing
from worker.store import DeadLetter, Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def on_sqlite(tmp_path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'insights.db'}")
    store.migrate()
    yield store
    store.close()


def record(store: Store, seqs) -> None:
    store.record([said(seq, f"message {seq}") for seq in seqs])


def chained(store: Store) -> list[tuple[int, int, str, str]]:
    return sorted((r["seq"], r["entry"], r["digest"], r["chain"]) for r in rows(store, "audit_chain"))


def expected(seqs) -> list[tuple[int, int, str, str]]:
    chain, entries = START, []
    for number, seq in enumerate(seqs):
        digest = said(seq, f"message {seq}").digest
        chain = link(chain, leaf("log", seq, digest))
        entries.append((seq, number, digest, chain.hex()))
    return entries


def test_an_entry_is_what_the_documents_say():
    digest = hashlib.sha256(b"{}").hexdigest()
    entry = hashlib.sha256(b"\x00" + b"7\n" + digest.encode() + b"\nlog").digest()
    assert leaf("log", 7, digest) == entry
    assert link(START, entry) == hashlib.sha256(b"\x02" + bytes(32) + entry).digest()


def test_batches_in_any_order_give_the_same_chain(store):
    seqs = list(range(1, 301))
    batches = [seqs[start : start + 7] for start in range(0, 300, 7)]
    random.Random(3).shuffle(batches)
    for batch in batches:
        record(store, batch)
        record(store, batch[:2])  # redelivered
    assert chained(store) == expected(seqs)
    assert rows(store, "audit_waiting") == []


def test_what_comes_before_its_turn_waits(store):
    record(store, [1, 2])
    record(store, [5, 6])
    assert chained(store) == expected([1, 2])
    assert [row["seq"] for row in rows(store, "audit_waiting")] == [5, 6]
    record(store, [3, 4])
    assert chained(store) == expected(range(1, 7))


def test_sequences_that_the_log_lacks_are_stepped_over_as_far_as_was_acknowledged(store):
    record(store, [3, 4])
    record(store, [7, 8])
    record(store, [10])
    store.catch_up_chain("log", 4)
    assert chained(store) == expected([3, 4])
    store.catch_up_chain("log", 7)
    assert chained(store) == expected([3, 4, 7, 8])
    store.catch_up_chain("log", 10)
    assert chained(store) == expected([3, 4, 7, 8, 10])


def test_dead_letters_are_chained_by_the_bytes_that_came(store):
    data = b"password=hunter2hunter2 {"
    store.record([said(1, "message 1")], [DeadLetter("log", 2, "s", "not JSON", data)])
    (letter,) = store.dead_letters()
    assert letter.data != data
    assert chained(store)[1][2] == hashlib.sha256(data).hexdigest()


def test_a_revived_letter_keeps_the_digest_of_the_bytes_that_came(store):
    store.record([], [DeadLetter("log", 1, "s", "of an older version", b"{}")])
    store.revive([said(1, "hello")])
    assert [row["digest"] for row in rows(store, "events")] == [hashlib.sha256(b"{}").hexdigest()]


def test_every_entry_is_proven_by_a_short_path(on_sqlite):
    size = 600
    record(on_sqlite, range(1, size + 1))
    leaves = [leaf("log", seq, digest) for seq, _, digest, _ in expected(range(1, size + 1))]
    with on_sqlite.engine.connect() as connection:
        head = head_of(connection, "log")
        assert (head.size, head.last_seq, head.chain) == (size, size, expected(range(1, size + 1))[-1][3])
        top = bytes.fromhex(root_of(connection, head))
        assert top == root(leaves)
        for seq in [1, 2, 255, 256, 257, 511, 512, 513, 600]:
            proof = prove(connection, head, seq)
            siblings = [bytes.fromhex(one) for one in proof.path]
            assert len(siblings) <= 10
            assert proves(siblings, leaves[seq - 1], seq - 1, size, top)
            assert not proves(siblings, leaves[seq - 2], seq - 1, size, top)
            assert not proves(siblings, leaves[seq - 1], seq % size, size, top)
        with pytest.raises(LookupError, match="log 601 is not in the audit chain"):
            prove(connection, head, 601)


def test_tiles_of_two_levels_give_the_root_and_the_proofs(on_sqlite, monkeypatch):
    monkeypatch.setattr("worker.audit.chain.TILE", 4)
    monkeypatch.setattr("worker.audit.proofs.TILE", 4)
    leaves = [leaf("log", seq, digest) for seq, _, digest, _ in expected(range(1, 91))]
    chance = random.Random(5)
    done = 0
    while done < 90:
        more = min(90, done + chance.randint(1, 12))
        record(on_sqlite, range(done + 1, more + 1))
        done = more
        with on_sqlite.engine.connect() as connection:
            head = head_of(connection, "log")
            assert root_of(connection, head) == root(leaves[:done]).hex()
            seq = chance.randint(1, done)
            siblings = [bytes.fromhex(one) for one in prove(connection, head, seq).path]
            assert proves(siblings, leaves[seq - 1], seq - 1, done, root(leaves[:done]))


def test_only_o_log_n_rows_are_read_for_a_proof(on_sqlite):
    record(on_sqlite, range(1, 2_001))
    with on_sqlite.engine.connect() as connection:
        head = head_of(connection, "log")
        raw = connection.connection.dbapi_connection
        steps = [0]
        raw.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1)
        prove(connection, head, 700)
        raw.set_progress_handler(None, 0)
    assert steps[0] < 2_000 * 8  # a walk over all entries takes more than 8 steps for each


FORBIDDEN = [
    "UPDATE events SET text = 'forged'",
    "UPDATE events SET seq = 9 WHERE seq = 1",
    "DELETE FROM events",
    "UPDATE audit_chain SET digest = ''",
    "DELETE FROM audit_chain WHERE seq = 2",
    "UPDATE dead_letters SET data = ''",
    "DELETE FROM dead_letters",
    "UPDATE audit_tiles SET root = ''",
    "DELETE FROM audit_removals",
]


def test_the_database_refuses_to_change_the_record(store):
    store.record([said(n, "hello") for n in range(1, 257)], [DeadLetter("log", 257, "s", "not JSON", b"{")])
    with writing(store.engine) as connection:
        connection.execute(text("INSERT INTO audit_removals VALUES ('log', 999, 0, 'me', 'why')"))
    for statement in FORBIDDEN:
        with pytest.raises(DBAPIError, match="is a record: its rows are never"), writing(store.engine) as connection:
            connection.execute(text(statement))


def test_a_permit_opens_events_and_letters_and_nothing_else(store):
    store.record([said(1, "hello")], [DeadLetter("log", 2, "s", "not JSON", b"{")])
    with writing(store.engine) as connection, permitted(connection, "test"):
        connection.execute(text("UPDATE events SET text = 'better'"))
        connection.execute(text("DELETE FROM dead_letters"))
    with (
        pytest.raises(DBAPIError, match="audit_chain is a record"),
        writing(store.engine) as connection,
        permitted(connection, "test"),
    ):
        connection.execute(text("DELETE FROM audit_chain"))
    with pytest.raises(DBAPIError, match="events is a record"), writing(store.engine) as connection:
        connection.execute(text("DELETE FROM events"))


def test_truncating_is_refused_too(request):
    store = Store(new_postgres_database(request.getfixturevalue("postgres")))
    store.migrate()
    for table in ("events", "audit_chain", "dead_letters"):
        with pytest.raises(DBAPIError, match=f"{table} is a record"), writing(store.engine) as connection:
            connection.execute(text(f"TRUNCATE {table}"))
    store.close()


def test_a_client_of_sqlite_replaces_nothing(on_sqlite, tmp_path):
    record(on_sqlite, [1, 2])
    before = rows(on_sqlite, "events"), rows(on_sqlite, "audit_chain")
    with sqlite3.connect(tmp_path / "insights.db") as db:
        db.execute("INSERT OR REPLACE INTO audit_chain SELECT stream, seq, 7, digest, 'forged' FROM audit_chain")
        db.execute("REPLACE INTO events SELECT * FROM events")
    db.close()
    assert (rows(on_sqlite, "events"), rows(on_sqlite, "audit_chain")) == before


def test_content_goes_only_where_a_removal_says_so_and_never_comes_back(store):
    record(store, [1, 2])
    empty = "UPDATE events SET text = '', payload = '', arguments = '', error = '' WHERE seq = 1"
    with pytest.raises(DBAPIError, match="events is a record"), writing(store.engine) as connection:
        connection.execute(text(empty))
    with writing(store.engine) as connection:
        connection.execute(text("INSERT INTO audit_removals VALUES ('log', 1, 0, 'me', 'asked to')"))
        connection.execute(text(empty))
    with (
        pytest.raises(DBAPIError, match="events is a record"),
        writing(store.engine) as connection,
        permitted(connection, "test"),
    ):
        connection.execute(text("UPDATE events SET text = 'back' WHERE seq = 1"))
    record(store, [1])
    assert [row["text"] for row in sorted(rows(store, "events"), key=lambda row: row["seq"])] == ["", "message 2"]


def test_the_record_of_an_older_version_is_chained_with_the_next_batch(database_url, monkeypatch):
    from worker import database

    engine = open_engine(database_url)
    upgrade = database.command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(database.command, "upgrade", lambda config, _: upgrade(config, "0001"))
        migrate(engine)
    with writing(engine) as connection:
        for seq in (1, 2):
            event = said(seq, f"message {seq}")
            columns = list(event.__struct_fields__)
            connection.execute(
                text(
                    f"INSERT INTO events ({', '.join(f'{chr(34)}{c}{chr(34)}' for c in columns)}) "
                    f"VALUES ({', '.join(f':{c}' for c in columns)})"
                ),
                {c: getattr(event, c) for c in columns},
            )
    engine.dispose()
    store = Store(database_url)
    store.migrate()
    record(store, [3])
    assert chained(store) == expected([1, 2, 3])
    with store.engine.connect() as connection:
        assert connection.scalar(select(text("count(*) FROM audit_waiting"))) == 0
    store.close()
