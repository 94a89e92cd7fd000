"""Faust apps in the test's own process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, cast

import faust

from worker.transport import Transport, register

__all__ = ["new_app", "run", "started", "transport", "until"]

PATIENCE = 60.0
"""Seconds after which a test that hangs fails."""
T = TypeVar("T")


def new_app(url: str, folder: Path, *, name: str = "app", **settings: Any) -> faust.App:
    """An app that keeps its files in a folder."""
    register()
    return faust.App(name, broker=url, web_enabled=False, datadir=folder / name, **settings)


def run(test: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine, which may not hang."""

    async def bounded() -> T:
        async with asyncio.timeout(PATIENCE):
            return await test

    return asyncio.run(bounded())


@contextlib.asynccontextmanager
async def started(app: faust.App) -> AsyncIterator[Transport]:
    """The app runs meanwhile."""
    try:
        await app.start()
        yield transport(app)
    finally:
        await app.stop()


def transport(app: faust.App) -> Transport:
    """Its transport."""
    return cast("Transport", app.transport)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
