"""How both sides wrote before the session was decided."""

from collections.abc import Mapping
from statistics import fmean

from analytics.conversation import Conversation, Ref
from models.rows import MessageStyle

__all__ = ["STYLES", "early_styles"]

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")


def early_styles(conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> dict[str, float]:
    """Mean style of each side over the first half of the turns, rounded up: ``early.agent.politeness``, ...

    Outcome is read from how a session ends. What is said at the end is therefore no cause of it that could be told
    from its effect; patterns compare outcomes with how the session began instead. A side that said nothing in that
    half has no entries.
    """
    turns = conversation.turns[: (len(conversation.turns) + 1) // 2]
    found = {}
    for speaker in ("agent", "user"):
        rows = [styles[m.ref] for turn in turns for m in getattr(turn, speaker) if m.ref in styles]
        if rows:
            for name in STYLES:
                found[f"early.{speaker}.{name}"] = round(fmean(getattr(row, name) for row in rows), 6)
    return found
