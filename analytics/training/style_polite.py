"""Train politeness: requests, in passages as they are scored, and their sentences beside them."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from analytics.style.features import strategies
from analytics.style.linear import Linear
from analytics.style.model import HEADS, manners
from analytics.style.reading import Reading, mean
from analytics.training.style_data import Table, document_frequency, idf
from analytics.training.style_heads import plain_fit, ridge, stack

__all__ = ["Requests", "plain_polite_fit", "polite_fit"]

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

STRENGTH, DENSE, SAID, WORDS = 3.5, 0.035, 0.06, 1.25
"""Ridge penalty; scales of dense features, of emotions and of words beside characters of length one."""
SENTENCES = 0.3
"""What the sentences of a request weigh together beside its passages: they teach what politeness is in few words."""


@dataclass(frozen=True)
class Requests:
    """Passages of requests, then the sentences of those that have several."""

    table: Table
    text: NDArray[np.intp]
    weight: Floats
    """Of each row: the passages of a request weigh one together."""
    passages: int
    scores: Floats
    """What annotators say, of each request."""

    @classmethod
    def of(cls, reading: Reading, said: Floats, scores: Floats) -> "Requests":
        """Put them together."""
        seen = reading.sentences
        each = np.arange(len(seen.text))
        alone = manners(strategies(seen.counts.kind, seen.shapes), said, each)
        many = np.bincount(seen.text)[seen.text]
        some = many > 1
        table = Table(
            sp.vstack([reading.buckets, seen.buckets[some]]).tocsr(),
            np.concatenate([manners(reading.strategies, said, reading.passage), alone[some]]),
        )
        share = reading.words / np.bincount(reading.text, weights=reading.words)[reading.text]
        return cls(
            table,
            np.concatenate([reading.text, seen.text[some]]),
            np.concatenate([share, SENTENCES / many[some]]),
            len(reading.text),
            scores,
        )

    def normal(self, chosen: Rows) -> Floats:
        """What is fitted: the scores of chosen requests as ranks of a normal distribution, so that outliers weigh less."""
        scores = self.scores[chosen]
        found = np.zeros(len(self.scores))
        found[chosen] = norm.ppf((rankdata(scores) - 0.5) / len(scores))
        return found

    def of_texts(self, predicted: Floats) -> Floats:
        """The means of requests, given what a model says of their passages."""
        return mean(predicted, self.text[: self.passages], self.weight[: self.passages])


def polite_fit(requests: Requests, chosen: Rows, known: NDArray[np.bool_]) -> Linear:
    """Politeness from hashed features that other communities use, too (``known``), strategies and emotions.

    Args:
        requests: all.
        chosen: of which of them to learn.
        known: which buckets other kinds of text use, too.
    """
    rows = chosen[requests.text]
    table, text = requests.table.rows(rows), requests.text[rows]
    frequency, many = document_frequency(requests.table.rows(np.flatnonzero(rows[: requests.passages])))
    weights = idf(frequency, many, (frequency >= 2) & known)
    deviation = np.array([DENSE] * (table.dense.shape[1] - len(HEADS)) + [SAID] * len(HEADS))
    target, sample = requests.normal(chosen)[text], requests.weight[rows]
    return stack(
        weights, [ridge(table, target, weights, strength=STRENGTH, deviation=deviation, words=WORDS, sample=sample)]
    )


def plain_polite_fit(requests: Requests) -> Floats:
    """Weights and bias of the same without words; ``requests`` with what the plain heads say."""
    target = requests.normal(np.ones(len(requests.scores), dtype=np.bool_))
    return plain_fit(requests.table.dense, target[requests.text], requests.weight)
