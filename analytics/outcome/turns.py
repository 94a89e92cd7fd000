"""How a turn went for the user, told from its words and styles: what the outcome of a session is made of."""

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.conversation import Conversation, Message, Ref
from analytics.signals.phrases import load, read
from analytics.signals.user import overlap, trigrams
from analytics.text import clean, tokens
from models.rows import MessageStyle

__all__ = ["BUCKETS", "DENSE", "Turn", "buckets", "turns"]

BUCKETS = 1 << 15
"""Hash buckets of words and pairs of words (Weinberger et al. 2009), for each side."""

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
_PLACES = ("own", "before", "after", "previous", "next", "mean")

_USER = ("thanks", "negative", "deny", "insist", "correction", "dissatisfaction", "repeat", "farewell", "request")
_EARLIER = ("negative", "deny")
_AGENT = ("negative", "refusal", "success", "handover")

DENSE = (
    *(f"{place}.{style}" for place in _PLACES for style in STYLES),
    *(f"own.{family}" for family in (*_USER, "exclaims")),
    *(f"previous.{family}" for family in _EARLIER),
    *(f"{place}.{family}" for place in ("before", "after") for family in _AGENT),
    *("place", "first", "last", "alike", "turns"),
)
"""Names of a turn's dense features: styles of the user's message, of the agent's nearest ones, of the user's message
before and after, of the user's mean; families of phrases (ten languages) in the message, in the user's one before and in
the agent's nearest; where in the session it stands, and how much it repeats the message before."""

_REFUSING = [_USER.index(family) for family in _EARLIER]

_SHORT = 2_000
"""Characters of a text whose features are remembered for a while."""
_REMEMBERED = 2_048

_NEUTRAL = (0.5, 0.5, 0.5, 0.5, 0.5, 0.1, 0.2, 0.2)
_QUOTED = re.compile(r"\"[^\"\n]{1,80}\"|“[^”\n]{1,80}”|«[^»\n]{1,80}»")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the user with what it answers."""

    ref: Ref
    user: Mapping[int, float]
    """Bucket: 1 + log of how often (of words and pairs) in the message."""
    agent: Mapping[int, float]
    """The same of the agent's two messages before it."""
    dense: NDArray[np.float64]
    """In the order of :data:`DENSE`."""


def turns(conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> list[Turn]:
    """The messages of the user in order, with features; styles that are not given count as neutral."""
    messages = conversation.messages
    rows = [_row(styles.get(message.ref)) for message in messages]
    users = [at for at, message in enumerate(messages) if message.speaker == "user"]
    if not users:
        return []
    mean = np.mean([rows[at] for at in users], axis=0)
    neutral = np.array(_NEUTRAL)
    before, after = _nearest(messages, rows, "agent", neutral)
    flags = [(_known_flags if len(m.text) <= _SHORT else _flags)(m.text, m.speaker) for m in messages]
    earlier, coming = _nearest(messages, flags, "agent", np.zeros(len(_AGENT)))
    previous, later = _nearest(messages, rows, "user", neutral)
    denied, _ = _nearest(messages, flags, "user", np.zeros(len(_USER) + 1))
    result: list[Turn] = []
    said: list[str] = []
    last: frozenset[str] = frozenset()
    for at, message in enumerate(messages):
        if message.speaker == "agent":
            said.append(message.text)
            continue
        place, grams = len(result), trigrams(message.text)
        where = [place / len(users), place == 0, place == len(users) - 1, overlap(grams, last), math.log(len(users))]
        styled = (rows[at], before[at], after[at], previous[at], later[at], mean)
        dense = np.concatenate(
            [*styled, flags[at], denied[at][_REFUSING], earlier[at], coming[at], np.array(where, float)]
        )
        result.append(Turn(message.ref, buckets(message.text), buckets("\n".join(said[-2:])), dense))
        said, last = [], grams
    return result


def buckets(text: str) -> Mapping[int, float]:
    """Words and pairs of words, hashed; numbers are one word, and so are quotations."""
    return _known_buckets(text) if len(text) <= _SHORT else _buckets(text)


def _buckets(text: str) -> dict[int, float]:
    words = tokens(_QUOTED.sub(" QUOTE_ ", clean(text)))
    words = [word for word in words if word[0].isalnum() or word in "?!"]
    counts = Counter(words)
    counts.update(f"{one} {two}" for one, two in pairwise(words))
    found: Counter[int] = Counter()
    for gram, count in counts.items():
        found[zlib.crc32(gram.encode()) % BUCKETS] += count
    return {bucket: 1.0 + math.log(count) for bucket, count in sorted(found.items())}


def _row(style: MessageStyle | None) -> NDArray[np.float64]:
    return np.array(_NEUTRAL if style is None else [getattr(style, name) for name in STYLES], dtype=float)


def _flags(text: str, speaker: str) -> NDArray[np.float64]:
    said, phrases = read(text), load()
    found = [phrases.find(family, said) is not None for family in (_USER if speaker == "user" else _AGENT)]
    return np.array([*found, "!" in said.text] if speaker == "user" else found, dtype=float)


# A session is read twice, as it was and without the agent's words, and agents repeat themselves.
_known_buckets = lru_cache(_REMEMBERED)(_buckets)
_known_flags = lru_cache(_REMEMBERED)(_flags)


def _nearest(
    messages: Sequence[Message], rows: Sequence[NDArray[np.float64]], speaker: str, nothing: NDArray[np.float64]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Of every message: the row of a speaker's last message before it, and of the first after it, else ``nothing``."""
    before, after = [nothing] * len(rows), [nothing] * len(rows)
    last = nothing
    for at, message in enumerate(messages):
        before[at] = last
        last = rows[at] if message.speaker == speaker else last
    last = nothing
    for at in range(len(messages) - 1, -1, -1):
        after[at] = last
        last = rows[at] if messages[at].speaker == speaker else last
    return before, after
