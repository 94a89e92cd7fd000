"""Which of a pool of passages answer a question: a linear model over what words, neighbours, names and times say.

The words a passage shares with the question count by their rarity (BM25, Robertson and Zaragoza 2009); so do those of
the passages around it, since an answer often stands beside the words that were asked for, and those of its whole
session. The weights were learned on conversations of people over months (``analytics/training/recall.py``).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log

import msgspec
import numpy as np
from numpy.typing import NDArray

from analytics import embedding
from analytics.recall.terms import LONGEST, Word, query_words, split, stems
from analytics.recall.times import DAY, Span, find

__all__ = [
    "FEATURES",
    "Passage",
    "Question",
    "Ranked",
    "Weights",
    "features",
    "idf",
    "likeness",
    "load",
    "rank",
    "read",
]

Floats = NDArray[np.float64]

_K, _B = 1.2, 0.6
"""Parameters of BM25."""
_NEAR_TIME = 14 * DAY
"""From so far away, what is said may still be about the time that was asked for."""
_EMBEDDED = 32
"""Best passages that are compared with the question by their vectors, too."""

_NAME = re.compile(r"^\s*([^\W\d_][\w'-]{1,30}):\s")
_TIME_WORDS = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|last|next|ago|weeks?|months?|years?|weekend|since|\d{4}|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|"
    r"november|december|gestern|heute|morgen|woche|monat|jahr|januar|februar|märz|mai|juni|juli|oktober|dezember|"
    r"(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch)\b"
)
_WHEN = re.compile(r"\b(?:when|how long|what (?:date|day|month|year)|wann|seit wann|wie lange)\b")


class Passage(msgspec.Struct, frozen=True, gc=False):
    """Something said, as far as ranking looks at it."""

    id: int
    """The index's number for it."""
    stream: str
    seq: int
    event_id: str
    """The producer's identifier."""
    ts: int
    agent: str
    session: str
    place: int
    """Number within its session."""
    speaker: str
    tool: str
    terms: str
    """Its stems, as the index has them."""
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for."""

    text: str
    words: Mapping[Word, str]
    """Its words and how they were written; those that name a time are left out."""
    span: Span | None
    """The time it names."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage, how well it answers, and the reason in words."""

    passage: Passage
    score: float
    why: str
    says: bool
    """Whether it has a word of the question itself."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`rank` multiplies features with."""

    first: dict[str, float]
    """Of all features but the vectors'."""
    second: dict[str, float]
    """Of the features of the best, the vectors' among them."""


@cache
def load() -> Weights:
    """The packaged weights."""
    return msgspec.json.decode((files("analytics") / "pretrained" / "recall.json").read_bytes(), type=Weights)


def read(question: str, now: int) -> Question:
    """Read a question.

    Args:
        question: in English or German.
        now: what "last week" is the week before of, Unix milliseconds.
    """
    question = question[:LONGEST]
    span = find(question, now)
    words = query_words(question.lower().replace(span.said, " ") if span else question)
    return Question(question, words, span)


def rank(question: Question, pool: Sequence[Passage], rarity: Mapping[Word, float], limit: int) -> list[Ranked]:
    """The best passages of a pool, best first.

    Args:
        question: see :func:`read`.
        pool: the passages that share words with the question, and those around them.
        rarity: inverse document frequency of the question's words.
        limit: passages to return at most.
    """
    if not pool:
        return []
    weights = load()
    found, names = features(question, pool, rarity)
    scores = found @ np.array([weights.first[name] for name in FEATURES])
    order = _order(pool, scores)
    best = order[:_EMBEDDED]
    near = likeness(question, [pool[at].text for at in best], names)
    columns = np.column_stack([found[best], near])
    scores[best] = columns @ np.array([weights.second[name] for name in (*FEATURES, "vector")])
    again = best[_order([pool[at] for at in best], scores[best])]
    likely = 1 / (1 + np.exp(-scores))
    return [
        Ranked(pool[at], round(float(likely[at]), 6), *_why(question, pool[at], names))
        for at in np.concatenate([again, order[_EMBEDDED:]])[:limit]
    ]


FEATURES = (
    "words",
    "share",
    "words-2",
    "words-1",
    "words+1",
    "words+2",
    "share-1",
    "share+1",
    "around",
    "share_around",
    "session",
    "speaker",
    "other_speaker",
    "asks",
    "answers",
    "length",
    "time",
    "tells_time",
)


