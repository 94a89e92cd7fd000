"""The style model: eight scores of a message."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from analytics.style import measures
from analytics.style.features import SHAPES
from analytics.style.language import OTHERS, Told
from analytics.style.lexicon import LANGUAGES
from analytics.style.linear import Linear
from analytics.style.question import Question
from analytics.style.reading import Reading, Seen, mean, most, read, see
from analytics.text import LONGEST, TOKEN, clean

__all__ = ["EMOTIONS", "HEADS", "STYLES", "StyleModel", "load", "manners", "unpack"]

Floats = NDArray[np.float64]

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
"""Columns of :meth:`StyleModel.score`."""
EMOTIONS = ("positive", "negative", "ambiguous", "neutral")
"""Columns of :meth:`StyleModel.emotions`."""
HEADS = (*EMOTIONS, "irritated", "grateful", "unhappy")
"""What the models say of a sentence before any link: four groups and three kinds of emotion."""
_GOOD, _IRRITATED, _UNHAPPY = (HEADS.index(name) for name in ("positive", "irritated", "unhappy"))
_BATCH, _CHARACTERS = 256, 100_000
"""The most texts and, but for one text, characters that are read at once."""
_NOTHING = np.array([0.5, 0.5, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0])
"""The scores of a text without a word or sign."""
_TRIED = 200
"""Different words of a text that an explanation tries."""


@dataclass(frozen=True, slots=True)
class StyleModel:
    """Scores communication style. Results depend on each text alone."""

    version: str
    heads: Linear
    """English: ``HEADS`` of hashed words and characters and dense features."""
    polite: Linear
    """English: politeness of those, but valence, and of the heads."""
    plain: Floats
    """Other languages: (features + 1, ``HEADS``) of dense features; the last row is the bias."""
    plain_polite: Floats
    """Other languages: (features + 1,), the same for politeness."""
    spread: Floats
    """Mean and standard deviation of predicted politeness: [[English], [others]]."""
    thresholds: Floats
    """From which probability on an emotion counts, of each of ``EMOTIONS``."""
    asks: Question

    def judge(self, texts: Sequence[str]) -> tuple[list[str], Floats]:
        """The language that each text was scored as, and its scores, shape (texts, 8) in the order of ``STYLES``.

        Scores are 0..1 and rounded to six decimals. A language is ``und`` if it is not told: such a text is scored by
        what needs no words. Up to four words in Latin letters that speak for no language are scored as English.
        """
        languages: list[str] = []
        scores = [np.zeros((0, len(STYLES)))]
        for batch in _batches(texts):
            reading = read(batch)
            languages += _languages(reading)
            scores.append(self._score(reading))
        return languages, np.concatenate(scores)

    def score(self, texts: Sequence[str]) -> Floats:
        """The scores of :meth:`judge`."""
        return self.judge(texts)[1]

    def languages(self, texts: Sequence[str]) -> list[str]:
        """The languages of :meth:`judge`."""
        return self.judge(texts)[0]

    def emotions(self, texts: Sequence[str]) -> Floats:
        """Probabilities of ``EMOTIONS`` of texts whole, shape (texts, 4); from ``thresholds`` on one holds, and several may."""
        found = [np.zeros((0, len(EMOTIONS)))]
        for batch in _batches(texts):
            seen = see([clean(text) for text in batch], np.arange(len(batch)))
            found.append(np.round(expit(self.said(seen)[:, : len(EMOTIONS)]), 6))
        return np.concatenate(found)

    def said(self, seen: Seen) -> Floats:
        """(sentences, ``HEADS``): what is said of each."""
        found, others = self.heads(seen.buckets, seen.dense), ~_english(seen)
        found[others] = (seen.dense[others, :, None] * self.plain[:-1]).sum(axis=1) + self.plain[-1]
        return found

    def manner(self, reading: Reading, said: Floats) -> Floats:
        """How polite each passage is, in standard deviations from the mean request, given what is :meth:`said`."""
        features = manners(reading.strategies, said, reading.passage)
        english = np.zeros(len(reading.text), dtype=np.bool_)
        english[reading.passage] = _english(reading.sentences)
        plain = (features * self.plain_polite[:-1]).sum(axis=1) + self.plain_polite[-1]
        return np.where(
            english,
            _standard(self.polite(reading.buckets, features)[:, 0], self.spread[0]),
            _standard(plain, self.spread[1]),
        )

    def _score(self, reading: Reading) -> Floats:
        seen, said = reading.sentences, self.said(reading.sentences)
        kind, shape = seen.counts.kind, seen.shapes
        irritated = 1 - (1 - expit(said[:, _IRRITATED])) * (1 - 0.6 * measures.irritation(kind, shape))
        columns = (
            mean(ndtr(self.manner(reading, said)), reading.text, reading.words),
            mean(measures.formality(kind, shape), seen.text),
            mean(measures.directness(kind, shape), seen.text),
            measures.verbosity(np.bincount(seen.text, weights=shape[:, SHAPES.index("length")])),
            mean(0.5 + (expit(said[:, _GOOD]) - expit(said[:, _UNHAPPY])) / 2, seen.text),
            mean(irritated, seen.text),
            mean(measures.hedging(kind, shape), seen.text),
            most(self.asks(seen.asks, seen.counts, _english(seen)), seen.text),
        )
        scores = np.stack(columns, axis=1)
        scores[np.bincount(seen.text, weights=seen.counts.words) == 0] = _NOTHING
        rounded: Floats = np.round(np.clip(scores, 0, 1), 6).astype(np.float64)
        return rounded

    def explain(self, text: str, style: str) -> list[tuple[str, float]]:
        """Which words moved a style's score, and by how much: the score less that without the word, strongest first.

        The first two hundred different words and signs of a text are tried, in its language; capitals make no difference.

        Raises:
            ValueError: there is no such style.
        """
        if style not in STYLES:
            raise ValueError(f"no style is called {style!r}: there are {', '.join(STYLES)}")
        whole = clean(text)
        places: dict[str, list[tuple[int, int]]] = {}
        for match in TOKEN.finditer(whole):
            places.setdefault(match[0].lower(), []).append(match.span())
        tried = list(places)[:_TRIED]
        seen = read([whole]).sentences.counts
        language, speech = seen.language[0], seen.speech[0]
        scores = []
        for batch in _batches([whole, *(_without(whole, places[word]) for word in tried)]):
            told = Told(np.full(len(batch), language), np.full(len(batch), speech))
            scores += self._score(read(batch, told))[:, STYLES.index(style)].tolist()
        moved = [(word, round(scores[0] - score, 6)) for word, score in zip(tried, scores[1:], strict=True)]
        return sorted((pair for pair in moved if pair[1]), key=lambda pair: (-abs(pair[1]), pair[0]))


def manners(strategies: Floats, said: Floats, passage: NDArray[np.intp]) -> Floats:
    """The dense features of politeness: what passages do, and what is said of their sentences on average."""
    return np.column_stack([strategies, *(mean(head, passage) for head in said.T)])


def _english(seen: Seen) -> NDArray[np.bool_]:
    return np.asarray(seen.counts.speech == 0)


def _languages(reading: Reading) -> list[str]:
    first = np.flatnonzero(np.diff(reading.sentences.text, prepend=-1))
    return [(*LANGUAGES, *OTHERS)[place] for place in reading.sentences.counts.language[first]]


def _without(text: str, places: Sequence[tuple[int, int]]) -> str:
    ends = [0, *(end for _, end in places)]
    starts = [*(start for start, _ in places), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start, characters = 0, 0
    for at, text in enumerate(texts):
        characters += min(len(text), LONGEST)
        if at - start == _BATCH or (characters > _CHARACTERS and at > start):
            yield texts[start:at]
            start, characters = at, min(len(text), LONGEST)
    if start < len(texts):
        yield texts[start:]


def _standard(value: Floats, spread: Floats) -> Floats:
    standard: Floats = (value - spread[0]) / spread[1]
    return standard


@cache
def load() -> StyleModel:
    """The packaged model."""
    raw = files("analytics").joinpath("pretrained/style.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return unpack(dict(archive))


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> StyleModel:
    """A model from the arrays that training wrote."""
    plain, plain_polite, spread, thresholds = (
        np.asarray(arrays[name], np.float64) for name in ("plain", "plain_polite", "spread", "thresholds")
    )
    return StyleModel(
        str(arrays["version"]),
        Linear.unpack(arrays, "heads"),
        Linear.unpack(arrays, "polite"),
        plain,
        plain_polite,
        spread,
        thresholds,
        Question.unpack(arrays),
    )
