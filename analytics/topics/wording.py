"""Say in words what a group of texts is about."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, pairwise
from math import log

from analytics.topics.stopwords import content

__all__ = ["AT_LEAST", "describe"]

_SHARE = 0.2
"""Of a group's texts, how many must have a phrase for it to name the group."""
_NUMBER = re.compile(r"\d{4}")
"""Of orders, users, tickets: such words name no topic."""
AT_LEAST = 3
"""Texts that must have a word or phrase for it to be shown: nothing that only one person said is."""


def _phrases(said: Sequence[str], heavy: AbstractSet[str]) -> set[str]:
    """Runs of two or three words that begin and end with a heavy one."""
    found = {f"{one} {two}" for one, two in pairwise(said) if one in heavy and two in heavy}
    return found | {
        f"{one} {two} {three}"
        for one, two, three in zip(said, said[1:], said[2:], strict=False)
        if one in heavy and three in heavy
    }


def _telling(inside: Counter[str], texts: int, everywhere: Counter[str], total: int, least: int) -> dict[str, float]:
    """How much each word or phrase tells of a group: its share of the group's texts, times the logarithm of how many
    times more often it is there than elsewhere."""
    return {
        word: round(count / texts * log(1 + count / texts / ((everywhere[word] - count + 1) / (total - texts + 1))), 6)
        for word, count in inside.items()
        if count >= min(least, texts) and not _NUMBER.search(word)
    }


def describe(
    groups: Sequence[Sequence[Sequence[str]]], keywords: int = 10, least: int = AT_LEAST
) -> list[tuple[str, tuple[str, ...]]]:
    """A label and the most telling words of each group of texts, given as words, against the other groups.

    Words count that ``least`` texts of a group have.

    The label is the most telling phrase that a fifth of the texts have, else the two most telling words.
    """
    single = [Counter(chain.from_iterable(set(content(text)) for text in texts)) for texts in groups]
    # A phrase that many texts have is of words that many texts have.
    heavy = {
        word
        for texts, ones in zip(groups, single, strict=True)
        for word, count in ones.items()
        if count >= _SHARE * len(texts)
    }
    longer = [Counter(chain.from_iterable(_phrases(text, heavy) for text in texts)) for texts in groups]
    total = sum(len(texts) for texts in groups)
    everywhere: dict[int, Counter[str]] = defaultdict(Counter)
    for at, counters in enumerate((single, longer)):
        for counter in counters:
            everywhere[at].update(counter)
    shown = []
    for texts, ones, runs in zip(groups, single, longer, strict=True):
        told = _telling(ones, len(texts), everywhere[0], total, least)
        best = sorted(told, key=lambda word: (-told[word], word))
        frequent = {phrase: count for phrase, count in runs.items() if count >= _SHARE * len(texts)}
        phrases = _telling(Counter(frequent), len(texts), everywhere[1], total, least)
        label = min(phrases, key=lambda phrase: (-phrases[phrase], phrase), default=", ".join(best[:2]))
        shown.append(((label[:1].upper() + label[1:]) or "Unnamed", tuple(best[:keywords])))
    return shown
