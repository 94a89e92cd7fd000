"""How long a block of context takes, and whether it keeps its budget: ``python benchmarks/context.py --data ../shared/data``.

60,000 events of SGD as those of one agent: its memory is built once, which is said too, then its blocks. Processor time.
"""

import argparse
import gzip
import tempfile
import time
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np

from analytics.context.tokens import count
from analytics.conversation import fold
from analytics.recall.entries import entries
from models import tables
from models.dialects import decode
from models.events import Event
from worker.context import build_block
from worker.database import upsert, writing
from worker.remember_store import MemoryStore
from worker.store import Store
from worker.sync import as_rows

BATCH = 2_000
BUDGETS = (300, 1_000, 3_000)
ABOUT = "a flight to San Francisco and a hotel"


def events_of(data: Path) -> list[Event]:
    lines = gzip.decompress((data / "sessions/sgd.events.jsonl.gz").read_bytes()).splitlines()
    decoded = (decode(line.strip(), stream="sgd", seq=seq) for seq, line in enumerate(lines, 1))
    return [msgspec.structs.replace(event, agent="desk") for event in decoded]


def fill(store: Store, events: list[Event]) -> None:
    store.migrate()
    memory = MemoryStore(store)
    for start in range(0, len(events), BATCH):
        part = events[start : start + BATCH]
        store.record(part)
        memory.note([(event.stream, event.seq) for event in part])
    began = time.process_time()
    memory.settle()
    print(f"memory of {len(events):,} events: {time.process_time() - began:.0f} s\n")
    for _, session in groupby(sorted(events, key=lambda e: e.session), key=lambda e: e.session):
        said = list(session)
        with writing(store.engine) as connection:
            upsert(connection, tables.entries, as_rows(entries(said, fold(said))))


def measure(store: Store, now: int) -> None:
    print("| budget, tokens | about | lines | used | first, ms | p50, ms | p95, ms |\n|---|---|---|---|---|---|---|")
    for budget in BUDGETS:
        for about in ("", ABOUT):
            taken = []
            for at in range(41):
                began = time.process_time()
                block = build_block(store, agent="desk", about=about, budget=budget, now=now + at * 60_000)
                taken.append(1_000 * (time.process_time() - began))
                if not count(block.markdown) == block.tokens <= budget:
                    raise SystemExit(f"a budget of {budget} was not kept: {count(block.markdown)} tokens")
            p50, p95 = np.percentile(taken[1:], [50, 95])
            known = f"{budget:,} | {'said' if about else 'not said'} | {len(block.lines)} | {block.tokens}"
            print(f"| {known} | {taken[0]:.0f} | {p50:.0f} | {p95:.0f} |")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        store = Store(f"sqlite:///{Path(name) / 'insights.db'}")
        events = events_of(asked.data)
        fill(store, events)
        measure(store, max(event.ts for event in events) + 60_000)
        store.close()


if __name__ == "__main__":
    main()
