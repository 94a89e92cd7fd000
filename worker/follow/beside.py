"""Following in a thread of its own, beside a worker in the same process."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from worker.follow.run import follow
from worker.settings import Settings

__all__ = ["following"]

log = logging.getLogger(__name__)


@contextlib.contextmanager
def following(paths: Sequence[Path], settings: Settings, url: str, *, agent: str = "") -> Iterator[None]:
    """Follow files and folders while the block runs; the arguments are those of :func:`worker.follow.follow`.

    An error that ends it ends the process as SIGTERM does, and is raised when the block has ended.
    """
    follower = _Follower(paths, settings, url, agent)
    follower.start()
    try:
        yield
    finally:
        follower.end()
    if follower.error:
        raise follower.error


class _Follower(threading.Thread):
    """A thread with an event loop that follows."""

    def __init__(self, paths: Sequence[Path], settings: Settings, url: str, agent: str) -> None:
        super().__init__(name="follow", daemon=True)
        self.error: Exception | None = None
        self._paths, self._settings, self._url, self._agent = paths, settings, url, agent
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._follow())
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for this one
            self.error = error
            log.error("following has ended: %s", error)  # noqa: TRY400 - in one line
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            self._ready.set()

    async def _follow(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await follow(self._paths, self._settings, self._url, stop=self._ending, agent=self._agent)

    def end(self) -> None:
        """Stop and wait for the end."""
        self._ready.wait()
        with contextlib.suppress(RuntimeError):  # its loop has ended already
            if self._loop and self._ending:
                self._loop.call_soon_threadsafe(self._ending.set)
        self.join()
