"""Which files change: told by the operating system, not asked for."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

__all__ = ["Watch"]

_GATHER = 200
"""Milliseconds that changes are gathered, at most."""
_STEP = 40
"""Milliseconds without a change that end the gathering."""

log = logging.getLogger(__name__)


class Watch:
    """Watches folders, not what is in the folders below them."""

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[int, int]] = {}
        self._notify: RustNotify | None = None
        self._closed = threading.Event()
        self.blind = False
        """Whether the operating system tells nothing: it has too few watches left, say."""

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        if self._notify:
            self._notify.close()

    def __contains__(self, folder: Path) -> bool:
        """Whether a folder is watched."""
        return folder in self._folders

    def over(self, folders: Iterable[Path]) -> bool:
        """Watch these folders and no others; whether that was something new.

        One that was made anew is another folder. Whoever calls this looks at all of them afterwards: what changed
        before they were watched is not told.
        """
        wanted = _there(folders)
        if wanted == self._folders:
            return False
        self._folders = wanted
        try:
            self._notify = RustNotify(list(map(str, wanted)), False, False, 0, False, True)
        except FileNotFoundError:  # one has gone just now; the next look will find that
            self._folders = {}
        except (OSError, WatchfilesRustInternalError) as error:
            self._notify = None
            if not self.blind:
                log.warning("changes are looked for every second, since the system does not tell them: %s", error)
        self.blind = self._notify is None
        return True

    async def changes(self, timeout: float) -> set[Path]:  # noqa: ASYNC109
        """What changed since the last time, as soon as something has; empty after ``timeout`` seconds without.

        Empty too when changes are not told.
        """
        if self._notify is None:
            await asyncio.sleep(timeout)
            return set()
        milliseconds = max(1, int(timeout * 1000))
        found = await asyncio.to_thread(self._notify.watch, _GATHER, _STEP, milliseconds, self._closed)
        return {Path(path) for _, path in found} if isinstance(found, set) else set()


def _there(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found
