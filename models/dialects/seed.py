"""Dialects A and B: OpenClaw's event store and its rewrite, ``payload = {runId, seq, stream, ts, data, sessionKey?}``.

The type is derived from the stream by producers that know only some streams, so the stream and the phase decide.
"""

from models.dialects.body import Body, refined, whole
from models.dialects.failures import failure, reason
from models.dialects.texts import canonical, clean_agent, clean_user, plain
from models.dialects.wire import Data, Envelope, Payload
from models.events import Kind

__all__ = ["read"]


def read(envelope: Envelope, payload: Payload, kind: Kind, name: str) -> Body:
    """Read a payload that wraps its data."""
    data = payload.data if isinstance(payload.data, Data) else Data(text=payload.data)
    meta = envelope.meta
    stream = payload.stream or (meta.stream if meta else None)
    run = payload.run_id if payload.run_id is not None else meta.run_id if meta else None
    seq = payload.seq if payload.seq is not None else meta.seq if meta else None
    kind = refined(kind, stream, data.phase)
    text = arguments = error = ""
    call = None
    match kind:
        case Kind.MESSAGE_IN:
            text = clean_user(_said(data, payload))
        case Kind.MESSAGE_OUT:
            text = clean_agent(_said(data, payload))
        case Kind.TOOL_CALL | Kind.TOOL_RESULT:
            name = data.name or payload.tool_name or "unknown"
            call = data.tool_call_id if data.tool_call_id is not None else payload.tool_call_id
            arguments = canonical(data.args)
            if kind is Kind.TOOL_RESULT:
                text = plain(data.result) or canonical(data.result)
                error = failure(data.result, error=data.error, is_error=data.is_error)
        case Kind.RUN_ERROR:
            text = error = reason(data.error) or reason(payload.error) or "failed"
        case _:
            text = plain(data.text)
    return Body(kind, name, text, run, whole(seq), call, arguments, error)


def _said(data: Data, payload: Payload) -> str:
    for said in (data.text, data.content, payload.content, payload.text, payload.text_preview):
        if said:
            return plain(said)
    return ""
