"""One message being masked: its strings one by one, at every level of JSON within JSON."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from models.redaction.names import Strength, is_placeholder, kind_of, looks_secret, strength

__all__ = ["Masking", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A pattern that finds credentials of one kind, for text and for bytes; compiled when it is needed."""

    kind: str
    pattern: str
    """ASCII."""
    leading: bool
    """Whether a match begins where an anchor does."""

    @cached_property
    def text(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @cached_property
    def raw(self) -> re.Pattern[bytes]:
        return re.compile(self.pattern.encode())


_DEPTH = 4
"""Levels of JSON within strings of JSON that are followed."""

_NAMED = re.compile(
    r"([^\W\d][\w.-]*+)"
    r"([\\\"'`\])*]{0,8}(?: \[[^\]\n]{0,24}\])?[ \t]{0,3}"
    r"(?:=>|:=|={1,3}|:|\|(?=[ \t])|(?<=\s)(?:is|ist|lautet)(?:(?=\s)|:))(?:\*\*|__)?[ \t]{0,3})"
)
_FLAG = re.compile(r"(?<!\S)--?([\w-]*(?:pass(?:word|wd|phrase)?|secret|token|api-?key)(?:-[a-z]+)?)(?:=|\s+)")
_OPTIONS = re.compile(r"-|\w+=")
_LABELLED = (("name", "value"), ("key", "value"), ("Name", "Value"), ("Key", "Value"))
"""As in ``{"name": "DB_PASSWORD", "value": "x"}``."""
_ATTRIBUTES = re.compile(r"""\b(?:name|key)=(["'])([\w.:-]+)\1\s+value=(["'])([^"'\n]{1,1000})\3""")
_TAG = re.compile(r"<([A-Za-z][\w:.-]*+)(?:\s[^<>]*)?>([^<>\s]{1,500})</\1>")
_QUOTED = re.compile(r"(\\*[\"'`])((?:(?!\1)[^\n]){1,4096}?)(?:\1|$|(?=\n))")
_BARE = re.compile(r"[^\s\"'`<>]{1,4096}")
"""Bounded: a page without spaces may have thousands of names, each with all the rest behind it."""
_LINE_START = re.compile(r"(?:^|[\n;]|\\n)\s*(?:export |set |setx |ENV |- |-e )?$")
_ENCODING = re.compile(r"(?:base|sha-?|md|utf-?|argon|pbkdf|oauth)\d+$", re.IGNORECASE)
_CUT_ASSIGNED = re.compile(r"[&;,|]")
_CUT_SAID = re.compile(r"[;,|](?=$|\s)|[)}\]]+[,;.]*$|\\+[nrt]")
_WORD_BEFORE = re.compile(r"([A-Za-z]+) $")
_SCHEME = re.compile(r"((?:Basic|Bearer|Token|Bot|ApiKey|Key|Digest) +)(\S+)$", re.IGNORECASE)
_SECOND_HALF = frozenset({"key", "keys", "phrase", "code", "codes", "token", "id"})


class Masking:
    """Masks the strings of one message and counts what it masked.

    What it returns is the same object when nothing was masked in it.
    """

    def __init__(self, rules: Iterable[Rule], found: Counter[str], *, named: bool) -> None:
        self._rules = list(rules)
        self._named = named
        """Whether telling names are looked for."""
        self._found = found

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
        """A JSON value."""
        if isinstance(value, str):
            return self.string(value, depth)
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, list):
            masked = [self.value(item, depth) for item in value]
            return masked if any(a is not b for a, b in zip(masked, value, strict=True)) else value
        return value

    def string(self, text: str, depth: int = 0) -> str:
        """A string, which may itself be JSON."""
        if len(text) < 5:
            return text
        if depth < _DEPTH and text[0] in '{["' and text[-1] in '}]"':
            try:
                inner = orjson.loads(text)
            except orjson.JSONDecodeError:
                return self.text(text)
            masked = self.value(inner, depth + 1)
            return text if masked is inner else orjson.dumps(masked).decode()
        return self.text(text)

    def text(self, text: str) -> str:
        """Plain text."""
        for rule in self._rules:
            text = self._shaped(rule, text)
        return self._assigned(text) if self._named else text

    def _object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        masked = {}
        changed = False
        for key, item in value.items():
            name = self.text(key) if len(key) >= 20 else key
            done = self._named_value(key, item) if self._named else item
            if done is item:
                done = self.value(item, depth)
            changed |= done is not item or name is not key
            masked[name] = done
        for label, held in _LABELLED:
            named = value.get(label)
            if self._named and isinstance(named, str) and held in value and masked[held] is value[held]:
                masked[held] = self._named_value(named, value[held])
                changed |= masked[held] is not value[held]
        return masked if changed else value

    def _named_value(self, name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
        sure = strength(name)
        if not sure:
            return value
        if isinstance(value, str):
            scheme = _SCHEME.match(value)
            begin, rest = scheme.groups() if scheme else ("", value)
            if name.lower() in {"cookie", "set-cookie"}:
                rest = max(re.split(r"[;=\s]+", rest), key=len)
            return begin + self._mask(kind_of(name)) if looks_secret(rest, sure, quoted=True) else value
        if isinstance(value, int) and value > 999 and sure == Strength.STRONG:
            return self._mask(kind_of(name))
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            masked = [self._named_value(name, item) for item in value]
            return masked if masked != value else value
        return value

    def _mask(self, kind: str) -> str:
        self._found[kind] += 1
        return f"[redacted-{kind}]"

    def _shaped(self, rule: Rule, text: str) -> str:
        spans = []
        for match in rule.text.finditer(text):
            group = match.lastindex or 0
            secret = match[group]
            if "[redacted-" in secret or (group and _is_none(rule.kind, secret)):
                continue
            spans.append((*match.span(group), rule.kind))
        return self._cut(text, spans)

    def _assigned(self, text: str) -> str:
        """Mask what follows telling names: ``password: x``, ``"key": "x"``, ``--token x``, ``<secret>x</secret>``."""
        spans = []
        for match in _NAMED.finditer(text):
            name = _full_name(text, match)
            if _is_none_of_ours(text, match):
                continue
            sure = strength(name)
            if sure and "|" in match[2]:
                sure = Strength.WEAK  # a cell of a table: more often a description
            if sure and (span := _value_span(text, match, sure)):
                spans.append((*span, kind_of(name)))
        for match in _FLAG.finditer(text):
            sure = strength(match[1])
            value = _QUOTED.match(text, match.end()) or _BARE.match(text, match.end())
            if sure and value and not _OPTIONS.match(value[0]):
                group = 2 if value.re is _QUOTED else 0
                if looks_secret(value[group], sure, quoted=bool(group)):
                    spans.append((*value.span(group), kind_of(match[1])))
        for match in _TAG.finditer(text):
            sure = strength(match[1])
            if sure and looks_secret(match[2], sure, quoted=True):
                spans.append((*match.span(2), kind_of(match[1])))
        for match in _ATTRIBUTES.finditer(text):
            sure = strength(match[2])
            if sure and looks_secret(match[4], sure, quoted=True):
                spans.append((*match.span(4), kind_of(match[2])))
        return self._cut(text, sorted(spans))

    def _cut(self, text: str, spans: Iterable[tuple[int, int, str]]) -> str:
        pieces: list[str] = []
        end = 0
        for start, stop, kind in spans:
            if start >= end:
                pieces += text[end:start], self._mask(kind)
                end = stop
        return "".join((*pieces, text[end:])) if pieces else text


def _is_none_of_ours(text: str, match: re.Match[str]) -> bool:
    """Whether what looks like a name and its sign is something else.

    Such are ``${NAME:?missing}``, a part of ``arn:aws:secretsmanager:eu:1234:secret:prod/db``, ``PASS: 12 tests``.
    """
    before = text[max(0, match.start() - 2) : match.start()]
    return before == "${" or match[2] == before[-1:] == ":" or (match[1] == "PASS" and "=" not in match[2])


def _full_name(text: str, match: re.Match[str]) -> str:
    """The name in front of a sign, with the word before it where two make the name (``API key:``)."""
    name = match[1]
    if name.lower() in _SECOND_HALF:
        before = _WORD_BEFORE.search(text, max(0, match.start() - 20), match.start())
        return f"{before[1]}_{name}" if before else name
    return name


def _value_span(text: str, match: re.Match[str], sure: Strength) -> tuple[int, int] | None:
    """Where the secret behind a name lies, or None when there is none."""
    start = match.end()
    spoken = match[2].strip(" \"'`:")[-1:].isalpha()  # "the password is x"
    if quoted := _QUOTED.match(text, start):
        said = spoken and not _mixed(quoted[2])
        return quoted.span(2) if looks_secret(quoted[2], sure, quoted=True) and not said else None
    bare = _BARE.match(text, start)
    if not bare:
        return None
    variable = match[1].isupper() and "=" in match[2]
    whole = variable and bool(_LINE_START.search(text, max(0, match.start() - 12), match.start()))
    value = bare[0]
    if not whole:
        cut = (_CUT_ASSIGNED if "=" in match[2] else _CUT_SAID).split(value, maxsplit=1)[0]
        value = cut.rstrip(".,;:!?)}]\\")
    end = start + len(value)
    if not looks_secret(value, sure, quoted=whole, alone=whole or _ends(text[end : end + 3])):
        return None
    return None if spoken and not _mixed(value) else (start, end)


def _ends(rest: str) -> bool:
    """Whether what follows a word ends its line or its sentence."""
    return not rest.strip(".!\\") or rest[0] in "\n\r" or rest.startswith(("\\n", ".\n", "!\n"))


def _mixed(value: str) -> bool:
    """Whether it has what passwords that are spoken of have and words have not."""
    value = value.rstrip(".,;:!?")
    if _ENCODING.match(value):
        return False
    return (
        len(value) >= 5 and any(not char.isalpha() and char != "-" for char in value) and any(map(str.isalpha, value))
    )


def _is_none(kind: str, value: str) -> bool:
    """Whether what stands in a credential's place is none."""
    return is_placeholder(value) or (
        kind in {"bearer-token", "url-key"} and not looks_secret(value, Strength.WEAK, quoted=True)
    )
