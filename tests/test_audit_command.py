"""The audit trail from the log to the bundle, as processes: real server, real databases, real kills."""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from command import Eventlore
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from log_server import jetstream
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from worker.audit.verify_bundle import signed_by

STREAM = "openclaw-events"


def line(number: int) -> bytes:
    said = {"content": f"message {number}", "from": "user", "channel": "irc"}
    session = f"agent:cook:{number // 50}"
    event = {"id": f"e{number}", "ts": 1_767_225_600_000 + number, "agent": "agent", "session": session}
    return json.dumps({**event, "type": "msg.in", "payload": said}).encode()


def publish(eventlore: Eventlore, numbers) -> None:
    eventlore("publish", "-", stdin=b"\n".join(map(line, numbers)) + b"\n")


@pytest.fixture
def eventlore(nats_url: str, database_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=database_url, home=tmp_path / "home")


@pytest.fixture
def on_sqlite(nats_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=f"sqlite:///{tmp_path / 'insights.db'}", home=tmp_path / "home")


def counted(eventlore: Eventlore, table: str) -> int:
    engine = create_engine(eventlore.env["EVENTLORE_DATABASE_URL"], poolclass=NullPool)
    with suppress(DBAPIError), engine.connect() as connection:  # the tables may not be there yet
        return connection.scalar(text(f"SELECT count(*) FROM {table}"))
    return 0


def falsify(database: Path, *statements: str) -> None:
    """What somebody does who owns the file: the triggers are no obstacle."""
    with sqlite3.connect(database) as db:
        for name, table in db.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            assert name.startswith(table)
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
    db.close()


def difference(eventlore: Eventlore) -> tuple[int, str, str]:
    (report,) = eventlore.json("audit", "verify", code=1)
    found = report["difference"]
    return found["seq"], found["place"], found["kind"]


async def change_log(url: str, *, delete: int) -> None:
    async with jetstream(url) as js:
        await js.delete_msg(STREAM, delete)


def test_workers_killed_at_any_point_leave_the_chain_and_the_memory_that_a_rebuild_gives(on_sqlite):
    lines = [line(number).replace(b"message", b"We deploy on Mondays since build") for number in range(1, 401)]
    on_sqlite("publish", "-", stdin=b"\n".join(lines) + b"\n")
    for table, rows in (("events", 1), ("memory_pending", 1), ("memory_items", 1), ("events", 200)):
        worker = on_sqlite.start("run")
        deadline = time.monotonic() + 300
        while counted(on_sqlite, table) < rows and counted(on_sqlite, "memory_items") < 400:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        worker.kill()
        worker.wait(60)
    on_sqlite("run", "--drain")
    (report,) = on_sqlite.json("audit", "verify")
    assert (report["intact"], report["entries"], report["waiting"], report["unread"]) == (True, 400, 0, 0)
    reports = {one["table"]: one for one in on_sqlite.json("rebuild", "--check")}
    assert [one for one in reports.values() if not one["equal"]] == []
    assert (reports["audit_chain"]["rows"], reports["memory_items"]["rows"] >= 400) == (400, True)


def test_what_the_log_never_had_is_stepped_over_and_counted(on_sqlite, nats_url):
    publish(on_sqlite, range(1, 41))
    for seq in (1, 17, 18):
        asyncio.run(change_log(nats_url, delete=seq))
    on_sqlite("run", "--drain")
    (report,) = on_sqlite.json("audit", "verify")
    assert (report["intact"], report["entries"], report["gaps"]) == (True, 37, 3)
    assert [one for one in on_sqlite.json("rebuild", "--check") if not one["equal"]] == []


def test_tampering_with_database_or_log_is_named(on_sqlite, nats_url, tmp_path):
    publish(on_sqlite, range(1, 41))
    on_sqlite("run", "--drain")
    database = tmp_path / "insights.db"
    on_sqlite("audit", "export", str(tmp_path / "before.zip"))
    asyncio.run(change_log(nats_url, delete=31))
    assert difference(on_sqlite) == (31, "log", "dropped")
    falsify(database, "UPDATE events SET text = 'forged' WHERE seq = 25")
    assert difference(on_sqlite) == (25, "events", "changed")
    falsify(database, "DELETE FROM events WHERE seq = 20")
    assert difference(on_sqlite) == (20, "events", "dropped")
    swap = "UPDATE events SET seq = {} WHERE seq = {}"
    falsify(database, swap.format(-1, 9), swap.format(9, 15), swap.format(15, -1))
    assert difference(on_sqlite) == (9, "events", "swapped")
    falsify(database, "UPDATE audit_chain SET chain = digest WHERE seq = 5")
    assert difference(on_sqlite) == (5, "audit_chain", "changed")
    assert "DIFFERS at 5: audit_chain, changed" in on_sqlite("audit", "verify", code=1)


def test_a_chain_cut_short_with_its_events_is_found(on_sqlite, tmp_path):
    publish(on_sqlite, range(1, 41))
    on_sqlite("run", "--drain")
    falsify(tmp_path / "insights.db", "DELETE FROM events WHERE seq > 35", "DELETE FROM audit_chain WHERE seq > 35")
    assert difference(on_sqlite)[:2] == (36, "log")


