"""A session's events as entries: each thing that was said or done once, as history lists it and recall finds it."""

from collections.abc import Iterable

from analytics.conversation import Conversation, Ref
from analytics.recall.terms import PUBLIC, own, terms
from models.events import Event, Kind, Visibility
from models.rows import Entry

__all__ = ["entries", "speaker_of", "text_of"]

_SPEAKERS = {
    Kind.MESSAGE_IN: "user",
    Kind.MESSAGE_OUT: "agent",
    Kind.TOOL_CALL: "tool",
    Kind.TOOL_RESULT: "tool",
    Kind.MEMORY: "note",
    Kind.RUN_ERROR: "run",
}


def speaker_of(kind: str) -> str:
    """Who speaks in an event of a kind: ``user``, ``agent``, ``tool``, ``note``, ``run``; empty: nobody."""
    return _SPEAKERS.get(Kind(kind), "")


def text_of(kind: str, text: str, arguments: str, error: str) -> str:
    """What an event says to people who look back on it: of a call its arguments, of a failure the reason."""
    said = arguments if kind == Kind.TOOL_CALL else text
    return said if error in said else "\n".join(filter(None, (error, said)))


def entries(events: Iterable[Event], conversation: Conversation) -> list[Entry]:
    """The entries of one session, in order of time.

    Of a streamed reply the last snapshot counts and of two reports of one thing the first: what
    :func:`analytics.conversation.fold` made of the events. Nothing of a secret event is indexed.
    """
    kept = _kept(conversation)
    listed = {(e.stream, e.seq): e for e in events if (e.stream, e.seq) in kept or e.kind is Kind.MEMORY}
    once = {e.digest: e for e in sorted(listed.values(), key=lambda e: (e.stream, e.seq), reverse=True)}
    ordered = sorted(once.values(), key=lambda e: (e.ts, kept.get((e.stream, e.seq), 0), e.stream, e.seq))
    return [_entry(event, place) for place, event in enumerate(ordered)]


def _kept(conversation: Conversation) -> dict[Ref, int]:
    """The events that count, each with its rank among those of the same time."""
    said: list[Ref] = []
    for turn in conversation.turns:
        said += [message.ref for message in turn.user]
        for call in turn.calls:
            said += [call.ref] if call.result is None else [call.ref, call.result]
        said += [message.ref for message in turn.agent]
        said += [(mark.stream, mark.seq) for mark in turn.marks if mark.kind is Kind.RUN_ERROR]
    return {ref: rank for rank, ref in enumerate(dict.fromkeys(said))}


def _entry(event: Event, place: int) -> Entry:
    tool = event.name if event.kind in (Kind.TOOL_CALL, Kind.TOOL_RESULT) else ""
    secret = event.visibility is Visibility.SECRET
    text = text_of(event.kind, event.text, event.arguments, event.error)
    return Entry(
        agent=event.agent,
        session=event.session,
        place=place,
        stream=event.stream,
        seq=event.seq,
        ts=event.ts,
        speaker=_SPEAKERS[event.kind],
        tool=tool,
        visibility=event.visibility,
        failed=bool(event.error),
        scope="" if secret else _scope(event),
        terms="" if secret else " ".join(terms(f"{tool} {text}")),
    )


def _scope(event: Event) -> str:
    return f"{own(event.agent)} {PUBLIC}" if event.visibility is Visibility.PUBLIC else own(event.agent)
