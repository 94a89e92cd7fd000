"""How well a taxonomy tells labelled texts apart, and knows when none of its labels applies."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.topics.learning import label_of
from analytics.topics.taxonomy import SURE, Taxonomy

__all__ = ["Measures", "evaluate"]


class Measures(NamedTuple):
    """What :func:`evaluate` finds; shares are 0..1."""

    macro_f1: float
    """Mean over the labels of F1, of texts that have a label, each given its likeliest one."""
    accuracy: float
    """Share of these texts that are given their own label."""
    none_auroc: float | None
    """Area under the receiver operating characteristic of "none applies"; None without texts of both kinds."""
    none_accuracy: float
    """Share of all texts that are rightly given their label or, where none applies, none."""
    tagged: float
    """Share of the texts with a label that are tagged at all,"""
    tagged_accuracy: float | None
    """and of those, the share that is tagged rightly; None: none is tagged."""
    calibration_error: float
    """Mean distance between the likeliest label's probability, given that one applies, and how often it is right."""
    examples: int
    labels: int


def evaluate(taxonomy: Taxonomy, examples: Sequence[tuple[str, str | None]]) -> Measures:
    """Measure a taxonomy on (text, label) pairs that it was not trained on.

    A label that the taxonomy does not know counts as one that it never finds.

    Raises:
        ValueError: no example has a label.
    """
    names = [label_of(label) for _, label in examples]
    numbers = {label: at for at, label in enumerate(taxonomy.labels)}
    for name in sorted(set(names) - {""}):
        numbers.setdefault(name, len(numbers))
    empty = np.array([not name for name in names], bool)
    if empty.all():
        raise ValueError("no example has a label")
    shares, none = taxonomy.probabilities([text for text, _ in examples])
    truth = np.array([numbers.get(name, -1) for name in names])[~empty]
    best, claimed = shares[~empty].argmax(axis=1), shares[~empty].max(axis=1)
    carried = shares.max(axis=1) * (1 - none) >= SURE
    right, tagged = best == truth, carried[~empty]
    rightly = int((right & tagged).sum()) + int((~carried[empty]).sum())
    return Measures(
        macro_f1=_macro_f1(truth, best),
        accuracy=round(float(right.mean()), 6),
        none_auroc=_auroc(none, empty) if empty.any() else None,
        none_accuracy=round(rightly / len(names), 6),
        tagged=round(float(tagged.mean()), 6),
        tagged_accuracy=round(float(right[tagged].mean()), 6) if tagged.any() else None,
        calibration_error=_calibration_error(claimed, right),
        examples=len(names),
        labels=len(set(truth.tolist())),
    )


def _macro_f1(truth: NDArray[np.intp], found: NDArray[np.intp]) -> float:
    scores = [
        2 * int(((truth == label) & (found == label)).sum()) / int((truth == label).sum() + (found == label).sum())
        for label in np.unique(truth)
    ]
    return round(sum(scores) / len(scores), 6)


def _auroc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """From mean ranks (Mann and Whitney 1947)."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[place]
    many = int(positive.sum())
    return round(float((ranks[positive].sum() - many * (many + 1) / 2) / (many * (len(scores) - many))), 6)


def _calibration_error(claimed: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Over ten bins of equal width (Naeini et al. 2015)."""
    bins = np.minimum((claimed * 10).astype(int), 9)
    parts = (bins == np.arange(10)[:, None])[np.bincount(bins, minlength=10) > 0]
    return round(float(sum(abs(claimed[inside].sum() - right[inside].sum()) for inside in parts) / len(claimed)), 6)
