"""A database as a team's year leaves it: sessions of the public logs, analysed once each, over and over under new keys.

Twelve agents, twelve months, sixty users, mostly on weekdays between eight and eight. Each session of the logs is decoded,
given to one of the agents and analysed by the worker's own code; its copies have other keys, sequences and times. Rows are
written in bulk. What all sessions show together (topics, gaps, patterns, days) the worker's own code derives from them.
"""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from pipeline import lines
from sqlalchemy import Table, select

from analytics.analysis import analyse_sessions
from analytics.memory.items import remember
from models import tables
from models.dialects import decode
from models.events import Event
from worker.database import writing
from worker.store import Store
from worker.sync import as_rows

__all__ = ["copy_to", "fill"]

AGENTS = (
    "airline", "billing", "calendar", "concierge", "desk", "events", "films", "hotels", "music", "recipes", "taxi", "trips"
)  # fmt: skip
USERS = 60
DAY = 86_400_000
DAYS = 364
BEGIN = 1_767_571_200_000
"""Monday, 5 January 2026."""
STREAM = "log"
EVERY = 6
"""One stretch of a thousand events in so many is read."""
ROWS = 200_000
"""Rows that are written at once."""

Copier = Callable[[str, int, int], Iterator[tuple[Any, ...]]]
"""A session's rows of a table for another key, first sequence and time."""


