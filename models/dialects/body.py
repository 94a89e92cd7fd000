"""What an event says once its envelope is read."""

from typing import NamedTuple

from models.dialects.refusal import Refusal
from models.events import Kind

__all__ = ["KINDS", "Body", "refined", "whole"]

KINDS = {
    # A: the pull request
    "conversation.message.in": Kind.MESSAGE_IN,
    "conversation.message.out": Kind.MESSAGE_OUT,
    "conversation.tool_call": Kind.TOOL_CALL,
    "conversation.tool_result": Kind.TOOL_RESULT,
    "lifecycle.start": Kind.RUN_START,
    "lifecycle.end": Kind.RUN_END,
    "lifecycle.error": Kind.RUN_ERROR,
    # B, C, D: its rewrite and the plugin
    "msg.in": Kind.MESSAGE_IN,
    "msg.sending": Kind.MESSAGE_OUT,
    "msg.out": Kind.MESSAGE_OUT,
    "tool.call": Kind.TOOL_CALL,
    "tool.result": Kind.TOOL_RESULT,
    "run.start": Kind.RUN_START,
    "run.end": Kind.RUN_END,
    "run.error": Kind.RUN_ERROR,
    "llm.input": Kind.MODEL_INPUT,
    "llm.output": Kind.MODEL_OUTPUT,
    "session.start": Kind.SESSION_START,
    "session.end": Kind.SESSION_END,
    "session.reset": Kind.SESSION_RESET,
    "session.compaction_start": Kind.COMPACTION_START,
    "session.compaction_end": Kind.COMPACTION_END,
    "gateway.start": Kind.GATEWAY,
    "gateway.stop": Kind.GATEWAY,
    # C's canonical names
    "message.in.received": Kind.MESSAGE_IN,
    "message.out.sending": Kind.MESSAGE_OUT,
    "message.out.sent": Kind.MESSAGE_OUT,
    "tool.call.requested": Kind.TOOL_CALL,
    "tool.call.executed": Kind.TOOL_RESULT,
    "tool.call.failed": Kind.TOOL_RESULT,
    "run.started": Kind.RUN_START,
    "run.ended": Kind.RUN_END,
    "run.failed": Kind.RUN_ERROR,
    "model.input.observed": Kind.MODEL_INPUT,
    "model.output.observed": Kind.MODEL_OUTPUT,
    "session.started": Kind.SESSION_START,
    "session.ended": Kind.SESSION_END,
    "session.compaction.started": Kind.COMPACTION_START,
    "session.compaction.ended": Kind.COMPACTION_END,
    "gateway.started": Kind.GATEWAY,
    "gateway.stopped": Kind.GATEWAY,
}
"""Every type that a producer is known to send, and what it reports unless its payload says otherwise."""


class Body(NamedTuple):
    """The fields of an :class:`~models.events.Event` that depend on the dialect."""

    kind: Kind
    name: str = ""
    text: str = ""
    run: str | int | None = None
    order: int = 0
    call: str | int | None = None
    arguments: str = ""
    error: str = ""


_STREAMS = {Kind.MESSAGE_IN: "user", Kind.MESSAGE_OUT: "assistant"}
_PHASES = {"start": Kind.TOOL_CALL, "result": Kind.TOOL_RESULT, "end": Kind.TOOL_RESULT}
_COMPACTION = {"start": Kind.COMPACTION_START, "end": Kind.COMPACTION_END}


def refined(kind: Kind, stream: str | None, phase: str | None) -> Kind:
    """What an event of this type reports by its stream and phase, where it has them.

    Producers type what they do not know as a message of the agent, and a tool's progress as a call.
    """
    if stream == "compaction":
        return _COMPACTION.get(phase or "", Kind.OTHER)
    if kind in _STREAMS:
        return kind if stream is None or stream == _STREAMS[kind] else Kind.OTHER
    if phase is not None and kind in (Kind.TOOL_CALL, Kind.TOOL_RESULT):
        return _PHASES.get(phase, Kind.OTHER)
    return kind


def whole(number: float | None) -> int:
    """A place in a run's numbering; 0: none was given.

    Raises:
        Refusal: it is negative or no database could hold it.
    """
    if number is None:
        return 0
    if not 0 <= number < 2**63:
        raise Refusal(f"seq out of range: {str(number)[:40]}")
    return int(number)
