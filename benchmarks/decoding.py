"""What decoding and folding cost per event, beside parsing and hashing the same bytes with nothing else done.

    python benchmarks/decoding.py [--data ../shared/data] [--events 5000] [--rounds 9]

Printed are microseconds of processor time per event, the least and the median of the rounds, and the ratio of the
medians to that of orjson and SHA-256, the figure that machines agree on.
"""

import argparse
import gzip
import hashlib
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import orjson

from analytics.conversation import fold
from models.dialects import decode
from models.events import Event

LOGS = ("sgd", "tau-airline", "uss-mwoz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    print(f"{'log':12} {'bytes':>6}  {'parse + hash':>14}  {'decode':>21}  {'fold':>21}")
    for log in LOGS:
        with gzip.open(arguments.data / "sessions" / f"{log}.events.jsonl.gz") as file:
            lines = [line.rstrip(b"\n") for line in itertools.islice(file, arguments.events)]
        sessions: dict[str, list[Event]] = defaultdict(list)
        for seq, line in enumerate(lines, 1):
            event = decode(line, stream=log, seq=seq)
            sessions[event.session].append(event)

        def parse(lines: list[bytes] = lines) -> None:
            for line in lines:
                orjson.loads(line)
                hashlib.sha256(line).hexdigest()

        def read(lines: list[bytes] = lines, log: str = log) -> None:
            for seq, line in enumerate(lines, 1):
                decode(line, stream=log, seq=seq)

        def join(sessions: dict[str, list[Event]] = sessions) -> None:
            for events in sessions.values():
                fold(events)

        base, *others = (cost(step, len(lines), arguments.rounds) for step in (parse, read, join))
        cells = "  ".join(f"{least:5.1f} {median:5.1f} ({median / base[1]:.1f} x)" for least, median in others)
        print(f"{log:12} {sum(map(len, lines)) // len(lines):6}  {base[0]:8.1f} {base[1]:5.1f}  {cells}")


def cost(step: Callable[[], None], events: int, rounds: int) -> tuple[float, float]:
    """Least and median microseconds of processor time per event."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        step()
        spent.append((time.process_time() - start) / events * 1e6)
    return min(spent), statistics.median(spent)


if __name__ == "__main__":
    main()
