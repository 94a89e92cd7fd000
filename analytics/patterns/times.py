"""Hours, days and lengths at which sessions go better or worse than the others of the same users and topics."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.patterns.regression import Controls, effects
from analytics.patterns.sample import Finding, Sample
from analytics.patterns.statements import time_statement

__all__ = ["time_findings"]

HOUR = 3_600_000
BLOCK = 3
"""Hours that are looked at together."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LENGTHS = (0, 2, 4, 8, 16, 32)
"""User turns at which a new class of lengths begins."""
FEWEST = 20
"""Sessions that a class must have, and the others together."""


def time_findings(sample: Sample) -> Iterator[Finding]:
    """For each class of start, UTC, and of length: its outcome minus that of all other sessions.

    Adjusted for user and topic, and hours and days for length.
    """
    hours = sample.started // HOUR
    block = hours % 24 // BLOCK
    day = (hours // 24 + 3) % 7  # the epoch was a Thursday
    length = np.searchsorted(LENGTHS, sample.turns, side="right") - 1
    classes = [("hour", f"{b * BLOCK:02d}-{(b + 1) * BLOCK:02d} UTC", block == b) for b in range(24 // BLOCK)]
    classes += [("weekday", name, day == d) for d, name in enumerate(DAYS)]
    classes += [("length", name, length == at) for at, name in enumerate(_length_names())]
    classes = [each for each in classes if FEWEST <= each[2].sum() <= len(sample) - FEWEST]
    if classes:
        yield from _compare(sample, classes)


def _compare(sample: Sample, classes: list[tuple[str, str, NDArray[np.bool_]]]) -> Iterator[Finding]:
    groups = sample.groups()
    columns = [sample.outcome, *(inside.astype(np.float64) for _, _, inside in classes)]
    free = groups.take_out(np.column_stack([sample.length, *columns]))
    free, length = free[:, 2:], Controls(free[:, :2])
    same_length = length.take_out(free)
    for at, (kind, subject, inside) in enumerate(classes, start=1):
        columns_, used = (free, 0) if kind == "length" else (same_length, length.rank)
        (found,) = effects(columns_[:, 0], columns_[:, [at]], groups, groups.rank + used, [float(inside.var())])
        if found is not None:
            n = int(inside.sum())
            statement = time_statement(sample.agent, kind, subject, found, n)
            yield Finding(kind, sample.agent, subject, found, n, statement)


def _length_names() -> Iterator[str]:
    for low, end in pairwise((*LENGTHS, None)):
        first = max(1, low or 0)
        if end is None:
            yield f"{first} turns and more"
        else:
            yield "1 turn" if end == 2 else f"{first}-{end - 1} turns"
