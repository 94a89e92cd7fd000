"""Text as analysis reads it: plain, storable, without what transports add."""

import re

import msgspec

from models.dialects.nesting import loads
from models.dialects.refusal import Refusal

__all__ = ["brief", "canonical", "clean_agent", "clean_user", "key", "plain", "storable"]

_STAMP = re.compile(r"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?: [^\]\n]{1,40})?\]\s*")
_FENCE = re.compile(r"[^\n]{0,80}\(untrusted[^\n()]{0,40}\):[ \t]*\n```(?:json)?[ \t]*\n")
_DIRECTIVE = re.compile(r"\[\[\s*(?:reply_to_current|reply_to\s*:[^\]\n]{0,200}|audio_as_voice)\s*\]\]\s*")
_CUT_DIRECTIVE = re.compile(r"\[\[?[a-z_]{0,20}(?:\s*:[^\]\n]{0,200})?\]?")
_BOOTSTRAP = "[Bootstrap pending]\n"


def storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def key(value: str | int | None, what: str, limit: int) -> str:
    """An identifier, no longer than a database indexes.

    Raises:
        Refusal: it has more than ``limit`` bytes.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if len(text) * 4 > limit and len(text.encode()) > limit:
        raise Refusal(f"{what} of {len(text.encode()):,} bytes, more than the limit of {limit:,}")
    return text


def plain(value: object) -> str:
    """The text of a string, of content parts, or of an object that holds either."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text for text in map(plain, value) if text)
    if isinstance(value, dict):
        for field in ("text", "content"):
            if (inner := value.get(field)) is not None:
                return plain(inner)
    return ""


def canonical(value: object) -> str:
    """JSON with sorted keys, equal for equal values; arguments that came as JSON in a string are taken out of it."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in "{[":
        inner = loads(value)
        value = value if inner is None else inner
    return storable(msgspec.json.encode(value, order="sorted").decode())


def brief(text: str, limit: int = 300) -> str:
    """On one line of at most ``limit`` characters."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_user(text: str) -> str:
    """A user's message without the metadata blocks and the time stamp that OpenClaw puts before it."""
    text = text.strip()
    if text.startswith(_BOOTSTRAP) and (end := text.find("\n\n")) > 0:
        text = text[end:].lstrip()
    while "(untrusted" in text[:120] and (fence := _FENCE.match(text)):
        end = text.find("\n```", fence.end() - 1)
        if end < 0:
            break
        text = text[end + 4 :].lstrip()
    if text.startswith("[") and (stamp := _STAMP.match(text)):
        text = text[stamp.end() :]
    return text


def clean_agent(text: str) -> str:
    """A reply without the directives before it, also one that is still being written."""
    text = text.strip()
    while text.startswith("[[") or text == "[":
        directive = _DIRECTIVE.match(text)
        if directive is None:
            return "" if _CUT_DIRECTIVE.fullmatch(text) else text
        text = text[directive.end() :]
    return text
