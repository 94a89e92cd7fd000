"""What goes wrong again and again, said a few times."""

import logging
import time
from collections.abc import Callable

__all__ = ["Complaints"]

SHOWN = 5
"""Lines about one thing within the time below; further ones are counted."""
WITHIN = 60.0
"""Seconds."""


class Complaints:
    """Warnings in the log, few about each thing however often it happens.

    Args:
        log: where they go.
        clock: gives the time in seconds.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._said: dict[str, tuple[float, int]] = {}
        """Since when, and how many, by what they were about."""

    def say(self, about: str, text: str) -> None:
        """Warn that something is wrong with this."""
        self._end_old()
        since, times = self._said.get(about, (self._clock(), 0))
        self._said[about] = (since, times + 1)
        if times < SHOWN:
            self._log.warning("%s: %s", about, text)

    def _end_old(self) -> None:
        """Say how many were not said, of what began long enough ago."""
        now = self._clock()
        for about in [one for one, (since, _) in self._said.items() if now - since >= WITHIN]:
            _, times = self._said.pop(about)
            if times > SHOWN:
                self._log.warning("%s: %d more like these", about, times - SHOWN)
