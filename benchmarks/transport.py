"""The transport against bare nats-py: the same stream, the same decoding, the same acks, in interleaved rounds.

Each measurement is a process of its own that reads the whole stream through a fresh durable. The clock runs from the
first batch to the last ack, and the first batch does not count: this leaves out the start (Faust's takes a second).

    python benchmarks/transport.py [--messages 60000] [--rounds 7] [--batch 500]
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from worker.embedded import EmbeddedServer

__all__ = ["main"]

STREAM = "BENCH"


class Clock:
    """Counts messages from the second batch on."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.counted = 0
        self.begin = 0.0

    def tick(self, count: int) -> bool:
        """A batch has been acked; whether it was the last."""
        if self.begin:
            self.counted += count
        else:
            self.begin = time.perf_counter()
        self.left -= count
        return self.left <= 0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.counted / (time.perf_counter() - self.begin)


async def bare(url: str, durable: str, total: int, size: int) -> float:
    """nats-py as its documentation shows it."""
    client = await nats.connect(url)
    jetstream = client.jetstream()
    await jetstream.add_consumer(STREAM, durable_name=durable, ack_policy="explicit", max_ack_pending=65_536)
    subscription = await jetstream.pull_subscribe_bind(durable, STREAM)
    clock, last = Clock(total), False
    while not last:
        messages = await subscription.fetch(size)
        for message in messages:
            orjson.loads(message.data)
            await message.ack()
        if clock.left <= len(messages):
            await client.flush()
        last = clock.tick(len(messages))
    rate = clock.rate
    await client.close()
    return rate


async def transport(url: str, durable: str, total: int, size: int) -> float:
    """The same through Faust."""
    import faust

    from worker.transport import register, serve

    register()
    stop, clock, rates = asyncio.Event(), Clock(total), []
    with tempfile.TemporaryDirectory() as folder:
        app = faust.App(durable, broker=url, web_enabled=False, datadir=folder)

        @app.agent(app.topic(STREAM, config={"batch": size}))
        async def read(stream: Any) -> None:  # noqa: ANN401
            async for batch in stream:
                async with batch:
                    for message in batch:
                        orjson.loads(message.data)
                if clock.tick(len(batch)):
                    rates.append(clock.rate)
                    stop.set()

        await serve(app, stop=stop)
    return rates[0]


def event(number: int) -> bytes:
    """A JSON event of about a kilobyte."""
    body = {
        "id": number,
        "type": "message.in",
        "agent": "concierge",
        "session": f"s-{number % 997}",
        "text": "word " * 160,
    }
    return orjson.dumps(body)


async def fill(url: str, total: int) -> None:
    """Store the events."""
    client = await nats.connect(url)
    jetstream = client.jetstream(publish_async_max_pending=1000)
    await jetstream.add_stream(name=STREAM, subjects=["bench.>"])
    for number in range(total):
        await jetstream.publish_async(f"bench.{number % 7}", event(number))
    await jetstream.publish_async_completed()
    await client.close()


def measure(kind: str, url: str, durable: str, total: int, size: int) -> float:
    """One measurement in a process of its own; returns messages a second."""
    command = [sys.executable, __file__, "--child", kind, url, durable, str(total), str(size)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def rounds(url: str, count: int, total: int, size: int) -> Iterator[tuple[float, float]]:
    """Pairs of rates, bare and transport; who begins alternates."""
    for number in range(count):
        order = ["bare", "transport"] if number % 2 else ["transport", "bare"]
        rates = {kind: measure(kind, url, f"{kind}-{number}", total, size) for kind in order}
        yield rates["bare"], rates["transport"]


def main() -> None:
    """Print every round, and the median and range of the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=500)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(EmbeddedServer(home))
        asyncio.run(fill(server.url, given.messages))
        print(f"{given.messages} events of {len(event(1))} bytes, batches of {given.batch}; messages a second")
        ratios = []
        for plain, ours in rounds(server.url, given.rounds, given.messages, given.batch):
            ratios.append(ours / plain)
            print(f"bare nats-py {plain:8,.0f}   transport {ours:8,.0f}   ratio {ratios[-1]:.2f}", flush=True)
        print(
            f"ratio: median {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}), {len(ratios)} rounds"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        kinds = {"bare": bare, "transport": transport}
        print(json.dumps(asyncio.run(kinds[sys.argv[2]](sys.argv[3], sys.argv[4], int(sys.argv[5]), int(sys.argv[6])))))
    else:
        main()
