"""The style model: eight scores of a message."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from analytics.style import measures
from analytics.style.features import DENSE, Counts, count, dense, edges, shapes
from analytics.style.language import OTHERS, UNTOLD
from analytics.style.lexicon import LANGUAGES
from analytics.style.linear import Linear, buckets
from analytics.style.question import Question, Sentences, sentences
from analytics.style.valence import VALENCES
from analytics.text import clean, encode, tokens

__all__ = ["EMOTIONS", "HEADS", "STYLES", "Reading", "StyleModel", "load", "manners", "unpack"]

Floats = NDArray[np.float64]

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
"""Columns of :meth:`StyleModel.score`."""
EMOTIONS = ("positive", "negative", "ambiguous", "neutral")
"""Columns of :meth:`StyleModel.emotions`."""
HEADS = (*EMOTIONS, "irritated", "grateful")
"""What the models say of a text before any link: four groups and two kinds of emotion."""
_STRATEGIES = [index for index, name in enumerate(DENSE) if name not in VALENCES]
_CHUNK = 256
_NOTHING = np.array([0.5, 0.5, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0])
"""The scores of a text without a word or sign."""
_TRIED = 100
"""Different words of a text that an explanation tries."""


class Reading(NamedTuple):
    """What the models see of a batch."""

    counts: Counts
    shapes: Floats
    dense: Floats
    sentences: Sentences
    english: NDArray[np.bool_]
    """English, or not told."""
    heads: Floats
    """(texts, ``HEADS``)."""
    polite: Floats
    """Politeness in standard deviations from the mean request."""


@dataclass(frozen=True, slots=True)
class StyleModel:
    """Scores communication style. Results depend on each text alone."""

    version: str
    heads: Linear
    """English: ``HEADS`` of hashed words and characters and dense features."""
    polite: Linear
    """English: politeness of those and of the heads."""
    plain: Floats
    """Other languages: (features + 1, ``HEADS`` and politeness) of dense features; the last row is the bias."""
    spread: Floats
    """Mean and standard deviation of predicted politeness: [[English], [others]]."""
    thresholds: Floats
    """From which probability on an emotion counts, of each of ``EMOTIONS``."""
    asks: Question

    def read(self, texts: Sequence[str]) -> Reading:
        """The features of a batch of at most a few hundred texts."""
        cleaned = [clean(text) for text in texts]
        encoded = encode([tokens(text) for text in cleaned])
        counts, shape, cut = count(encoded), shapes(cleaned), edges(encoded)
        english = (counts.language == 0) | (counts.language == UNTOLD)
        features, found = dense(counts, shape), buckets(encoded, cut)
        plain = (features[:, :, None] * self.plain[:-1]).sum(axis=1) + self.plain[-1]
        heads = np.where(english[:, None], self.heads(found, features), plain[:, :-1])
        polite = np.where(
            english,
            _standard(self.polite(found, manners(features, heads))[:, 0], self.spread[0]),
            _standard(plain[:, -1], self.spread[1]),
        )
        asks = sentences(cut, counts, encoded.row)
        return Reading(counts, shape, features, asks, english, heads, polite)

    def score(self, texts: Sequence[str]) -> Floats:
        """Scores of each text, shape (texts, 8) in the order of ``STYLES``, each 0..1 and rounded to six decimals."""
        return self._each(texts, self._score, len(STYLES))

    def emotions(self, texts: Sequence[str]) -> Floats:
        """Probabilities of ``EMOTIONS``, shape (texts, 4); from ``thresholds`` on one holds, and several may."""
        return self._each(texts, lambda reading: np.round(expit(reading.heads[:, : len(EMOTIONS)]), 6), len(EMOTIONS))

    def languages(self, texts: Sequence[str]) -> list[str]:
        """The language that each text was scored as; ``und``: not told, scored as English."""
        told = self._each(texts, lambda reading: reading.counts.language[:, None].astype(np.float64), 1)
        return [(*LANGUAGES, *OTHERS)[int(place)] for place in told[:, 0]]

    def _each(self, texts: Sequence[str], judge: Callable[[Reading], Floats], width: int) -> Floats:
        parts = [judge(self.read(texts[at : at + _CHUNK])) for at in range(0, len(texts), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, width))

    def _score(self, reading: Reading) -> Floats:
        counts, shape = reading.counts, reading.shapes
        good, bad = expit(reading.heads[:, 0]), expit(reading.heads[:, 1])
        irritated = 1 - (1 - expit(reading.heads[:, 4])) * (1 - 0.6 * measures.irritation(counts, shape))
        columns = (
            ndtr(reading.polite),
            measures.formality(counts, shape),
            measures.directness(counts, shape),
            measures.verbosity(shape),
            0.5 + (good - bad) / 2,
            irritated,
            measures.hedging(counts, shape),
            self.asks(reading.sentences, counts, reading.english),
        )
        scores = np.stack(columns, axis=1)
        scores[counts.words == 0] = _NOTHING
        rounded: Floats = np.round(np.clip(scores, 0, 1), 6).astype(np.float64)
        return rounded

    def explain(self, text: str, style: str) -> list[tuple[str, float]]:
        """Which words moved a style's score, and by how much: the score less that without the word, strongest first.

        The first hundred different words of a text are tried.

        Raises:
            ValueError: there is no such style.
        """
        if style not in STYLES:
            raise ValueError(f"no style is called {style!r}: there are {', '.join(STYLES)}")
        words = tokens(clean(text))
        tried = list(dict.fromkeys(words))[:_TRIED]
        without = [" ".join(word for word in words if word != one) for one in tried]
        scores = self.score([" ".join(words), *without])[:, STYLES.index(style)]
        moved = [(word, round(float(scores[0] - score), 6)) for word, score in zip(tried, scores[1:], strict=True)]
        return sorted((pair for pair in moved if pair[1]), key=lambda pair: (-abs(pair[1]), pair[0]))


def manners(features: Floats, heads: Floats) -> Floats:
    """The dense features of politeness: those of the text but its valence, and the emotions."""
    return np.hstack([features[:, _STRATEGIES], heads])


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
    plain, spread, thresholds = (np.asarray(arrays[name], np.float64) for name in ("plain", "spread", "thresholds"))
    return StyleModel(
        str(arrays["version"]),
        Linear.unpack(arrays, "heads"),
        Linear.unpack(arrays, "polite"),
        plain,
        spread,
        thresholds,
        Question.unpack(arrays),
    )
