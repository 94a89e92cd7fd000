"""Subjects: where in a stream an event goes."""

import re
from functools import lru_cache

__all__ = ["subject", "token"]


def token(value: object) -> str:
    """A part of a subject, made of anything."""
    if not isinstance(value, str):
        return "unknown"
    return re.sub(r"[\s.*>\x00-\x1f\x7f]", "_", value)[:100] or "unknown"


@lru_cache(maxsize=1024)
def subject(prefix: str, agent: str, kind: str) -> str:
    """``{prefix}.{agent}.{type, dots as _}``, whatever the agent is called."""
    return f"{prefix}.{token(agent)}.{token(kind)}"
