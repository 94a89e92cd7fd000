"""Who, where and when: an event's agent, session and time."""

from datetime import UTC, datetime

from models.dialects.refusal import Refusal
from models.dialects.wire import Actor, Envelope, Payload, Time

__all__ = ["agent_in", "agent_of", "milliseconds", "session_of", "user_of"]

_NOBODY = frozenset({"", "agent", "unknown", "cron", "hook", "undefined", "null"})
_CHANNELS = frozenset({"direct", "dm", "group", "channel", "room"})
_FIRST = 946_684_800_000
"""2000-01-01: no agent ran before."""
_LAST = 4_102_444_800_000
"""2100-01-01: a clock that says so is wrong."""


def session_of(envelope: Envelope, payload: Payload) -> str:
    """The session key; without one the session's identifier; without that ``unknown``."""
    session = envelope.session
    if session and session.startswith("agent:"):
        return session
    scope = envelope.scope
    keys = [session, scope.session_key if scope else None, payload.session_key]
    for key in keys:
        if key and key.startswith("agent:"):
            return key
    for name in (*keys, scope.session_id if scope else None, payload.session_id):
        if name and name != "unknown":
            return str(name)
    return "unknown"


def agent_in(session: str) -> str:
    """The agent that a session key ``agent:<id>:<rest>`` names; else empty."""
    return session.split(":", 2)[1].strip() if session.startswith("agent:") else ""


def agent_of(session: str, envelope: Envelope, subject: str, configured: str) -> str:
    """The agent by its session key ``agent:<id>:<rest>``, else by whatever else names one.

    Producers take what stands before the key's first colon for the agent, so ``agent``, ``cron`` and ``hook``
    name nobody, in the event as in its subject. Where the event's own agent is what the key begins with, a colon and all,
    it is that one.
    """
    if envelope.agent and session.startswith(f"agent:{envelope.agent}:"):
        return str(envelope.agent).strip()
    if named := agent_in(session):
        return named
    actor = envelope.actor.agent_id if isinstance(envelope.actor, Actor) else None
    for name in (envelope.agent, actor, configured):
        if name is not None and str(name).strip().lower() not in _NOBODY:
            return str(name).strip()
    tokens = subject.split(".")
    told = len(tokens) > 2 and envelope.type is not None and tokens[-1] == envelope.type.replace(".", "_")
    return tokens[-2] if told and tokens[-2].lower() not in _NOBODY else "unknown"


def milliseconds(time: Time) -> int:
    """A time in Unix milliseconds.

    Producers write milliseconds (whole or not) or ISO 8601, which means UTC where it names no zone. Numbers that
    would lie in 1970 as milliseconds and in this century as seconds are seconds.

    Raises:
        Refusal: it is no time, or one outside the years 2000 to 2099.
    """
    if time is None:
        raise Refusal("no time")
    if isinstance(time, str):
        try:
            moment = datetime.fromisoformat(time.strip())
            value: int | float = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        except (ValueError, OverflowError):
            raise Refusal(f"not a time: {time[:40]!r}") from None
    else:
        value = time * 1000 if _FIRST <= time * 1000 < _LAST else time
    if not _FIRST <= value < _LAST:
        raise Refusal(f"time outside 2000-2099: {str(time)[:40]}")
    return round(value) if isinstance(value, float) else value


def user_of(session: str) -> str:
    """The other side of a session as far as its key tells it, without thread or topic; else empty.

    >>> user_of("agent:concierge:telegram:direct:42")
    'telegram:direct:42'
    >>> user_of("agent:concierge:main")
    ''
    """
    if not session.startswith("agent:"):
        return ""
    parts = session.split(":")[2:]
    for at, part in enumerate(parts[:-1]):
        if part in _CHANNELS:
            borders = [place for place in range(at + 2, len(parts)) if parts[place] in ("thread", "topic")]
            return ":".join(parts[: min(borders, default=len(parts))])
    return ""
