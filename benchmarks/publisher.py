"""What telling an event costs an agent, with its server there and away.

    python benchmarks/publisher.py [--events 20000] [--size 400]

Each line is one agent, a process of its own. "call" is the time that a call of the event store takes (median and 99th
percentile), "CPU" the processor time of the whole process for each event, its sending thread included. Events come in
groups with pauses, as an agent's do; "away" begins with a full buffer, as after an hour.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = (
    "build",
    "config",
    "loader",
    "server",
    "reads",
    "twice",
    "check",
    "again",
    "tomorrow",
    "deploy",
    "session",
    "Köln",
)
GROUP, PAUSE = 20, 0.002
BUFFER = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=400, help="characters of each event's text")
    parser.add_argument("--child", nargs=2, metavar=("URL", "SPOOL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measure(*arguments.child, arguments.events, arguments.size)
        return
    from worker.embedded import EmbeddedServer

    with tempfile.TemporaryDirectory() as folder:
        with EmbeddedServer(Path(folder)) as server:
            show("server up", server.url, "", arguments)
        show("server away", "nats://127.0.0.1:1", "", arguments)
        show("server away, spool", "nats://127.0.0.1:1", f"{folder}/spool", arguments)


def show(what: str, url: str, spool: str, arguments: argparse.Namespace) -> None:
    command = [sys.executable, __file__, "--events", str(arguments.events), "--size", str(arguments.size)]
    command += ["--child", url, spool]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(
        f"{what:<19} call {found['median']:5.1f} us (99 %: {found['p99']:5.1f}), CPU {found['cpu']:6.1f} us an event, "
        f"{found['memory']:+.0f} MB; {found['tally']}"
    )


def measure(url: str, spool: str, events: int, size: int) -> None:
    from worker.publisher import EventStore

    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS, k=size // 6)) for _ in range(200)]
    with EventStore({"url": url}, spool=spool or None) as store:
        away = url.endswith(":1")
        for number in range(BUFFER if away else 500):
            store.message_in(session="agent:ada:main", text=texts[number % 200])
        time.sleep(2)
        calls = []
        memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        for number in range(events):
            begin = time.perf_counter_ns()
            store.message_in(session="agent:ada:main", text=texts[number % 200])
            calls.append(time.perf_counter_ns() - begin)
            if number % GROUP == 0:
                time.sleep(PAUSE)
        cpu = time.process_time() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    calls.sort()
    print(
        json.dumps(
            {
                "median": statistics.median(calls) / 1000,
                "p99": calls[len(calls) * 99 // 100] / 1000,
                "cpu": cpu / events * 1e6,
                "memory": grown,
                "tally": dict(store.tally()._asdict()),
            }
        )
    )


if __name__ == "__main__":
    main()
