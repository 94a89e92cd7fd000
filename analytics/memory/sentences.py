"""A text's sentences and clauses, in English and German; code, quotations of others and tables are left out."""

import re
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["LONGEST", "clauses", "normal", "sentences"]

LONGEST = 280
"""Characters of a sentence that can be remembered: what is longer is no statement that a line of context can hold."""

_READ = 20_000
_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_ABBREVIATED = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|Nr|vs|approx|ca|bzw|usw|etc|inkl|ggf|evtl|z\.\s?B|d\.\s?h|u\.\s?a|e\.g|i\.e|a\.m|p\.m|Str|Tel"
    r"|Jan|Feb|Apr|Aug|Sept|Okt|Oct|Nov|Dez|Dec)\.$|(?<!\d)\d{1,2}\.$|\b[A-Z]\.$"
)
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“„(]*[\wÀ-ÿ@#/])")
_SKIPPED = re.compile(r"\s*(?:>|\||\{|\[\[|</?\w|#!|\$ |at \w+\.)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_CLAUSE = re.compile(
    r"[;:—–]\s+|\s-\s|,\s+(?:and|but|so|because|since|und|aber|also|denn)\s+(?=(?:i|we|my|our|the|please|ich|wir|mein|unser|bitte)\b)"
    r"|,\s+(?=(?:i|i'm|i'll|we|we'll|my|our|please|let's|remind|ich|wir|mein|meine|unser|unsere|bitte|erinnere?|lass)\b)"
    r"|(?<!if )(?<!when )\s+(?:and|but|und|aber)\s+(?=(?:i|i'm|i'll|we|we'll|my|our|ich|wir|mein|meine|unser|unsere)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\s*((?:\w[\w-]*\s?){1,2}:\s.*)", re.DOTALL)
"""A sentence under a label, such as "Decision: ...", which is of a piece, too."""
_LEAD = re.compile(
    r"(?:(?:and|but|also|so|well|oh|ah|hi|hello|hey|hi there|ok|okay|yes|yeah|yep|no|nope|sure|great|thanks|thank you|sorry|btw|by the way|actually|"
    r"anyway|right|cool|fine|good|perfect|alright|all right|then|just|fyi|for your information|for the record|as you know|good morning|"
    r"just so you know|important|note|ps|p\.s\.|one more thing|hallo|moin|guten (?:tag|morgen|abend)|ja|nein|danke|gut|"
    r"genau|klar|übrigens|aber|und|also|nur so|zur info|wichtig|dann|na gut|super|perfekt|ach so|ach ja|alles klar|in ordnung)\b[\s,!:.–-]+)+",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a message's prose, each on one line, of at most :data:`LONGEST` characters."""
    return tuple(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    prose = _FENCE.sub("\n", text[:_READ]) if "```" in text or "~~~" in text else text[:_READ]
    for line in prose.splitlines():
        if not line or line.isspace() or _SKIPPED.match(line):
            continue
        yield from _cut(_SPACES.sub(" ", _BULLET.sub("", line)).strip())


def _cut(line: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(line):
        if not _ABBREVIATED.search(line[start : end.start()]):
            yield from _short(line[start : end.start()] + end[0].rstrip())
            start = end.end()
    yield from _short(line[start:])


def _short(sentence: str) -> Iterator[str]:
    sentence = sentence.strip()
    if 2 < len(sentence) <= LONGEST:
        yield sentence


def normal(text: str) -> str:
    """One form of quotes."""
    return text.translate(_QUOTES)


def clauses(sentence: str) -> Iterator[str]:
    """Where a statement may begin within a sentence: each main clause without what leads in."""
    text = normal(sentence)
    starts = [0, *(found.end() for found in _CLAUSE.finditer(text))]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        clause = text[start:end]
        if lead := _LEAD.match(clause):
            clause = clause[lead.end() :]
        yield clause.strip(" ,;:-–—")
    if label := _LABEL.match(text):
        yield text[label.start(1) :]
