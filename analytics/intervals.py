"""Intervals that say how far a mean or a share of few sessions can be trusted."""

from collections.abc import Iterable
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

__all__ = ["FEWEST", "Interval", "mean_interval", "share_interval"]

FEWEST = 5
"""Values from which a mean gets an interval: fewer do not show how much they vary."""


class Interval(NamedTuple):
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float
    n: int
    """What it rests on."""


def mean_interval(values: Iterable[float]) -> Interval:
    """The mean of independent values with Student's interval; limits are NaN below five values, all is NaN of none.

    Values of one session are not independent: give each session's mean.

    >>> mean_interval([0.5, 0.6, 0.7, 0.8, 0.9])
    Interval(value=0.7, low=0.503676, high=0.896324, n=5)
    """
    given = np.asarray(list(values), dtype=np.float64)
    given = given[~np.isnan(given)]
    n = len(given)
    if not n:
        return Interval(nan, nan, nan, 0)
    mean = float(given.mean())
    if n < FEWEST:
        return Interval(round(mean, 6), nan, nan, n)
    margin = float(stdtrit(n - 1, 0.975)) * float(given.std(ddof=1)) / sqrt(n)
    return Interval(round(mean, 6), round(mean - margin, 6), round(mean + margin, 6), n)


def share_interval(hits: int, n: int) -> Interval:
    """A share with its interval after Wilson 1927; NaN of nothing.

    >>> share_interval(3, 12)
    Interval(value=0.25, low=0.088942, high=0.532305, n=12)

    Raises:
        ValueError: there are more hits than trials, or less than none.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    if not n:
        return Interval(nan, nan, nan, 0)
    z, share = float(ndtri(0.975)), hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(round(share, 6), round(middle - margin, 6), round(middle + margin, 6), n)
