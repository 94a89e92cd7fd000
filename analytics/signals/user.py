"""What the user's words show: a correction, a request made again, dissatisfaction."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from analytics.conversation import Conversation, Message, Ref
from analytics.signals.finding import Finding
from analytics.signals.phrases import COMMON, SPACELESS, Phrases, Said, read
from analytics.topics.stopwords import STOPWORDS
from models.rows import MessageStyle

__all__ = ["asks", "closing", "overlap", "trigrams", "user_findings"]

BACK = 8
"""Earlier user messages that a request is compared with."""

OPENING = 400
"""Characters at a message's start in which a correction or a repetition stands."""

SAME = 0.6
"""Share of letter trigrams in common from which two requests are the same."""

SAID_BEFORE = 0.6
"""Share of a message's telling words that an earlier request named, from which it asks the same after a denial."""

AGAIN = 30 * 60_000
"""Milliseconds after the agent's answer from which the same words are no impatience, but the same wish on another occasion."""

LONG = 12
"""Letter trigrams of a request that is compared: a yes or a name may come twice."""
LONG_SPACELESS = 4
"""The same, and the characters left of a goodbye, where a character is a syllable or a word."""

_SCHEDULED = re.compile(r"(?:^|:)(?:cron|hook):")
"""In the key of a session that a timer or another program began."""
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_VALUE = re.compile(r"(?<=\w )[A-Z][\w'-]*|\d+")


@dataclass(frozen=True, slots=True)
class _Asked:
    """An earlier message of the user."""

    ref: Ref
    ts: int
    grams: frozenset[str]
    telling: frozenset[str]
    """Words of three letters or more that are not among the commonest."""
    values: frozenset[str]
    """Words with a digit: numbers, times, identifiers."""
    answered: bool
    """The agent spoke after it."""


def user_findings(
    conversation: Conversation, said: Mapping[Ref, Said], styles: Mapping[Ref, MessageStyle], phrases: Phrases
) -> Iterator[Finding]:
    """Corrections (.5), repeated requests (.4 to .6) and dissatisfaction (.5 to 1) of the user's messages.

    Each follows a message of the agent: what the user says before is no reaction to it. Of a scheduled session nobody
    waits for the answers.
    """
    if _SCHEDULED.search(conversation.session):
        return
    earlier: list[_Asked] = []
    heard: set[str] = set()
    before: Message | None = None
    for message in conversation.messages:
        words = said[message.ref]
        if message.speaker == "agent":
            if before is not None:
                heard.update(_words(said[before.ref]))
            before = message
            earlier = [replace(asked, answered=True) for asked in earlier[-BACK:]]
            continue
        if before is not None:
            refs = (before.ref, message.ref)
            if _corrects(words, phrases) or _rejects(words, before, heard, phrases):
                yield Finding("user_correction", message.ref, 0.5, refs)
            recent = earlier if message.ts - before.ts < AGAIN else []
            open_ = [asked for asked in recent if not _served(asked, message, conversation)]
            yield from _repeated(refs, words, said[before.ref], recent, open_, phrases)
            if phrases.find("dissatisfaction", words):
                style = styles.get(message.ref)
                severity = 0.5 + 0.5 * (style.frustration if style else 0.0)
                yield Finding("dissatisfaction", message.ref, severity, refs)
        earlier.append(
            _Asked(message.ref, message.ts, trigrams(words.text), _telling(words), _values(words), answered=False)
        )
        heard.update(_words(words))


def asks(words: Said, phrases: Phrases) -> bool:
    """Whether a message of the user asks for something."""
    return "?" in words.text or phrases.find("request", words) is not None


def closing(words: Said, phrases: Phrases) -> bool:
    """Whether a message of the user only ends the talk: a farewell, or thanks and yes or no alone."""
    if "?" in words.text:
        return False
    if phrases.find("farewell", words):
        return True
    left = _WORD.findall(phrases.without("closing", words))
    if SPACELESS.intersection(words.languages):
        return sum(map(len, left)) <= LONG_SPACELESS
    return len(left) <= 2


