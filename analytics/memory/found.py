"""What an extractor hands back."""

from dataclasses import dataclass

from analytics.conversation import Ref

__all__ = ["Found"]


@dataclass(frozen=True, slots=True)
class Found:
    """Something worth remembering, as an event says or shows it."""

    kind: str
    ref: Ref
    ts: int
    speaker: str
    text: str
    subject: str = ""
    place: int = 0
    due: int | None = None
    weight: float = 0.5
    own: bool = False
    """Whether it is about the session's user."""
