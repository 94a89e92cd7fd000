"""Dialect E, our own: what importers write, and whoever has no other form to keep to.

    {"eventlore": 1, "id": "…", "ts": 1795356164048, "agent": "main", "session": "agent:main:main",
     "type": "message.in", "visibility": "internal", "name": "", "text": "…", "run": "…", "order": 12000,
     "call": "", "arguments": {}, "error": "", "source": {"format": "openclaw", "session": "…", "entry": "…"},
     "data": {}}

``type`` is a :class:`~models.events.Kind`, ``ts`` Unix milliseconds; the other fields are those of
:class:`~models.events.Event`. Only ``eventlore``, ``ts`` and ``type`` must be there. ``id`` is made of what is told,
so that telling it again gives the same; ``source`` says where it was told, ``data`` is what no other field holds.
A result without ``error`` is judged by its text, as in the other dialects; one that was imported has been judged.
"""

from typing import Any

import msgspec

from models.dialects.failures import failure
from models.dialects.origin import milliseconds
from models.dialects.refusal import Refusal
from models.dialects.texts import brief, canonical, clean_agent, clean_user, key, storable
from models.dialects.wire import Time
from models.events import Event, Kind, Visibility

__all__ = ["VERSION", "Own", "Source", "encode", "read"]

VERSION = 1


class Source(msgspec.Struct, omit_defaults=True, frozen=True):
    """Where something was told: enough to find it again, and nothing of the machine."""

    format: str
    session: str = ""
    """The identifier of the file's session, which is no session key."""
    entry: str = ""
    """The entry there, or the heading."""


class Own(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event in dialect E."""

    eventlore: int
    id: str = ""
    ts: Time
    agent: str = ""
    session: str = ""
    type: str
    visibility: Visibility = Visibility.INTERNAL
    name: str = ""
    text: str = ""
    run: str = ""
    order: int = 0
    call: str = ""
    arguments: Any = None
    error: str = ""
    source: Source | None = None
    data: Any = None


_decode = msgspec.json.Decoder(Own).decode
encode = msgspec.json.Encoder().encode
_KINDS = {kind.value: kind for kind in Kind}


def read(text: str, *, stream: str, seq: int, digest: str, session: str, agent: str) -> Event:
    """Read an event in this dialect.

    Args:
        text: the message, as text that every database stores.
        stream: the stream that holds it, and ``seq`` its place there.
        digest: SHA-256 of the message's bytes.
        session: its session, and ``agent`` whose that is.

    Raises:
        Refusal: a field has the wrong type, or the type is unknown.
    """
    try:
        own = _decode(text)
    except msgspec.DecodeError as error:
        raise Refusal(f"wrong type: {error}".replace("`", "")) from None
    kind = _KINDS.get(own.type)
    if own.eventlore > VERSION or kind is None:
        raise Refusal(f"unknown type {own.type!r} (version {own.eventlore})")
    if not 0 <= own.order < 2**63:
        raise Refusal(f"order out of range: {own.order}")
    match kind:
        case Kind.MESSAGE_IN:
            said = clean_user(own.text)
        case Kind.MESSAGE_OUT:
            said = clean_agent(own.text)
        case _:
            said = own.text
    why = brief(own.error)
    if kind is Kind.TOOL_RESULT and not why and own.source is None:
        why = failure(own.text)
    return Event(
        stream=stream,
        seq=seq,
        digest=digest,
        id=key(own.id, "id", 1000),
        ts=milliseconds(own.ts),
        agent=agent,
        session=session,
        kind=kind,
        visibility=own.visibility,
        dialect="E",
        name=key(own.name, "name", 250),
        text=storable(said),
        payload=text,
        run=key(own.run, "run", 1000),
        order=own.order,
        call=key(own.call, "tool call", 1000),
        arguments=canonical(own.arguments),
        error=storable(why),
    )
