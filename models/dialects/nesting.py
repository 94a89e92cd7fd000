"""How deep JSON is nested, found without recursion.

A fixed limit, far below the interpreter's own: whether a message is readable must not depend on how deep the
reader's stack happens to be.
"""

import re

import msgspec

__all__ = ["MAX_NESTING", "loads", "too_deep"]

MAX_NESTING = 100
"""Levels of objects and lists that a message may have."""

_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(data: bytes) -> bool:
    """Whether JSON is nested deeper than :data:`MAX_NESTING` levels, up to the first place where it is not JSON."""
    if data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return False
    depth = 0
    for bracket in _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_NESTING:
            return True
    return False


def loads(text: str) -> object:
    """JSON that came within a string; None when it is none."""
    data = text.encode()
    if too_deep(data):
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None
