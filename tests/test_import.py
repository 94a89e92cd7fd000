"""Import: exactly the events that the files tell, once, whatever happens on the way."""

import asyncio
import contextlib
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from command import Eventlore
from log_server import NatsServer, jetstream
from nats.js import api
from state_folders import Expected, StateFolder

from models.dialects import decode
from worker.importers import Report, import_path, plan
from worker.log import read_log
from worker.settings import Settings

STREAM = "openclaw-events"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(server: NatsServer, tmp_path: Path) -> Settings:
    """A fresh log whose duplicate window is too short to help."""

    async def fresh() -> None:
        async with jetstream(server.url) as js:
            with contextlib.suppress(Exception):
                await js.delete_stream(STREAM)
            await js.add_stream(
                name=STREAM, subjects=["openclaw.events.>"], storage=api.StorageType.FILE, duplicate_window=0.1
            )

    asyncio.run(fresh())
    return Settings(home=tmp_path / "home", nats_url=server.url)


class Stored(NamedTuple):
    """What the log holds."""

    told: Counter[Expected]
    messages: Counter[tuple[str, bytes]]
    ids: int


def stored(settings: Settings) -> Stored:
    async def read() -> Stored:
        told: Counter[Expected] = Counter()
        messages: Counter[tuple[str, bytes]] = Counter()
        ids = set()
        assert settings.nats_url
        async with jetstream(settings.nats_url) as js:
            async for batch in read_log(js._nc, STREAM):
                for m in batch:
                    e = decode(m.data, stream=STREAM, seq=m.sequence, subject=m.subject)
                    what = Expected(e.agent, e.session, e.ts, e.kind.value, e.name, e.text, e.call, bool(e.error))
                    told[what] += 1
                    messages[m.subject, m.data] += 1
                    ids.add(e.id)
        return Stored(told, messages, len(ids))

    return asyncio.run(read())


def messages_in(settings: Settings) -> int:
    async def ask() -> int:
        async with jetstream(settings.nats_url or "") as js:
            return (await js.stream_info(STREAM)).state.messages

    return asyncio.run(ask())


