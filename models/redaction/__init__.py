"""Credentials masked in events: a pure function of their bytes.

Most events hold none, so the way through is short: one pass over the bytes looks for the literals that every known
credential or telling name contains, then the few patterns that those allow are tried on the bytes. Only when one of
them matches is the JSON taken apart: each string is masked on its own, nested JSON included, so that what comes out is
JSON whenever what went in was.

Libraries that know such patterns (detect-secrets, whispers) look for secrets in files of code and report them:
they mask nothing, know no JSON, and are far too slow for every event of a log.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import orjson
from ahocorasick_rs import BytesAhoCorasick, Implementation

from models.events import Event
from models.redaction.mask import Masking, Rule
from models.redaction.names import WORDS, kind_of
from models.redaction.shapes import SHAPES

__all__ = ["Redacted", "Redactor", "marks_in"]


class Redacted(NamedTuple):
    """What is left, and how much of each kind was masked."""

    data: bytes
    found: Mapping[str, int]


_NOTHING: Mapping[str, int] = {}

# What follows a telling name in front of a value, in lower case; what holds nothing is not worth a look, nor are
# numbers, but where a password may be one: most are counts of tokens.
_SIGN = (
    rb"(?:(?<=[:=])|[\w.-]{0,24}+[\\\"'`\])* ]{0,8}+(?:\[[^\]\n]{0,24}\])?"
    rb"(?:[:=>|]|(?<= )(?:is|ist|lautet)[ :]|,?\s*\\*\"?value))"
)
_NOTHING_THERE = rb"null|true|false|\\*\"\\*\""
_VALUE = re.compile(_SIGN + rb"(?!\s*(?:\d+(?:\.\d+)?|" + _NOTHING_THERE + rb")\s*[,}\]])")
_VALUE_OR_NUMBER = re.compile(_SIGN + rb"(?!\s*(?:" + _NOTHING_THERE + rb")\s*[,}\]])")
_OPTION = re.compile(rb" ?(?<!-)--?[\w-]{0,40}?(?:pass|secret|token|key)[\w-]{0,40}[= ]")
_ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")

_RULES = tuple(Rule(shape.kind, shape.pattern, shape.leading) for shape in SHAPES)
_OPTIONS = ("--", " -pass", " -token", " -secret", " -storepass", " -keypass")
_LITERALS = sorted({anchor for shape in SHAPES for anchor in shape.anchors} | set(WORDS) | set(_OPTIONS))
_ANCHORS = BytesAhoCorasick([literal.encode() for literal in _LITERALS], implementation=Implementation.DFA)
_BY_LITERAL = tuple(
    tuple(number for number, shape in enumerate(SHAPES) if literal in shape.anchors) for literal in _LITERALS
)
_AFTER_WORD = tuple(
    None if literal not in WORDS else _VALUE_OR_NUMBER if kind_of(literal) == "password" else _VALUE
    for literal in _LITERALS
)
_IS_OPTION = tuple(literal in _OPTIONS for literal in _LITERALS)


_MARK = re.compile(r"\[redacted-([^\[\]\s]{1,100})\]")


def marks_in(text: str) -> Counter[str]:
    """What was masked in a text, whoever masked it: how much of each kind."""
    return Counter(_MARK.findall(text)) if "[redacted-" in text else Counter()


class Redactor:
    """Masks credentials as ``[redacted-<kind>]``; masking twice changes nothing more.

    Args:
        patterns: further regular expressions by the kind that they find. The group that matched, where there is
            one, is what is masked, else the whole match is.
        enabled: False: nothing is masked.

    Raises:
        ValueError: a pattern is no regular expression, or matches the empty string.
    """

    def __init__(self, patterns: Mapping[str, str] | None = None, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._own = [_own_rule(kind, pattern) for kind, pattern in sorted((patterns or {}).items())]

    def message(self, data: bytes) -> Redacted:
        """Mask the credentials of a message: JSON stays JSON, anything else is treated as text.

        A message without credentials comes back as it is, the same object.
        """
        rules, named = self._suspects(data)
        if not rules and not named:
            return Redacted(data, _NOTHING)
        found: Counter[str] = Counter()
        masking = Masking(rules, found, named=named)
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            text = data.decode("utf-8", "surrogateescape")
            changed = masking.text(text)
            return Redacted(data if changed is text else changed.encode("utf-8", "surrogateescape"), found)
        masked = masking.value(value)
        return Redacted(data if masked is value else orjson.dumps(masked), found)

    def text(self, text: str) -> tuple[str, Mapping[str, int]]:
        """Mask the credentials of a text."""
        rules, named = self._suspects(text.encode("utf-8", "surrogatepass"))
        if not rules and not named:
            return text, _NOTHING
        found: Counter[str] = Counter()
        return Masking(rules, found, named=named).string(text), found

    def event(self, event: Event) -> tuple[Event, Mapping[str, int]]:
        """Mask the credentials of an event, in each field that can hold any.

        Counted is what was masked in the payload, which the other fields repeat.
        """
        payload, found = self.message(event.payload.encode("utf-8", "surrogatepass"))
        if event.payload and not found:
            return event, found
        fields = {}
        for name in ("text", "name", "error", "arguments"):
            value: str = getattr(event, name)
            masked, _ = self.text(value)
            if masked is not value:
                fields[name] = masked
        if found:
            fields["payload"] = payload.decode("utf-8", "surrogatepass")
        return (msgspec.structs.replace(event, **fields) if fields else event), found

    def _suspects(self, data: bytes) -> tuple[list[Rule], bool]:
        """The rules that find something, as far as can be told from the bytes, and whether telling names may."""
        if not self._enabled:
            return [], False
        # Some producers escape what need not be escaped; a single byte is found faster than four.
        if b"\\" in data and b"\\u00" in data:
            data = _ESCAPED.sub(lambda escape: bytes.fromhex(escape[1].decode()), data)
        low = data.lower()
        hits = _ANCHORS.find_matches_as_indexes(low, overlapping=True)
        own = [rule for rule in self._own if rule.raw.search(data)] if self._own else []
        if not hits:
            return own, False
        found: set[int] = set()
        sought: set[int] = set()
        """Rules that were tried on all of it: once is enough, however often their literals are there."""
        named = False
        for literal, start, end in hits:
            for number in _BY_LITERAL[literal]:
                if number in found or number in sought:
                    continue
                rule = _RULES[number]
                if not rule.leading:
                    sought.add(number)
                if rule.raw.match(data, start) if rule.leading else rule.raw.search(data):
                    found.add(number)
            if named:
                continue
            if after := _AFTER_WORD[literal]:
                named = after.match(low, end) is not None
            elif _IS_OPTION[literal]:
                named = _OPTION.match(low, start) is not None
        return [*(_RULES[number] for number in sorted(found)), *own], named


def _own_rule(kind: str, pattern: str) -> Rule:
    try:
        rule = Rule(kind, pattern, leading=False)
        empty = rule.text.match("") or rule.raw.match(b"")
    except re.error as error:
        raise ValueError(f"redaction pattern {kind!r}: {error}") from None
    if empty:
        raise ValueError(f"redaction pattern {kind!r}: it matches the empty string")
    return rule
