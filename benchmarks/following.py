"""How soon what an agent writes to disk is in the stream, and what following costs while nothing is written.

    python benchmarks/following.py [--messages 200] [--files 400]

Follows a state folder of so many transcripts, and a database with as many in it, into an embedded server, in a process
of its own. First nothing is written for 20 seconds: printed is the processor time that following took. Then messages
are written one by one, a line at a time to transcripts and a row at a time to the database (write-ahead log, as
OpenClaw's): printed is the time from when the write returned until a subscriber to the stream's subjects had the
message. About a minute.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import nats
import psutil

IDLE = 20.0
PAUSE = 0.1
"""Seconds between messages on average."""
WITHIN = 1.0
"""Seconds that a message may take."""
GIVE_UP = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200, help="to transcripts, and as many to the database")
    parser.add_argument("--files", type=int, default=400)
    arguments = parser.parse_args()
    from worker.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder) / "home") as server:
        writer = Writer(Path(folder) / "state", arguments.files)
        command = [Path(sys.executable).parent / "eventlore", "follow", writer.root]
        env = {"EVENTLORE_NATS_URL": server.url, "EVENTLORE_HOME": f"{folder}/home", "PATH": ""}
        with (Path(folder) / "log").open("w+") as log:
            follower = subprocess.Popen(command, env=env, stderr=log)
            try:
                while "following" not in (Path(folder) / "log").read_text():
                    if follower.poll() is not None:
                        raise SystemExit((Path(folder) / "log").read_text())
                    time.sleep(0.2)
                time.sleep(2)
                idle(follower.pid, 2 * arguments.files)
                asyncio.run(delays(server.url, writer, arguments.messages))
            finally:
                follower.terminate()
                follower.wait()
        writer.close()


class Writer:
    """A state folder, with what an agent would write to it."""

    def __init__(self, root: Path, files: int) -> None:
        self.root = root
        self._rng = random.Random(1)
        sessions, agent = root / "agents" / "main" / "sessions", root / "agents" / "main" / "agent"
        sessions.mkdir(parents=True)
        agent.mkdir()
        self.files = [sessions / f"s{number}.jsonl" for number in range(files)]
        for file in self.files:
            file.write_text(f"{entry('session', version=3, id=file.stem)}\n{said(f'hello in {file.stem}')}\n")
        self.database = sqlite3.connect(agent / "openclaw-agent.sqlite")
        self.database.executescript(
            "PRAGMA journal_mode = WAL;"
            "CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER,"
            " PRIMARY KEY (session_id, seq));"
        )
        self._next = {f"d{number}": 1 for number in range(files)}
        with self.database:
            rows = [(name, 0, said(f"hello in {name}")) for name in self._next]
            self.database.executemany("INSERT INTO transcript_events VALUES (?, ?, ?, 0)", rows)

    def line(self, text: str) -> None:
        """Write a message to a transcript."""
        with self._rng.choice(self.files).open("a") as file:
            file.write(said(text) + "\n")

    def row(self, text: str) -> None:
        """Write a message to the database."""
        name = self._rng.choice(list(self._next))
        with self.database:
            self.database.execute(
                "INSERT INTO transcript_events VALUES (?, ?, ?, 0)", (name, self._next[name], said(text))
            )
        self._next[name] += 1

    def close(self) -> None:
        self.database.close()


def entry(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, "timestamp": datetime.now(UTC).isoformat(), **fields})


def said(text: str) -> str:
    return entry("message", id=text, message={"role": "user", "content": text})


def idle(pid: int, transcripts: int) -> None:
    process = psutil.Process(pid)
    before = process.cpu_times()
    time.sleep(IDLE)
    after = process.cpu_times()
    took = (after.user + after.system) - (before.user + before.system)
    print(f"idle: {took / IDLE:.2%} of a processor over {IDLE:.0f} s, {transcripts} transcripts followed")


async def delays(url: str, writer: Writer, messages: int) -> None:
    """Write messages and print how long they took."""
    client = await nats.connect(url)
    arrived: dict[str, float] = {}

    async def heard(message: nats.aio.msg.Msg) -> None:
        arrived[json.loads(message.data).get("text", "")] = time.perf_counter()

    await client.subscribe("openclaw.events.>", cb=heard)
    rng = random.Random(2)
    for what, write in (("transcripts in files", writer.line), ("transcripts in SQLite", writer.row)):
        written = {}
        for number in range(messages):
            text = f"{what} {number}"
            write(text)
            written[text] = time.perf_counter()
            await asyncio.sleep(rng.uniform(0, 2 * PAUSE))
        began = time.perf_counter()
        while not written.keys() <= arrived.keys():
            if time.perf_counter() - began > GIVE_UP:
                raise SystemExit(f"{len(written.keys() - arrived.keys())} messages never came")
            await asyncio.sleep(0.1)
        late = sorted(arrived[text] - at for text, at in written.items())
        print(
            f"{what:<21} {messages} messages: median {statistics.median(late):.2f} s, 95 % within "
            f"{late[int(messages * 0.95)]:.2f} s, all within {late[-1]:.2f} s; aim: within {WITHIN:.0f} s"
        )
    await client.close()


if __name__ == "__main__":
    main()
