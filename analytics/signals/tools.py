"""Failures of tools: a failure, one that nothing made good, the same failing call again and again."""

import re
from collections.abc import Iterator, Mapping

from analytics.conversation import Call, Conversation, Ref
from analytics.signals.finding import Finding
from analytics.signals.phrases import Phrases, Said

__all__ = ["DOOM", "Failures", "ended", "failures", "fingerprint", "reads", "recovered", "tool_findings"]

DOOM = 3
"""Failures of one and the same call that make a doom loop."""

Failures = Mapping[Ref, str]
"""Failed calls: the call's event, and the failure's fingerprint."""

_VARIABLE = (
    (re.compile(r"\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|`[^`\n]{0,200}`"), "*"),
    (re.compile(r"\b[a-z]+://\S+"), "*"),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[\w.@~+-]+(?:/[\w.@~+-]*)*|\b[a-z]:\\\S+"), "*"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+"), "*"),
    (re.compile(r"\b(?=\w*\d)[\w-]+(?:[.:]\d+)*"), "#"),
)
_SPACES = re.compile(r"\s+")
_BOILERPLATE = re.compile(r"^(?:\W*(?:error|exception|traceback \(most recent call last\)|fehler)\W+)+")
_WORD = re.compile(r"[^\W_]+")
_ONE_PARAMETER = frozenset({"command", "cmd", "code", "script", "input", "query", "sql"})
_READS = re.compile(
    r"^(?:get|find|search|list|look|lookup|read|fetch|query|check|view|show|describe|think|calculate|calc|transfer|"
    r"grep|glob|ls|cat|recall|memory|browse|web|retrieve|inspect|status)"
)
_UNDONE = "not done, as the agent reports"


def ended(call: Call) -> int:
    """When the call was over, as far as the log tells: Unix milliseconds."""
    return max(call.ts, call.ended_at)


def reads(tool: str) -> bool:
    """Whether a tool only looks, to go by its name."""
    return bool(_READS.match(tool.lower().lstrip("_")))


def fingerprint(error: str) -> str:
    """The kind of an error: its first line of substance without names, numbers and paths, at most 80 characters.

    >>> fingerprint("Error: file '/tmp/a7.txt' not found (attempt 3)")
    'file * not found (attempt #)'
    """
    text = error[:1000].lower()
    for expression, sign in _VARIABLE:
        text = expression.sub(sign, text)
    for line in text.splitlines():
        said = _BOILERPLATE.sub("", _SPACES.sub(" ", line).strip())
        if _WORD.search(said):
            return said[:80].strip()
    return "failed"


def failures(conversation: Conversation, said: Mapping[Ref, Said], phrases: Phrases) -> dict[Ref, str]:
    """Calls whose result is an error, and last actions of a turn of which the agent says that they did not succeed.

    Tools often answer a request that they could not fulfil with an empty or even a full result; only the
    agent's next words tell. Tools that only look are left out: finding nothing is no failure.
    """
    found = {call.ref: fingerprint(call.error) for call in conversation.calls if call.error}
    for turn in conversation.turns:
        acts = [call for call in turn.calls if not reads(call.tool)]
        if acts and turn.calls[-1] is acts[-1] and acts[-1].ref not in found and acts[-1].result is not None:
            reply = next((message for message in turn.agent if message.ts >= ended(acts[-1])), None)
            if reply is not None and phrases.find("failure", said[reply.ref]):
                found[acts[-1].ref] = _UNDONE
    return found


def tool_findings(conversation: Conversation, failed: Failures) -> Iterator[Finding]:
    """Tool failures (.3), those never made good (.6, and .7 at the session's end), doom loops (.7 and more)."""
    made_good = recovered(conversation, failed)
    last = conversation.calls[-1].ref if conversation.calls else None
    for call in conversation.calls:
        if call.ref not in failed:
            continue
        at = call.result or call.ref
        subject = f"{call.tool}: {failed[call.ref]}"
        yield Finding("tool_failure", at, 0.3, (call.ref, at), subject)
        if call.ref not in made_good:
            severity = 0.7 if call.ref == last else 0.6
            yield Finding("unrecovered_tool_failure", at, severity, (call.ref, at), subject)
    yield from _loops(conversation)


def recovered(conversation: Conversation, failed: Failures) -> set[Ref]:
    """The failed calls that a later call made good: the same tool, begun after the failure, about the same thing."""
    successes: dict[str, list[Call]] = {}
    result = set()
    for call in sorted(conversation.calls, key=lambda each: (-each.ts, each.ref)):
        if call.ref in failed:
            if any(_makes_good(later, call) for later in successes.get(call.tool, ())):
                result.add(call.ref)
        elif call.result is not None:
            kept = successes.setdefault(call.tool, [])
            kept.append(call)
            del kept[:-16]
    return result


def _makes_good(later: Call, failed: Call) -> bool:
    return later.ts >= ended(failed) and _alike(later.arguments, failed.arguments)


def _alike(left: str, right: str) -> bool:
    """Whether arguments are about the same thing: equal, or a tenth of their words shared.

    Keys count, so a call of a tool with named parameters is about the same as another of it;
    a shell's one parameter says nothing, so it does not count.
    """
    if left == right:
        return True
    one = set(_WORD.findall(left[:2000].lower())) - _ONE_PARAMETER
    two = set(_WORD.findall(right[:2000].lower())) - _ONE_PARAMETER
    if not one or not two:
        return not one and not two
    return len(one & two) >= 0.1 * len(one | two)


def _loops(conversation: Conversation) -> Iterator[Finding]:
    """Runs of failures of the same tool with the same arguments, broken only by its success."""
    runs: dict[tuple[str, str], list[Call]] = {}
    for call in sorted(conversation.calls, key=lambda each: (ended(each), each.ref)):
        key = (call.tool, call.arguments)
        if call.error:
            runs.setdefault(key, []).append(call)
        elif call.result is not None:
            yield from _loop(runs.pop(key, []))
    for run in runs.values():
        yield from _loop(run)


def _loop(run: list[Call]) -> Iterator[Finding]:
    if len(run) < DOOM:
        return
    third = run[DOOM - 1]
    evidence = tuple(ref for call in run for ref in (call.ref, call.result) if ref is not None)
    severity = min(1.0, 0.7 + 0.1 * (len(run) - DOOM))
    yield Finding(
        "doom_loop", third.result or third.ref, severity, evidence, f"{third.tool}: {fingerprint(third.error)}"
    )
