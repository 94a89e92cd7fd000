"""A text in sentences and passages of one size, so that what is said of short and of long texts compares."""

import re
from itertools import pairwise

__all__ = ["PASSAGE", "SENTENCE", "cut"]

SENTENCE = 40
"""Words after which a sentence without an end is cut."""
PASSAGE = 24
"""Words from which on a passage is full, as long as the requests that politeness is learned from (median 22)."""

_END = re.compile(r"[.!?…][\"'”“»)\]]*\s+|[。！？]\s*|\n\s*")
_WORD = re.compile(r"[^\W\d_]{2}")
_LONG = re.compile(rf"(?:\S+\s+){{{SENTENCE}}}")


def cut(text: str) -> list[list[str]]:
    """The passages of a cleaned text, each a row of sentences: together they are the text, spaces included.

    What has no word (the number of a list's point, a smile) belongs to the sentence before it, or to the first. A text
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
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        sentence, start = text[start:end], end
        if found and not (_WORD.search(sentence) and _WORD.search(found[-1])):
            found[-1] += sentence
        elif sentence or not found:
            found.append(sentence)
    return [piece for sentence in found for piece in _pieces(sentence)]


def _pieces(sentence: str) -> list[str]:
    if len(sentence.split()) <= SENTENCE:
        return [sentence]
    cuts = [0, *(match.end() for match in _LONG.finditer(sentence)), len(sentence)]
    return [sentence[start:end] for start, end in pairwise(cuts)]
