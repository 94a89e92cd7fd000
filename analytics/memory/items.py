"""A session's memory: everything of it that is worth remembering, as rows."""

from collections import Counter
from collections.abc import Iterable, Mapping

from analytics.conversation import Conversation, Ref, fold
from analytics.memory.entities import entities
from analytics.memory.failures import failed_calls
from analytics.memory.found import Found
from analytics.memory.statements import statements
from analytics.memory.summary import summaries
from analytics.memory.threads import open_thread
from models.dialects import user_of
from models.events import Event, Visibility
from models.rows import MemoryItem

__all__ = ["VERSION", "extract", "remember"]

VERSION = "memory-2"
_EACH = 16
"""Numbers for what one sentence says."""

_STRICTNESS = [visibility.value for visibility in Visibility]
MOST_EVENTS = 50_000
"""A session's latest events that are remembered; bounds the memory that one endless session can take."""


def remember(events: Iterable[Event]) -> list[MemoryItem]:
    """What is worth remembering of one session's events, in any order; nothing of those that are secret.

    How items of several sessions take each other's place is :func:`analytics.memory.link`'s to say.
    """
    open_ones = [event for event in events if event.visibility is not Visibility.SECRET]
    if not open_ones:
        return []
    if len(open_ones) > MOST_EVENTS:
        open_ones = sorted(open_ones, key=lambda e: (e.ts, e.order, e.digest))[-MOST_EVENTS:]
    visibility = {(event.stream, event.seq): event.visibility.value for event in open_ones}
    conversation = fold(open_ones)
    for call in conversation.calls:  # what is told of a failure holds the call's arguments, too
        if call.result is not None:
            visibility[call.result] = max(visibility[call.ref], visibility[call.result], key=_STRICTNESS.index)
    return rows(conversation, extract(conversation), visibility)


def extract(conversation: Conversation) -> list[Found]:
    """The findings of one conversation."""
    found: list[Found] = []
    for message in conversation.messages:
        places = Counter[int]()
        for one in statements(message.text, message.speaker, message.ts):
            for subject in one.subjects[::-1] or ("",):
                place = one.place * _EACH + places[one.place]
                places[one.place] += 1
                found.append(Found(one.kind, message.ref, message.ts, message.speaker, one.text, subject, place, one.due,
                                   one.weight, own=one.own))  # fmt: skip
    found += failed_calls(conversation)
    found += summaries(conversation)
    found += entities(conversation)
    if thread := open_thread(conversation):
        found.append(thread)
    return found


def rows(conversation: Conversation, found: Iterable[Found], visibility: Mapping[Ref, str]) -> list[MemoryItem]:
    """Rows in order of their key, one for each."""
    user = user_of(conversation.session)
    made = {
        (*one.ref, one.kind, one.place): MemoryItem(
            agent=conversation.agent,
            session=conversation.session,
            user=user if one.own else "",
            stream=one.ref[0],
            seq=one.ref[1],
            kind=one.kind,
            place=one.place,
            ts=one.ts,
            speaker=one.speaker,
            visibility=visibility[one.ref],
            text=one.text,
            subject=one.subject,
            due=one.due,
            weight=round(one.weight, 6),
            supersedes="",
            superseded_by="",
            model=VERSION,
        )
        for one in found
    }
    return [made[key] for key in sorted(made)]
