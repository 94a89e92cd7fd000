"""How long the dashboard takes for each page, on 100,000 and on 1,000,000 events of a team's year.

    python benchmarks/dashboard.py --data ../shared/data --folder DIR [--events 100000 1000000] [--rounds 20] [--postgres]

The databases are those of ``year.py``; they are made in DIR once and found again there (the larger one takes minutes).
Printed is, for each page, the 95th percentile of the time from a request over HTTP to the whole answer, one request at a
time, with varying filters, each asked once before, and of the processor time of server and client together; how the time
grows; and how long a browser takes from the overview's address to its first view, by its own clock (first contentful
paint, nothing cached).
"""

import argparse
import contextlib
import math
import shutil
import statistics
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import year
from pipeline import postgres
from sqlalchemy import Engine, create_engine, make_url, select

from models import tables
from worker.dashboard.access import Access
from worker.dashboard.serving import address, beside, listen
from worker.store import Store

BAR = 300
"""Milliseconds for a page,"""
FIRST_VIEW = 1_000
"""and for a browser's first view."""
GROWTH = 2.0
PAINTED = """new Promise(tell => new PerformanceObserver(seen => {
    for (const one of seen.getEntriesByName("first-contentful-paint")) tell(one.startTime);
}).observe({type: "paint", buffered: true}))"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, required=True, help="where databases are kept")
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, too; copied there each time")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    files = {events: arguments.folder / f"dashboard-{events}.db" for events in arguments.events}
    for events, file in files.items():
        if not file.is_file():
            year.fill(file, arguments.data, events)
    found = {events: measure(f"sqlite:///{file}", arguments.rounds) for events, file in files.items()}
    show("SQLite", found, arguments.rounds)
    if arguments.postgres:
        with postgres(arguments.folder) as server:
            urls = {events: copied(file, server, events) for events, file in files.items()}
            show("PostgreSQL", {n: measure(url, arguments.rounds) for n, url in urls.items()}, arguments.rounds)


def copied(file: Path, server: str, events: int) -> str:
    """The same in a database of the server."""
    name = f"dashboard_{events}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        there = connection.exec_driver_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").first()
        if not there:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    url = make_url(server).set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    if not there:
        year.copy_to(file, url)
    return url


class Taken(NamedTuple):
    """Milliseconds."""

    time: float
    processor: float


def measure(url: str, rounds: int) -> dict[str, Taken]:
    """The 95th percentile of every page's times, and the median of a browser's first view."""
    store = Store(url)
    store.migrate()  # it may have been made by an earlier version
    asked = ways(store.engine)
    found = {}
    with listen("127.0.0.1", 0) as listening, beside(url, store, Access("127.0.0.1"), list, listening):
        base = address("127.0.0.1", listening).rstrip("/")
        for page, addresses in asked.items():  # every way is asked once, at least
            for each in addresses:
                answered(base + each)
            times = [
                answered(base + addresses[number % len(addresses)]) for number in range(max(rounds, len(addresses)))
            ]
            found[page] = Taken(
                *(statistics.quantiles(part, n=20, method="inclusive")[-1] for part in zip(*times, strict=True))
            )
        found["first view"] = Taken(statistics.median(first_views(base, 5)), math.nan)
    store.close()
    return found


def answered(url: str) -> Taken:
    began, busy = time.perf_counter(), time.process_time()
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own
        answer.read()
    return Taken((time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000)


def first_views(base: str, times: int) -> Iterator[float]:
    """When a browser has drawn the first of the overview, each time as if it had never been there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(times):
            with contextlib.closing(browser.new_context()) as context:
                page = context.new_page()
                page.goto(f"{base}/")
                yield page.evaluate(PAINTED)
        browser.close()


def ways(engine: Engine) -> Mapping[str, Sequence[str]]:
    """Addresses of each page, with and without filters."""
    s, d, g, x = tables.sessions.c, tables.topic_days.c, tables.skill_gaps.c, tables.signal_days.c
    with engine.connect() as connection:
        sessions = connection.execute(select(s.agent, s.session).order_by(s.started_at.desc()).limit(4)).all()
        topics = connection.scalars(select(d.topic_id).distinct().order_by(d.topic_id).limit(2)).all()
        gaps = connection.execute(select(g.agent, g.topic_id, g.tool).order_by(g.impact.desc()).limit(4)).all()
        kinds = connection.scalars(select(x.kind).distinct().order_by(x.kind)).all()
    first, other = (quote(topic) for topic in topics)
    filters = ["", "agent=desk", "since=30d", "agent=taxi&since=7d"]
    usual = [*filters, f"topic={first}", f"topic={other}&agent=hotels"]
    only = [
        "sort=worst",
        "outcome=low",
        "errors=1",
        "q=u7:",
        "q=nothing-is-called-so",
        *(f"signal={kind}" for kind in kinds),
    ]
    return {
        **{page or "overview": [f"/{page}?{one}" for one in usual]
           for page in ("", "topics", "styles", "gaps", "patterns", "context")},
        "sessions": [f"/sessions?{one}" for one in [*usual, *only]],
        "session": [f"/session?{urlencode({'of': agent, 'key': key})}" for agent, key in sessions],
        "topic": [f"/topic?id={first}&{one}" for one in filters],
        "gap": [f"/gap?{urlencode({'of': agent, 'about': about, 'tool': tool})}" for agent, about, tool in gaps],
        "operations": ["/operations"],
        "mark": ["/mark"],
    }  # fmt: skip


def show(kind: str, found: Mapping[int, Mapping[str, Taken]], rounds: int) -> None:
    sizes = "".join(f"{events:>12,}{'processor':>12}" for events in found)
    print(f"\n{kind}: ms a page, p95 of {rounds} requests (bar {BAR}; first view: median of 5, bar {FIRST_VIEW:,})")
    print(f"{'page':<12}{sizes}{'growth':>12}")
    for page in next(iter(found.values())):
        taken = [of_size[page] for of_size in found.values()]
        last, growth = taken[-1].time, taken[-1].time / taken[0].time
        missed = last > (FIRST_VIEW if page == "first view" else BAR) or growth >= GROWTH
        times = "".join(f"{one.time:>12.0f}{one.processor:>12.0f}" for one in taken)
        print(f"{page:<12}{times}{growth:>11.2f}x{'  missed' if missed else ''}")


if __name__ == "__main__":
    main()
