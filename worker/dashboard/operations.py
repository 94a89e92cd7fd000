"""How the worker stands, and the one thing a page may change: trying dead letters again."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, func, select

from models import tables
from worker.settings import Log

__all__ = ["Operations"]

FRESH = 3.0
"""Seconds for which an answer of the log's server is shown again instead of asking anew."""
MOST_LETTERS = 100
HOUR = 3_600_000
HOURS = 48


class Operations:
    """The operator's view: log, tables, dead letters, models, chain.

    Args:
        engine: the database, read only.
        logs: tells the logs with their servers' addresses, as far as they are known at the time.
        replay: tries every dead letter again and returns (revived, kept).
    """

    def __init__(
        self, engine: Engine, logs: Callable[[], Sequence[Log]], replay: Callable[[], tuple[int, int]]
    ) -> None:
        self.engine = engine
        self.replay = replay
        self._logs = logs
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._found: list[dict[str, Any]] = []

    def logs(self) -> list[dict[str, Any]]:
        """What each log's server says of it, a few seconds old at most; ``error`` where it cannot be asked."""
        from worker.status import log_status

        with self._lock:
            if time.monotonic() - self._asked_at > FRESH:
                self._found = [
                    asyncio.run(log_status(log)) if log.url else {"stream": log.stream, "error": "nobody serves it now"}
                    for log in self._logs()
                ]
                self._asked_at = time.monotonic()
            return self._found

    def durables(self) -> set[str]:
        """The consumers that this database's workers read through."""
        t = tables.streams
        with self.engine.connect() as connection:
            return {name for name in connection.scalars(select(t.c.durable)) if name}

    def letters(self) -> tuple[int, list[dict[str, Any]]]:
        """How many dead letters there are, and the first of them."""
        t = tables.dead_letters
        size = func.length(t.c.data).label("bytes")
        query = select(t.c.stream, t.c.seq, t.c.subject, t.c.reason, t.c.first_seen, t.c.attempts, t.c.data, size)
        with self.engine.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(t)) or 0
            rows = connection.execute(query.order_by(t.c.stream, t.c.seq).limit(MOST_LETTERS)).mappings()
            return count, [dict(row) | {"data": bytes(row["data"])[:200].decode(errors="replace")} for row in rows]

    def pending(self) -> tuple[int, list[dict[str, Any]]]:
        """Sessions that wait for analysis, and those that cannot be analysed."""
        t = tables.pending
        with self.engine.connect() as connection:
            count = connection.scalar(select(func.count()).where(t.c.session != "", t.c.attempts == 0)) or 0
            rows = connection.execute(
                select(t.c.agent, t.c.session, t.c.reason).where(t.c.attempts > 0).order_by(t.c.agent).limit(50)
            )
            return count, [dict(row) for row in rows.mappings()]

    def chains(self) -> list[dict[str, Any]]:
        """The head of each stream's audit chain."""
        t, waiting, removed = tables.audit_chain, tables.audit_waiting, tables.audit_removals
        found = []
        with self.engine.connect() as connection:
            for stream in connection.scalars(select(tables.streams.c.stream).order_by("stream")):
                last = select(t.c.seq, t.c.entry, t.c.chain).where(t.c.stream == stream)
                head = connection.execute(last.order_by(t.c.seq.desc()).limit(1)).mappings().first()
                counts = {
                    name: connection.scalar(select(func.count()).select_from(table).where(table.c.stream == stream))
                    for name, table in (("waiting", waiting), ("removed", removed))
                }
                found.append(
                    {"stream": stream, "entries": head["entry"] + 1 if head else 0, "seq": head["seq"] if head else 0}
                    | {"chain": head["chain"] if head else ""}
                    | counts
                )
        return found

    def health(self) -> dict[str, int]:
        """Whether everything that was logged counts: events in the chain, and what waits or was left aside."""
        chains = self.chains()
        pending, failed = self.pending()
        with self.engine.connect() as connection:
            letters = connection.scalar(select(func.count()).select_from(tables.dead_letters)) or 0
        return {
            "chained": sum(one["entries"] for one in chains),
            "waiting": sum(one["waiting"] for one in chains),
            "removed": sum(one["removed"] for one in chains),
            "letters": letters,
            "pending": pending,
            "failed": len(failed),
        }

    def models(self) -> list[str]:
        """Versions of the models that the sessions' rows rest on, each once; walks an index from one to the next."""
        t = tables.sessions
        found: list[str] = []
        with self.engine.connect() as connection:
            query = select(func.min(t.c.models))
            while (version := connection.scalar(query)) and len(found) < 50:
                found.append(version)
                query = select(func.min(t.c.models)).where(t.c.models > version)
            learned = {
                version
                for table in (tables.skill_gaps, tables.patterns)
                for version in connection.scalars(select(table.c.model).distinct())
            }
        return [*found, *sorted(learned)]

    def throughput(self, agents: Sequence[str]) -> list[tuple[int, int]]:
        """Events of each hour of the last two days of the log, by the time of the events: (hour, events)."""
        t = tables.events
        with self.engine.connect() as connection:
            lasts = [connection.scalar(select(func.max(t.c.ts)).where(t.c.agent == agent)) or 0 for agent in agents]
            if not any(lasts):
                return []
            end = max(lasts) - max(lasts) % HOUR + HOUR
            counts = dict.fromkeys(range(end - HOURS * HOUR, end, HOUR), 0)
            hour = t.c.ts - t.c.ts % HOUR
            for agent in agents:
                query = select(hour, func.count()).where(t.c.agent == agent, t.c.ts >= end - HOURS * HOUR, t.c.ts < end)
                for at, count in connection.execute(query.group_by(hour)):
                    counts[at] += count
        return sorted(counts.items())

    def mark(self) -> str:
        """Changes when what pages show may have changed."""
        events, letters, pending, days = tables.events, tables.dead_letters, tables.pending, tables.agent_days
        with self.engine.connect() as connection:
            streams = connection.scalars(select(tables.streams.c.stream).order_by("stream")).all()
            parts: list[object] = [
                connection.scalar(select(func.max(events.c.seq)).where(events.c.stream == stream)) for stream in streams
            ]
            parts += connection.execute(select(func.count()).select_from(letters)).one()
            parts += connection.execute(select(func.count(), func.max(pending.c.touched))).one()
            parts += connection.execute(select(func.count(), func.sum(days.c.sessions), func.sum(days.c.outcome))).one()
        return "-".join(map(str, parts))
