"""The event store of Python agents, against a real server that is killed, paused and started again."""

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_server import NatsServer, jetstream
from nats.js import api
from sqlalchemy import func, select

from models import tables
from models.dialects import decode
from models.events import Event, Kind
from worker.publisher import EventStore, link
from worker.settings import ConfigError

STREAM = "openclaw-events"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("EVENTLORE_") and name != "EVENTLORE_DATA"]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(link, "SHORTEST", 0.02)
    monkeypatch.setattr(link, "LONGEST", 0.1)
    monkeypatch.setattr(link, "TICK", 0.05)
    monkeypatch.setattr(link, "ANSWER_WITHIN", 0.3)


async def messages(url: str, stream: str = STREAM) -> list:
    async with jetstream(url) as js:
        left = (await js.stream_info(stream)).state.messages
        config = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE)
        reading = await js.pull_subscribe(">", config=config, stream=stream)
        found: list = []
        while len(found) < left:
            found += await reading.fetch(left - len(found), timeout=10)
        return found


def stored(url: str, stream: str = STREAM) -> list[Event]:
    return [
        decode(m.data, stream=stream, seq=number, subject=m.subject)
        for number, m in enumerate(asyncio.run(messages(url, stream)), 1)
    ]


def left_in(spool: Path) -> int:
    with contextlib.closing(sqlite3.connect(spool / "spool.sqlite")) as connection:
        return connection.execute("SELECT count(*) FROM events").fetchone()[0]


def wait_until(condition) -> None:
    while not condition():
        time.sleep(0.005)


def test_every_kind_of_event_arrives_with_all_that_was_told(nats_url):
    key = "agent:ada:telegram:direct:7"
    with EventStore({"url": nats_url}, agent="gate") as store:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        ids = [
            store.session_start(session=key, ts=at),
            store.message_in(session=key, text="Is it green?", ts=1772323200001, visibility="confidential", run="r1"),
            store.run_start(session=key, text="prompt"),
            store.model_input(session=key, name="small"),
            store.model_output(session=key, name="small", data={"tokens": 7}),
            call := store.tool_call(session=key, name="ci", arguments={"branch": "main"}),
            store.tool_result(session=key, name="ci", call=call, error="exit 1", text="red"),
            store.run_error(session=key, error="gave up"),
            store.message_out(session=key, text="It is red."),
            store.run_end(session=key),
            store.compaction_start(session=key),
            store.compaction_end(session=key, text="red build"),
            store.session_reset(session=key, text="new"),
            store.session_end(session=key),
            store.memory(name="builds", text="red on Mondays"),
            store.gateway(name="stop"),
            store.other(name="mood", data={"level": 3}),
        ]
    assert store.tally() == (17, 17, 0, 0, {})
    found = stored(nats_url)
    assert ids == sorted(ids) == [event.id for event in found]
    assert {event.kind for event in found} == set(Kind)
    assert [event.agent for event in found] == ["ada"] * 14 + ["gate"] * 3
    start, said, *_ = found
    assert (start.ts, said.ts, said.text, said.run) == (1772323200000, 1772323200001, "Is it green?", "r1")
    assert (said.visibility, said.session, said.dialect) == ("confidential", key, "E")
    asked, result = found[5:7]
    assert (asked.name, asked.arguments, asked.call) == ("ci", '{"branch":"main"}', call)
    assert (result.call, result.text, result.error) == (call, "red", "exit 1")
    first = asyncio.run(messages(nats_url))[0]
    assert (first.subject, first.headers) == ("openclaw.events.ada.session_start", {"Nats-Msg-Id": ids[0]})


def test_agents_have_logs_of_their_own_and_names_that_subjects_take(nats_url, tmp_path):
    config = tmp_path / "openclaw.json"
    config.write_text(
        """// a gateway's own file
        {gateway: {port: 1, eventStore: {enabled: true, url: 'URL', streamName: "lore", subjectPrefix: "lore.all",
            agents: {ada: {streamName: "lore-ada", subjectPrefix: "lore.ada"}, bob: {subjectPrefix: "lore.all.of"},},}}}
        """.replace("URL", nats_url)
    )

    async def tell() -> None:
        async with EventStore(config) as store:
            for agent in ("ada", "bob", "Zoë *> .x"):
                store.message_in(session=f"agent:{agent}:main", text=agent)

    asyncio.run(tell())
    assert [m.subject for m in asyncio.run(messages(nats_url, "lore-ada"))] == ["lore.ada.ada.message_in"]
    subjects = [m.subject for m in asyncio.run(messages(nats_url, "lore"))]
    assert subjects == ["lore.all.of.bob.message_in", "lore.all.Zoë_____x.message_in"]


