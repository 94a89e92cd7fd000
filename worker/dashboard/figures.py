"""Figures with what is known about their precision."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple, Self

__all__ = ["ENOUGH", "Mean", "change"]

ENOUGH = 5
"""Sessions below which a mean is not told."""
_MILLION = 1_000_000


class Mean(NamedTuple):
    """A mean of scores with its 95% interval (Student's t, cut to 0..1)."""

    n: int
    value: float
    low: float
    high: float

    @property
    def enough(self) -> bool:
        """Whether it rests on enough sessions to be told."""
        return self.n >= ENOUGH

    @classmethod
    def of_sums(cls, n: int, total: int, squares: int) -> Self:
        """From the number of scores, their sum and the sum of their squares, in millionths."""
        if not n:
            return cls(0, math.nan, math.nan, math.nan)
        mean = total / n / _MILLION
        variance = max(0.0, squares / _MILLION - n * mean * mean) / max(1, n - 1)
        half = _t(n - 1) * math.sqrt(variance / n) if n > 1 else 1.0
        return cls(n, mean, max(0.0, mean - half), min(1.0, mean + half))

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """From the scores themselves."""
        whole = [round(value * _MILLION) for value in values]
        return cls.of_sums(len(whole), sum(whole), sum(value * value // _MILLION for value in whole))

    @classmethod
    def of_outcomes(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Of the outcome of days (rows of ``session_days``)."""
        return cls.of_sums(
            sum(row["sessions"] for row in rows),
            sum(row["outcome"] for row in rows),
            sum(row["outcome_squares"] for row in rows),
        )


def _t(freedom: int) -> float:
    """Student's 97.5% point (Cornish-Fisher; within 1% from three degrees of freedom on)."""
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def change(recent: int, before: int, exposure: float, judged: int) -> tuple[float, float, float]:
    """How a topic's share has changed, recent over before, with limits that hold for all topics together.

    Conditional on their sum, the recent one of two Poisson counts is binomial (Przyborowski and Wilenski 1940); the limits
    are Wilson's, at 95% over ``judged`` topics (Bonferroni).

    Args:
        recent: sessions with the topic lately.
        before: the same, before.
        exposure: sessions of any topic lately, over those before.
        judged: how many topics are looked at.

    Returns:
        Ratio (half a session added to each count, so that it is finite), low, high.
    """
    z = NormalDist().inv_cdf(1 - 0.025 / judged)
    n = recent + before
    middle = (recent + z * z / 2) / (n + z * z)
    half = z * math.sqrt(recent * before / n + z * z / 4) / (n + z * z)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (
        (recent + 0.5) / (before + 0.5) / exposure,
        low / (1 - low) / exposure,
        high / (1 - high) / exposure if high < 1 else math.inf,
    )
