"""Linear regression with many groups taken out, and intervals that hold when sessions of a user resemble each other.

An effect is that of one column on another after both were freed of groups and controls (Frisch-Waugh-Lovell).
Sums run over sessions in the order given, and results are rounded later: equal input gives equal output.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammainc, gammaincc, ndtr, stdtr, stdtrit

__all__ = ["Controls", "Estimate", "Groups", "adjust", "effects", "sweep"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAME = 1e-6
"""A column of which others leave no more than this share of its variance is taken to be one of them."""
TOLD_APART = 0.01
"""The share that groups, controls and other columns must leave of a column's variance for its effect to be told."""
FEW_CLUSTERS = 10.0
"""Below so many users of equal size no variance between users can be told; sessions then count as independent."""


@dataclass(frozen=True, slots=True)
class Estimate:
    effect: float
    low: float
    high: float
    """95% confidence interval."""
    p: float
    """Two-sided."""


class Groups:
    """Two crossed groupings of sessions, whose means are taken out, and the clusters that share errors.

    Exact: the first grouping is taken out by its means, the second by the normal equations that remain.

    Args:
        first, second, clusters: (sessions,) equal numbers for sessions of one group.
    """

    def __init__(self, first: Ints, second: Ints, clusters: Ints) -> None:
        self.first, self.second = _indicator(first), _indicator(second)
        self.size = np.asarray(self.first.sum(axis=1), dtype=np.float64).reshape(-1, 1)
        joint = (self.first @ self.second.T).multiply(1 / np.sqrt(self.size)).tocsr()
        own = np.asarray(self.second.sum(axis=1), dtype=np.float64).ravel()
        self.inverse, used = sweep(np.diag(own) - (joint.T @ joint).toarray())
        self.rank = self.first.shape[0] + used
        _, self.clusters = np.unique(clusters, return_inverse=True)
        sizes = np.bincount(self.clusters).astype(np.float64)
        if sizes.sum() ** 2 / (sizes**2).sum() < FEW_CLUSTERS:
            self.clusters = np.arange(len(clusters))

    def take_out(self, columns: Floats) -> Floats:
        """Columns (sessions, p) without the means of both groupings."""
        free = np.empty_like(columns)
        few = max(8, 500_000 // len(columns))  # at a time: the copies are what memory is needed for
        for start in range(0, columns.shape[1], few):
            some = slice(start, start + few)
            inner = self._demean(columns[:, some])
            shares = self.inverse @ (self.second @ inner)
            free[:, some] = inner - self._demean(self.second.T @ shares)
        return free

    def _demean(self, columns: Floats) -> Floats:
        inner: Floats = columns - self.first.T @ ((self.first @ columns) / self.size)
        return inner


def _indicator(groups: Ints) -> sparse.csr_array:
    """(groups, sessions): 1 where the session is of the group."""
    names, of = np.unique(groups, return_inverse=True)
    return sparse.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(names), len(of)))


def sweep(gram: Floats) -> tuple[Floats, int]:
    """A generalised inverse of a Gram matrix and its rank (Goodnight 1979, "A tutorial on the SWEEP operator").

    Rows and columns of what those before them explain are zero.
    """
    a = gram.copy()
    used = np.zeros(len(a), dtype=bool)
    for k, own in enumerate(np.diag(gram).tolist()):
        pivot = a[k, k]
        if pivot > SAME * own:
            row, column = a[k] / pivot, a[:, k].copy()
            a -= column[:, None] * row
            a[k], a[:, k] = row, -column / pivot
            a[k, k] = 1 / pivot
            used[k] = True
    a[~used], a[:, ~used] = 0.0, 0.0
    return a, int(used.sum())


def _cross(left: Floats, right: Floats) -> Floats:
    product: Floats = left.T @ right
    return product


class Controls:
    """Columns (sessions, c) whose linear influence is taken out of others."""

    def __init__(self, columns: Floats) -> None:
        self.columns = columns
        self.inverse, self.rank = sweep(_cross(columns, columns))

    def take_out(self, columns: Floats) -> Floats:
        """Columns (sessions, p) without what the controls explain of them."""
        free: Floats = columns - self.columns @ (self.inverse @ _cross(self.columns, columns))
        return free


