"""How far a worker is that reads the log to its end, for people who wait."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from worker.cli.console import progress_bar

if TYPE_CHECKING:
    from worker.settings import Log
    from worker.store import Store

__all__ = ["watched"]

EVERY = 1.0
"""Seconds between two looks."""


async def watched(work: Awaitable[None], logs: "Sequence[Log]", store: "Store") -> None:
    """Do the work and meanwhile, on a terminal, show two bars: messages to read, then sessions to analyse."""
    if not sys.stderr.isatty():
        await work
        return
    bars = asyncio.create_task(_bars(logs, store))
    try:
        await work
    finally:
        bars.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await bars


async def _bars(logs: "Sequence[Log]", store: "Store") -> None:
    async def unread() -> int:
        return await _unread(logs, store)

    async def pending() -> int:
        return await asyncio.to_thread(store.pending_sessions)

    await _follow("reading the log", "messages", unread)
    await _follow("analysing", "sessions", pending)


async def _follow(what: str, unit: str, left: Callable[[], Awaitable[int]]) -> None:
    total = before = await left()
    with progress_bar(what, total, unit=unit) as step:
        while before:
            await asyncio.sleep(EVERY)
            now = min(before, await left())
            step(before - now)
            before = now


async def _unread(logs: "Sequence[Log]", store: "Store") -> int:
    """Messages that the worker has still to write; those of a log that cannot be asked now count as none."""
    from worker.status import log_status

    left = 0
    for log in logs:
        found = await log_status(log)
        consumers = {one["name"]: one for one in found.get("consumers", [])}
        own = consumers.get(await asyncio.to_thread(store.durable_of, log.stream))
        left += own["waiting"] + own["unacknowledged"] if own else found.get("messages", 0)
    return left
