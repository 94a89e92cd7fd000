"""Event: the one form that every producer's event takes inside Eventlore.

The wire forms are in :mod:`models.dialects`; nothing past the decoder knows them.
"""

from enum import StrEnum

import msgspec

__all__ = ["Event", "Kind", "Visibility"]


class Kind(StrEnum):
    """What an event reports, whatever its producer calls it."""

    MESSAGE_IN = "message.in"
    """A person's message to the agent."""
    MESSAGE_OUT = "message.out"
    """The agent's reply: whole, as a cumulative snapshot while it is being written, about to be sent, or delivered.
    One reply may be several events; :func:`analytics.conversation.fold` joins them."""
    TOOL_CALL = "tool.call"
    TOOL_RESULT = "tool.result"
    RUN_START = "run.start"
    RUN_END = "run.end"
    RUN_ERROR = "run.error"
    """A run that failed, or a model call that did. Several events may report the same failure; folding counts one."""
    MODEL_INPUT = "model.input"
    MODEL_OUTPUT = "model.output"
    SESSION_START = "session.start"
    SESSION_END = "session.end"
    SESSION_RESET = "session.reset"
    COMPACTION_START = "compaction.start"
    COMPACTION_END = "compaction.end"
    GATEWAY = "gateway"
    MEMORY = "memory"
    """A note or a section of a memory workspace (migration events)."""
    OTHER = "other"
    """Known to the producer, not used for analysis: thinking, progress of a tool."""


class Visibility(StrEnum):
    """Who may read an event, from everybody to nobody but its agent."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that happened, as the log recorded it.

    ``(stream, seq)`` identifies an event; ``id`` is the producer's and may repeat.
    ``digest`` is equal for two events exactly when their bytes are.
    """

    stream: str
    seq: int
    """JetStream sequence, from 1."""
    digest: str
    """SHA-256 of the message's bytes, in hexadecimal."""
    id: str
    ts: int
    """When it happened by the producer's clock: Unix milliseconds."""
    agent: str
    session: str
    """The session key, ``agent:<agent>:<rest>`` where the producer gave one."""
    kind: Kind
    visibility: Visibility
    dialect: str
    name: str = ""
    """The tool of a tool event; the producer's own type of any other."""
    text: str = ""
    """What was said, as analysis reads it: a message without transport decoration, a result's text, an error."""
    payload: str = ""
    """The message as it came, JSON."""
    run: str = ""
    order: int = 0
    """Rises within a run where the producer numbers its events, else 0."""
    call: str = ""
    """Identifies a tool call within its session, where the producer gives an identifier."""
    arguments: str = ""
    """A tool call's arguments as canonical JSON (sorted keys), on calls and, where known, on results."""
    error: str = ""
    """Why a tool result, a run, a model call or the delivery of a message failed, on one line; empty: it did not."""
