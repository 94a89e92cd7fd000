"""Static word-piece embeddings: a text's vector is the mean of its pieces' vectors, of unit length.

The vectors are wordllama's (Miller 2024, MIT), rounded to eight bits; pieces are found by the byte-pair merges of
Sennrich et al. 2016, where the piece with the lower number is merged first. No network is run, so thousands of
texts a second need one core, and a text's vector depends on nothing but the text.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["Embedding", "load", "words"]

_LONGEST = 32
_WORD = re.compile(rf"\w{{1,{_LONGEST}}}")
"""Longer ones are identifiers, or of scripts without spaces: they come in parts."""

_ASCII = bytes(ord(chr(byte).lower()) if re.match(r"\w", chr(byte)) else ord(" ") for byte in range(256))
"""The byte of a word that each one stands for, or a space."""


def words(text: str) -> list[str]:
    """The text's words in lower case, in order; runs of letters without spaces come in parts of 32."""
    if text.isascii():  # in half the time
        found = text.encode().translate(_ASCII).decode().split()
        if not found or max(map(len, found)) <= _LONGEST:
            return found
    return _WORD.findall(text.lower())


class Embedding:
    """Vectors of word pieces.

    Args:
        pieces: every piece, a word's first one beginning with ``▁``; merges prefer the lower position.
        values: (pieces, width), 8-bit.
        scales: (pieces,), what a row of values is multiplied with.
    """

    def __init__(self, pieces: Sequence[str], values: NDArray[np.int8], scales: NDArray[np.float16]) -> None:
        self._ids = {piece: at for at, piece in enumerate(pieces)}
        self._values = values
        self._scales = scales.astype(np.float32)
        self.width = values.shape[1]
        self._pieces_of = lru_cache(maxsize=50_000)(self._merge)

    def _merge(self, word: str) -> tuple[int, ...]:
        parts = ["▁", *word]
        while len(parts) > 1:
            ranks = [self._ids.get(left + right, len(self._ids)) for left, right in pairwise(parts)]
            best = min(ranks)
            if best == len(self._ids):
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        found: list[int] = []
        for part in parts:
            if part in self._ids:
                found.append(self._ids[part])
            else:
                found += [self._ids[f"<0x{byte:02X}>"] for byte in part.encode()]
        return tuple(found)

    def embed(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Vectors (texts, width) of texts given as words; a text without words has the zero vector. Words of more than 32
        letters are taken in parts, since merging takes the square of their length."""
        ids: list[int] = []
        ends = [0]
        for text in texts:
            for word in text:
                for start in range(0, len(word), _LONGEST):
                    ids += self._pieces_of(word[start : start + _LONGEST])
            ends.append(len(ids))
        if not ids:
            return np.zeros((len(texts), self.width), np.float32)
        distinct, columns = np.unique(np.asarray(ids), return_inverse=True)
        rows = self._values[distinct] * self._scales[distinct, None]
        counts = sp.csr_matrix((np.ones(len(ids), np.float32), columns, ends), shape=(len(texts), len(distinct)))
        counts.sum_duplicates()  # in the order of pieces, so that a sum does not depend on the rest of the batch
        sums: NDArray[np.float32] = counts @ rows
        lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums, dtype=np.float64))
        lengths[lengths == 0] = 1
        unit: NDArray[np.float32] = (sums / lengths[:, None]).astype(np.float32)
        return unit


@cache
def load() -> Embedding:
    """The packaged embedding (32,000 pieces of 256 numbers)."""
    with (files("analytics") / "pretrained" / "embedding.npz").open("rb") as file, np.load(file) as data:
        pieces = data["pieces"].tobytes().decode().split("\0")
        return Embedding(pieces, data["values"], data["scales"])
