"""What could stand in a block, with what it is worth."""

from dataclasses import dataclass, field

from analytics.conversation import Ref

__all__ = ["SECTIONS", "Candidate"]

SECTIONS = {
    "pending": "Due and pending",
    "thread": "Left open",
    "known": "Known",
    "decision": "Decided",
    "failure": "Failed: do not repeat it the same way",
    "related": "Said about this before",
    "summary": "Earlier",
    "shared": "Shared by other agents",
    "entity": "Names that came up",
}
"""Sections of a block in their order: key and heading."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that a block may have."""

    section: str
    text: str
    """What stands there, defused; whole sentences."""
    ref: Ref
    """The event that it comes from."""
    ts: int
    who: str
    """Who said it: ``user``, ``agent``, ``tool`` or another agent's name."""
    reason: str
    value: float
    also: tuple[Ref, ...] = field(default=())
    """Further events that it shows."""
