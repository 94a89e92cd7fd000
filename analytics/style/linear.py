"""Hashed linear models: TF-IDF of words and characters plus dense features, several outputs at once.

A row's result depends on that row alone, to the last bit: terms are added in the order of their buckets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics.style.features import Edges
from analytics.text import Encoded, grams, phrases

__all__ = ["BITS", "CHAR_GRAMS", "WORD_GRAMS", "Linear", "buckets"]

Floats = NDArray[np.float64]

BITS = 17
"""Two to the power of this is the number of buckets of each of the two blocks, words and characters."""
WORD_GRAMS = (1, 2, 3)
CHAR_GRAMS = (2, 3, 4, 5)


def buckets(encoded: Encoded, cut: Edges) -> sp.csr_array:
    """How often each bucket occurs in each text: (texts, 2 x 2**BITS), words and the edges of sentences first."""
    texts, row = len(encoded.start) - 1, encoded.row
    shift = np.uint64(64 - BITS)
    text = np.zeros(len(cut.inner.start) - 1, dtype=np.intp)
    text[cut.sentence] = row
    rows, columns = [text[cut.row]], [(cut.hashes >> shift).astype(np.int32)]
    for n in WORD_GRAMS:
        place, hashes = phrases(encoded, n)
        rows.append(row[place])
        columns.append((hashes >> shift).astype(np.int32))
    for n in CHAR_GRAMS:
        at, hashes = grams(encoded, n)
        rows.append(at)
        columns.append((hashes >> shift).astype(np.int32) + (1 << BITS))
    at, column = np.concatenate(rows).astype(np.int32), np.concatenate(columns)
    counted = sp.csr_array((np.ones(len(at), dtype=np.float32), (at, column)), shape=(texts, 2 << BITS))
    counted.sum_duplicates()
    return counted


@dataclass(frozen=True, slots=True)
class Linear:
    """``idf``: (buckets,), 0: not used; ``weights``: (buckets, outputs); ``dense``: (features, outputs)."""

    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    dense: Floats
    bias: Floats

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[np.generic]], name: str) -> "Linear":
        """Read a model from the arrays of a file, as :meth:`pack` wrote it."""
        scale = np.asarray(arrays[f"{name}.scale"], dtype=np.float32)
        weights = np.asarray(arrays[f"{name}.weights"], dtype=np.float32) * scale
        idf = np.asarray(arrays[f"{name}.idf"], dtype=np.float32) / np.float32(16)
        return cls(
            idf,
            weights,
            np.asarray(arrays[f"{name}.dense"], np.float64),
            np.asarray(arrays[f"{name}.bias"], np.float64),
        )

    def pack(self, name: str) -> dict[str, NDArray[np.generic]]:
        """The model as arrays, weights and idf in eight bits."""
        scale = np.maximum(np.abs(self.weights).max(axis=0), 1e-9) / 127
        weights = np.rint(self.weights / scale).astype(np.int8)
        idf = np.rint(self.idf * 16).astype(np.uint8)
        return {
            f"{name}.scale": scale.astype(np.float32),
            f"{name}.weights": weights,
            f"{name}.idf": idf,
            f"{name}.dense": self.dense,
            f"{name}.bias": self.bias,
        }

    def __call__(self, counted: sp.csr_array, dense: Floats) -> Floats:
        """Scores (texts, outputs) before any link function."""
        scaled = scale_rows(counted, self.idf)
        found: Floats = scaled @ self.weights + (dense[:, :, None] * self.dense).sum(axis=1) + self.bias
        return found


def scale_rows(counted: sp.csr_array, idf: NDArray[np.float32]) -> sp.csr_array:
    """TF-IDF with sublinear frequency, each of the two blocks of a row brought to length one."""
    value = (1 + np.log(counted.data)) * idf[counted.indices]
    row = np.repeat(np.arange(counted.shape[0]), np.diff(counted.indptr))
    half = 2 * row + (counted.indices >= 1 << BITS)
    norm = np.sqrt(np.bincount(half, weights=value.astype(np.float64) ** 2, minlength=2 * counted.shape[0]))
    value = value / np.maximum(norm, 1e-9)[half]
    return sp.csr_array((value, counted.indices, counted.indptr), shape=counted.shape)
