"""OpenClaw's transcript entries as events, whatever they were read from.

One entry becomes one event for each of its parts that is a message, a call or a result; everything else is kept as
``other``. Some of what transcripts hold happened only once, and counts once:

- a model call that failed leaves an entry without content; its repetitions become ``other`` (``retry``);
- a user's message is written again when another model takes over (``repeat``), and so is a reply that was sent
  through a channel;
- entries before a fork are the parent's: they carry the parent's identifiers.

Decisions rest on the entries before, so that following a transcript and importing it give the same events. What alone
takes the whole transcript is which branches were abandoned: :mod:`worker.importers.openclaw_tree`.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from models.dialects.failures import failure, reason
from models.dialects.own import VERSION, Own, Source
from models.dialects.texts import plain
from models.events import Kind
from worker.importers.base import Record, identifier, loads, made, moment
from worker.importers.openclaw_names import Session, Sessions, header_of, text_of

__all__ = ["Transcript"]

_SOURCE = "openclaw"
_PARTS = 1000
"""Places in a run's numbering that an entry has."""

_KINDS = {"session": Kind.SESSION_START, "compaction": Kind.COMPACTION_END, "reset": Kind.SESSION_RESET}
_COMMON = frozenset({"type", "id", "parentId", "timestamp"})
_SAID = frozenset({"role", "content", "timestamp", "toolCallId", "toolName", "isError"})

_Object = dict[str, Any]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry, with what its events have in common."""

    value: _Object
    id: str
    stamp: str
    ts: int
    place: int
    run: str
    session: Session


class Transcript:
    """The entries of one transcript, read in order.

    Args:
        session: whose they are.
        sessions: what is known about the others.
        abandoned: places of entries on branches that were left.
        ts: a time for entries that have none, before any that has.
    """

    def __init__(self, session: Session, sessions: Sessions, *, abandoned: Collection[int] = (), ts: int = 0) -> None:
        self.session = session
        self._sessions = sessions
        self._abandoned = abandoned
        self._ts = ts
        self._parent: tuple[str, int] | None = None
        """What it was branched off, and when."""
        self._asked: _Entry | None = None
        """The last user message, until a reply to it."""
        self._failed = False
        """Whether a model call failed since then."""
        self._reply: tuple[str, list[tuple[str, str, str]]] = ("", [])
        """The last reply: its response's identifier and what was in it."""

    def entry(self, raw: bytes, place: int, written: int = 0) -> Record:
        """The events of one entry.

        Args:
            raw: its JSON.
            place: its number in the transcript, from 1.
            written: when it was written (Unix milliseconds), for entries that do not say when they happened.
        """
        try:
            value = loads(raw)
        except ValueError as error:
            return Record(place, [], str(error))
        if not isinstance(value, dict):
            return Record(place, [], f"no entry but a JSON {type(value).__name__}")
        message = value.get("message")
        stamp = value.get("timestamp")
        ts = moment(stamp)
        if not ts:
            ts = moment(message.get("timestamp") if isinstance(message, dict) else None, written) or self._ts
        if not ts:
            return Record(place, [], "no time")
        self._ts = ts
        if value.get("type") == "session" and (header := header_of(value)):
            parent = header.parent or self._sessions.previous(self.session.id)
            self._parent = (parent, header.ts) if parent and header.ts else None
        given = value.get("id")
        name = text_of(given) or identifier(raw.decode("utf-8", "replace"))
        session = self.session if self._parent is None else self._session_at(ts)
        entry = _Entry(value, name, text_of(stamp), ts, place, _run(value, message), session)
        told = self._message(entry, message) if isinstance(message, dict) else [self._other(entry)]
        if place in self._abandoned:
            for own in told:
                own.data = {"kind": own.type, **(own.data or {})}
                own.type, own.name = Kind.OTHER.value, "abandoned"
        return Record(place, [made(own) for own in told])

    def _session_at(self, ts: int) -> Session:
        """The session that an entry of that time was written in: this one, or one that it was branched off."""
        session, parent = self.session, self._parent
        for _ in range(20):
            if parent is None or ts >= parent[1]:
                break
            session = self._sessions.session(parent[0])
            parent = self._sessions.parent(parent[0])
        return session

    def _own(self, entry: _Entry, kind: Kind, part: int = 0, **fields: Any) -> Own:  # noqa: ANN401
        session = entry.session
        return Own(
            eventlore=VERSION,
            id=identifier(_SOURCE, session.id, entry.id, entry.stamp, str(part)),
            ts=entry.ts,
            agent=session.agent,
            session=session.key,
            type=str(kind),
            run=entry.run,
            order=entry.place * _PARTS + min(part, _PARTS - 1),
            source=Source(_SOURCE, session.id, entry.id),
            **fields,
        )

    def _other(self, entry: _Entry) -> Own:
        """An entry that is no message."""
        value = entry.value
        name = text_of(value.get("customType")) or text_of(value.get("type")) or "unknown"
        kind = _KINDS.get(name, Kind.OTHER)
        text = plain(value.get("summary") or value.get("content") or value.get("reason"))
        data = {key: item for key, item in value.items() if key not in _COMMON and not (text and item == text)}
        return self._own(entry, kind, name=name[:200], text=text, data=data or None)

    def _message(self, entry: _Entry, message: _Object) -> list[Own]:
        role = message.get("role")
        if role == "user":
            return [self._user(entry, message)]
        if role == "assistant":
            return self._assistant(entry, message)
        if role == "toolResult":
            return [self._result(entry, message)]
        data = {key: item for key, item in message.items() if key != "content"}
        text = plain(message.get("content"))
        return [self._own(entry, Kind.OTHER, name=(text_of(role) or "message")[:200], text=text, data=data)]

    def _user(self, entry: _Entry, message: _Object) -> Own:
        content, attached = _content(message.get("content"))
        data = _rest(message, attached)
        if self._asked is not None and _asked_again(self._asked, entry):
            return self._own(entry, Kind.OTHER, name="repeat", text=content, data={"kind": Kind.MESSAGE_IN, **data})
        self._asked, self._failed = entry, False
        return self._own(entry, Kind.MESSAGE_IN, text=content, data=data or None)

    def _assistant(self, entry: _Entry, message: _Object) -> list[Own]:
        content = message.get("content")
        parts = content if isinstance(content, list) else [content] if content else []
        told = [own for number, part in enumerate(parts) if (own := self._part(entry, number, part))]
        response = text_of(message.get("responseId"))
        content_of = [(own.type, own.text, own.call) for own in told]
        if self._is_copy(message, response, content_of):
            for own in told:
                own.data = {"kind": own.type}
                own.type, own.name = Kind.OTHER.value, "repeat"
        elif told:
            self._reply = (response, content_of)
        error = reason(message.get("errorMessage")) if message.get("stopReason") in ("error", None) else ""
        if message.get("stopReason") == "error" or error:
            again = not told and self._failed
            told.append(
                self._own(entry, Kind.OTHER, len(parts), name="retry", text=error)
                if again
                else self._own(entry, Kind.RUN_ERROR, len(parts), name="model", text=error, error=error or "failed")
            )
            self._failed = True
        elif told:
            self._asked = None
        if not told:
            told.append(self._own(entry, Kind.OTHER, name=text_of(message.get("stopReason")) or "empty"))
        told[0].data = {**_rest(message, []), **(told[0].data or {})} or None
        return told

    def _is_copy(self, message: _Object, response: str, told: list[tuple[str, str, str]]) -> bool:
        """Whether it is the reply before once more: the same response, or what was sent through a channel."""
        before, said = self._reply
        if message.get("model") == "delivery-mirror":
            return [text for kind, text, _ in told if kind == Kind.MESSAGE_OUT] == [
                text for kind, text, _ in said if kind == Kind.MESSAGE_OUT
            ]
        return bool(told) and bool(response) and (response, told) == (before, said)

    def _part(self, entry: _Entry, number: int, part: object) -> Own | None:
        """One part of a reply; None when there is nothing in it."""
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, dict):
            return None
        match part.get("type"):
            case "text":
                text = plain(part)
                return self._own(entry, Kind.MESSAGE_OUT, number, text=text) if text.strip() else None
            case "thinking":
                text = plain(part.get("thinking")) or plain(part)
                return self._own(entry, Kind.OTHER, number, name="thinking", text=text)
            case "toolCall":
                return self._own(
                    entry,
                    Kind.TOOL_CALL,
                    number,
                    name=(text_of(part.get("name")) or "unknown")[:200],
                    call=text_of(part.get("id")),
                    arguments=part.get("arguments"),
                )
            case other:
                _, attached = _content([part])
                return self._own(entry, Kind.OTHER, number, name=text_of(other)[:200], data={"attached": attached})

    def _result(self, entry: _Entry, message: _Object) -> Own:
        content, attached = _content(message.get("content"))
        error = failure({**message, "content": content}, is_error=message.get("isError") is True)
        self._asked = None
        return self._own(
            entry,
            Kind.TOOL_RESULT,
            name=(text_of(message.get("toolName")) or "unknown")[:200],
            call=text_of(message.get("toolCallId")),
            text=content,
            error=error,
            data=_rest(message, attached) or None,
        )


