"""What failed and was not made good within its session: not to be tried again in the same way."""

from collections import defaultdict
from collections.abc import Iterator

from analytics.conversation import Call, Conversation
from analytics.memory.found import Found
from analytics.signals.tools import DOOM, fingerprint, recovered

__all__ = ["failed_calls"]

_LONGEST = 160
"""Characters of arguments and of an error that are shown; longer arguments are left out, longer errors shortened to
their kind."""
_AT_MOST = 20


def failed_calls(conversation: Conversation) -> Iterator[Found]:
    """Each call that failed and that no later call made good, once with the last of its failures."""
    failures = {call.ref: fingerprint(call.error) for call in conversation.calls if call.error}
    if not failures:
        return
    made_good = recovered(conversation, failures)
    same: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in conversation.calls:
        if call.ref in failures and call.ref not in made_good:
            same[call.tool, call.arguments].append(call)
    for calls in list(same.values())[-_AT_MOST:]:
        last = calls[-1]
        times = f" ({len(calls)} times)" if len(calls) > 1 else ""
        yield Found(
            "failure",
            last.result or last.ref,
            max(last.ts, last.ended_at),
            "tool",
            f"{_named(last)} failed{times}: {_reason(last, failures[last.ref])}",
            f"{last.tool}: {failures[last.ref]}",
            weight=min(1.0, 0.5 + 0.15 * (len(calls) - 1) + (0.1 if len(calls) >= DOOM else 0)),
        )


def _named(call: Call) -> str:
    arguments = " ".join(call.arguments.split())
    return f"{call.tool} {arguments}" if 2 < len(arguments) <= _LONGEST else call.tool


def _reason(call: Call, kind: str) -> str:
    line = next((line.strip() for line in call.error.splitlines() if line.strip()), "")
    return " ".join(line.split()) if 0 < len(line) <= _LONGEST else kind