def _corrects(words: Said, phrases: Phrases) -> bool:
    """Whether the user says that something is wrong, and does not only ask how to mend it or tell of others' errors."""
    left = words.first(OPENING)
    for family in ("how", "third_party"):
        if not phrases.find("correction", left):
            return False
        left = Said(phrases.without(family, left), words.languages)
    return phrases.find("correction", left) is not None


def _rejects(words: Said, before: Message, heard: set[str], phrases: Phrases) -> bool:
    """Whether the user says no to what the agent took for the user's wish and nobody had said before.

    "Play it on TV, is that correct?" - "No, in the kitchen", when no message before named a TV.
    """
    if len(words.text) < 12 or not phrases.find("deny", words.first(20)) or closing(words, phrases):
        return False
    took = before.text[-300:]
    if not phrases.find("confirm", read(took)):
        return False
    return any(value.lower() not in heard for value in _VALUE.findall(took))


def _served(asked: _Asked, now: Message, conversation: Conversation) -> bool:
    """Whether tools did what was asked for: the same words again are another order."""
    calls = [call for call in conversation.calls if asked.ts <= call.ts <= now.ts]
    return bool(calls) and all(call.result and not call.error for call in calls)


def _repeated(
    refs: tuple[Ref, Ref], words: Said, before: Said, earlier: list[_Asked], open_: list[_Asked], phrases: Phrases
) -> Iterator[Finding]:
    """The same words again, an insistence on what the agent has just denied, or "as I said".

    Args:
        refs: the message of the agent before, and the message.
        words: what is said.
        before: what the agent said before.
        earlier: what the user had said.
        open_: those of them that no tool has served.
        phrases: the packaged phrases.
    """
    grams, values = trigrams(words.text), _values(words)
    denied = phrases.find("negative", before) is not None
    own = _telling(words)
    spaceless = bool(SPACELESS.intersection(words.languages))
    if len(grams) >= (LONG_SPACELESS if spaceless else LONG):
        for asked in reversed(earlier if denied else open_):
            if not asked.answered or not asked.values >= values or overlap(grams, asked.grams) < SAME:
                continue
            if grams == asked.grams and (asks(words, phrases) or len(own) > 2 or spaceless):
                yield Finding("repeated_request", refs[1], 0.6, (asked.ref, *refs))
                return
            other = own - asked.telling and asked.telling - own
            if not other and asks(words, phrases):
                yield Finding("repeated_request", refs[1], 0.5, (asked.ref, *refs))
                return
    if denied and asks(words, phrases):
        for asked in reversed(earlier):
            if asked.answered and len(shared := own & asked.telling) >= 3 and len(shared) >= SAID_BEFORE * len(own):
                yield Finding("repeated_request", refs[1], 0.5, (asked.ref, *refs))
                return
    opening = words.first(OPENING)
    insists = phrases.find("insist", opening) and not phrases.find("alternative", opening)
    if insists and denied:
        yield Finding("repeated_request", refs[1], 0.5, refs)
    elif phrases.find("repeat", opening):
        yield Finding("repeated_request", refs[1], 0.4, refs)


def trigrams(text: str) -> frozenset[str]:
    """Letter trigrams of a text's words, of its first 1,000 characters: the same measure for every language."""
    return _trigrams(text[:1000].lower())


@lru_cache(2_048)
def _trigrams(text: str) -> frozenset[str]:
    letters = " ".join(_WORD.findall(text))
    return frozenset(letters[at : at + 3] for at in range(len(letters) - 2))


def _words(words: Said) -> set[str]:
    """Words, and the numbers in them: ``14th`` is also ``14``."""
    return {*_WORD.findall(words.text), *_NUMBER.findall(words.text)}


def _telling(words: Said) -> frozenset[str]:
    """Words of three letters or more that are not among the commonest."""
    return frozenset(w for w in _WORD.findall(words.text) if len(w) > 2) - COMMON - STOPWORDS


def _values(words: Said) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(words.text) if any(sign.isdigit() for sign in word))


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Share of what two sets have in common (Jaccard), 0 for two empty ones."""
    common = len(left & right)
    union = len(left) + len(right) - common
    return common / union if union else 0.0