def fill(file: Path, data: Path, events: int) -> None:
    """Write an SQLite database of so many events, or of a few more."""
    began = time.monotonic()
    part = Path(f"{file}.part")
    part.unlink(missing_ok=True)
    store = Store(f"sqlite:///{part}")
    store.migrate()
    connection = sqlite3.connect(part)
    connection.execute("PRAGMA synchronous=OFF")
    models = list(sessions(data))
    random.seed(7)
    waiting: dict[Table, list[tuple[Any, ...]]] = {}
    seq = copies = 0
    while seq < events:
        model, size, agent, starts = models[copies % len(models)]
        key = f"agent:{agent}:slack:direct:u{random.randrange(USERS)}:thread:{copies}"
        shift = moment() - starts
        for table, copied in model.items():
            waiting.setdefault(table, []).extend(copied(key, seq, shift))
        seq += size
        copies += 1
        if sum(map(len, waiting.values())) > ROWS or seq >= events:
            write(connection, waiting)
    connection.close()
    with writing(store.engine) as here:
        name = {"stream": STREAM, "name": STREAM, "created": "", "durable": "insights"}
        here.execute(tables.streams.insert(), [name])
        here.execute(tables.pending.insert(), [{"agent": "", "session": "", "touched": 0, "attempts": 0, "reason": ""}])
    print(f"{seq:,} events in {copies:,} sessions written in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    store.settle_overview()
    counts = store.counts()
    with store.engine.connect() as here:
        here.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    part.rename(file)
    shown = ("message_styles", "event_topics", "entries", "signals", "skill_gaps", "discovered_models")
    print(f"what they show together, derived in {time.monotonic() - began:.0f} s: "
          + ", ".join(f"{counts[name]:,} {name}" for name in shown), flush=True)  # fmt: skip


def moment() -> int:
    """When a session begins: seldom at weekends, never at night."""
    while True:
        day = random.randrange(DAYS)
        if day % 7 < 5 or random.random() < 0.2:
            return BEGIN + day * DAY + int(random.uniform(8, 20) * 3_600_000)


def write(connection: sqlite3.Connection, waiting: dict[Table, list[tuple[Any, ...]]]) -> None:
    for table, rows in waiting.items():
        names = columns(table)
        places = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        connection.executemany(f"INSERT INTO {table.name} ({quoted}) VALUES ({places})", rows)
    connection.commit()
    waiting.clear()


def columns(table: Table) -> list[str]:
    return [column.name for column in table.c if not (table is tables.entries and column.name == "id")]


def sessions(data: Path) -> Iterator[tuple[dict[Table, Copier], int, str, int]]:
    """Every session of the logs, analysed: (its rows, events, agent, beginning)."""
    found: dict[str, list[Event]] = {}
    for seq, line in enumerate(lines(data), 1):
        if seq // 1_000 % EVERY == 0:  # stretches spread over all logs
            event = decode(line, stream=STREAM, seq=seq)
            found.setdefault(event.session, []).append(event)
    given = [
        [msgspec.structs.replace(event, agent=AGENTS[number % len(AGENTS)]) for event in events]
        for number, events in enumerate(found.values())
    ]
    for start in range(0, len(given), 200):
        group = given[start : start + 200]
        for events, insights in zip(group, analyse_sessions(group), strict=True):
            places = {event.seq: number for number, event in enumerate(events, 1)}
            rows = {
                tables.events: as_rows(events),
                tables.sessions: as_rows([insights.session]),
                tables.event_topics: as_rows(insights.topics),
                tables.message_styles: as_rows(insights.styles),
                tables.signals: as_rows(insights.signals),
                tables.skill_uses: as_rows(insights.uses),
                tables.entries: as_rows(insights.entries),
                tables.memory_items: as_rows(remember(events)),
            }
            copiers = {table: copier(table, of_table, places) for table, of_table in rows.items()}
            yield copiers, len(events), events[0].agent, insights.session.started_at


def copier(table: Table, rows: list[dict[str, Any]], places: Mapping[int, int]) -> Copier:
    """What gives a session's rows of a table anew."""
    change: dict[str, Callable[[Any, str, int, int], Any]] = {
        "session": lambda _, key, _seq, _shift: key,
        "user": lambda _, key, _seq, _shift: key.split(":")[4],
        "seq": lambda value, _, seq, _shift: seq + places[value],
        "evidence": lambda value, _, seq, _shift: json.dumps([[s, seq + places[q]] for s, q in value if q in places]),
        "topics": lambda value, _, _seq, shift: json.dumps({t: [n, a + shift, b + shift] for t, (n, a, b) in value.items()}),
        **dict.fromkeys(("ts", "started_at", "ended_at", "at", "due"), lambda value, _, _seq, shift: value and value + shift),
        **dict.fromkeys(("supersedes", "superseded_by"), lambda *_: ""),
    }  # fmt: skip
    names = columns(table)
    place = names.index("seq") if "seq" in names else 0
    same = [[plain(row[name]) for name in names] for row in rows]
    moved = [(at, change[name], name) for at, name in enumerate(names) if name in change]
    unique = {"id": str, "digest": "{:064x}".format} if table is tables.events else {}
    after = [(names.index(name), form) for name, form in unique.items()]

    def copy(key: str, seq: int, shift: int) -> Iterator[tuple[Any, ...]]:
        for row, values in zip(rows, same, strict=True):
            new = values.copy()
            for at, how, name in moved:
                new[at] = how(row[name], key, seq, shift)
            for at, form in after:
                new[at] = form(new[place])
            yield tuple(new)

    return copy


def plain(value: Any) -> Any:  # noqa: ANN401 - a field of a row
    """A value as the database has it."""
    return json.dumps(value) if isinstance(value, dict | list) else getattr(value, "value", value)


def copy_to(file: Path, url: str) -> None:
    """The same rows in an empty PostgreSQL database."""
    source, target = Store(f"sqlite:///{file}"), Store(url)
    target.migrate()
    with source.engine.connect() as there, target.engine.connect() as here:
        cursor = here.connection.cursor()
        for table in tables.metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.c)
            rows = there.execution_options(yield_per=5_000).execute(select(table))
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copying:
                for row in rows:
                    copying.write_row([json.dumps(v) if isinstance(v, dict | list) else v for v in row])
        here.connection.commit()
    with target.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as here:
        here.exec_driver_sql("VACUUM ANALYZE")  # which a log of a year has seen often
    source.close()
    target.close()
