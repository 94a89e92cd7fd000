"""The styles of conversations as rows."""

from collections.abc import Sequence

from analytics.conversation import Conversation, Ref
from analytics.style.model import STYLES, load
from models.rows import MessageStyle

__all__ = ["rows"]


def rows(conversations: Sequence[Conversation]) -> list[dict[Ref, MessageStyle]]:
    """The style of each conversation's messages, without satisfaction; texts of all are scored together for speed."""
    model = load()
    told, judged = model.judge([m.text for c in conversations for m in c.messages])
    languages, scores = iter(told), iter(judged.tolist())
    return [
        {
            m.ref: MessageStyle(
                agent=c.agent,
                session=c.session,
                stream=m.ref[0],
                seq=m.ref[1],
                ts=m.ts,
                speaker=m.speaker,
                language=next(languages),
                satisfaction=None,
                model=model.version,
                **dict(zip(STYLES, next(scores), strict=True)),
            )
            for m in c.messages
        }
        for c in conversations
    ]
