"""How both sides wrote before the session was decided."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from statistics import fmean

from analytics.conversation import Conversation, Message, Ref, Turn
from analytics.signals.tools import ended
from models.rows import MessageStyle

__all__ = ["STYLES", "early_styles"]

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")


def early_styles(conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> dict[str, float]:
    """Mean style of each side over the first half of the turns, rounded up: ``early.agent.politeness``, ...

    Outcome is read from how a session ends. What is said at the end is therefore no cause of it that could be told
    from its effect; patterns compare outcomes with how the session began instead. What the agent says right after a
    failed tool call is left out, too: a failure makes it write otherwise, and the user discontent, whatever its style.
    A side of which nothing is left in that half has no entries.
    """
    turns = conversation.turns[: (len(conversation.turns) + 1) // 2]
    said = {
        "agent": [message for turn in turns for message in _not_of_failure(turn)],
        "user": [message for turn in turns for message in turn.user],
    }
    found = {}
    for speaker, messages in said.items():
        if rows := [styles[message.ref] for message in messages if message.ref in styles]:
            for name in STYLES:
                found[f"early.{speaker}.{name}"] = round(fmean(getattr(row, name) for row in rows), 6)
    return found


def _not_of_failure(turn: Turn) -> Iterator[Message]:
    """The agent's messages but those before which the last call failed."""
    calls = sorted(turn.calls, key=ended)
    times = [ended(call) for call in calls]
    for message in turn.agent:
        before = bisect_right(times, message.ts)
        if not before or not calls[before - 1].error:
            yield message
