"""Failures of tools: a failure, one that nothing made good, the same failing call again and again."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from analytics.commands import ANSWERS
from analytics.conversation import Call, Conversation, Ref
from analytics.signals.finding import Finding
from analytics.signals.phrases import Phrases, Said

__all__ = [
    "DOOM",
    "Failures",
    "ended",
    "failures",
    "fingerprint",
    "hands_over",
    "looks",
    "reads",
    "recovered",
    "tool_findings",
]

DOOM = 3
"""Failures of one and the same call that make a doom loop."""

Failures = Mapping[Ref, str]
"""Failed calls: the call's event, and the failure's fingerprint."""

_VARIABLE = (
    (re.compile(r"\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'|`[^`\n]{0,200}`"), "*"),
    (re.compile(r"\b[a-z]+://\S+"), "*"),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[\w.@~+-]+(?:/[\w.@~+-]*)*|\b[a-z]:\\\S+"), "*"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+"), "*"),
    (re.compile(r"(?<![\w.])[\w-]*\w\.[a-z][a-z0-9]{0,4}(?![\w(]|\.\w)"), "*"),
    (re.compile(r"\b(?=\w*\d)[\w-]+(?:[.:]\d+)*"), "#"),
)
_SPACES = re.compile(r"\s+")
_BOILERPLATE = re.compile(r"^(?:\W*(?:error|exception|traceback \(most recent call last\)|fehler)\W+)+")
_WORD = re.compile(r"[^\W_]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?')
_KIND_OF_FILE = re.compile(r"(?<=\w)\.[a-z]\w{0,4}\b(?!\.)")
_SERVER = re.compile(r"^mcp__.+?__|^.*[./]")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ABOUT = frozenset({"memory", "web"})
_READS = frozenset(
    {"get", "find", "search", "list", "look", "lookup", "read", "fetch", "query", "check", "view", "show", "describe"}
    | {"think", "calculate", "calc", "grep", "glob", "ls", "cat", "recall", "browse", "retrieve", "inspect", "status"}
)
_TO_A_PERSON = re.compile(
    r"(?:transfer|hand|escalate|route)\w*_to_(?:\w+_)?"
    r"(?:humans?|persons?|agents?|representative|operator|support|colleague|specialist|supervisor|staff)\b|"
    r"human_agent|to_human|contact_support|^escalate|^hand_?(?:over|off)\b"
)
_ABOUT_WHAT = 2_000
"""Characters of arguments that are read to tell what a call is about."""

_NAME = re.compile(r"(?<![^\s\"'=(,\[])(?=[\w~./@:-]*[./@\d]\w)[\w~./@:-]{4,}(?![^\s\"'),;\]}])")
_COMMAND = re.compile(r'"(?:command|cmd)"\s*:\s*"((?:[^"\\]|\\.)*)')
_TO_NOWHERE = re.compile(r"\d?>&\d|[\d&]?>\s*/dev/null")
_PROGRAM = re.compile(r"(?:^|[;&|])\s*(?:sudo\s+)?([\w./-]+)")
_LOOKS = ANSWERS | frozenset(
    {"ls", "cat", "head", "tail", "find", "stat", "wc", "date", "pwd", "cd", "whoami", "env"}
    | {"ps", "df", "du", "file", "echo", "true", "uname", "id", "hostname", "uptime", "tree", "sort", "jq"}
)
_UNDONE = "not done, as the agent reports"


def ended(call: Call) -> int:
    """When the call was over, as far as the log tells: Unix milliseconds."""
    return max(call.ts, call.ended_at)


@lru_cache(1_024)
def reads(tool: str) -> bool:
    """Whether a tool changes nothing, to go by its name: its first word looks, or it hands the user over.

    "memory" and "web" only tell what is looked at.
    """
    words = _words_of(tool)
    looks = bool(words) and (words[0] in _READS or (words[0] in _ABOUT and words[-1] in _READS))
    return looks or hands_over(tool)


@lru_cache(1_024)
def hands_over(tool: str) -> bool:
    """Whether a tool passes the user on to a person, to go by its name."""
    return bool(_TO_A_PERSON.search("_".join(_words_of(tool))))


def _words_of(tool: str) -> list[str]:
    """The words of a tool's name, without the server that offers it."""
    return [word.lower() for word in _PART.findall(_SERVER.sub("", tool))]


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
        last = turn.calls[-1] if turn.calls else None
        if last and not looks(last) and last.ref not in found and last.result is not None:
            reply = next((message for message in turn.agent if message.ts >= ended(last)), None)
            if reply is not None and phrases.find("failure", said[reply.ref]):
                found[last.ref] = _UNDONE
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


def recovered(conversation: Conversation, failed: Failures) -> dict[Ref, int]:
    """The failed calls that a later call made good, and when the first that did was over.

    That call began after the failure, and is of the same tool about the same thing, or of any tool and about the
    same path, address or identifier. A look makes no act good.
    """
    successes: dict[str, list[Call]] = {}
    result: dict[Ref, int] = {}
    for call in reversed(conversation.calls) if failed else ():
        keys = (call.tool, *_names(call.arguments))
        if call.ref in failed:
            good = [ended(each) for key in keys for each in successes.get(key, ()) if _makes_good(each, call)]
            if good:
                result[call.ref] = min(good)
        elif call.result is not None:
            for key in keys:
                kept = successes.setdefault(key, [])
                kept.append(call)
                del kept[:-16]
    return result


def looks(call: Call) -> bool:
    """Whether a call only looks, to go by its tool's name or the programs that its command runs."""
    if reads(call.tool):
        return True
    found = _COMMAND.search(call.arguments[:_ABOUT_WHAT])
    if not found:
        return False
    command = _TO_NOWHERE.sub("", found[1].replace("\\n", ";"))
    return ">" not in command and all(program in _LOOKS for program in _PROGRAM.findall(command))


def _makes_good(later: Call, failed: Call) -> bool:
    if later.ts < ended(failed) or (looks(later) and not looks(failed)):
        return False
    if later.tool == failed.tool and _alike(later.arguments, failed.arguments):
        return True
    names = _names(failed.arguments)
    return bool(names) and 2 * len(names & _names(later.arguments)) >= len(names)


def _alike(left: str, right: str) -> bool:
    """Whether arguments are about the same thing: equal, or a tenth of their values' words shared.

    The kind of a file says nothing of which file it is.
    """
    if left == right:
        return True
    one, two = _words(left), _words(right)
    if not one or not two:
        return not one and not two
    return len(one & two) >= 0.1 * len(one | two)


@lru_cache(256)
def _words(arguments: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_KIND_OF_FILE.sub("", _values(arguments))))


@lru_cache(256)
def _names(arguments: str) -> frozenset[str]:
    """Paths, addresses and identifiers, at most twenty."""
    return frozenset(_NAME.findall(_values(arguments))[:20])


def _values(arguments: str) -> str:
    """Arguments in lower case, without the names of parameters."""
    return _STRING.sub(lambda found: " " if found[1] else found[0], arguments[:_ABOUT_WHAT]).lower()


def _loops(conversation: Conversation) -> Iterator[Finding]:
    """Runs of failures of the same tool with the same arguments, broken only by its success."""
    runs: dict[tuple[str, str], list[Call]] = {}
    for call in sorted(conversation.calls, key=ended):
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
