"""Waiting and ending in spite of libraries that swallow cancellations."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

__all__ = ["alone", "end"]

T = TypeVar("T")
_AGAIN = 0.1


async def alone(work: Coroutine[Any, Any, T]) -> T:
    """Await something in a task of its own, so that cancelling us does cancel us.

    nats-py waits with `asyncio.wait_for` which, before Python 3.12, drops a cancellation that comes together with the
    result, and it ignores some others itself. An agent or a reader would then go on while the app stops.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # looked at: nobody else will
        task.cancel()
        raise
    return task.result()


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended, whatever swallows the first cancellation."""
    tasks = list(tasks)
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at: who wants it has it already
