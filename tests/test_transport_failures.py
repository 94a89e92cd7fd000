"""Worker processes and servers that die, hang or are not there yet: nothing is lost."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faust_apps import new_app, run, started, until
from log_server import NatsServer, jetstream, publish

from worker.transport import statistics

TESTS = Path(__file__).parent
COUNT = 5000
ALL = set(range(1, COUNT + 1))


class Workers:
    """Worker processes that write to one file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "done.txt"
        self.log = folder / "workers.log"
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, url: str, **options: object) -> subprocess.Popen[bytes]:
        given = [f"{name}={value}" for name, value in options.items()]
        return self.run([str(TESTS / "transport_worker.py"), url, str(self.path), *given])

    def run(self, arguments: list[str], **environment: str) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, "PYTHONPATH": paths, **environment},
                stdout=log,
                stderr=log,
                cwd=self.path.parent,
            )
        self.started.append(process)
        return process

    @property
    def done(self) -> list[int]:
        return [int(line) for line in self.path.read_text().split()] if self.path.exists() else []

    def until(self, count: int) -> None:
        while len(set(self.done)) < count:
            assert any(process.poll() is None for process in self.started), self.log.read_text()
            time.sleep(0.02)

    def end(self, process: subprocess.Popen[bytes], seconds: float = 40) -> None:
        assert process.wait(seconds) == 0, self.log.read_text()


