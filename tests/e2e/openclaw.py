"""The real OpenClaw, followed while it works: everything in the tables once, every failure known as one.

    python tests/e2e/openclaw.py [FOLDER]

needs ``pip install -e '.[e2e]'`` (Node) and the npm registry the first time. OpenClaw is installed into the folder, by
default ``.openclaw`` in the current one; a run takes some minutes.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import nats
from gateway import Gateway, installed
from scenario import AGENTS, COMPACT, TURNS, WARM_UP, calls, failures, replies, script
from stub_model import SUMMARY, StubModel

from worker.embedded import running

WARM_UPS = 20
EVENTLORE = str(Path(sys.executable).parent / "eventlore")


class Eventlore:
    """The command with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("EVENTLORE_")}
        self.env["EVENTLORE_HOME"] = str(home)

    @contextlib.contextmanager
    def following(self, state: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Server, worker and follower while the block runs."""
        with (self.home.parent / "eventlore.log").open("wb") as log:
            process = subprocess.Popen([EVENTLORE, "run", "--follow", str(state)], env=self.env, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        lines = (self.home.parent / "eventlore.log").read_text().splitlines()
        said = [line for line in lines if not line.startswith("the dashboard is at ")]
        check("eventlore run --follow ends well and has nothing to complain about", (code, said), (0, []))

    def json(self, *arguments: str) -> Any:
        done = subprocess.run([EVENTLORE, *arguments, "--json"], env=self.env, capture_output=True, check=True)
        return json.loads(done.stdout)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.home / "insights.db")) as database:
            return database.execute(query).fetchall()


def check(what: str, found: object, expected: object) -> None:
    """Say whether what was found is what was expected; end when not."""
    if found != expected:
        print(f"FAILED  {what}\n  expected {str(expected)[:4000]}\n  found    {str(found)[:4000]}")
        raise SystemExit(1)
    print(f"ok      {what}", flush=True)


async def delays(url: str) -> list[float]:
    """Seconds from when each entry was made to when the log had it."""
    client = await nats.connect(url)
    try:
        js = client.jetstream()
        last = (await js.stream_info("openclaw-events")).state.last_seq
        subscription = await js.subscribe("openclaw.events.>", ordered_consumer=True)
        found = []
        for _ in range(last):
            message = await subscription.next_msg(10)
            made = json.loads(message.data)["ts"] / 1000
            found.append(message.metadata.timestamp.timestamp() - made)
        return found
    finally:
        await client.close()


def play(gateway: Gateway) -> None:
    """All turns, one after the other."""
    for agent in AGENTS:
        for _ in range(WARM_UPS):
            if WARM_UP.answers[0].text in gateway.turn(agent, WARM_UP.message):
                break
            print(f"        {agent} is not ready", flush=True)
        else:
            raise SystemExit(f"{agent} never answers: see gateway.log")
    for turn in TURNS:
        began = time.monotonic()
        compact = turn.message == COMPACT
        said = gateway.compact(turn.agent) if compact else gateway.turn(turn.agent, turn.message)
        print(f"        {turn.agent}: {turn.message} ({time.monotonic() - began:.0f} s)  {said[:60]}", flush=True)


def settled(eventlore: Eventlore, process: subprocess.Popen[bytes], state: Path) -> None:
    """Wait until all that is on disk is in the log and every session is analysed."""
    while True:
        assert process.poll() is None, "eventlore ended: see eventlore.log"
        with contextlib.suppress(sqlite3.OperationalError):  # the tables are not there yet
            missing = eventlore.json("import", str(state), "--dry-run")["new"]
            [(events, pending)] = eventlore.rows("SELECT count(*), (SELECT count(*) FROM pending) FROM events")
            if (missing, pending) == (0, 0) and events >= asyncio.run(stored(eventlore)):
                return
        time.sleep(3)


async def stored(eventlore: Eventlore) -> int:
    """How many messages the log holds."""
    server = running(eventlore.home)
    assert server
    client = await nats.connect(server.url)
    try:
        return (await client.jetstream().stream_info("openclaw-events")).state.messages
    finally:
        await client.close()


def check_events(eventlore: Eventlore) -> None:
    told: dict[str, Counter[tuple[str, str]]] = {}
    for kind, agent, name, text, error in eventlore.rows(
        "SELECT kind, agent, name, text, json_extract(payload, '$.error') FROM events"
    ):
        tool = kind.startswith("tool.")
        told.setdefault(kind, Counter())[agent, name if tool else text] += 1
        if error and kind == "tool.result":
            told.setdefault("failed", Counter())[agent, name] += 1
    ids = eventlore.rows("SELECT count(*), count(DISTINCT id) FROM events")
    check("every event is there once", ids[0][0], ids[0][1])
    warm = (WARM_UP.message, WARM_UP.answers[0].text, SUMMARY.text)

    def spoken(kind: str) -> Counter[tuple[str, str]]:
        return Counter({key: n for key, n in told[kind].items() if key[1] not in warm and not key[1].startswith("/")})

    asked = Counter((turn.agent, turn.message) for turn in TURNS if not turn.message.startswith("/"))
    check("every message to an agent is there once", spoken("message.in"), asked)
    check("every reply is there once", {k: n for k, n in spoken("message.out").items() if k in replies()}, replies())
    check("every call is there once", told["tool.call"], calls())
    check("every result is there once", told["tool.result"], calls())
    check("every failed call is known as one, and no other", told["failed"], failures())
    errors = [agent for agent, _ in told["run.error"]]
    check("the failed model call is known", set(errors), {"research"})
    check("the reset is there", [agent for agent, _ in told["session.reset"]], ["main"])
    compacted = [(agent, text.startswith(SUMMARY.text)) for agent, text in told.get("compaction.end", ())]
    check("the compaction is there, with its summary", compacted, [("main", True)])
    agents = eventlore.rows("SELECT DISTINCT agent FROM events ORDER BY agent")
    check("nobody else is there", [agent for (agent,) in agents], sorted(AGENTS))


def check_insights(eventlore: Eventlore) -> None:
    sessions = {row["session"]: row for row in eventlore.json("insights", "sessions")}
    check("the sessions have their names", sorted(sessions), [f"agent:{agent}:main" for agent in AGENTS])
    counted = {row["agent"]: (row["tool_calls"], row["tool_errors"]) for row in sessions.values()}
    expected = {
        agent: tuple(sum(n for key, n in those.items() if key[0] == agent) for those in (calls(), failures()))
        for agent in AGENTS
    }
    check("insights count calls and failures", counted, expected)
    signals = eventlore.rows("SELECT DISTINCT agent, kind FROM signals")
    print(f"        signals: {sorted(signals)}")
    check("the correction is heard", ("main", "user_correction") in signals, True)
    found = json.dumps(eventlore.json("history", "essay about rivers"))
    check("history finds the essay", "Write a long essay about rivers" in found, True)


def main(folder: Path) -> None:
    program = installed(folder.absolute())
    work = Path(tempfile.mkdtemp(prefix="eventlore-openclaw-"))
    state = work / "home" / "state"
    state.mkdir(parents=True)
    eventlore = Eventlore(work / "eventlore")
    print(f"        everything is in {work}", flush=True)
    with eventlore.following(state) as process, StubModel(script()) as model:
        with Gateway(program, state, model.url, AGENTS) as gateway:
            play(gateway)
        settled(eventlore, process, state)
        server = running(eventlore.home)
        assert server
        late = sorted(asyncio.run(delays(server.url)))
    print(f"        from entry to log: median {median(late):.2f} s, 95 % within {late[int(len(late) * 0.95)]:.2f} s")
    for ends in model.unknown:
        print(f"        the model was asked something else: {str(ends)[:2000]}")
    check_events(eventlore)
    check_insights(eventlore)
    check("an import finds nothing that is missing", eventlore.json("import", str(state))["new"], 0)
    shutil.rmtree(work)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".openclaw"))
