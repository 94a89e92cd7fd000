"""Failure rates that small samples cannot carry away: an empirical Bayes model of three levels.

A skill's rate is drawn around its agent's mean, an agent's mean around the fleet's: beta distributions, whose spread is
estimated by the method of moments (Kleinman 1973, "Proportions with extraneous variance", JASA 68:46-54). A few skills
are like no other, and a single spread would draw them to the rest: each may stand out, and its rate then be anything (a
contaminated prior: Berger and Berliner 1986, "Robust Bayes and empirical Bayes analysis", Annals of Statistics 14:461-486).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, expit, logit

__all__ = ["Rates", "shrink"]

Floats = NDArray[np.float64]

USUAL = 0.1
"""The failure rate that is expected of a skill while there is nothing to compare it with."""
USUAL_WEIGHT = 10.0
"""How many sessions that expectation is worth."""
SPREAD = 0.1
"""Expected correlation of two uses of one skill (of one agent, at the level above), worth one session."""
LEAST_SPREAD, MOST_SPREAD = 0.005, 0.2
"""Bounds of it: an agent's mean that is known exactly is worth 199 sessions at most and 4 at least."""
ANYTHING = (1.0, 2.0)
"""Beta distribution of the rate of a skill that stands out: a low one is likelier than a high one."""
STAND_OUT = 0.05
"""The share of skills that is expected to stand out."""
STAND_OUT_WEIGHT = 20.0
"""How many skills that expectation is worth."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Arrays of shape (skills,), in the order given."""

    baseline: Floats
    """What is usual: the mean rate of the fleet's other skills."""
    prior: Floats
    """How many sessions it is worth what the others tell of a skill: few, where its agent has shown little else."""
    alike: float
    """How many it would be worth were agents known exactly: the more, the more alike the skills of an agent are."""
    rate: Floats
    """Posterior mean."""
    low: Floats
    high: Floats
    """95% credible interval of the rate."""


def shrink(agents: Sequence[str], sessions: Sequence[int], failures: Sequence[int]) -> Rates:
    """Shrink the failure rates of skills of one kind towards what their agents and the fleet do otherwise.

    A skill is left out of the means it is compared with, so one bad skill of a small agent does not hide behind itself.
    Means weigh a skill by its information under the model, n / (1 + (n - 1) * spread), not by its volume, so one
    busy skill does not make the baseline of all.

    A skill differs from its agent's mean, and of that mean only so much is known as the agent's other skills tell:
    both variances make up the prior. The only skill of an agent may be as far from the fleet's mean as agents are.

    How likely a skill stands out follows from how much better its failures are explained that way, and from how many do.

    Args:
        agents: the agent of each skill.
        sessions: sessions that used it, 1 or more.
        failures: those in which it failed.
    """
    n = np.asarray(sessions, dtype=np.float64)
    k = np.asarray(failures, dtype=np.float64)
    _, agent = np.unique(np.asarray(agents), return_inverse=True)
    spread = _spread(k, n, agent)
    weight = n / (1 + (n - 1) * spread)
    bad = weight * k / n

    weight_of, bad_of = _sums(agent, weight), _sums(agent, bad)
    prior_of_agent = 1 / _spread(bad_of, weight_of, np.zeros(len(weight_of), dtype=np.intp)) - 1
    fleet = (bad_of.sum() - bad + USUAL * USUAL_WEIGHT) / (weight_of.sum() - weight + USUAL_WEIGHT)
    known = weight_of[agent] - weight + prior_of_agent
    mean = (bad_of[agent] - bad + prior_of_agent * fleet) / known

    prior = 1 / (spread + (1 - spread) / (known + 1)) - 1
    usual = prior * mean, prior * (1 - mean)
    a = np.stack([usual[0] + k, ANYTHING[0] + k])
    b = np.stack([usual[1] + n - k, ANYTHING[1] + n - k])
    evidence = betaln(a[1], b[1]) - betaln(*ANYTHING) - betaln(a[0], b[0]) + betaln(*usual)
    stands_out = expit(evidence + logit(_share(evidence)))
    mix = np.stack([1 - stands_out, stands_out])
    return Rates(
        baseline=fleet,
        prior=prior,
        alike=1 / spread - 1,
        rate=np.sum(mix * a / (a + b), axis=0),
        low=_quantile(0.025, mix, a, b),
        high=_quantile(0.975, mix, a, b),
    )


def _share(evidence: Floats) -> float:
    """The likeliest share of skills that stand out, by expectation and maximisation.

    Args:
        evidence: logarithm of how much likelier the failures of each skill are if it does.
    """
    share = STAND_OUT
    for _ in range(100):  # it has one maximum, and more rounds change nothing that is shown
        found = float(np.sum(expit(evidence + logit(share))))
        share = (found + STAND_OUT * STAND_OUT_WEIGHT) / (len(evidence) + STAND_OUT_WEIGHT)
    return share


def _quantile(p: float, mix: Floats, a: Floats, b: Floats) -> Floats:
    """Quantile of mixtures of beta distributions, which lies between those of the parts; all arrays (parts, skills)."""
    of_parts: Floats = betaincinv(a, b, p)
    low: Floats = of_parts.min(axis=0)
    high: Floats = of_parts.max(axis=0)
    for _ in range(20):  # to a millionth
        middle = (low + high) / 2
        below = np.sum(mix * betainc(a, b, middle), axis=0) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _spread(k: Floats, n: Floats, group: NDArray[np.intp]) -> float:
    """Intraclass correlation of failures within members of a group, from how far their rates differ from the group's.

    With pooled rate p of a group of sizes n and total N, the sum of n * (k/n - p)^2 is on average
    p(1 - p) * sum((1 + (n - 1) * spread) * (1 - n / N)).
    """
    total = _sums(group, n)
    p = _sums(group, k) / total
    share = 1 - n / total[group]
    variance = (p * (1 - p))[group]
    by_chance = float(np.sum(variance * share))
    observed = float(np.sum(n * (k / n - p[group]) ** 2))
    slope = float(np.sum(variance * share * np.maximum(n - 1, 0)))
    return min(MOST_SPREAD, max(LEAST_SPREAD, (observed - by_chance + SPREAD) / (slope + 1)))


def _sums(group: NDArray[np.intp], values: Floats) -> Floats:
    return np.bincount(group, values).astype(np.float64, copy=False)