@pytest.fixture
def workers(tmp_path):
    made = Workers(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def fill(server: NatsServer, count: int = COUNT) -> None:
    async def filling():
        async with jetstream(server.url) as js:
            await publish(js, count)

    run(filling())


def state_of(server: NatsServer):
    async def asking():
        async with jetstream(server.url) as js:
            return await statistics(js, "EVENTS", "app")

    return run(asking())


def test_what_a_killed_worker_had_goes_to_the_other_one(nats_server, workers):
    fill(nats_server)
    victim, other = (workers.start(nats_server.url, batch=100, ack_wait=2, pause=0.05) for _ in range(2))
    workers.until(1000)
    victim.kill()
    workers.end(other)
    assert set(workers.done) == ALL
    state = state_of(nats_server)
    assert (state.ack_floor, state.ack_pending, state.lag) == (COUNT, 0, 0)


def test_a_killed_worker_that_starts_again_goes_on(nats_server, workers):
    fill(nats_server)
    victim = workers.start(nats_server.url, batch=100, ack_wait=2, pause=0.02)
    workers.until(1000)
    victim.kill()
    workers.end(workers.start(nats_server.url, batch=100, ack_wait=2))
    assert set(workers.done) == ALL
    assert len(workers.done) - COUNT <= 200  # no more than it held


def test_a_server_that_is_killed_and_returns_after_seconds_loses_nothing(nats_server, workers):
    fill(nats_server)
    worker = workers.start(nats_server.url, batch=100, ack_wait=2, pause=0.02)
    workers.until(1000)
    nats_server.kill()
    time.sleep(3)
    nats_server.start()
    workers.end(worker)
    assert set(workers.done) == ALL


def test_a_server_that_is_killed_again_and_again_loses_nothing(nats_server, workers):
    fill(nats_server)
    worker = workers.start(nats_server.url, batch=100, ack_wait=2, pause=0.02)
    for count in (500, 1500, 2500, 3500):
        workers.until(count)
        nats_server.kill()
        nats_server.start()
    workers.end(worker)
    assert set(workers.done) == ALL


def test_a_server_that_hangs_for_a_while_loses_nothing(nats_server, workers):
    fill(nats_server)
    worker = workers.start(nats_server.url, batch=100, ack_wait=2, pause=0.02)
    workers.until(1000)
    nats_server.pause()
    time.sleep(8)
    nats_server.resume()
    workers.end(worker)
    assert set(workers.done) == ALL


def test_a_worker_may_start_before_its_server_and_its_stream(tmp_path, workers):
    server = NatsServer(tmp_path / "nats")
    worker = workers.start(server.url, drain=0)
    time.sleep(2)
    server.start(jetstream=False)  # JetStream does not answer yet
    time.sleep(2)
    server.stop()
    server.start()
    time.sleep(1)
    try:
        fill(server)
        workers.until(COUNT)
        worker.send_signal(signal.SIGTERM)
        workers.end(worker, 5)
    finally:
        server.stop()
    assert workers.done == sorted(ALL)


def test_a_signal_ends_a_worker_in_the_middle_of_a_drain_and_nothing_is_lost(nats_server, workers):
    fill(nats_server)
    worker = workers.start(nats_server.url, batch=100, pause=0.05)
    workers.until(1000)
    worker.send_signal(signal.SIGTERM)
    workers.end(worker, 5)
    handled = len(set(workers.done))
    state = state_of(nats_server)
    assert handled < COUNT
    assert state.ack_floor == handled == len(workers.done)
    workers.end(workers.start(nats_server.url))  # what the first held comes at once: ack_wait is 30 s
    assert sorted(workers.done) == sorted(ALL)


def test_a_signal_ends_a_worker_whose_server_went_away(nats_server, workers):
    fill(nats_server)
    worker = workers.start(nats_server.url, batch=100, pause=0.05)
    workers.until(1000)
    nats_server.kill()
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    workers.end(worker, 5)
    nats_server.start()
    workers.end(workers.start(nats_server.url, ack_wait=2))
    assert set(workers.done) == ALL


@pytest.mark.parametrize("wait", [0.0, 0.3, 0.6, 0.9, 1.2, 2.0])
def test_a_signal_ends_a_worker_whose_server_is_away(tmp_path, workers, wait):
    server = NatsServer(tmp_path / "nats")  # never started
    worker = workers.start(server.url)
    while not workers.path.with_name("ready").exists():
        time.sleep(0.01)
    time.sleep(wait)
    worker.send_signal(signal.SIGTERM)
    workers.end(worker, 5)


def test_faust_s_own_command_runs_a_worker_and_ends_on_a_signal(nats_server, workers):
    fill(nats_server)
    worker = workers.run(
        ["-m", "faust", "-A", "transport_worker", "worker", "--without-web"],
        WORKER_URL=nats_server.url,
        WORKER_FILE=str(workers.path),
    )
    workers.until(COUNT)
    worker.send_signal(signal.SIGTERM)
    workers.end(worker, 10)
    assert workers.done == sorted(ALL)
    assert state_of(nats_server).ack_floor == COUNT


def test_a_durable_that_is_deleted_is_made_again(nats_url, tmp_path):
    app, seen = new_app(nats_url, tmp_path), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                seen.extend(message.sequence for message in batch)

    async def test():
        async with jetstream(nats_url) as js:
            await publish(js, 10)
            async with started(app) as transport:
                await transport.drained()
                await js.delete_consumer("EVENTS", "app")
                await until(lambda: len(seen) == 20)

    run(test())
    assert seen == [*range(1, 11), *range(1, 11)]


def test_a_stranger_on_the_server_s_port_is_not_used(nats_server, tmp_path):
    """The port may be somebody else's after a restart; ours is known by its name."""
    app, seen = new_app(f"{nats_server.url}?server_name={nats_server.name}", tmp_path), []

    @app.agent(app.topic("EVENTS"))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                seen.extend(batch)

    stranger = NatsServer(tmp_path / "stranger")
    stranger.port = nats_server.port

    async def test():
        async with jetstream(nats_server.url) as js:
            await publish(js, 1)
        async with started(app) as transport:
            await transport.drained()
            nats_server.kill()
            stranger.start()
            async with jetstream(stranger.url) as js:
                await publish(js, 100)
                await asyncio.sleep(3)
                assert (await js.stream_info("EVENTS")).state.consumer_count == 0
            stranger.kill()
            nats_server.start()
            async with jetstream(nats_server.url) as js:
                await publish(js, 2)
                await until(lambda: len(seen) == 3)

    with contextlib.ExitStack() as stack:
        stack.callback(stranger.kill)
        run(test())
    assert [message.sequence for message in seen] == [1, 2, 3]
