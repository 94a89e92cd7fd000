"""Dialects C and D, the plugin nats-eventstore, and other producers on its streams: a flat payload by type.

A model call that failed ends with ``run.end {success: true}`` and an ``llm.output`` that saw no text and no tokens:
that ``llm.output`` is the error.
"""

from models.dialects.body import Body, refined, whole
from models.dialects.failures import failure, reason
from models.dialects.texts import canonical, clean_agent, clean_user, plain
from models.dialects.wire import Envelope, Payload, Scope
from models.events import Kind

__all__ = ["read"]

_TOKENS = ("output", "outputTokens", "output_tokens", "completion_tokens")
_NOWHERE = Scope()


def read(envelope: Envelope, payload: Payload, kind: Kind, name: str) -> Body:
    """Read a payload whose fields depend on the event's type."""
    scope, meta = envelope.scope or _NOWHERE, envelope.meta
    stream = payload.stream or (meta.stream if meta else None)
    run = scope.run_id or payload.run_id or (meta.run_id if meta else None)
    seq = payload.seq if payload.seq is not None else meta.seq if meta else None
    kind = refined(kind, stream, payload.phase)
    text = arguments = error = ""
    call = None
    match kind:
        case Kind.MESSAGE_IN:
            text = clean_user(_said(payload))
        case Kind.MESSAGE_OUT:
            text = clean_agent(_said(payload))
            error = "" if payload.success is not False else reason(payload.error) or "not delivered"
        case Kind.TOOL_CALL | Kind.TOOL_RESULT:
            name = payload.tool_name or payload.name or "unknown"
            call = scope.tool_call_id or payload.tool_call_id
            arguments = canonical(payload.params if payload.params is not None else payload.args)
            if kind is Kind.TOOL_RESULT:
                text = plain(payload.result) or canonical(payload.result)
                error = _tool_error(envelope, payload)
        case Kind.RUN_START | Kind.MODEL_INPUT:
            text = clean_user(plain(payload.prompt))
        case Kind.RUN_END | Kind.RUN_ERROR | Kind.MODEL_OUTPUT:
            text = error = _run_error(payload, kind)
            kind = Kind.RUN_ERROR if error else kind
        case Kind.SESSION_RESET | Kind.SESSION_END:
            text = plain(payload.reason)
    return Body(kind, name, text, run, whole(seq), call, arguments, error)


def _said(payload: Payload) -> str:
    for said in (payload.content, payload.text, payload.text_preview):
        if said:
            return plain(said)
    return ""


def _tool_error(envelope: Envelope, payload: Payload) -> str:
    failed = "tool.call.failed" in (envelope.canonical_type, envelope.type) or payload.success is False
    return failure(payload.result, error=payload.error, is_error=payload.is_error or failed)


def _run_error(payload: Payload, kind: Kind) -> str:
    if said := reason(payload.error):
        return said
    if kind is Kind.MODEL_OUTPUT:
        # An attempt may end without text when the agent answered through a tool, but never without a token.
        usage = payload.usage if isinstance(payload.usage, dict) else {}
        silent = payload.assistant_text_count == 0 and not any(usage.get(key) for key in _TOKENS)
        return "the model gave no answer" if silent else ""
    return "failed" if kind is Kind.RUN_ERROR or payload.success is False else ""
