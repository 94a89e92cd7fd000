"""Sessions without what the agent said, so that its style cannot be what their outcome is told from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analytics.conversation import Conversation, Message, Ref
from models.rows import MessageStyle, Signal

__all__ = ["REACTION", "blind"]

REACTION = "user.reaction"
"""The key of a session's styles that holds the outcome of the blind session."""

_SAID = "Here is what I found for you, as you asked."
_AGENT_SAYS = frozenset({"refusal", "handover", "false_success", "ungrounded_claim", "context_lost"})


def blind(
    conversations: Sequence[Conversation],
    signals: Sequence[Sequence[Signal]],
    styles: Sequence[Mapping[Ref, MessageStyle]],
) -> tuple[list[Conversation], list[list[Signal]], list[dict[Ref, MessageStyle]]]:
    """The same sessions with one neutral sentence for every message of the agent, and what is known of the user alone.

    The outcome model reads the agent's words and style. What it makes of a blind session rests on the user's words, on
    what the tools did and on the course of the session: compared with the agent's style, it is no echo of it.
    """
    return (
        [_without_words(each) for each in conversations],
        [[signal for signal in of if signal.kind not in _AGENT_SAYS] for of in signals],
        [{ref: style for ref, style in of.items() if style.speaker == "user"} for of in styles],
    )


def _without_words(conversation: Conversation) -> Conversation:
    turns = tuple(replace(turn, agent=tuple(map(_without_text, turn.agent))) for turn in conversation.turns)
    return replace(conversation, messages=tuple(map(_without_text, conversation.messages)), turns=turns)


def _without_text(message: Message) -> Message:
    return message if message.speaker == "user" else replace(message, text=_SAID)
