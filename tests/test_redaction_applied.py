"""Redaction where it is applied: on everything that SQL gets, and as configured."""

import json
from pathlib import Path

import pytest
import real_logs
from sqlalchemy import select, text

from models import tables
from models.dialects import decode
from models.redaction import Redactor
from worker.settings import ConfigError, Settings
from worker.store import DeadLetter, Store


def said(seq: int, words: str) -> bytes:
    return json.dumps(
        {"id": str(seq), "ts": 1795356164048 + seq, "agent": "a", "session": "agent:a:main", "type": "msg.in",
         "payload": {"content": words}}
    ).encode()  # fmt: skip


@pytest.fixture
def store(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path / 'insights.db'}", Redactor({"badge": r"BADGE-\d+"}))
    store.migrate()
    yield store
    store.close()


def test_sql_never_gets_a_credential(store: Store) -> None:
    event = decode(said(1, "my password: hunter22, my badge BADGE-77"), stream="log", seq=1)
    letter = DeadLetter("log", 2, "s", "unknown type 'AKIAIOSFODNN7EXAMPL2'", b'{"type":"AKIAIOSFODNN7EXAMPL2"}')
    store.record([event], [letter])
    store.revive([decode(said(3, "token=ghp_" + "a1" * 18), stream="log", seq=3)])
    with store.engine.connect() as connection:
        rows = connection.execute(select(tables.events)).mappings().all()
        everything = str([*map(dict, rows), *connection.execute(text("SELECT * FROM dead_letters"))])
    assert [row["text"] for row in rows] == [
        "my password: [redacted-password], my badge [redacted-badge]",
        "token=[redacted-github-token]",
    ]
    assert rows[0]["digest"] == event.digest
    for secret in ("hunter22", "BADGE-77", "AKIA", "ghp_"):
        assert secret not in everything
    store.record([event], [])  # delivered again
    assert store.masked() == {"password": 1, "badge": 1, "aws-key": 1, "github-token": 1}


def test_patterns_are_configured(tmp_path: Path) -> None:
    path = tmp_path / "lore.yaml"
    path.write_text("gateway: {eventStore: {redaction: {patterns: {badge: 'BADGE-\\d+'}}}}")
    redactor = Settings.load(path).redaction.redactor()
    assert redactor.text("BADGE-77 password: hunter2")[0] == "[redacted-badge] password: [redacted-password]"


def test_redaction_can_be_switched_off(tmp_path: Path) -> None:
    path = tmp_path / "lore.yaml"
    path.write_text("gateway: {eventStore: {redaction: {enabled: false}}}")
    assert Settings.load(path).redaction.redactor().text("password: hunter2") == ("password: hunter2", {})


def test_a_pattern_that_cannot_be_used_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "lore.yaml"
    path.write_text("gateway: {eventStore: {redaction: {patterns: {badge: '('}}}}")
    with pytest.raises(ConfigError) as error:
        Settings.load(path)
    assert str(error.value) == (
        f"{path}: gateway.eventStore.redaction: redaction pattern 'badge': "
        "missing ), unterminated subpattern at position 0"
    )


@pytest.mark.data
def test_real_logs_stay_as_they_are(data: Path) -> None:
    redactor = Redactor()
    changed = [line for line in real_logs.lines(data) if redactor.message(line).found]
    # The only one in 118,000 that says of something that it is a passcode.
    assert [json.loads(line)["session"] for line in changed] == ["agent:mwoz-desk:webchat:direct:973"]
