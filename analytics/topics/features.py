"""What a topic classifier sees of a text: its words and pairs of neighbours, words that are near each other, parts of
words, and its embedding."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics import embedding

__all__ = ["Features", "Lexicon"]

Features: TypeAlias = sp.csr_matrix
"""(texts, columns): the lexicon's columns, then the embedding's."""

_PARTS = range(2, 6)
"""Characters of a part of a word."""
_NEAR = 5
"""Words that are at most this far apart are near."""
_READ = 200
"""Words of a text that are read: the first half and the last half of them."""
_SEEN = (2, 3, 2)
"""How many texts must have a feature of each kind for it to count."""
_FEW = 200
"""Of fewer texts, a word counts that one of them has."""


def _phrases(text: Sequence[str]) -> list[int]:
    """Hashes of words and of pairs of neighbouring words."""
    return [crc32(f"1 {word}".encode()) for word in text] + [
        crc32(f"2 {one} {two}".encode()) for one, two in pairwise(text)
    ]


def _near(text: Sequence[str]) -> list[int]:
    """Hashes of pairs of words near each other, whichever comes first."""
    coded = [word.encode() for word in text]
    return [
        crc32(two + b" " + one, 3) if two < one else crc32(one + b" " + two, 3)
        for at, one in enumerate(coded)
        for two in coded[at + 1 : at + 1 + _NEAR]
    ]


def _parts(word: str) -> list[int]:
    """Hashes of a word's character n-grams; the word's ends count as characters."""
    padded = f" {word} "
    return [crc32(padded[at : at + n].encode()) ^ n for n in _PARTS for at in range(len(padded) - n + 1)]


class Lexicon:
    """The features that a taxonomy knows, with their inverse document frequencies.

    Args:
        hashes: (columns,) CRC-32 of each, kind after kind: phrases, near pairs, parts of words.
        idf: (columns,).
        ends: the columns at which the first and the second kind end.
    """

    def __init__(self, hashes: NDArray[np.uint32], idf: NDArray[np.float32], ends: tuple[int, int]) -> None:
        self.hashes = hashes
        self.idf = idf
        self.ends = ends
        codes = hashes.tolist()
        first, second = ends
        self._phrases = {code: at for at, code in enumerate(codes[:first])}
        self._near = {code: at for at, code in enumerate(codes[first:second], start=first)}
        parts = {code: at for at, code in enumerate(codes[second:], start=second)}
        self._parts: Callable[[str], list[int]] = lru_cache(maxsize=20_000)(
            lambda word: [parts[code] for code in _parts(word) if code in parts]
        )
        self.width = len(hashes) + embedding.load().width

    @classmethod
    def learn(cls, texts: Sequence[Sequence[str]], limit: int) -> "Lexicon":
        """The lexicon of texts given as words: what several of them have, the ``limit`` most frequent."""
        counters: tuple[Counter[int], ...] = (Counter(), Counter(), Counter())
        for text in map(_read, texts):
            counters[0].update(set(_phrases(text)))
            counters[1].update(set(_near(text)))
            counters[2].update({code for word in set(text) for code in _parts(word)})
        least = (1, *_SEEN[1:]) if len(texts) < _FEW else _SEEN
        common = sorted(
            (-count, kind, code)
            for kind, counter in enumerate(counters)
            for code, count in counter.items()
            if count >= least[kind]
        )[:limit]
        kept = sorted((kind, code, -count) for count, kind, code in common)
        counts = np.array([count for _, _, count in kept], np.float64)
        idf = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
        kinds = np.array([kind for kind, _, _ in kept])
        first, second = np.searchsorted(kinds, [1, 2]).tolist()
        return cls(np.array([code for _, code, _ in kept], np.uint32), idf, (first, second))

    def transform(self, texts: Sequence[Sequence[str]]) -> Features:
        """Features of texts given as words; each kind, and the embedding, has length 1 (or 0)."""
        columns: list[int] = []
        ends = [0]
        for text in map(_read, texts):
            columns += [self._phrases[code] for code in _phrases(text) if code in self._phrases]
            columns += [self._near[code] for code in _near(text) if code in self._near]
            for word in text:
                columns += self._parts(word)
            ends.append(len(columns))
        counts = sp.csr_matrix((np.ones(len(columns), np.float32), columns, ends), shape=(len(texts), len(self.hashes)))
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        kind = np.searchsorted(self.ends, counts.indices, side="right")
        block = 3 * np.repeat(np.arange(len(texts)), np.diff(counts.indptr)) + kind
        lengths = np.sqrt(np.bincount(block, weights=counts.data.astype(np.float64) ** 2, minlength=3 * len(texts)))
        counts.data = (counts.data / lengths[block]).astype(np.float32)
        vectors = sp.csr_matrix(embedding.load().embed(texts))
        return sp.csr_matrix(sp.hstack([counts, vectors], format="csr"))


def _read(text: Sequence[str]) -> Sequence[str]:
    return text if len(text) <= _READ else [*text[: _READ // 2], *text[-_READ // 2 :]]
