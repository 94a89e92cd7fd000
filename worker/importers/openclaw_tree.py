"""Which entries of an OpenClaw transcript lie on branches that were left.

Entries form a tree: each names its parent, and the last one (or the one that the last ``leaf`` entry points to) ends
the branch that the conversation went on with. In nearly every transcript each entry's parent is the one before; then
one pass with nothing remembered is enough.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

__all__ = ["Link", "abandoned", "link"]


class _Message(msgspec.Struct):
    role: Any = None
    stopReason: Any = None  # noqa: N815 - the wire's name


class _Bare(msgspec.Struct):
    type: Any = None
    id: Any = None
    parentId: Any = None  # noqa: N815
    targetId: Any = None  # noqa: N815


class Link(_Bare):
    """How an entry hangs together with others."""

    message: _Message | None = None


_decode = msgspec.json.Decoder(Link).decode
_decode_bare = msgspec.json.Decoder(_Bare).decode


def link(raw: bytes) -> Link | None:
    """What an entry says about its place in the tree; None when it cannot be read."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # its message may be of an unknown form
    try:
        bare = _decode_bare(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Link(bare.type, bare.id, bare.parentId, bare.targetId)


def abandoned(links: Callable[[], Iterable[tuple[int, Link]]]) -> frozenset[int]:
    """The places of the entries on branches that were left.

    A user's message that nobody answered before the branch was left was said all the same: it is not among them,
    nor is what failed on the way to an answer.

    Args:
        links: gives the transcript's entries with their places, from the first, each time it is called.
    """
    return frozenset() if _is_linear(links()) else _left(links())


def _is_linear(links: Iterable[tuple[int, Link]]) -> bool:
    before: Any = None
    for _, entry in links:
        if entry.type == "leaf" or (before is not None and entry.parentId not in (None, before)):
            return False
        if entry.type != "session" and entry.id is not None:
            before = entry.id
    return True


def _left(links: Iterable[tuple[int, Link]]) -> frozenset[int]:
    places: list[int] = []
    parents: list[int] = []
    asked: list[int] = []
    """The last user message on an entry's branch, itself included; -1: there is none."""
    answered: set[int] = set()
    known: dict[object, int] = {}
    end = -1
    for place, entry in links:
        if entry.type == "session":
            continue
        # A parent that is not known was lost with its line; what follows still belongs to what was before.
        parent = known.get(_hashable(entry.parentId), end)
        number = len(places)
        role = entry.message.role if entry.message else None
        places.append(place)
        parents.append(parent)
        asked.append(number if role == "user" else asked[parent] if parent >= 0 else -1)
        if role in ("assistant", "toolResult") and entry.message is not None and entry.message.stopReason != "error":
            answered.add(asked[number])
        if (name := _hashable(entry.id)) is not None:
            known[name] = number
        end = known.get(_hashable(entry.targetId), number) if entry.type == "leaf" else number
    kept = set()
    while end >= 0:
        kept.add(end)
        end = parents[end]
    return frozenset(
        place
        for number, place in enumerate(places)
        if number not in kept and (asked[number] < 0 or asked[number] in answered)
    )


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int) else None
