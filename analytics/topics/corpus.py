"""Texts as numbers, so that the words of all of them are counted at once."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics.topics.stopwords import content

__all__ = ["Corpus", "bags", "picked", "ranked", "rows", "starts", "weighted"]


class Corpus(NamedTuple):
    """What some texts say."""

    vocabulary: Sequence[str]
    """The different words, in alphabetical order."""
    words: NDArray[np.intp]
    """Places in the vocabulary of every text's words, one text after the other."""
    starts: NDArray[np.intp]
    """(texts + 1,): where each text begins among them, and the end."""
    bags: sp.csr_matrix
    """(texts, vocabulary): 1 where a text has a word of content."""

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> Self:
        """The corpus of texts given as words."""
        vocabulary = sorted(set(chain.from_iterable(texts)))
        places = {word: at for at, word in enumerate(vocabulary)}
        begin = starts(texts)
        words = np.fromiter(map(places.__getitem__, chain.from_iterable(texts)), np.intp, int(begin[-1]))
        of_content = np.zeros(len(vocabulary), bool)
        of_content[[places[word] for word in content(vocabulary)]] = True
        kept = of_content[words]
        counted = bags(words[kept], np.concatenate([[0], kept.cumsum()])[begin], len(vocabulary))
        return cls(vocabulary, words, begin, counted)

    @property
    def size(self) -> int:
        """Texts."""
        return len(self.starts) - 1


def starts(texts: Sequence[Sequence[str]]) -> NDArray[np.intp]:
    """Where each text begins among the words of all, one text after the other, and the end: (texts + 1,)."""
    return np.cumsum([0, *map(len, texts)])


def bags(columns: NDArray[np.intp], starts: NDArray[np.intp], width: int) -> sp.csr_matrix:
    """(texts, width): 1 in the columns that each text has, once or more often."""
    found = sp.csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(starts) - 1, width))
    found.sum_duplicates()  # in the order of columns, whatever that of the words
    found.data[:] = 1
    return found


def weighted(bags: sp.csr_matrix, weights: NDArray[np.float64]) -> sp.csr_matrix:
    """Bags with each column weighted, and each text of length 1."""
    data = weights[bags.indices]
    lengths = np.sqrt(np.bincount(rows(bags), weights=data**2, minlength=bags.shape[0]))
    return sp.csr_matrix((data / lengths[rows(bags)], bags.indices, bags.indptr), shape=bags.shape)


def rows(matrix: sp.csr_matrix) -> NDArray[np.intp]:
    """The row of each cell."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def picked(groups: Sequence[Sequence[int]], texts: int) -> sp.csr_matrix:
    """(groups, texts): 1 where a group has a text; what it is multiplied with is summed by group."""
    places = np.fromiter(chain.from_iterable(groups), np.intp)
    return sp.csr_matrix((np.ones(len(places)), places, np.cumsum([0, *map(len, groups)])), shape=(len(groups), texts))


def ranked(matrix: sp.csr_matrix, values: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """The cells of each row, those of the highest value first, of equal ones that of the lowest column."""
    order = np.lexsort((matrix.indices, -values, rows(matrix)))
    return np.split(order, matrix.indptr[1:])[:-1]
