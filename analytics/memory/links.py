"""How newer statements take the place of older ones about the same subject."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec.structs import replace

from models.rows import MemoryItem

__all__ = ["SUPERSEDING", "link", "slot"]

SUPERSEDING = frozenset({"fact", "preference", "decision", "pending", "failure"})
"""Kinds of item that a newer one about the same subject supersedes."""

Slot = tuple[str, str, str]


def slot(item: MemoryItem) -> Slot | None:
    """(agent, user, subject) of what a newer item can take the place of; None: of nothing."""
    if not item.subject or item.kind not in SUPERSEDING:
        return None
    return (item.agent, item.user, f"failed {item.subject}" if item.kind == "failure" else item.subject)


def link(items: Iterable[MemoryItem]) -> list[MemoryItem]:
    """The items with ``supersedes`` and ``superseded_by`` as the whole of them says; every slot must be complete.

    The newest by time counts, whatever order they were read in.
    """
    keyed = sorted(((slot(item) or ("", "", ""), item) for item in items), key=lambda one: (one[0], _place(one[1])))
    linked: list[MemoryItem] = []
    for key, group in groupby(keyed, key=lambda one: one[0]):
        chain = [item for _, item in group]
        linked += chain if not any(key) else _chained(chain)
    return linked


def _chained(chain: Sequence[MemoryItem]) -> Iterable[MemoryItem]:
    other = ""
    for number, item in enumerate(chain):
        if number and _said(chain[number - 1]) != _said(item):
            other = _ref(chain[number - 1])
        newer = _ref(chain[number + 1]) if number + 1 < len(chain) else ""
        yield replace(item, supersedes=other, superseded_by=newer)


def _place(item: MemoryItem) -> tuple[int, str, int, str, int]:
    return (item.ts, item.stream, item.seq, item.kind, item.place)


def _ref(item: MemoryItem) -> str:
    return f"{item.stream}:{item.seq}"


def _said(item: MemoryItem) -> str:
    return " ".join(item.text.lower().split()).rstrip(".! ")