def test_a_bundle_verifies_itself_and_a_changed_one_does_not(on_sqlite, tmp_path):
    publish(on_sqlite, range(1, 301))
    on_sqlite("run", "--drain")
    bundle = tmp_path / "audit.zip"
    key = on_sqlite.json("audit", "export", str(bundle))["public_key"]
    assert verified(bundle, "--key", key).splitlines()[-1] == "VALID"
    assert "signed with another key" in verified(bundle, "--key", "0" * 64, code=1)
    assert (tmp_path / "home" / "audit-key.pem").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(bundle) as source:
        files = {name: source.read(name) for name in source.namelist()}
    for name in files:
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(forged, "w") as target:
            for other, data in files.items():
                target.writestr(other, flipped(data) if other == name else data)
        assert verified(forged, code=1, script=files).startswith("NOT VALID: "), name
    assert on_sqlite.json("audit", "verify", "--bundle", str(bundle))[0]["intact"]


def test_one_event_is_disclosed_with_its_proof(on_sqlite, tmp_path):
    publish(on_sqlite, range(1, 301))
    on_sqlite("run", "--drain")
    bundle = tmp_path / "one.zip"
    on_sqlite("audit", "export", str(bundle), "--event", "123", "--content")
    assert "1 messages have the bytes that were recorded" in verified(bundle)
    with zipfile.ZipFile(bundle) as source:
        (proof,) = map(json.loads, source.read("proofs.jsonl").splitlines())
        assert "chain.jsonl" not in source.namelist()
    assert proof["digest"] == hashlib.sha256(line(123)).hexdigest()
    assert len(proof["path"]) <= 9
    on_sqlite("audit", "export", str(bundle), "--event", "999", code=2)


def test_a_history_that_was_rewritten_throughout_is_found_with_an_older_bundle(on_sqlite, nats_url, tmp_path):
    publish(on_sqlite, range(1, 41))
    on_sqlite("run", "--drain")
    on_sqlite("audit", "export", str(tmp_path / "then.zip"))
    other = Eventlore(nats=nats_url, database=f"sqlite:///{tmp_path / 'b.db'}", home=tmp_path / "home")
    asyncio.run(change_log(nats_url, delete=12))
    other("run", "--drain")
    assert other.json("audit", "verify")[0]["intact"]
    (report,) = other.json("audit", "verify", "--bundle", str(tmp_path / "then.zip"), code=1)
    assert report["difference"]["place"] == "bundle"


def test_forgotten_content_leaves_a_tombstone_that_a_rebuild_keeps(eventlore, nats_url):
    publish(eventlore, range(1, 121))
    eventlore("run", "--drain")
    assert eventlore.json("audit", "forget", "--session", "agent:cook:1", "--reason", "r", "--dry-run") == {
        "removed": 0,
        "would_remove": 50,
    }
    done = eventlore.json("audit", "forget", "--session", "agent:cook:1", "--reason", "asked to", "--by", "me")
    assert done == {"removed": 50, "refused_by_log": []}
    assert held(nats_url) == 70
    eventlore("rebuild")
    (report,) = eventlore.json("audit", "verify")
    assert (report["intact"], report["entries"], report["removed"]) == (True, 120, 50)
    assert [one for one in eventlore.json("rebuild", "--check") if not one["equal"]] == []
    engine = create_engine(eventlore.env["EVENTLORE_DATABASE_URL"])
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT DISTINCT text, payload FROM events WHERE session = 'agent:cook:1'"))
        assert [tuple(row) for row in rows] == [("", "")]
        removals = connection.execute(text("SELECT DISTINCT removed_by, reason FROM audit_removals"))
        assert [tuple(row) for row in removals] == [("me", "asked to")]
    engine.dispose()


def test_a_rebuild_writes_nothing_that_the_chain_contradicts(on_sqlite, tmp_path):
    publish(on_sqlite, range(1, 11))
    on_sqlite("run", "--drain")
    falsify(tmp_path / "insights.db", f"UPDATE audit_chain SET digest = '{'0' * 64}' WHERE seq = 4")
    on_sqlite("rebuild", code=3)


def test_what_is_asked_wrongly_is_said(on_sqlite):
    for arguments in (
        ("forget", "--reason", "r"),
        ("forget", "--reason", " ", "--agent", "a"),
        ("forget", "--reason", "r", "--event", "x"),
        ("forget", "--reason", "r", "--before", "soon"),
        ("verify", "--bundle", "missing.zip"),
    ):
        on_sqlite("audit", *arguments, code=2)


def test_the_verifier_agrees_with_a_library_about_signatures():
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(b"message")
    assert signed_by(public, b"message", signature)
    assert not signed_by(public, b"other", signature)
    assert not signed_by(public, b"message", signature[:63] + bytes([signature[63] ^ 1]))
    assert not signed_by(bytes(32), b"message", signature)
    # RFC 8032, 7.1, test 1
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    assert signed_by(public, b"", signature)


def flipped(data: bytes) -> bytes:
    """The same with one bit changed, in the middle; of nothing, a byte too many."""
    if not data:
        return b" "
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def held(url: str) -> int:
    async def ask() -> int:
        async with jetstream(url) as js:
            return (await js.stream_info(STREAM)).state.messages

    return asyncio.run(ask())


def verified(bundle: Path, *arguments: str, code: int = 0, script: dict[str, bytes] | None = None) -> str:
    """What a bare Python says of a bundle; with ``script``, one that has a sound copy of the script from elsewhere."""
    program = [str(bundle)]
    if script:
        own = bundle.with_name("sound_verify.py")
        own.write_bytes(script["verify.py"])
        program = [str(own), str(bundle)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", *program, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, ""), done
    return done.stdout