def effects(y: Floats, columns: Floats, groups: Groups, rank: int, variances: Sequence[float]) -> list[Estimate | None]:
    """The effects on y of the first columns, as many as there are ``variances``; all columns in one regression.

    Effects are differences of probabilities: effects and intervals end at -1 and 1, and one that lies beyond is none.

    None where groups, controls and other columns explain a column, or leave less than 1% of its variance: the rest of
    it would have to answer for steps ten times its size. None too where there are fewer sessions than columns and groups.

    Args:
        y, columns: probabilities (sessions,) and scores (sessions, p), freed of groups and controls.
        rank: how many groups and controls those were.
        variances: what the columns' variances were before.
    """
    inverse, used = sweep(_cross(columns, columns))
    df = len(y) - rank - used
    beta = inverse @ (columns.T @ y)
    error = y - columns @ beta
    found: list[Estimate | None] = []
    for at, before in enumerate(variances):
        left = float(inverse[at, at])
        if df < 1 or left <= 0 or 1 / left <= len(y) * max(TOLD_APART * before, SAME):
            found.append(None)
        else:
            x = columns @ (inverse[at] / left)
            found.append(_estimate(x, error, float(beta[at]), df, groups.clusters))
    return found


def _estimate(x: Floats, error: Floats, beta: float, df: int, clusters: Ints) -> Estimate | None:
    """The interval and the test of one effect.

    The standard error is the larger of the classical one and the cluster-robust one with the leverage correction of
    Bell and McCaffrey (2002), here of the column alone, and the degrees of freedom of the effective number of clusters
    (Carter, Schnepel and Steigerwald 2017); the larger of the two, since robust errors are too small in small samples
    (Angrist and Pischke 2009, ch. 8). The p-value is the larger of that test's and that of the permutation
    distribution by its first three moments (Pearson's type III curve), which holds for rare events too.

    Args:
        x: what the other columns leave of the column.
        error: residuals of the whole regression, beside ``df`` degrees of freedom.
    """
    weight, squares = _dot(x, x), _dot(error, error)
    if squares <= SAME**2 * len(x):
        return None
    classical = (squares / df / weight) ** 0.5
    score, share = np.bincount(clusters, x * error), np.bincount(clusters, x * x) / weight
    variance = float(np.sum(score**2 / np.maximum(1 - share, 0.01))) / weight**2
    robust = (variance * (len(x) - 1) / df) ** 0.5
    robust_df = min(float(df), max(1.0, 1 / float(np.sum(share**2)) - 1))
    margin = max(classical * float(stdtrit(df, 0.975)), robust * float(stdtrit(robust_df, 0.975)))
    tests = [2 * float(stdtr(df, -abs(beta) / classical)), _permuted(x, error + beta * x, df + 1)]
    if robust > 0:
        tests.append(2 * float(stdtr(robust_df, -abs(beta) / robust)))
    low, high = beta - margin, beta + margin
    if low > 1 or high < -1:
        return None
    return Estimate(effect=_within(beta), low=_within(low), high=_within(high), p=min(1.0, max(tests)))


def _within(difference: float) -> float:
    return min(1.0, max(-1.0, difference))


def _permuted(x: Floats, rest: Floats, df: int) -> float:
    """Two-sided p of the sum of x * rest, were the residuals ``rest`` of a world without effect dealt out at random."""
    n = len(x)
    variance_x, variance = _dot(x, x) / n, _dot(rest, rest) / n
    z = _dot(x, rest) / n / (variance_x * variance / df) ** 0.5
    skew = _dot(x * x, x) / n / variance_x**1.5 * _dot(rest * rest, rest) / n / variance**1.5 / n**0.5
    if abs(skew) < 1e-3:
        return 2 * float(ndtr(-abs(z)))
    shape = 4 / skew**2
    at = max(0.0, shape + z * shape**0.5 * (1 if skew > 0 else -1))
    return min(1.0, 2 * min(float(gammaincc(shape, at)), float(gammainc(shape, at))))


def _dot(left: Floats, right: Floats) -> float:
    return float(left @ right)


def adjust(p: Sequence[float]) -> list[float]:
    """q-values: the least false discovery rate at which each test is significant (Benjamini and Hochberg 1995)."""
    q = [1.0] * len(p)
    least = 1.0
    for rank, i in sorted(enumerate(sorted(range(len(p)), key=lambda i: (p[i], i)), start=1), reverse=True):
        least = min(least, p[i] * len(p) / rank)
        q[i] = least
    return q
