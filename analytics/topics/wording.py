"""Say in words what a group of texts is about."""

import re
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics.topics.corpus import Corpus, picked, ranked, rows

__all__ = ["AT_LEAST", "describe"]

_SHARE = 0.2
"""Of a group's texts, how many must have a phrase for it to name the group."""
_NUMBER = re.compile(r"\d{4}")
"""Of orders, users, tickets: such words name no topic."""
AT_LEAST = 3
"""Texts that must have a word or phrase for it to be shown: nothing that only one person said is."""


def describe(
    corpus: Corpus, groups: Sequence[Sequence[int]], keywords: int = 10, least: int = AT_LEAST
) -> list[tuple[str, tuple[str, ...]]]:
    """A label and the most telling words of each group of texts, given by their places, against the other groups.

    Words count that ``least`` texts of a group have.

    The label is the most telling phrase that a fifth of the texts have, else the two most telling words.
    """
    members = picked(groups, corpus.size)
    sizes = np.diff(members.indptr)
    enough = np.minimum(least, sizes)
    single = members @ corpus.bags
    # A phrase that many texts have is of words that many texts have.
    heavy = np.zeros(len(corpus.vocabulary), bool)
    heavy[single.indices[single.data >= _SHARE * sizes[rows(single)]]] = True
    runs, phrase = _phrases(corpus, heavy)
    words = _telling(single, sizes, enough, corpus.vocabulary.__getitem__, max(keywords, 2))
    phrases = _telling(members @ runs, sizes, np.maximum(enough, _SHARE * sizes), phrase, 1)
    return [
        (_sentence(run[0] if run else ", ".join(best[:2])), tuple(best[:keywords]))
        for run, best in zip(phrases, words, strict=True)
    ]


def _sentence(label: str) -> str:
    return label[:1].upper() + label[1:] or "Unnamed"


def _phrases(corpus: Corpus, heavy: NDArray[np.bool_]) -> tuple[sp.csr_matrix, Callable[[int], str]]:
    """Runs of two or three words that begin and end with a heavy one: (texts, phrases), and each phrase by its place.

    They are in alphabetical order.
    """
    words, texts = corpus.words, np.repeat(np.arange(corpus.size), np.diff(corpus.starts))
    base = len(corpus.vocabulary) + 1
    begins, keys = [], []
    for length in (2, 3):
        ends = np.flatnonzero(heavy[words])
        begin = ends[ends >= length - 1] - (length - 1)
        begin = begin[heavy[words[begin]] & (texts[begin] == texts[begin + length - 1])]
        third = words[begin + 2] + 1 if length == 3 else 0
        begins.append(begin)
        keys.append(((words[begin] + 1) * base + words[begin + 1] + 1) * base + third)
    begin, key = np.concatenate(begins), np.concatenate(keys)
    distinct, first, columns = np.unique(key, return_index=True, return_inverse=True)
    runs = sp.csr_matrix((np.ones(len(key)), (texts[begin], columns)), shape=(corpus.size, len(distinct)))
    runs.data[:] = 1

    def phrase(at: int) -> str:
        start = begin[first[at]]
        return " ".join(corpus.vocabulary[word] for word in words[start : start + (3 if distinct[at] % base else 2)])

    return runs, phrase


def _telling(
    counts: sp.csr_matrix, sizes: NDArray[np.intp], enough: NDArray[np.float64], name: Callable[[int], str], most: int
) -> list[list[str]]:
    """The most telling words or phrases of each group.

    How much one tells of a group is its share of the group's texts, times the logarithm of how many times more often it
    is there than elsewhere.

    Args:
        counts: (groups, words): how many of a group's texts have a word.
        sizes: (groups,), texts.
        enough: (groups,), texts that must have a word.
        name: the word of a column; columns are in alphabetical order.
        most: words of a group.
    """
    group = rows(counts)
    everywhere = np.asarray(counts.sum(axis=0)).ravel()[counts.indices]
    share = counts.data / sizes[group]
    elsewhere = (everywhere - counts.data + 1) / (sizes.sum() - sizes[group] + 1)
    told = (share * np.log(1 + share / elsewhere)).round(6)
    kept = counts.data >= enough[group]
    found = []
    for cells in ranked(counts, told):
        words = map(name, counts.indices[cells[kept[cells]]].tolist())
        found.append(list(islice((word for word in words if not _NUMBER.search(word)), most)))
    return found
