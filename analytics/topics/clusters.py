"""Find groups of vectors of any shape and size, without being told how many.

Each vector moves to the mean of its neighbours, a few times over (blurring mean shift on a neighbour graph, Cheng 1995;
Carreira-Perpiñán 2006), which draws groups together. Each then follows its likest denser neighbour up to a peak (quick
shift, Vedaldi and Soatto 2008), and peaks that have moved to the same place are one group. Where vectors agree, their
mean is long: that length is the density.

Neighbours are found in whole numbers, which floating point adds without error: the result does not depend on
the processor, the number of threads or the arithmetic library.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

__all__ = ["groups", "unit", "whole"]

Vectors = NDArray[np.float32]

_STEPS = 5
_SAME = 0.9
"""Cosine from which two peaks are one."""
_BLOCK = 250
_EDGES = 2_000
"""Edges whose ends are compared at once."""
_NEVER = -(1 << 20)
"""Below every product of two vectors in whole numbers."""
_PLACES = 20
"""Bits of a place among the vectors."""
_DEEP = 16
"""Vectors of which only the best is looked at first."""


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1; rows of zeros stay."""
    exact = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact))
    lengths[lengths == 0] = 1
    exact /= lengths[:, None]
    return exact.astype(np.float32)


def whole(vectors: Vectors) -> Vectors:
    """Unit vectors as whole numbers of at most 127, 400 standing for 1: products of 256 of them sum without error."""
    numbers = vectors * np.float32(400)
    np.rint(numbers, out=numbers)
    return np.clip(numbers, -127, 127, out=numbers)


def _neighbours(vectors: Vectors, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest other vectors of each and their cosines, both (n, count)."""
    size = len(vectors)
    deep = max(1, min(_DEEP, size // count))
    numbers = np.zeros((-(-size // deep) * deep, vectors.shape[1]), np.float32)
    numbers[:size] = whole(vectors)
    found = np.empty((size, count), np.int64)
    near = np.empty((size, count), np.float32)
    room = np.empty((_BLOCK, len(numbers)), np.float32)
    for start in range(0, size, _BLOCK):
        block = numbers[start : min(start + _BLOCK, size)]
        alike = np.matmul(block, numbers.T, out=room[: len(block)])
        rows = np.arange(len(block))
        alike[rows, start + rows] = _NEVER
        alike[:, size:] = _NEVER
        found[start : start + _BLOCK], highest = _highest(alike, count, deep)
        near[start : start + _BLOCK] = highest / 400.0**2
    return found, near


def _highest(values: NDArray[np.float32], count: int, deep: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns of the ``count`` highest whole numbers of each row, and these, both (rows, count), in any order.

    They are in those ``count`` of sets of ``deep`` columns whose highest are the highest.
    """
    rows, width = values.shape
    sets = width // deep
    best, _ = _first(values.reshape(rows, deep, sets).max(axis=1), np.arange(sets), count)
    columns = (best[:, None, :] + sets * np.arange(deep)[:, None]).reshape(rows, -1)
    return _first(np.take_along_axis(values, columns, axis=1), columns, count)


def _first(
    values: NDArray[np.float32], places: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of the ``count`` highest whole numbers of each row, and these.

    Of equal ones those of the lowest place are taken, on every machine: value and place are sorted as one number.
    """
    keys = places - (values.astype(np.int64) << _PLACES)
    best = np.partition(keys, count - 1, axis=1)[:, :count]
    places = best & ((1 << _PLACES) - 1)
    return places, (places - best) >> _PLACES


def groups(vectors: Vectors, smallest: int) -> NDArray[np.intp]:
    """The group of each unit vector, (n,); -1: of none. Groups are numbered by size, the largest 0.

    Args:
        vectors: (n, width); at most a million; memory is of the order of n x 1,000.
        smallest: vectors that make a group.
    """
    size = len(vectors)
    count = min(10, max(3, size // 30))
    if size <= count:
        return np.full(size, -1, np.intp)
    found, near = _neighbours(vectors, count)
    starts = np.arange(0, found.size + 1, count)
    graph = sp.csr_matrix((np.maximum(near, 0).ravel(), found.ravel(), starts), shape=(size, size))
    graph.sort_indices()
    graph = (graph.maximum(graph.T) + sp.eye(size, dtype=np.float32, format="csr")).tocsr()
    graph.sort_indices()
    walk = sp.diags(1 / np.asarray(graph.sum(axis=1)).ravel()).astype(np.float32) @ graph
    moved = vectors
    for _ in range(_STEPS):
        moved = walk @ moved
    density = np.sqrt(np.einsum("ij,ij->i", moved, moved, dtype=np.float64)).round(6)
    moved = unit(moved)
    peak = _climb(graph, moved, density)
    tops = np.flatnonzero(peak == np.arange(size))
    heads = whole(moved[tops])
    same = heads @ heads.T
    lengths = np.sqrt(np.diag(same))
    joined = sp.csr_matrix((same > _SAME * np.outer(lengths, lengths)).astype(np.int8))
    _, names = connected_components(joined, directed=False)
    of_peak = np.full(size, -1, np.intp)
    of_peak[tops] = names
    return _by_size(of_peak[peak], smallest)


def _climb(graph: sp.csr_matrix, moved: Vectors, density: NDArray[np.float64]) -> NDArray[np.intp]:
    """The peak that each vector reaches by its likest denser neighbours."""
    size = len(moved)
    edges = graph.tocoo()
    low, high = edges.row, edges.col
    rises = (density[high] > density[low]) | ((density[high] == density[low]) & (high < low))
    low, high = low[rises], high[rises]
    parts = [slice(start, start + _EDGES) for start in range(0, max(len(low), 1), _EDGES)]
    likeness = np.concatenate([np.einsum("ij,ij->i", moved[low[part]], moved[high[part]]) for part in parts]).round(5)
    order = np.lexsort((high, -likeness, low))
    low, high = low[order], high[order]
    first = np.append(True, low[1:] != low[:-1]) if len(low) else np.zeros(0, bool)
    peak = np.arange(size)
    peak[low[first]] = high[first]
    while not np.array_equal(peak, peak[peak]):
        peak = peak[peak]
    return peak


def _by_size(names: NDArray[np.intp], smallest: int) -> NDArray[np.intp]:
    """Rename groups by falling size, then by first member; too small ones become -1."""
    distinct, first, sizes = np.unique(names, return_index=True, return_counts=True)
    renamed = np.full(int(distinct.max()) + 1, -1, np.intp)
    for at, group in enumerate(np.lexsort((first, -sizes))):
        if sizes[group] >= smallest:
            renamed[distinct[group]] = at
    return renamed[names]
