"""Wire -> Event: every producer's form of an event, read into the one form that is used inside.

The dialects, by the name that :attr:`Event.dialect` gives them:

- ``A``: OpenClaw's event store as proposed, ``{id, timestamp, agent, session, type, visibility, payload, meta}``;
- ``B``: its rewrite, ``{id, ts, agent, session, type, payload}`` around the same payload;
- ``C``: the plugin nats-eventstore from 0.2.2, with ``canonicalType``, ``actor`` and ``scope``;
- ``D``: the same plugin before, ``{id, ts, agent, session, type, payload}`` with C's payloads;
- ``E``: our own, :mod:`models.dialects.own`;
- ``migration``: files and sections of a memory workspace.

What other producers on the same streams send is read as the dialect whose envelope it resembles.
"""

import hashlib

from models.dialects import migration, own, plugin, seed
from models.dialects.body import KINDS
from models.dialects.nesting import MAX_NESTING
from models.dialects.origin import agent_of, milliseconds, session_of, user_of
from models.dialects.refusal import Refusal
from models.dialects.texts import key, storable
from models.dialects.wire import MAX_EVENT_BYTES, Envelope, Payload, parse
from models.events import Event, Kind, Visibility

__all__ = ["MAX_EVENT_BYTES", "MAX_NESTING", "Refusal", "decode", "user_of"]

_VISIBILITIES = {v.value: v for v in Visibility}
_EMPTY = Payload()


def decode(data: bytes, *, stream: str, seq: int, subject: str = "", agent: str = "") -> Event:
    """Read a message of the log, whatever its producer.

    Args:
        data: the message's bytes.
        stream: the JetStream stream that holds it.
        seq: its sequence number there.
        subject: its subject, which may name the agent when nothing else does.
        agent: the agent that the stream is configured for, for events that name none.

    Raises:
        Refusal: these bytes are no event; the text says why.
    """
    envelope, text = parse(data)
    digest = hashlib.sha256(data).hexdigest()
    if envelope.eventlore is not None:
        session = key(session_of(envelope, _EMPTY), "session", 1000)
        who = agent_of(session, envelope, subject, agent)
        return own.read(text, stream=stream, seq=seq, digest=digest, session=session, agent=key(who, "agent", 250))
    payload = envelope.payload or _EMPTY
    dialect = _dialect(envelope, payload)
    if dialect == "migration":
        body = migration.read(envelope, payload)
    else:
        kind, name = _kind(envelope)
        reader = plugin if payload.data is None else seed
        body = reader.read(envelope, payload, kind, name)
    session = key(session_of(envelope, payload), "session", 1000)
    who = "system" if body.kind is Kind.GATEWAY else agent_of(session, envelope, subject, agent)
    time = envelope.timestamp if envelope.timestamp is not None else envelope.ts
    return Event(
        stream=stream,
        seq=seq,
        digest=digest,
        id=key(envelope.id, "id", 1000),
        ts=milliseconds(time if time is not None else payload.ts),
        agent=key(who, "agent", 250),
        session=session,
        kind=body.kind,
        visibility=_visibility(envelope.visibility),
        dialect=dialect,
        name=key(body.name, "tool", 250),
        text=body.text,
        payload=text,
        run=key(body.run, "run", 1000),
        order=body.order,
        call=key(body.call, "tool call", 1000),
        arguments=body.arguments,
        error=storable(body.error),
    )


def _dialect(envelope: Envelope, payload: Payload) -> str:
    if envelope.type and envelope.type.startswith("migration."):
        return "migration"
    if envelope.canonical_type or envelope.scope or envelope.schema_version is not None:
        return "C"
    if envelope.timestamp is not None or (envelope.type or "").startswith(("conversation.", "lifecycle.")):
        return "A"
    return "D" if payload.data is None and payload.stream is None else "B"


def _kind(envelope: Envelope) -> tuple[Kind, str]:
    for name in (envelope.type, envelope.canonical_type, envelope.legacy_type):
        if name and (kind := KINDS.get(name)):
            return kind, name
    if envelope.type is None:
        raise Refusal("no type")
    raise Refusal(f"unknown type {envelope.type!r}")


def _visibility(said: str | None) -> Visibility:
    if said is None:
        return Visibility.INTERNAL
    known = _VISIBILITIES.get(said) or _VISIBILITIES.get(said.strip().lower())
    if known is None:
        raise Refusal(f"unknown visibility {said!r}")
    return known