def test_switched_off_it_does_nothing_and_a_wrong_configuration_is_said_at_once():
    with EventStore({"gateway": {"eventStore": {"enabled": False, "url": "nats://nowhere:1"}}}) as store:
        assert store.message_in(session="agent:a:main", text="hello")
    assert store.tally() == (0, 0, 0, 0, {})
    with pytest.raises(ConfigError, match="urll is unknown: did you mean url"):
        EventStore({"urll": "nats://nowhere:1"})


def test_nothing_that_is_told_can_hurt_the_agent(nats_url):
    circle: list = []
    circle.append(circle)
    told = 0

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.one_of(st.none(), st.text(st.characters(codec=None)), st.integers(), st.binary()),
        st.recursive(
            st.one_of(st.none(), st.floats(), st.integers(), st.text(st.characters(codec=None)), st.builds(object)),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
            max_leaves=5,
        ),
    )
    def tell(words, value) -> None:
        nonlocal told
        store.tool_call(session=words, name=words, arguments=value, run=words, data={"value": value})
        told += 1

    with EventStore({"url": nats_url}) as store:
        tell()
        store.tool_call(session="agent:a:main", name="x", arguments=circle)
        store.message_in(session="agent:a:main", text="long " * 500_000)
        store.message_in(session="agent:a:main", text="x", ts="never")
        store.message_in(session="agent:a:main", text="x", visibility="privat")
    tally = store.tally()
    assert (tally.told, tally.waiting) == (told + 4, 0)
    assert tally.delivered + sum(tally.dropped.values()) == told + 4
    assert tally.dropped["of unknown visibility"] == 1
    assert tally.dropped["not to be told (ValueError)"] >= 1
    events = stored(nats_url)
    assert len(events) == tally.delivered >= told + 2
    assert "[cut:" in events[-1].text


def test_credentials_reach_neither_log_nor_spool(nats_server, tmp_path):
    nats_server.kill()
    spool = tmp_path / "spool"
    config = {"url": nats_server.url, "redaction": {"patterns": {"badge": r"BADGE-\d+"}}}
    with EventStore(config, spool=spool, patience=0.2) as store:
        store.message_in(session="agent:a:main", text="my password: hunter22 and BADGE-77")
    assert store.tally() == (1, 0, 0, 1, {})
    assert all(b"hunter22" not in file.read_bytes() for file in spool.iterdir())
    nats_server.start()
    with EventStore(config, spool=spool) as store:
        wait_until(lambda: store.tally().delivered)
    assert [event.text for event in stored(nats_server.url)] == [
        "my password: [redacted-password] and [redacted-badge]"
    ]
    assert store.tally() == (0, 1, 0, 0, {})


def test_a_server_that_dies_and_comes_back_gets_everything_once(nats_server):
    with EventStore({"url": nats_server.url}) as store:
        for round_ in range(3):
            for number in range(300):
                store.message_in(session="agent:a:main", text=f"{round_} {number}")
            if round_ < 2:
                wait_until(lambda: store.tally().delivered > 0)
                nats_server.kill()
                store.message_in(session="agent:a:main", text=f"{round_} away")
                nats_server.start()
        wait_until(lambda: store.tally().waiting == 0)
    assert store.tally() == (902, 902, 0, 0, {})
    texts = [event.text for event in stored(nats_server.url)]
    assert (len(texts), len(set(texts))) == (902, 902)


def test_what_was_stored_without_an_answer_is_found_there_and_counts_once(nats_server, database_url):
    """A paused server has the bytes and stores them when it goes on; its duplicate window is over by then."""
    from worker.decoding import decode_all
    from worker.store import Store

    async def make() -> None:
        async with jetstream(nats_server.url) as js:
            await js.add_stream(name=STREAM, subjects=["openclaw.events.>"], duplicate_window=0.1)

    asyncio.run(make())
    with EventStore({"url": nats_server.url}) as store:
        store.message_in(session="agent:a:main", text="before")
        wait_until(lambda: store.tally().delivered == 1)
        nats_server.pause()
        for number in range(20):
            store.message_in(session="agent:a:main", text=str(number))
        time.sleep(0.8)  # longer than an answer may take: the connection is given up
        nats_server.resume()
        wait_until(lambda: store.tally().delivered == 21)
    assert store.tally() == (21, 21, 0, 0, {})

    class Message:
        def __init__(self, sequence: int, subject: str, data: bytes) -> None:
            self.stream, self.sequence, self.subject, self.data = STREAM, sequence, subject, data

    found = asyncio.run(messages(nats_server.url))
    database = Store(database_url)
    database.migrate()
    database.record(*decode_all([Message(n, m.subject, m.data) for n, m in enumerate(found, 1)]))
    with database.engine.connect() as connection:
        count = select(func.count(), func.count(tables.events.c.id.distinct())).select_from(tables.events)
        assert tuple(connection.execute(count).one()) == (21, 21)
    database.close()


