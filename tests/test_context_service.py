"""Context handed over: by a discoverable service, in a file, and through the log of hand-overs; worker and server are real."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from command import Eventlore
from nats.aio.client import Client
from sqlalchemy import create_engine, text

NOW = time.time_ns() // 1_000_000


def line(number: int, session: str, content: str, *, kind: str = "msg.in", visibility: str = "internal") -> bytes:
    event = {
        "id": f"e{number}", "ts": NOW - 86_400_000 + number * 1_000, "agent": "agent", "session": session, "type": kind,
        "visibility": visibility, "payload": {"content": content, "from": "u", "to": "u", "channel": "irc", "success": True},
    }  # fmt: skip
    return json.dumps(event).encode()


LINES = [
    line(1, "agent:cook:main", "I'm vegetarian, by the way."),
    line(2, "agent:cook:main", "Noted!", kind="msg.out"),
    line(3, "agent:clerk:main", "Our office is in Utrecht.", visibility="public"),
    line(4, "agent:clerk:main", "The vault is behind MARKER-PAINTING.", visibility="confidential"),
]


@pytest.fixture
def eventlore(nats_url: str, database_url: str, tmp_path: Path) -> Eventlore:
    return Eventlore(nats=nats_url, database=database_url, home=tmp_path / "home")


@pytest.fixture
def running(eventlore: Eventlore, tmp_path: Path) -> Iterator[Path]:
    """A worker with the lines in its log; gives the file that it keeps for the cook."""
    eventlore("publish", "-", stdin=b"\n".join(LINES) + b"\n")
    file = tmp_path / "workspace" / "CONTEXT.md"
    worker = eventlore.start("run", "--context-file", f"cook={file}")
    try:
        wait_until(lambda: file.is_file() and "vegetarian" in file.read_text())
        yield file
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


def wait_until(met) -> None:
    deadline = time.monotonic() + 100
    while not met():
        assert time.monotonic() < deadline, "nothing happened for long"
        time.sleep(0.1)


async def ask(client: Client, agent: str, request: bytes = b""):
    return await client.request(f"eventlore.context.{agent}", request, timeout=60)


def test_a_worker_serves_context_and_keeps_it_in_a_file(eventlore, nats_url, running):
    async def talk() -> None:
        client = await nats.connect(nats_url)
        found = json.loads((await client.request("$SRV.INFO.eventlore-context", b"", timeout=60)).data)
        assert [endpoint["subject"] for endpoint in found["endpoints"]] == ["eventlore.context.*"]
        block = json.loads((await ask(client, "cook")).data)
        assert block["agent"] == "cook"
        assert block["tokens"] <= block["budget"] == 1_000
        known = {item["text"]: item for item in block["items"]}
        assert known["“I'm vegetarian, by the way.”"]["event"] == "openclaw-events:1"
        assert known["“Our office is in Utrecht.”"]["reason"] == "public fact of agent clerk"
        assert "PAINTING" not in json.dumps(block)
        wanted = json.dumps({"session": "agent:cook:x", "budget": 120, "format": "markdown"}).encode()
        markdown = (await ask(client, "cook", wanted)).data.decode()
        assert markdown.startswith("## Event-Sourced Context\n")
        assert "PAINTING" in (await ask(client, "clerk")).data.decode()
        for request in (b"{", b"[]", b'{"budget": 3}', b'{"budget": "x"}', b'{"session": 4}', b'{"about": "\\ud800"}'):
            refused = await ask(client, "cook", request)
            assert refused.headers["Nats-Service-Error-Code"] == "400", request
        await client.close()

    asyncio.run(talk())
    assert running.read_text().startswith("## Event-Sourced Context\n")
    assert "PAINTING" not in running.read_text()
    engine = create_engine(eventlore.env["EVENTLORE_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT agent, session, way, budget, items FROM context_log")).all()
    engine.dispose()
    assert {(row.agent, row.session, row.way, row.budget) for row in rows} >= {
        ("cook", "", "file", 1_000), ("cook", "", "service", 1_000), ("cook", "agent:cook:x", "service", 120),
        ("clerk", "", "service", 1_000),
    }  # fmt: skip
    items = [json.loads(row.items) if isinstance(row.items, str) else row.items for row in rows if row.agent == "cook"]
    assert ["openclaw-events", 1] in items[-1]


def test_a_drain_writes_the_file_once(eventlore, tmp_path):
    eventlore("publish", "-", stdin=b"\n".join(LINES) + b"\n")
    eventlore("run", "--drain", "--context-file", f"cook={tmp_path / 'c.md'}")
    assert "vegetarian" in (tmp_path / "c.md").read_text()
    eventlore("run", "--context-file", "cook", code=2)
