"""Follow: what is written to disk is in the log once, whatever happens to the files, the follower and the server."""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import EVENTLORE, Eventlore
from live_writer import Step, write_apart
from log_server import NatsServer, jetstream
from state_folders import StateFolder, Transcript
from test_import import STREAM, messages_in, stored

from worker.follow import follow
from worker.follow.complaints import Complaints
from worker.follow.sources import Sources
from worker.importers import IMPORTERS
from worker.importers.ledger import Ledger
from worker.settings import Settings


class Scenario:
    """A state folder in use: steps that write it, and what they tell."""

    def __init__(self, path: Path, seed: int) -> None:
        self.folder = StateFolder(path, seed)
        self.rng = self.folder.rng
        self.steps: list[Step] = []

    def database(self, agent: str) -> str:
        return str(self.folder.path / "agents" / agent / "agent" / "openclaw-agent.sqlite")

    def in_database(self, agent: str, key: str, turns: int) -> tuple[Transcript, list[Step]]:
        one = self.folder.new(agent, key, version=4)
        return one, [["window", self.database(agent), one.id, key], *self.rows(one, turns)]

    def rows(self, one: Transcript, turns: int) -> list[Step]:
        before = len(one.lines)
        if not before:
            one.header()
        for _ in range(turns):
            one.turn()
        one.reply("long " * 150 + one.text())
        return [
            ["row", self.database(one.agent), one.id, seq, line] for seq, line in enumerate(one.lines[before:], before)
        ]

    def lines(self, one: Transcript, turns: int) -> list[Step]:
        before = len(one.lines)
        if not before:
            one.header()
        for _ in range(turns):
            one.turn()
        return [["append", self.file(one), line] for line in one.lines[before:]]

    def file(self, one: Transcript) -> str:
        return str(self.folder.sessions(one.agent) / f"{one.id}.jsonl")

    def together(self, *scripts: list[Step]) -> None:
        """Several things at once: each script's steps in order, the scripts mixed."""
        left = [list(script) for script in scripts if script]
        while left:
            script = self.rng.choice(left)
            self.steps.append(script.pop(0))
            left = [one for one in left if one]

    def play(self) -> None:
        """Databases, files, resets, archives, a rewritten transcript, a cut file, new agents, notes."""
        main, first = self.in_database("main", "agent:main:main", 4)
        essay, second = self.in_database("main", "agent:main:essay", 3)
        coder = self.folder.new("coder", "agent:coder:telegram:direct:7")
        index = str(self.folder.sessions("coder") / "sessions.json")
        third = [["write", index, json.dumps({coder.key: {"sessionId": coder.id}})], *self.lines(coder, 4)]
        self.together(first, second, third)
        # A reset each; an agent that nobody knew; a note.
        archived = f"{self.file(coder)}.reset.2026-03-08T10-00-00.000Z"
        _, fresh = self.in_database("late", "agent:late:main", 3)
        self.together(
            [*self.rows(main, 1), ["archive", self.database("main"), main.id, main.key, main.lines]],
            [*self.lines(coder, 1), ["move", self.file(coder), archived]],
            fresh,
            [["write", str(self.folder.path / "workspace" / "memory" / "2026-03-08.md"), "## Morning\nran"]],
        )
        noted = self.folder.expected
        for name, text in (("daily-note", "## Morning\nran"), ("section", "Morning\nran")):
            noted[("main", "agent:main:memory", 1_772_928_000_000, "memory", name, text, "", False)] += 1  # type: ignore[index]
        # Written anew, in place and from the start, and going on from there.
        again = self.folder.new("coder", "agent:coder:main")
        lines = [
            ["write", index, json.dumps({coder.key: {"sessionId": coder.id}, again.key: {"sessionId": again.id}})],
            *self.lines(again, 3),
        ]
        kept = "\n".join(again.lines[: len(again.lines) // 2]) + "\n"
        rest = [["append", self.file(again), line] for line in again.lines[len(again.lines) // 2 :]]
        self.together(
            [*lines, ["write", self.file(again), kept], *rest, *self.lines(again, 1)],
            [["rewrite", self.database("main"), essay.id, list(essay.lines)], *self.rows(essay, 2)],
        )


@pytest.fixture
def settings(nats_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", nats_url=nats_url)


@pytest.fixture
def eventlore(settings: Settings, tmp_path: Path) -> Eventlore:
    return Eventlore(
        nats=settings.nats_url or "", database=f"sqlite:///{tmp_path / 'insights.db'}", home=settings.folder
    )


@contextlib.contextmanager
def running(eventlore: Eventlore, *arguments: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command while the block runs, and then ended as it should: by SIGTERM, with exit code 0."""
    with log.open("ab") as stream:
        process = subprocess.Popen([EVENTLORE, *map(str, arguments)], env=eventlore.env, stderr=stream)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert (code, "Traceback" in log.read_text()) == (0, False), log.read_text()


def wait_for(settings: Settings, messages: int, process: subprocess.Popen[bytes]) -> None:
    async def wait() -> bool:
        async with jetstream(settings.nats_url or "") as js:
            while process.poll() is None:
                with contextlib.suppress(Exception):  # there is no stream yet, or no server just now
                    if (await js.stream_info(STREAM)).state.messages >= messages:
                        return True
                await asyncio.sleep(0.05)
        return False

    assert asyncio.run(wait()), "it ended too early"


def wait_for_line(text: str, log: Path) -> None:
    while text not in log.read_text():
        time.sleep(0.05)


def check(settings: Settings, folder: StateFolder) -> None:
    held = stored(settings)
    assert held.told == folder.expected
    assert all(times == 1 for times in held.messages.values())


def test_what_is_written_is_in_the_log_once_and_nothing_is_added_after(
    eventlore: Eventlore, settings: Settings, tmp_path: Path
) -> None:
    scenario = Scenario(tmp_path / "state", 1)
    scenario.play()
    scenario.folder.path.mkdir()
    with running(eventlore, "follow", scenario.folder.path, log=tmp_path / "log") as process:
        writer = write_apart(scenario.steps, 0.005)
        wait_for(settings, scenario.folder.expected.total(), process)
        assert writer.wait(60) == 0
    check(settings, scenario.folder)
    assert eventlore.json("import", str(scenario.folder.path))["new"] == 0
    with running(eventlore, "follow", scenario.folder.path, log=tmp_path / "again"):
        wait_for_line("following", tmp_path / "again")
    check(settings, scenario.folder)
    assert "WARNING" not in (tmp_path / "log").read_text()
    said = f"eventlore: INFO: {scenario.folder.path}: 0 events added from what was there; following\n"
    assert (tmp_path / "again").read_text() == said


def test_what_is_half_written_at_the_start_is_finished_without_a_complaint(
    eventlore: Eventlore, settings: Settings, tmp_path: Path
) -> None:
    folder = StateFolder(tmp_path / "state", 7)
    files = {}
    for agent, part in (("a", 0.99), ("b", 0.01)):
        one = folder.new(agent, f"agent:{agent}:main")
        one.header()
        one.turn()
        path = folder.sessions(agent) / f"{one.id}.jsonl"
        one.write(path)
        path.with_name("sessions.json").write_text(json.dumps({one.key: {"sessionId": one.id}}))
        files[path] = path.read_bytes()
        path.write_bytes(files[path][: int(part * len(files[path]))])
    log = tmp_path / "log"
    with running(eventlore, "follow", folder.path, log=log) as process:
        wait_for_line("following", log)
        for path, whole in files.items():
            path.write_bytes(whole)
        wait_for(settings, folder.expected.total(), process)
    check(settings, folder)
    assert "WARNING" not in log.read_text()


def test_where_the_system_tells_of_no_changes_they_are_looked_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left(*_: object) -> None:
        raise OSError("no watches left")

    monkeypatch.setattr("worker.follow.watch.RustNotify", none_left)
    monkeypatch.setattr("worker.follow.run.POLL", 0.05)
    scenario = Scenario(tmp_path / "state", 8)
    main, first = scenario.in_database("main", "agent:main:main", 2)
    coder = scenario.folder.new("coder", "agent:coder:main")
    index = str(scenario.folder.sessions("coder") / "sessions.json")
    second = [["write", index, json.dumps({coder.key: {"sessionId": coder.id}})], *scenario.lines(coder, 2)]
    before = scenario.folder.expected.total()
    more = [*scenario.rows(main, 1), *scenario.lines(coder, 1)]
    scenario.folder.path.mkdir()

    def wait(messages: int) -> None:
        held = 0
        while held < messages:
            time.sleep(0.05)
            with contextlib.suppress(Exception):  # there is no stream yet
                held = messages_in(settings)

    async def followed() -> None:
        stop = asyncio.Event()
        following = asyncio.create_task(follow([scenario.folder.path], settings, settings.nats_url or "", stop=stop))
        for steps, messages in (([*first, *second], before), (more, scenario.folder.expected.total())):
            await asyncio.to_thread(write_apart(steps, 0.0).wait, 20)
            await asyncio.to_thread(wait, messages)
        stop.set()
        await following

    asyncio.run(followed())
    check(settings, scenario.folder)
    said = "changes are looked for every second, since the system does not tell them: no watches left"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [said]


def test_killed_at_random_points_and_started_again_the_log_is_the_same(
    eventlore: Eventlore, settings: Settings, tmp_path: Path
) -> None:
    scenario = Scenario(tmp_path / "state", 2)
    scenario.play()
    scenario.folder.path.mkdir()
    rng = random.Random(2)
    total = scenario.folder.expected.total()
    writer = write_apart(scenario.steps, 0.02)
    for part in sorted(rng.uniform(0.05, 0.9) for _ in range(3)):
        process = eventlore.start("follow", str(scenario.folder.path))
        wait_for(settings, int(part * total), process)
        process.kill()
        process.wait()
    with running(eventlore, "follow", scenario.folder.path, log=tmp_path / "log") as process:
        assert writer.wait(60) == 0
        wait_for_line("following", tmp_path / "log")
        wait_for(settings, total, process)
    check(settings, scenario.folder)


def test_a_server_that_is_away_is_waited_for(
    eventlore: Eventlore, settings: Settings, nats_server: NatsServer, tmp_path: Path
) -> None:
    scenario = Scenario(tmp_path / "state", 3)
    _, steps = scenario.in_database("main", "agent:main:main", 6)
    scenario.folder.path.mkdir()
    log = tmp_path / "log"
    with running(eventlore, "follow", scenario.folder.path, log=log) as process:
        write_apart(steps[:9], 0).wait(60)
        wait_for(settings, 8, process)
        nats_server.kill()
        write_apart(steps[9:], 0).wait(60)
        wait_for_line("waiting for the log", log)
        nats_server.start()
        wait_for(settings, scenario.folder.expected.total(), process)
    check(settings, scenario.folder)


def test_what_cannot_be_read_costs_itself(eventlore: Eventlore, settings: Settings, tmp_path: Path) -> None:
    scenario = Scenario(tmp_path / "state", 4)
    one, other = scenario.folder.new("a", "agent:a:main"), scenario.folder.new("b", "agent:b:main")
    for single in (one, other):
        index = json.dumps({single.key: {"sessionId": single.id}})
        scenario.steps += [["write", str(scenario.folder.sessions(single.agent) / "sessions.json"), index]]
    scenario.steps += [*scenario.lines(one, 1), ["append", scenario.file(one), "{broken"], *scenario.lines(one, 1)]
    broken = next(at for at, step in enumerate(scenario.steps) if step[-1] == "{broken")
    number = sum(step[1] == scenario.file(one) for step in scenario.steps[:broken]) + 1
    scenario.steps += scenario.lines(other, 1)
    log = tmp_path / "log"
    scenario.folder.path.mkdir()
    with running(eventlore, "follow", scenario.folder.path, log=log) as process:
        write_apart(scenario.steps, 0.005).wait(60)
        wait_for(settings, scenario.folder.expected.total(), process)
        # Gone and back, under the same name.
        scenario.folder.sessions("b").rename(tmp_path / "away")
        wait_for_line("it is gone", log)
        (tmp_path / "away").rename(scenario.folder.sessions("b"))
        more = scenario.lines(other, 1)
        write_apart(more, 0.005).wait(60)
        wait_for(settings, scenario.folder.expected.total(), process)
    check(settings, scenario.folder)
    lines = log.read_text().splitlines()
    reason = "no JSON: unexpected character, expected a string key"
    assert f"eventlore: WARNING: {scenario.file(one)}: {number}: refused: {reason}" in lines
    assert f"eventlore: WARNING: {scenario.folder.sessions('b')}: it is gone, with files that were followed" in lines


def analysed(database: Path) -> tuple[int, int]:
    """How many events and sessions a database has."""
    with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(database)) as connection:
        row = connection.execute("SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM sessions)").fetchone()
        return int(row[0]), int(row[1])
    return 0, 0


def test_the_worker_follows_in_the_same_process(settings: Settings, tmp_path: Path) -> None:
    scenario = Scenario(tmp_path / "state", 5)
    _, steps = scenario.in_database("main", "agent:main:main", 3)
    scenario.folder.path.mkdir()
    alone = Eventlore(nats="", database="", home=settings.folder)  # with the embedded server and SQLite
    total = scenario.folder.expected.total()
    with running(alone, "run", "--follow", scenario.folder.path, log=tmp_path / "log") as process:
        write_apart(steps, 0.005).wait(60)
        while process.poll() is None and analysed(settings.folder / "insights.db") < (total, 1):
            time.sleep(0.1)
    (session,) = alone.json("insights", "sessions")
    assert (session["session"], session["turns"]) == ("agent:main:main", 3)


def test_a_database_that_is_only_read_has_not_changed(tmp_path: Path) -> None:
    scenario = Scenario(tmp_path / "state", 6)
    _, steps = scenario.in_database("main", "agent:main:main", 1)
    write_apart(steps[:5], 0).wait(60)
    ledger = Ledger.open(tmp_path / "home")
    sources = Sources(scenario.folder.path, IMPORTERS, "", ledger)
    path = Path(scenario.database("main"))
    sources.look()
    assert len(list(sources.records(path))) == 4
    assert list(sources.records(path)) == []  # nobody has it open: reading it leaves files beside it, once
    assert (sources.has_changed(path), list(sources.records(path)), sources.look()) == (False, [], ([], []))
    write_apart(steps[5:6], 0).wait(60)
    assert sources.file_of(path.with_name(f"{path.name}-wal")) == path
    assert (sources.has_changed(path), len(list(sources.records(path)))) == (True, 1)
    ledger.close()


def test_a_path_that_is_not_there_and_following_to_an_end_are_refused(eventlore: Eventlore, tmp_path: Path) -> None:
    eventlore("follow", str(tmp_path / "nowhere"), code=2)
    eventlore("run", "--drain", "--follow", str(tmp_path), code=2)


def test_what_goes_wrong_often_is_said_a_few_times_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    import logging

    now = 0.0
    complaints = Complaints(logging.getLogger("worker.follow"), clock=lambda: now)
    for number in range(8):
        complaints.say("a file", f"line {number}")
    complaints.say("another", "once")
    now = 61.0
    complaints.say("a file", "again")
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        *(f"a file: line {number}" for number in range(5)),
        "another: once",
        "a file: 3 more like these",
        "a file: again",
    ]
