"""A text in sentences and passages of one size, so that what is said of short and of long texts compares."""

import re
from itertools import pairwise

__all__ = ["PASSAGE", "SENTENCE", "bind", "cut"]

SENTENCE = 40
"""Words after which a sentence without an end is cut."""
PASSAGE = 24
"""Words from which on a passage is full, as long as the requests that politeness is learned from (median 22)."""
WRAPPED = 40
"""Characters of a line from which on a next line that begins with a small letter goes on with its sentence."""

_END = re.compile(r"(?P<sign>[.!?…]+)[\"'”“»)\]]*\s+|[。！？]\s*|\n\s*")
_WORD = re.compile(r"\b(?!CODE_|URL_)[^\W\d_]{2}")
_LAST = re.compile(r"[\w.]*\w\Z")
_LONG = re.compile(rf"(?:\S+\s+){{{SENTENCE}}}")
_INSIDE = re.compile(r"(?<=\w)[-.:]+(?=\w)")
_ABBREVIATIONS = {
    *(
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
        "st",
        "jr",
        "sr",
        "vs",
        "fig",
        "approx",
        "inc",
        "ltd",
        "e.g",
        "i.e",
        "max",
        "min",
    ),
    *(
        "nr",
        "abs",
        "ca",
        "bzw",
        "bzgl",
        "ggf",
        "evtl",
        "inkl",
        "tel",
        "str",
        "hr",
        "fr",
        "vgl",
        "sog",
        "z.b",
        "d.h",
        "u.a",
    ),
    *("jan", "feb", "mär", "mrz", "apr", "jun", "jul", "aug", "sep", "sept", "okt", "oct", "nov", "dez", "dec"),
}


def bind(text: str) -> str:
    """A text whose hyphens, points and colons within words end no sentence: "one-stop", "user.name", "12:30"."""
    return _INSIDE.sub("_", text.replace("\n", " "))


def cut(text: str) -> list[list[str]]:
    """The passages of a cleaned text, each a row of sentences: together they are the text, spaces included.

    What has no word (a smile, a line of a table, code) belongs to the sentence before it, or to the first. A text
    without an end is one passage of one sentence.
    """
    passages: list[list[str]] = [[]]
    words = 0
    for sentence in _sentences(text):
        if words >= PASSAGE:
            passages.append([])
            words = 0
        passages[-1].append(sentence)
        words += len(sentence.split())
    if words < PASSAGE // 2 and len(passages) > 1:
        rest = passages.pop()
        passages[-1] += rest
    return passages


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    start = 0
    for end in (*(match.end() for match in _END.finditer(text) if _ends(match, text)), len(text)):
        sentence, start = text[start:end], end
        if found and not (_WORD.search(sentence) and _WORD.search(found[-1])):
            found[-1] += sentence
        elif sentence or not found:
            found.append(sentence)
    return [piece for sentence in found for piece in _pieces(sentence)]


def _ends(match: re.Match[str], text: str) -> bool:
    """Whether a sign or a line break ends a sentence there."""
    sign, following = match["sign"], text[match.end() : match.end() + 1]
    if sign is None:
        line = match.start() - text.rfind("\n", 0, match.start()) - 1
        return match[0][0] != "\n" or line < WRAPPED or not following.islower()
    if "\n" in match[0] or "!" in sign or "?" in sign:
        return True
    if sign != ".":
        return not following.islower()
    last = _LAST.search(text, max(0, match.start() - 12), match.start())
    word = last[0] if last else ""
    if word.lower() == "no":
        return not following.isdigit()
    return not (word.isdigit() or (len(word) == 1 and word != "I") or word.lower() in _ABBREVIATIONS)


def _pieces(sentence: str) -> list[str]:
    if len(sentence.split()) <= SENTENCE:
        return [sentence]
    cuts = [0, *(match.end() for match in _LONG.finditer(sentence)), len(sentence)]
    return [sentence[start:end] for start, end in pairwise(cuts)]
