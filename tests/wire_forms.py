"""Messages in the form of each wire dialect, for tests."""

import json
from typing import Any

from models.dialects import decode
from models.events import Event

T = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""

SESSION = "agent:concierge:telegram:direct:42"


def pack(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def read(message: object, seq: int = 1, **how: Any) -> Event:
    return decode(message if isinstance(message, bytes) else pack(message), stream="log", seq=seq, **how)


def a(
    type_: str, stream: str, data: object, *, at: int = 0, order: int = 1, run: str = "r1", **more: Any
) -> dict[str, Any]:
    """Dialect A; ``at`` in milliseconds after T."""
    message = {
        "id": f"{T + at:x}-0badcafe",
        "timestamp": T + at,
        "agent": "agent",
        "session": SESSION,
        "type": type_,
        "visibility": "internal",
        "payload": {"runId": run, "seq": order, "stream": stream, "ts": T + at, "data": data, "sessionKey": SESSION},
        "meta": {"runId": run, "seq": order, "stream": stream},
    }
    return message | more


def b(
    type_: str, stream: str, data: object, *, at: int = 0, order: int = 1, run: str = "r1", **more: Any
) -> dict[str, Any]:
    """Dialect B."""
    message = {
        "id": "0d9c8c8e-27d2-4b0e-9a43-b7f9b7f4c0de",
        "ts": T + at,
        "agent": "agent",
        "session": SESSION,
        "type": type_,
        "payload": {"runId": run, "seq": order, "stream": stream, "ts": T + at, "data": data},
    }
    return message | more


def c(
    type_: str, canonical: str, payload: dict[str, Any], *, at: int = 0, run: str = "r1", call: str = "", **more: Any
) -> dict[str, Any]:
    """Dialect C."""
    scope = {"sessionKey": SESSION, "sessionId": "5ea3c76a", "runId": run} | ({"toolCallId": call} if call else {})
    message = {
        "id": "evt-b832393a5928c213",
        "ts": T + at,
        "agent": "agent",
        "session": SESSION,
        "type": type_,
        "canonicalType": canonical,
        "legacyType": type_,
        "schemaVersion": 1,
        "source": {"plugin": "nats-eventstore"},
        "actor": {"agentId": "agent"},
        "scope": scope,
        "trace": {"correlationId": run},
        "visibility": "confidential",
        "payload": payload,
    }
    return message | more


def d(type_: str, payload: dict[str, Any], *, at: int = 0, **more: Any) -> dict[str, Any]:
    """Dialect D."""
    message = {
        "id": "b817e257-7c9a-44a4-a4cd-b2faf8ade516",
        "ts": T + at,
        "agent": "agent",
        "session": SESSION,
        "type": type_,
        "payload": payload,
    }
    return message | more


def e(type_: str, text: str = "", *, at: int = 0, **more: Any) -> dict[str, Any]:
    """Dialect E."""
    return {"eventlore": 1, "ts": T + at, "session": SESSION, "type": type_, "text": text} | more
