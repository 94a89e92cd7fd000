"""Which topic each message of a conversation belongs to, when not every message names its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.conversation import Conversation
from models.rows import EventTopic

__all__ = ["VERSION", "assign", "tagged"]

VERSION = "segments-2"
"""Of the rules below."""

_KEPT = 0.8
"""What is left of a topic's score one message later, when the message has none of its own."""
_LEAST = 0.5
"""Share of the score that a topic was named with, below which it has faded: after three such messages."""


def assign(
    best: NDArray[np.intp],
    scores: NDArray[np.float64],
    sure: NDArray[np.bool_],
    said: Sequence[int],
    replies: Sequence[bool],
) -> list[tuple[int, int, float]]:
    """(message, topic, score) of the messages that have a topic, in order.

    A message that is sure of its topic begins a segment or goes on with it. One that is not, and says something, goes
    on with the segment until that has faded; one that says nothing ("ok, thanks") has no topic and ends nothing.
    It is users who change the subject: an agent's reply does only if it is surer than what named the segment.

    Args:
        best: (messages,) the likeliest topic of each.
        scores: (messages, topics).
        sure: (messages,) whether the likeliest is likely enough.
        said: words of content of each message.
        replies: whether each message is the agent's.
    """
    rows: list[tuple[int, int, float]] = []
    topic, named, left = -1, 0.0, 0.0
    for at in range(len(best)):
        turns = topic not in (-1, best[at])
        if sure[at] and not (replies[at] and turns and scores[at, best[at]] <= named):
            topic = int(best[at])
            named = left = float(scores[at, topic])
        elif topic < 0 or said[at] < 2:
            continue
        else:
            left = max(left * _KEPT, float(scores[at, topic]))
            if left < _LEAST * named:
                topic = -1
                continue
        rows.append((at, topic, round(left, 6)))
    return rows


def tagged(
    conversations: Sequence[Conversation],
    best: NDArray[np.intp],
    scores: NDArray[np.float64],
    sure: NDArray[np.bool_],
    said: Sequence[int],
    *,
    ids: Sequence[str],
    model: str,
) -> list[list[EventTopic]]:
    """Rows of each conversation, by time; the arrays, as for :func:`assign`, are those of all messages in turn.

    Args:
        ids: of the topics, in the order of the scores' columns.
        model: its version.
    """
    rows, start = [], 0
    for conversation in conversations:
        end = start + len(conversation.messages)
        replies = [message.speaker == "agent" for message in conversation.messages]
        found = assign(best[start:end], scores[start:end], sure[start:end], said[start:end], replies)
        rows.append([_row(conversation, at, ids[topic], score, model) for at, topic, score in found])
        start = end
    return rows


def _row(conversation: Conversation, at: int, topic_id: str, score: float, model: str) -> EventTopic:
    message = conversation.messages[at]
    return EventTopic(
        agent=conversation.agent,
        session=conversation.session,
        stream=message.ref[0],
        seq=message.ref[1],
        ts=message.ts,
        topic_id=topic_id,
        score=score,
        model=model,
    )
