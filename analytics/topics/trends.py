"""Which topics rise and fall: a topic's share of messages lately against its own share before.

The ratio of two rates of rare events is estimated conditionally: of the events of both periods, those of the later are
binomial, and the Clopper-Pearson limits of that share give the limits of the ratio (Przyborowski and Wilenski 1940;
exact for Poisson counts). Messages of one conversation are not independent, so conversations are counted, and where a topic's
daily counts vary more than Poisson counts do, the interval is widened by the root of that dispersion (quasi-Poisson,
McCullagh and Nelder 1989). Limits hold for all topics together (Bonferroni), so that among hundreds none looks
trending by luck.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import betaincinv

__all__ = ["DAY", "Trend", "Uses", "trends"]

DAY = 86_400_000
_ERROR = 0.05
_LEAST = 3
"""Conversations lately and before, together, of a topic that is judged at all; and what makes a day the latest."""


class Trend(NamedTuple):
    """How a topic's share of conversations has changed."""

    topic_id: str
    recent: int
    """Conversations with the topic on the recent days."""
    before: int
    """Conversations with the topic on the days before."""
    expected: float
    """Conversations on the recent days, had the topic kept its earlier share."""
    ratio: float
    """Recent share over earlier share; 1: unchanged. Half a conversation is added to each count, so it is finite."""
    low: float
    """Limits of the ratio, at 95% for all topics together; ``high`` is None where there is no limit: a new topic."""
    high: float | None
    direction: Literal["rising", "falling", "steady"]
    """Rising or falling: the interval excludes 1."""
    until: int
    """Unix milliseconds of event time at which the recent days end."""


class Uses:
    """Conversations by day (UTC) of event time, in all and with each topic; grows with days and topics only."""

    def __init__(self) -> None:
        self.all: Counter[int] = Counter()
        self.topics: dict[str, Counter[int]] = {}

    def add(self, begun: Mapping[str, int]) -> None:
        """Count a conversation: the Unix milliseconds at which each of its topics was first of it."""
        if begun:
            self.all[min(begun.values()) // DAY] += 1
        for topic, ts in begun.items():
            self.topics.setdefault(topic, Counter())[ts // DAY] += 1

    def latest(self, days: int) -> int | None:
        """The latest day that ends ``days`` with three conversations; a single wrong clock does not make one."""
        counted = sorted(self.all)
        for at in reversed(counted):
            if sum(self.all[day] for day in range(at - days + 1, at + 1)) >= _LEAST:
                return at
        return None


def trends(uses: Uses, days: int = 7, history: int = 56) -> list[Trend]:
    """Trends of all topics, the surest first; a function of the set of conversations.

    A conversation counts once for each of its topics; the share's denominator is the conversations with any topic.

    Args:
        uses: the conversations.
        days: how many of the latest days count as recent.
        history: days before them that make the topic's own past.

    Raises:
        ValueError: days or history is not positive.
    """
    if days <= 0 or history <= 0:
        raise ValueError("days and history must be positive")
    today = uses.latest(days)
    if today is None:
        return []
    recent = range(today - days + 1, today + 1)
    past = range(recent.start - history, recent.start)
    totals = _within(uses.all, past), _within(uses.all, recent)
    if not all(totals):
        return []
    counts = {topic: (_within(by_day, past), _within(by_day, recent)) for topic, by_day in uses.topics.items()}
    judged = sorted(topic for topic, both in counts.items() if sum(both) >= _LEAST)
    tail = _ERROR / len(judged) / 2 if judged else 0.0
    found = [
        _trend(topic, counts[topic], totals, tail, _dispersion(uses.topics[topic], uses.all, past), today)
        for topic in judged
    ]
    return sorted(found, key=lambda t: (-max(t.low, 1 / t.high if t.high else 0), t.topic_id))


def _within(by_day: Counter[int], days: range) -> int:
    return sum(count for day, count in by_day.items() if day in days)


def _dispersion(by_day: Counter[int], everything: Counter[int], past: range) -> float:
    """How much more a topic's past daily counts vary than Poisson counts with its share of each day; at least 1."""
    active = sorted(day for day in everything if day in past)
    total = _within(by_day, past)
    if len(active) < 5 or not total:
        return 1.0
    share = total / sum(everything[day] for day in active)
    chi = sum((by_day[day] - share * everything[day]) ** 2 / (share * everything[day]) for day in active)
    return max(1.0, chi / (len(active) - 1))


def _trend(
    topic: str, counts: tuple[int, int], totals: tuple[int, int], tail: float, dispersion: float, today: int
) -> Trend:
    before, recent = counts
    exposure = totals[1] / totals[0]
    # Counts with k times the variance tell as much as counts that are k times smaller.
    few, many = recent / dispersion, before / dispersion
    low = float(betaincinv(few, many + 1, tail)) if recent else 0.0
    high = float(betaincinv(few + 1, many, 1 - tail)) if before else 1.0
    lower = low / (1 - low) / exposure
    upper = high / (1 - high) / exposure if high < 1 else np.inf
    return Trend(
        topic_id=topic,
        recent=recent,
        before=before,
        expected=round(before * exposure, 6),
        ratio=round((recent + 0.5) / (before + 0.5) / exposure, 6),
        low=round(lower, 6),
        high=round(upper, 6) if upper < np.inf else None,
        direction="rising" if lower > 1 else "falling" if upper < 1 else "steady",
        until=(today + 1) * DAY - 1,
    )
