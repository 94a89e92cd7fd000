"""Linear models of texts as numbers: of words and dense features, or of dense features alone."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from analytics.style.linear import Linear
from analytics.training.style_data import Table

__all__ = ["TOLERANCE", "Head", "Standard", "logistic", "plain_fit", "ridge", "stack"]

Floats = NDArray[np.float64]
Head = tuple[Floats, Floats, float]
"""Weights of buckets, weights of dense features, bias."""

EMOTION_STRENGTH, EMOTION_DENSE = 1.6, 0.2
PLAIN_STRENGTH = 200.0
TOLERANCE = 1e-8
"""So near the optimum that how a processor rounds does not show in the digits that are kept."""


@dataclass(frozen=True)
class Standard:
    """Brings dense features to mean 0 and a given standard deviation."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, features: Floats, deviation: float | Floats) -> "Standard":
        """Learn it."""
        return cls(features.mean(axis=0), deviation / (features.std(axis=0) + 1e-6))

    def __call__(self, features: Floats) -> Floats:
        """Apply it."""
        return (features - self.mean) * self.scale

    def undo(self, weights: Floats, bias: float) -> tuple[Floats, float]:
        """Weights and bias for features as they were."""
        inner = weights * self.scale
        return inner, bias - float(inner @ self.mean)


def _design(table: Table, weights: NDArray[np.float32], standard: Standard) -> sp.csr_array:
    return sp.hstack([table.scaled(weights), sp.csr_array(standard(table.dense).astype(np.float32))]).tocsr()


def logistic(table: Table, target: NDArray[np.bool_], weights: NDArray[np.float32]) -> Head:
    """A yes or no of every text."""
    standard = Standard.of(table.dense, EMOTION_DENSE)
    model = LogisticRegression(C=EMOTION_STRENGTH, solver="liblinear", tol=TOLERANCE, max_iter=1000)
    model.fit(_design(table, weights, standard), target)
    split = len(weights)
    return model.coef_[0][:split], *standard.undo(model.coef_[0][split:], float(model.intercept_[0]))


def ridge(
    table: Table,
    target: Floats,
    weights: NDArray[np.float32],
    *,
    strength: float,
    deviation: float | Floats,
    words: float = 1.0,
    sample: Floats | None = None,
) -> Head:
    """A number of every text; ``words`` weighs the block of words against that of characters."""
    standard = Standard.of(table.dense, deviation)
    model = Ridge(alpha=strength, solver="sparse_cg", tol=TOLERANCE)
    split = len(weights)
    weigh = np.ones(split + table.dense.shape[1])
    weigh[: split // 2] = words
    model.fit((_design(table, weights, standard) @ sp.diags_array(weigh)).tocsr(), target, sample_weight=sample)
    return model.coef_[:split] * weigh[:split], *standard.undo(model.coef_[split:], float(model.intercept_))


def plain_fit(features: Floats, target: Floats | NDArray[np.bool_], sample: Floats | None = None) -> Floats:
    """Weights of dense features alone, then the bias: a number by ridge, a yes or no by logistic regression."""
    standard = Standard.of(features, 1.0)
    if target.dtype == np.bool_:
        model = LogisticRegression(C=1 / PLAIN_STRENGTH, tol=TOLERANCE, max_iter=1000).fit(standard(features), target)
        inner, bias = standard.undo(model.coef_[0], float(model.intercept_[0]))
    else:
        found = Ridge(alpha=PLAIN_STRENGTH).fit(standard(features), target, sample_weight=sample)
        inner, bias = standard.undo(found.coef_, float(found.intercept_))
    return np.append(inner, bias)


def stack(weights: NDArray[np.float32], heads: list[Head]) -> Linear:
    """Several heads of the same buckets as one model."""
    hashed, inner, bias = (np.stack([head[k] for head in heads], axis=-1) for k in range(3))
    return Linear(weights, hashed.astype(np.float32), inner, bias)