def _asked_again(before: _Entry, entry: _Entry) -> bool:
    """Whether a user's message is the one before, written again for another model.

    Newer transcripts name the request: two requests with the same words are two messages.
    """
    first, second = before.value["message"], entry.value["message"]
    if _content(first.get("content"))[0] != _content(second.get("content"))[0]:
        return False
    keys = (first.get("idempotencyKey"), second.get("idempotencyKey"))
    return None in keys or keys[0] == keys[1]


def _run(value: _Object, message: object) -> str:
    if isinstance(message, dict):
        ours = message.get("__openclaw")
        run = ours.get("runId") if isinstance(ours, dict) else None
        key = message.get("idempotencyKey")
        return text_of(run) or (key.rpartition(":")[0] if isinstance(key, str) else "")
    data = value.get("data")
    return text_of(data.get("runId")) if isinstance(data, dict) else ""


def _content(content: object) -> tuple[str, list[_Object]]:
    """The text of content, and what else it holds: pictures without their pixels."""
    if not isinstance(content, list):
        return plain(content), []
    attached = []
    texts = []
    for part in content:
        if isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text"):
            texts.append(plain(part))
        elif isinstance(part, dict):
            attached.append({key: _short(item) for key, item in part.items()})
    return "\n".join(text for text in texts if text), attached


def _short(item: object) -> object:
    return f"{len(item):,} characters" if isinstance(item, str) and len(item) > 1000 else item


def _rest(message: _Object, attached: list[_Object]) -> _Object:
    """What a message says beside its content."""
    rest = {key: item for key, item in message.items() if key not in _SAID}
    return {**rest, "attached": attached} if attached else rest
