"""The latest of many, holding few."""

from collections.abc import Callable, Iterable
from heapq import nlargest
from typing import Any, TypeVar

__all__ = ["latest"]

T = TypeVar("T")


def latest(items: Iterable[T], most: int, key: Callable[[T], Any]) -> list[T]:
    """The ``most`` largest by ``key``, in no order; at most a quarter more are held at any time.

    >>> sorted(latest(iter([3, 1, 4, 1, 5, 9, 2, 6]), 3, key=int))
    [5, 6, 9]
    """
    kept: list[T] = []
    for item in items:
        kept.append(item)
        if len(kept) > most + most // 4:
            kept = nlargest(most, kept, key)
    return nlargest(most, kept, key) if len(kept) > most else kept