@pytest.fixture(params=["here", "apart"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files read in the same process, and in one of its own."""
    monkeypatch.setattr("worker.importers.run.APART", 0 if request.param == "apart" else 1 << 60)
    return str(request.param)


def run(path: Path, settings: Settings) -> Report:
    return asyncio.run(import_path(path, settings, settings.nats_url or ""))


def summary(report: Report) -> list[tuple[str, str, int, int, int, int, str]]:
    return [(f.path, f.format, f.records, f.events, f.new, f.refused, f.skipped) for f in report.files]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_import_gives_exactly_the_events_that_the_files_tell(seed: int, settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", seed, turns=320)
    folder.write()
    report = run(folder.path, settings)
    assert {f.path: f.refused for f in report.files if f.refused} == folder.refused
    assert {f.path for f in report.files if f.skipped} == folder.skipped
    assert report.redacted == {"password": 1}
    held = stored(settings)
    assert held.told == folder.expected
    assert held.ids == held.told.total() == report.total("new")
    assert report.total("records") > 20_000
    again = run(folder.path, settings)
    assert (again.total("new"), again.total("events")) == (0, report.total("events"))
    assert [refusal.origin for refusal in again.refusals] == [refusal.origin for refusal in report.refusals]
    assert messages_in(settings) == held.told.total()


def test_the_order_of_entries_is_the_order_of_events(settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 4, turns=1)
    one = folder.new("a", "agent:a:main")
    one.header()
    now = one.tick()
    one.user("first", ts=now)
    one.calls("read", "write", think=True)
    one.reply("second", ts=now)
    one.reply("third", ts=now)
    one.write(folder.sessions("a") / f"{one.id}.jsonl")
    run(folder.path, settings)

    async def read() -> list[tuple[int, int, str]]:
        async with jetstream(settings.nats_url or "") as js:
            messages = [m async for batch in read_log(js._nc, STREAM) for m in batch]
        events = [decode(m.data, stream=STREAM, seq=m.sequence) for m in messages]
        return [(e.order, e.ts, e.text or e.name) for e in events]

    told = asyncio.run(read())
    assert told == sorted(told)
    assert [what for _, _, what in told] == ["session", "first", "hm", "read", "write", "second", "third"]


@pytest.mark.usefixtures("reading")
def test_what_grew_or_was_moved_adds_only_what_is_new(settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 5)
    one = folder.new("a", "agent:a:telegram:direct:7")
    sessions = folder.sessions("a")
    path = sessions / f"{one.id}.jsonl"
    one.header()
    one.turn()
    one.write(path)
    (sessions / "sessions.json").write_text(f'{{"agent:a:telegram:direct:7": {{"sessionId": "{one.id}"}}}}')
    first = run(folder.path, settings).total("new")
    one.turn()
    one.write(path)
    grown = run(folder.path, settings).total("new")
    # A reset: the transcript goes to the archive, and nothing names its session any more.
    one.turn()
    one.write(path)
    path.rename(sessions / f"{one.id}.jsonl.reset.2026-03-08T10-00-00.000Z")
    (sessions / "sessions.json").write_text("{}")
    moved = run(folder.path, settings).total("new")
    held = stored(settings)
    assert held.told == folder.expected
    assert (first > 0, grown > 0, moved > 0) == (True, True, True)
    assert held.told.total() == first + grown + moved


def test_a_lost_ledger_is_made_again_from_the_log(settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 6, turns=2)
    folder.write()
    run(folder.path, settings)
    shutil.rmtree(settings.folder)
    assert run(folder.path, settings).total("new") == 0
    assert stored(settings).told == folder.expected


def test_a_stream_that_was_made_anew_is_filled_again(settings: Settings, server: NatsServer, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 7, turns=2)
    folder.write()
    new = run(folder.path, settings).total("new")

    async def delete() -> None:
        async with jetstream(server.url) as js:
            await js.delete_stream(STREAM)

    asyncio.run(delete())
    assert run(folder.path, settings).total("new") == new
    assert stored(settings).told == folder.expected


def test_reading_apart_is_reported_as_reading_here(reading: str, settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 11, turns=3)
    folder.write()
    planned = asyncio.run(plan(folder.path, settings))
    assert not settings.folder.exists()
    report = run(folder.path, settings)
    assert summary(planned) == summary(report), reading
    assert (planned.refusals, planned.redacted) == (report.refusals, report.redacted)
    assert stored(settings).told == folder.expected


def test_others_may_write_to_the_log_meanwhile(settings: Settings, server: NatsServer, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 8, turns=20)
    folder.write()

    async def both() -> None:
        async with jetstream(server.url) as js:
            importing = asyncio.create_task(import_path(folder.path, settings, server.url))
            number = 0
            while not importing.done():
                body = b'{"eventlore":1,"ts":1795356164048,"type":"gateway","agent":"other","id":"%d"}' % number
                await js.publish("openclaw.events.other.gateway", body, headers={"Nats-Msg-Id": f"other/{number}"})
                number += 1
            await importing

    asyncio.run(both())
    assert run(folder.path, settings).total("new") == 0
    told = stored(settings).told
    assert {what: n for what, n in told.items() if what.agent != "other"} == folder.expected


def test_killed_at_random_points_and_run_again_the_log_is_the_same(settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 9, turns=120)
    folder.write()
    large = folder.new("coder")  # enough to read that a process of its own does it
    large.header()
    _, ts = large.entry("custom", customType="large", data="x" * (9 << 20))
    large.expect(ts, "other", "large")
    large.write(folder.sessions("coder") / f"{large.id}.jsonl")
    eventlore = Eventlore(nats=settings.nats_url or "", database=f"sqlite:///{tmp_path / 'i.db'}", home=settings.folder)
    total = folder.expected.total()

    async def killed(at: float) -> bool:
        """Import until the log has so many messages, then kill; whether that was before the end."""
        process = eventlore.start("import", str(folder.path))
        async with jetstream(settings.nats_url or "") as js:
            while process.poll() is None and (await js.stream_info(STREAM)).state.messages < at:
                pass
        process.send_signal(signal.SIGKILL)
        return process.wait(60) == -signal.SIGKILL

    rng = random.Random(9)
    kills = 0
    for part in sorted(rng.uniform(0, 0.95) for _ in range(4)):
        kills += asyncio.run(killed(part * total))
        if kills == 2:
            (settings.folder / "imports.sqlite").unlink()
    assert kills >= 2
    time.sleep(0.2)  # past the duplicate window: nothing but the log and the ledger may be what helps
    run(folder.path, settings)
    held = stored(settings)
    assert held.told == folder.expected
    assert held.ids == total
    assert all(count == 1 for count in held.messages.values())


def test_the_command_reports_what_each_file_became(settings: Settings, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state", 10, turns=2)
    folder.write()
    eventlore = Eventlore(nats=settings.nats_url or "", database=f"sqlite:///{tmp_path / 'i.db'}", home=settings.folder)
    would = eventlore.json("import", str(folder.path), "--dry-run", code=1)
    done = eventlore.json("import", str(folder.path), code=1)
    assert would == done | {"dry_run": True}
    assert done["new"] == folder.expected.total()
    assert done["refused"] == folder.refused.total()
    assert done["redacted"] == {"password": 1}
    told = eventlore("import", str(folder.path), code=1)
    assert f"0 events stored in {STREAM}, {done['events']:,} were there already" in told
