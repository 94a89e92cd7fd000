"""What statements worth remembering look like, in English and German: ``rules.toml``, compiled.

A rule is matched at the beginning of a clause; the first that matches counts. Its subject says what the statement is
about: a newer statement of the same subject takes the place of an older one. ``{1}`` in it stands for the first group and
``{0}`` for what is done; of several subjects, parted by ``|``, the last is what is asserted and the others end.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

__all__ = ["HEADS", "Rule", "rules"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One form of statement."""

    kind: str
    """``fact``, ``preference``, ``decision``, ``commitment``, ``pending`` or ``done``."""
    pattern: str
    """A regular expression, case aside but for ``(?=[A-Z])`` and names in capitals."""
    subject: str = ""
    speakers: tuple[str, ...] = ("user",)
    own: bool = False
    """Whether the statement is about who says it, not about all that the agent works for."""
    due: bool = False
    """Whether it counts only where the sentence says when."""
    weight: float = 0.5
    """How much it matters, 0..1."""


HEADS = ("i", "we", "my", "our", "the", "ich", "wir")
"""First words that rules are told apart by."""
_ANY = "*"
_PART = re.compile(r"<([a-z_]+)>")

Compiled = tuple[Rule, re.Pattern[str]]


@cache
def rules(head: str) -> tuple[re.Pattern[str], tuple[Compiled, ...]]:
    """The rules that a clause may meet whose first word is ``head`` (in lower case), in the order they count; and before
    them one expression that matches what any of them does, since most clauses meet none."""
    met = tuple(
        (rule, _compiled(rule.pattern))
        for rule in _every()
        if (heads := _heads(rule.pattern)) == {_ANY} or head in heads
    )
    return _compiled("|".join(f"(?:{rule.pattern})" for rule, _ in met)), met


@cache
def _every() -> tuple[Rule, ...]:
    told: dict[str, Any] = tomllib.loads((files("analytics") / "memory" / "rules.toml").read_text("utf-8"))
    parts: dict[str, str] = {}
    for name, part in told["parts"].items():
        parts[name] = _whole(part, parts)
    written = (one | {"pattern": _whole(one["pattern"], parts)} for one in told["rule"])
    return tuple(msgspec.convert(one, Rule) for one in written)


def _whole(pattern: str, parts: dict[str, str]) -> str:
    return _PART.sub(lambda found: parts[found[1]], pattern)


def _heads(pattern: str) -> Iterable[str]:
    """The words that a pattern begins with, as far as that is plain."""
    if alternatives := re.match(r"\(\?:([a-z]+)\|([a-z]+)\)(?=[ (])", pattern):
        return {alternatives[1], alternatives[2]}
    if (word := re.match(r"([a-z]+)(?=[ (])(?! ?\?)", pattern)) and word[1] in HEADS:
        return {word[1]}
    return {_ANY}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    pattern = re.sub(r"\[A-Z(?:ÄÖÜ)?\]", lambda found: f"(?-i:{found[0]})", pattern)
    return re.compile(pattern, re.IGNORECASE)
