"""Runs Faust apps without Faust's command line: until a signal, or to the end of the stream."""

import asyncio
from typing import cast

import faust

from worker.signals import stop_signal
from worker.transport.driver import Transport

__all__ = ["serve", "stop_signal"]

_TICK = 0.1


async def serve(*apps: faust.App, stop: asyncio.Event, drain: bool = False) -> None:
    """Run apps until ``stop`` is set or, with ``drain``, until all that their streams have now is settled.

    Handlers may finish the batch they have, for at most the topic's ``drain`` seconds.

    Raises:
        BaseException: What made an app crash; the others are stopped then too.
    """
    stopped = asyncio.create_task(stop.wait())
    running = [asyncio.create_task(_run(app, drain=drain)) for app in apps]
    pending = set(running)
    try:
        while pending:
            done, _ = await asyncio.wait({stopped, *pending}, return_when=asyncio.FIRST_COMPLETED)
            pending -= done  # some reached their end; the others go on
            if stopped in done or any(task.exception() for task in done):
                break
    finally:
        for app in apps:
            await app.stop()
        stopped.cancel()
        # Not cancelled: what is stopped ends by itself, and mode's waits leave tasks behind when cancelled.
        results = await asyncio.gather(*running, return_exceptions=True)
    for error in results:
        if error is not None:
            raise error


async def _run(app: faust.App, *, drain: bool) -> None:
    """Start an app and wait until it has drained, crashed or been stopped; it may be stopped during its start too."""
    await app.start()
    drained = asyncio.create_task(cast("Transport", app.transport).drained() if drain else asyncio.Event().wait())
    try:
        while not (app.should_stop or drained.done()):
            await asyncio.wait({drained}, timeout=_TICK)
    finally:
        drained.cancel()
        await asyncio.wait({drained})
    if app.crash_reason:
        raise app.crash_reason
    if not drained.cancelled():
        drained.result()
