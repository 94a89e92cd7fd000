"""A batch of texts as the style models read it: sentence by sentence, and in passages."""

import re
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics.style.features import Counts, count, dense, edges, shapes, strategies
from analytics.style.language import Told
from analytics.style.linear import buckets
from analytics.style.passages import bind, cut
from analytics.style.question import Sentences, sentences
from analytics.text import clean, encode, tokens

__all__ = ["Reading", "Seen", "mean", "most", "read", "see"]

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_NO_PROSE = re.compile("CODE_|URL_")


class Seen(NamedTuple):
    """What is seen of sentences."""

    text: Places
    """The text of each."""
    counts: Counts
    shapes: Floats
    dense: Floats
    buckets: sp.csr_array
    asks: Sentences


class Reading(NamedTuple):
    """A batch of texts."""

    sentences: Seen
    passage: Places
    """The passage of each sentence."""
    text: Places
    """The text of each passage."""
    words: Floats
    """Of each passage."""
    strategies: Floats
    """Of each passage."""
    buckets: sp.csr_array
    """Of each passage."""


def see(written: Sequence[str], text: Places, told: Told | None = None) -> Seen:
    """What is seen of sentences of cleaned texts; ``text``: the text of each, in order; ``told``: of what language."""
    encoded = encode([tokens(bind(sentence)) for sentence in written])
    counts, shape, borders = count(encoded, text, told), shapes(written), edges(encoded)
    asks = sentences(borders, counts, encoded.row)
    return Seen(text, counts, shape, dense(counts, shape), buckets(encoded, borders), asks)


def read(texts: Sequence[str], told: Told | None = None) -> Reading:
    """Read a batch of at least one text; ``told``: of what language each is, if it is known."""
    found = [cut(_prose(text)) for text in texts]
    passages = list(chain.from_iterable(found))
    text = np.repeat(np.arange(len(found)), [len(rows) for rows in found])
    passage = np.repeat(np.arange(len(passages)), [len(row) for row in passages])
    seen = see(list(chain.from_iterable(passages)), text[passage], told)
    several = np.array([len(row) > 1 for row in passages])
    shape = seen.shapes[np.flatnonzero(np.diff(passage, prepend=-1))]
    shape[several] = shapes(["".join(row) for row in passages if len(row) > 1])
    return Reading(
        sentences=seen,
        passage=passage,
        text=text,
        words=np.array([max(1, sum(len(sentence.split()) for sentence in row)) for row in passages], dtype=np.float64),
        strategies=strategies(_total(seen.counts.kind, passage), shape),
        buckets=_summed(seen.buckets, passage),
    )


def _prose(text: str) -> str:
    cleaned = clean(text)
    return cleaned if _NO_PROSE.sub("", cleaned).strip() else ""


def mean(values: Floats, group: Places, weights: Floats | None = None) -> Floats:
    """The mean of the values of each group; groups are 0, 1, ... in order."""
    weights = np.ones(len(group)) if weights is None else weights
    return np.asarray(np.bincount(group, weights=values * weights) / np.bincount(group, weights=weights))


def most(values: Floats, group: Places) -> Floats:
    """The greatest of the values of each group."""
    return np.asarray(np.maximum.reduceat(values, np.flatnonzero(np.diff(group, prepend=-1))))


def _total(values: Floats, group: Places) -> Floats:
    return np.asarray(np.add.reduceat(values, np.flatnonzero(np.diff(group, prepend=-1)), axis=0))


def _summed(counted: sp.csr_array, group: Places) -> sp.csr_array:
    rows = np.arange(len(group))
    members = sp.csr_array(
        (np.ones(len(group), dtype=np.float32), (group, rows)), shape=(int(group[-1]) + 1, len(group))
    )
    return members @ counted