def test_losses_are_counted_and_said_once(nats_server, caplog):
    nats_server.kill()
    config = {"url": nats_server.url, "publisher": {"bufferEvents": 10}}
    with caplog.at_level(logging.WARNING), EventStore(config, patience=0.2) as store:
        for number in range(50):
            store.message_in(session="agent:a:main", text=str(number))
        assert store.tally() == (50, 0, 10, 0, {"buffer full": 40})
    assert store.tally() == (50, 0, 0, 0, {"buffer full": 40, "not sent before the end": 10})
    store.message_in(session="agent:a:main", text="too late")
    assert store.tally().dropped["told after the end"] == 1
    said = [record.message for record in caplog.records if record.name == "eventlore.publisher"]
    assert said[-1] == "50 events lost: 40 buffer full, 10 not sent before the end"
    assert len(said) == 2
    assert said[0].startswith("events for openclaw-events wait: no connection to nats://127.0.0.1:")


def test_a_spool_that_is_full_leaves_the_rest_in_memory(nats_server, tmp_path):
    nats_server.kill()
    config = {"url": nats_server.url, "publisher": {"spoolBytes": 1 << 17, "bufferEvents": 150}}
    with EventStore(config, spool=tmp_path / "spool", patience=0.2) as store:
        for number in range(600):
            store.message_in(session="agent:a:main", text=f"{number} " + "x" * 1000)
            if number % 50 == 0:
                time.sleep(0.06)
    tally = store.tally()
    assert tally.spooled > 0
    assert tally.spooled + sum(tally.dropped.values()) == tally.told == 600
    assert (tmp_path / "spool" / "spool.sqlite").stat().st_size <= 1 << 17


CHILD = """
import os, sys
from worker.publisher import EventStore
store = EventStore({"url": sys.argv[1]})
store.message_in(session="agent:a:main", text="parent")
if os.fork() == 0:
    store.message_in(session="agent:a:main", text="child")
    store.close()
    os._exit(0)
os.wait()
"""


def test_a_fork_has_a_thread_of_its_own_and_the_end_of_a_program_sends_the_rest(nats_url):
    subprocess.run([sys.executable, "-c", CHILD, nats_url], check=True, timeout=60)
    assert sorted(event.text for event in stored(nats_url)) == ["child", "parent"]


ACTIONS = st.lists(
    st.sampled_from(["tell", "tell", "tell", "kill", "start", "pause", "resume", "restart", "sleep"]), max_size=10
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTIONS, st.booleans(), st.sampled_from([5, 1000]))
def test_every_event_is_delivered_spooled_or_counted_as_lost(tmp_path_factory, actions, spooled, room):
    folder: Path = tmp_path_factory.mktemp("publisher")
    server = NatsServer(folder / "nats")
    config = {"url": server.url, "publisher": {"bufferEvents": room}}
    spool = folder / "spool" if spooled else None
    told: set[str] = set()
    tallies = []
    store = EventStore(config, spool=spool, patience=0.3)
    store.start()
    running = paused = False
    for action in [*actions, "resume", "restart", "start", "restart"]:
        if action == "tell":
            told |= {store.message_in(session="agent:a:main", text=str(number)) for number in range(20)}
        elif action == "kill" and running:
            server.kill()
            running = paused = False
        elif action == "start" and not running:
            server.start()
            running = True
        elif action == "pause" and running and not paused:
            server.pause()
            paused = True
        elif action == "resume" and paused:
            server.resume()
            paused = False
        elif action == "restart":
            store.close()
            tallies.append(store.tally())
            store = EventStore(config, spool=spool, patience=0.3)
            store.start()
        elif action == "sleep":
            time.sleep(0.1)
    wait_until(lambda: spool is None or not left_in(spool))
    store.close()
    tallies.append(store.tally())
    server_has = [json.loads(m.data)["id"] for m in asyncio.run(messages(server.url))]
    server.stop()
    before = 0
    for tally in tallies:
        assert before + tally.told == tally.delivered + tally.waiting + tally.spooled + sum(tally.dropped.values())
        assert tally.waiting == 0
        before = tally.spooled
    assert before == 0
    lost = sum(sum(tally.dropped.values()) for tally in tallies)
    assert len(server_has) == len(set(server_has))
    assert set(server_has) <= told
    assert len(told) - lost <= len(server_has) <= len(told)


def test_the_example_in_the_documents_runs_as_it_stands(nats_url, tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "producers.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    environment = os.environ | {"EVENTLORE_NATS_URL": nats_url, "EVENTLORE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True, env=environment)
    assert (done.stdout, done.stderr) == ("Tally(told=4, delivered=4, waiting=0, spooled=0, dropped={})\n", "")
    assert [event.text for event in stored(nats_url)][::3] == ["Is the build green?", "No: two tests fail."]
