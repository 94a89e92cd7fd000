"""Failure signals: what went wrong in a session, how bad it is, and the very events that show it."""

from collections.abc import Mapping

from analytics.conversation import Conversation, Ref
from analytics.signals.agent import agent_findings
from analytics.signals.finding import rows
from analytics.signals.phrases import load, read
from analytics.signals.recurring import recurring
from analytics.signals.session import session_findings
from analytics.signals.tools import failures, tool_findings
from analytics.signals.user import user_findings
from models.rows import MessageStyle, Signal

__all__ = ["KINDS", "VERSION", "detect", "recurring"]

VERSION = "signals-5"

KINDS = (
    "tool_failure",
    "unrecovered_tool_failure",
    "doom_loop",
    "recurring_failure",
    "user_correction",
    "repeated_request",
    "dissatisfaction",
    "false_success",
    "ungrounded_claim",
    "refusal",
    "handover",
    "abandoned",
    "run_error",
    "context_lost",
)


def detect(conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> list[Signal]:
    """The signals of one session, in order of (stream, seq, kind), at most one for each of these.

    ``styles`` are those of its messages, as far as there are any; severity lies in 0..1.
    Work is linear in the session. ``recurring_failure`` needs several sessions: see :func:`recurring`.
    """
    phrases = load()
    said = {message.ref: read(message.text) for message in conversation.messages}
    failed = failures(conversation, said, phrases)
    findings = [
        *tool_findings(conversation, failed),
        *user_findings(conversation, said, styles, phrases),
        *agent_findings(conversation, said, failed, phrases),
        *session_findings(conversation, said, phrases),
    ]
    return rows(conversation, findings, VERSION)
