"""Whether a tool's result is a failure, and why.

Tools say so in many ways, and often in none but their words: flags, an error beside the result, a status or exit code
in the details, an error text in an otherwise fine result. What the tool's details say outweighs its words, so that
a file or a log that merely mentions errors is no failure.
"""

import re

import msgspec

from models.dialects.nesting import loads
from models.dialects.texts import brief, plain

__all__ = ["failure", "reason"]

_FAILED = frozenset({"error", "failed", "failure", "timeout", "timed_out"})
_FINE = frozenset({"completed", "ok", "success", "succeeded", "done"})
_EXIT = re.compile(r"\(?(?:Command|Process) exited with code (-?\d{1,10})\)?\.?\s*\Z")
_KINDS = (
    "API|Authentication|Client|Command|Connection|Database|Execution|HTTP|Internal|Internal server|Network|Parse|Query|"
    "Request|Runtime|Server|SQL|Syntax|System|Timeout|Tool|Tool execution|Type|Unexpected|Validation"
)
_TITLE = r"(?![^\n]*\b(?i:explained|how to (?:fix|solve|resolve|avoid)|what it means|stack ?overflow|wikipedia)\b)"
"""No failure but a page about one, as a search finds it."""

_ERROR = re.compile(
    r"[^\w\n<]{0,6}"  # "**", "- ", an emoji
    r"(?:"
    r"(?:(?:[A-Za-z_]\w{0,60}\.){0,5}\w{0,60}(?:Error|Exception)"
    rf"|(?:(?:{_KINDS}) )?[Ee]rror|ERROR|FATAL|fatal|Fehler)"
    r"[*_]{0,2}(?:\s\d{1,5})?(?:\s?[\[(][^\])\n]{1,40}[\])])?\s?:[*_]{0,2}\s?"  # ValueError: ..., API error (404): ...
    r"(?!(?:none|null|0|\d*[.,]\d+\s?%?)\W*\Z)"  # but no measured error
    r"(?!(?:none|no|0) (?:found|detected|reported|errors?|failures?|issues?|problems?|warnings?)\b[^\n]{0,40}\Z)\S"
    r"|Traceback \(most recent call last\):"
    rf"|{_TITLE}(?:(?:Failed|Unable) to [a-z]|HTTP(?:/\d(?:\.\d)?)?(?: [Ee]rror)? [45]\d\d\b)"
    r"|Unknown (?:tool|function)\b|npm (?:ERR!|error) \S"
    r"|(?:[Ee]rror|ERROR|[Ff]ailed|[Ff]ailure)\W{0,2}\Z"
    r")"
    r"|<(?:tool_use_)?error>"
)
_REASON = r"(?:[Cc]ommand not found|not found|No such file or directory|Permission denied|Operation not permitted)"
_ALONE = re.compile(
    r"(?:[\w./-]*sh: (?:(?:line )?\d+: )?"  # bash: line 1: foo: command not found
    rf"(?:[^\n:]{{1,200}}: {_REASON}|command not found: \S[^\n]{{0,200}})"
    r"|[a-z]\w{0,30}: [^\n:]{1,200}: (?:No such file or directory|Permission denied|(?:Is|Not) a directory)"
    r"|(?:[Pp]ermission denied|[Aa]ccess denied|[Cc]ommand not found|No such file or directory)"
    r"(?: \([\w,-]+\))?)[.!]?\Z"
)
"""What a shell or a program says of its failure, where it is all that there is to the text."""

_EXIT_FIRST = re.compile(r"\A\s*[Ee]xit (?:code|status):? (-?\d{1,10})[ \t]*(?:\n|\Z)")
_MARKS = (
    *('"error"', '"errors"', '"status"', '"statusCode"', '"status_code"', '"success"', '"ok"', '"isError"'),
    *('"exitCode"', '"exit_code"'),
)
_NUMBER = re.compile(r"-?\d{1,10}")
_HTTP = re.compile(r"[45]\d\d")
_STATUS = ("status", "statusCode", "status_code")
_CODE = ("exitCode", "exit_code")
_SAID = ("message", "detail", "title", "reason", "statusText")
_RUN = frozenset({*_CODE, "output", "command", "cmd", "cwd", "duration", "durationMs", "duration_ms", "timedOut"})
"""What the result of a command has at most, besides what it printed; a record of a job has more: its name, its place."""

_FOUND = ("matches", "results", "hits", "items", "rows")
_ANSWER = frozenset(
    {"errors", "error", "data", "extensions", "headers", "body", "code", "type", "instance", "requestId"}
    | {"request_id", *_STATUS, *_SAID}
)
"""What an answer over HTTP has at most; a record about something else has more: a name, an address, an amount."""
_ONE_ERROR = frozenset(
    {"message", "locations", "path", "extensions", "errorType", "errorInfo", "data"}  # GraphQL
    | {"id", "links", "status", "code", "title", "detail", "source", "meta"}  # JSON:API
    | {"type", "field", "reason", "domain", "param", "description"}
)
"""What an error about a call has at most; one that was found in a log or a file has more: a time, a line."""
_NO_ERROR = frozenset({"", "none", "null", "false", "no", "ok", "0"})


