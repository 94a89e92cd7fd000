"""Styles that are computed, not learned: verbosity, hedging, formality, directness; what words alone say of frustration.

Each is a pure function of the counts of one text or sentence: arrays (texts, ``KINDS``) and (texts, ``SHAPES``). Rates are
per ``SPAN`` words, so that long and short texts compare.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from analytics.style.features import KINDS, SHAPES

__all__ = ["directness", "formality", "hedging", "irritation", "verbosity"]

Floats = NDArray[np.float64]

SPAN = 12.0
"""Words of a typical message."""
TYPICAL_WORDS, SPREAD = 11.0, 0.85
"""Median number of words of a message, and the standard deviation of its logarithm."""


def _kind(kind: Floats, name: str) -> Floats:
    return kind[:, KINDS.index(name)]


def _shape(shapes: Floats, name: str) -> Floats:
    return shapes[:, SHAPES.index(name)]


def _spans(shapes: Floats) -> Floats:
    return np.maximum(1.0, _shape(shapes, "length") / SPAN)


def verbosity(words: NDArray[Any]) -> Floats:
    """Share of messages that are shorter: the log-normal distribution of message lengths in words."""
    return np.asarray(ndtr((np.log(np.maximum(words, 0.1)) - np.log(TYPICAL_WORDS)) / SPREAD))


def hedging(kind: Floats, shapes: Floats) -> Floats:
    """0 without any hedge, 0.5 with one every ``SPAN`` words; words of certainty take back half a hedge each."""
    net = np.maximum(0.0, _kind(kind, "hedge") - 0.5 * _kind(kind, "certain"))
    return 1.0 - np.exp2(-net / _spans(shapes))


def formality(kind: Floats, shapes: Floats) -> Floats:
    """Learned words, full forms and distant address against slang, contractions, emoji and careless spelling."""
    spans = _spans(shapes)
    up = (
        1.0 * np.sqrt(_kind(kind, "formal") / spans)
        + 0.4 * np.sqrt(_kind(kind, "full_form") / spans)
        + 0.6 * np.sqrt(_kind(kind, "formal_address") / spans)
        + 0.3 * np.minimum(_kind(kind, "please"), 1)
    )
    signs = _kind(kind, "smile") + _kind(kind, "frown") + np.minimum(_kind(kind, "exclaim"), 3) * 0.5
    down = (
        1.1 * np.sqrt(_kind(kind, "informal") / spans)
        + 0.6 * np.sqrt(_kind(kind, "familiar_address") / spans)
        + 0.7 * np.sqrt(_kind(kind, "contraction") / spans)
        + 0.8 * np.sqrt(signs / spans)
        + 0.5 * _shape(shapes, "lower start")
        + 0.5 * _shape(shapes, "long run")
        + 0.4 * _shape(shapes, "many exclaims")
        + 0.3 * np.minimum(_shape(shapes, "shout") / spans, 2)
        + 0.3 * _shape(shapes, "dots")
    )
    return np.asarray(expit(1.6 * (up - down)))


def directness(kind: Floats, shapes: Floats) -> Floats:
    """Orders and stated wants against questions, conditionals, hedges and softeners; 0.5: neither."""
    spans = _spans(shapes)
    up = (
        1.5 * np.minimum(_kind(kind, "order_start"), 1)
        + 1.1 * np.sqrt(_kind(kind, "order") / spans)
        + 0.7 * np.minimum(_kind(kind, "want"), 1)
        + 0.3 * np.sqrt(_kind(kind, "certain") / spans)
        + 0.3 * np.minimum(_kind(kind, "you_start"), 1)
    )
    down = (
        1.3 * np.minimum(_kind(kind, "conditional"), 2)
        + 0.7 * np.minimum(_kind(kind, "can_you"), 1)
        + 0.6 * np.sqrt(_kind(kind, "hedge") / spans)
        + 0.4 * np.minimum(_kind(kind, "please"), 1)
        + 0.4 * np.minimum(_kind(kind, "apology"), 1)
        + 0.3 * np.minimum(_kind(kind, "by_the_way"), 1)
    )
    return np.asarray(expit(1.4 * (up - down)))


def irritation(kind: Floats, shapes: Floats) -> Floats:
    """What phrases and signs say of frustration, 0..1."""
    weight = (
        0.9 * _kind(kind, "frustration")
        + 0.7 * _kind(kind, "frown")
        + 0.35 * np.maximum(_kind(kind, "negative") - _kind(kind, "negation"), 0)
        + 0.4 * _shape(shapes, "many exclaims")
        + 0.3 * np.minimum(_shape(shapes, "shout"), 3)
    )
    return 1.0 - np.exp(-weight / np.sqrt(_spans(shapes)))