def features(question: Question, pool: Sequence[Passage], rarity: Mapping[Word, float]) -> tuple[Floats, set[str]]:
    """What ranking looks at.

    Returns:
        (passages, features); the people whom the question names and the pool has as speakers.
    """
    speakers = [match[1].lower() if (match := _NAME.match(p.text)) else "" for p in pool]
    named = set(speakers) & set(split(question.text)) - {""}
    words = [word for word, written in question.words.items() if written not in named] or list(question.words)
    weight = np.array([rarity.get(word, 0.0) for word in words])
    total = float(weight.sum()) or 1.0
    counts = np.zeros((len(pool), len(words)))
    length = np.zeros(len(pool))
    column = {stem: at for at, word in enumerate(words) for stem in word}
    asked = set(column)
    for row, passage in enumerate(pool):
        said = passage.terms.split()
        length[row] = len(said)
        if not asked.isdisjoint(said):
            for stem, n in Counter(filter(asked.__contains__, said)).items():
                counts[row, column[stem]] = max(counts[row, column[stem]], n)
    near = _neighbours(pool)
    mean = float(length.mean()) or 1.0
    score = _bm25(counts, length / mean) @ weight
    share = (counts > 0) @ weight / total
    around_counts, around_length = counts + 0, length + 0
    for places in near.values():
        around_counts += np.where(places[:, None] >= 0, counts[places], 0)
        around_length += np.where(places >= 0, length[places], 0)
    sessions = np.unique([p.session for p in pool], return_inverse=True)[1]
    by_session = np.zeros((sessions.max() + 1, len(words)))
    np.add.at(by_session, sessions, counts)
    asks = np.array([p.text.rstrip().endswith("?") for p in pool], dtype=float)
    found = {
        "words": _scaled(score),
        "share": share,
        **{f"words{k:+d}": _scaled(_at(score, near[k])) for k in (-2, -1, 1, 2)},
        **{f"share{k:+d}": _at(share, near[k]) for k in (-1, 1)},
        "around": _scaled(_bm25(around_counts, around_length / (4 * mean)) @ weight),
        "share_around": (around_counts > 0) @ weight / total,
        "session": _scaled((np.log1p(by_session) @ weight)[sessions]),
        "speaker": np.array([float(len(named) == 1 and s in named) for s in speakers]),
        "other_speaker": np.array([float(bool(named) and s != "" and s not in named) for s in speakers]),
        "asks": asks,
        "answers": _at(asks, near[-1]),
        "length": np.log1p(length) / 5,
        "time": _closeness(question.span, pool),
        "tells_time": np.zeros(len(pool)),
    }
    if _WHEN.search(question.text.lower()):
        found["tells_time"] = np.array([float(bool(_TIME_WORDS.search(p.text.lower()))) for p in pool])
    return np.column_stack([found[name] for name in FEATURES]), named


def _order(pool: Sequence[Passage], scores: Floats) -> NDArray[np.intp]:
    """Best first; of equals the latest."""
    found: NDArray[np.intp] = np.lexsort(
        (np.array([p.seq for p in pool]), np.array([-p.ts for p in pool]), -scores.round(9))
    )
    return found


def likeness(question: Question, texts: Sequence[str], names: set[str]) -> Floats:
    """Cosine of each text's vector with the question's, names left out."""
    vectors = embedding.load()
    asked = [word for word in split(question.text) if word not in names and stems(word)]
    said = [[word for word in split(text[:1_000]) if stems(word)] for text in texts]
    found: Floats = (vectors.embed(said) @ vectors.embed([asked])[0]).astype(np.float64)
    return found


def idf(having: float, total: float) -> float:
    """Rarity of a word that ``having`` of ``total`` passages have."""
    return log(1 + max(0.0, total - having + 0.5) / (having + 0.5))


def _bm25(counts: Floats, length: Floats) -> Floats:
    weighted: Floats = counts * (_K + 1) / (counts + _K * (1 - _B + _B * length[:, None]))
    return weighted


def _neighbours(pool: Sequence[Passage]) -> dict[int, NDArray[np.intp]]:
    """Of each distance: the row of each passage's neighbour there, -1 where the pool has none."""
    at = {(p.session, p.place): row for row, p in enumerate(pool)}
    return {k: np.array([at.get((p.session, p.place + k), -1) for p in pool], dtype=np.intp) for k in (-2, -1, 1, 2)}


def _at(values: Floats, places: NDArray[np.intp]) -> Floats:
    found: Floats = np.where(places >= 0, values[places], 0.0)
    return found


def _scaled(values: Floats) -> Floats:
    most = float(values.max(initial=0.0))
    return values / most if most else values


def _closeness(span: Span | None, pool: Sequence[Passage]) -> Floats:
    """1 within the time that was asked for, falling to 0 two weeks before and after it."""
    if span is None:
        return np.zeros(len(pool))
    ts = np.array([p.ts for p in pool], dtype=np.float64)
    away = np.maximum(0, np.maximum(span.start - ts, ts - span.end + 1))
    close: Floats = np.maximum(0.0, 1 - away / _NEAR_TIME)
    return close


def _why(question: Question, passage: Passage, names: set[str]) -> tuple[str, bool]:
    said = set(passage.terms.split())
    words = [written for word, written in question.words.items() if not said.isdisjoint(word)]
    reasons = [f"says {', '.join(words[:6])}"] if words else ["stands beside what was asked for"]
    spoken = _NAME.match(passage.text)
    if spoken and spoken[1].lower() in names:
        reasons.append(f"{spoken[1]} speaks")
    if question.span and question.span.start <= passage.ts < question.span.end:
        reasons.append(f"from “{question.span.said}”")
    return "; ".join(reasons), bool(words)