def reason(error: object) -> str:
    """What an ``error`` field says; empty when it says that there was none."""
    if isinstance(error, str):
        return "" if error.strip().lower() in _NO_ERROR else brief(error)
    if isinstance(error, dict):
        for field in ("message", "error", "reason", "detail", "title", "code", "type", "name"):
            if said := reason(error.get(field)):
                return said
    if isinstance(error, list):
        return next(filter(None, map(reason, error)), "")
    if not error or error is True:
        return "failed" if error else ""
    return brief(msgspec.json.encode(error).decode())


def failure(result: object, *, error: object = None, is_error: bool | None = None) -> str:
    """Why a tool result is a failure, on one line; empty when it is none."""
    if error is not None and (said := reason(error)):
        return said
    text = plain(result)
    details = result.get("details") if isinstance(result, dict) else None
    if is_error:
        return _object(details, _FAILED) or _words(text) or brief(text) or "failed"
    if isinstance(details, dict) and details:
        return _details(details, text)
    return _object(result) or _words(text)


def _details(details: dict[str, object], text: str) -> str:
    """The failure that a result's details report, or its words where the details leave it open."""
    code = _exit_code(details)
    if code:
        return _exit(text, code)
    if said := _object(details, _FAILED):
        return said
    if signal := details.get("exitSignal"):
        return brief(f"ended by {signal}")
    if code == 0:
        return ""
    fine = str(details.get("status")).lower() in _FINE or details.get("kind") == "text"
    return _exited(text) if fine else _words(text)


def _object(value: object, failed: frozenset[str] = frozenset({"error"})) -> str:
    """The failure that an object reports about itself; ``failed`` are the states that mean one.

    A result that is data may well tell of a job or a payment that failed, so there only ``error`` means the call, and
    only where it says why or is no record of something else.
    """
    if not isinstance(value, dict):
        return ""
    if said := reason(value.get("error")):
        return said
    status = value.get("status")
    said = reason(value.get("message")) or reason(value.get("reason"))
    own = said or failed is _FAILED or value.keys() <= _ANSWER | {"content"}
    nothing_found = not said and any(value.get(field) == [] for field in _FOUND)
    if (
        (isinstance(status, str) and status.lower() in failed and own)
        or (False in (value.get("success"), value.get("ok")) and not nothing_found)
        or value.get("isError") is True
    ):
        return said or brief(plain(value)) or "failed"
    ran = "stdout" in value or "stderr" in value or ("output" in value and value.keys() <= _RUN)
    if ran and (code := _exit_code(value)):
        return _exit(
            next(filter(None, (plain(value.get(field)) for field in ("stderr", "stdout", "output"))), ""), code
        )
    return _answer(value) if value.keys() <= _ANSWER else ""


def _answer(value: dict[str, object]) -> str:
    """The failure that an answer over HTTP reports: by its status, or by errors and no data.

    Data beside the errors, as GraphQL may give them, is something to go on with and so no failure. Errors that are
    mere texts may be what was asked for, unless a message or a missing ``data`` says that they are not.
    """
    status = next((str(value[field]) for field in _STATUS if _HTTP.fullmatch(str(value.get(field)))), "")
    data, errors = value.get("data"), value.get("errors")
    nothing = not data or (isinstance(data, dict) and all(each is None for each in data.values()))
    failed = bool(errors) and nothing and (_of_a_call(errors) or "data" in value or "message" in value)
    if not (status or failed):
        return ""
    said = next(filter(None, (reason(value.get(field)) for field in _SAID)), "")
    return said or reason(errors) or f"HTTP {status}"


def _of_a_call(errors: object) -> bool:
    """Whether errors have the form of those that a call ends with."""
    each = errors if isinstance(errors, list) else [errors]
    return all(isinstance(one, dict) and one and one.keys() <= _ONE_ERROR for one in each)


def _exit_code(value: dict[str, object]) -> int | None:
    """The exit code of a command, which may be written as text."""
    for field in _CODE:
        code = value.get(field)
        if isinstance(code, int) and not isinstance(code, bool):
            return code
        if isinstance(code, str) and _NUMBER.fullmatch(code):
            return int(code)
    return None


def _words(text: str) -> str:
    """The failure that a result's text reports."""
    head = text[:200].lstrip()
    if head.startswith('"') or (head.startswith("{") and any(mark in text for mark in _MARKS)):
        value = loads(text)
        if isinstance(value, dict):
            return _object(value)
        if isinstance(value, str):
            return brief(value) if _ERROR.match(value.lstrip()) else ""
    if head.startswith("Traceback") and _ERROR.match(head):
        return brief(text.strip().splitlines()[-1])
    if (_ERROR.match(head) and text.count("\n") <= 20) or _ALONE.match(text.strip()):
        return brief(text)
    return _exited(text)


def _exited(text: str) -> str:
    """The exit code that a text begins or ends with, unless it is 0, and its last words."""
    found = _EXIT_FIRST.match(text) or _EXIT.search(text[-80:])
    return _exit(text, int(found[1])) if found and int(found[1]) else ""


def _exit(text: str, code: int) -> str:
    left = _EXIT.sub("", _EXIT_FIRST.sub("", text, count=1))
    lines = [line for line in left.splitlines() if line.strip() and line.strip() != "(no output)"]
    return brief(lines[-1], 280) + f" (exit code {code})" if lines else f"exit code {code}"
