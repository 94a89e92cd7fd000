"""A user's own topics: a linear classifier with a calibrated "none of these"."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics import embedding
from analytics.embedding import words
from analytics.topics.clusters import whole
from analytics.topics.features import Lexicon

__all__ = ["SURE", "Prediction", "Taxonomy", "Weights", "evidence", "nearness"]

SURE = 0.5
"""Probability from which a text carries a topic."""
_BATCH = 2_000
"""Texts scored at a time; bounds memory."""


class Prediction(NamedTuple):
    """A text's topic."""

    label: str
    """The likeliest label, given that one of them applies."""
    score: float
    """Probability that this label applies, 0..1."""
    none: float
    """Probability that no label applies, 0..1."""

    @property
    def topic(self) -> str | None:
        """The label, or None where it is not likely enough to be said."""
        return self.label if self.score >= SURE else None


class Weights(NamedTuple):
    """Linear weights in eight bits."""

    values: NDArray[np.int8]
    """(features, labels)."""
    scales: NDArray[np.float32]
    """(labels,): what a column of values is multiplied with."""
    bias: NDArray[np.float32]
    """(labels,)."""

    @classmethod
    def pack(cls, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> "Weights":
        """Round weights (features, labels) to 127 steps each way."""
        scales = (np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127).astype(np.float32)
        return cls(np.rint(weights / scales).clip(-127, 127).astype(np.int8), scales, bias.astype(np.float32))

    def unpack(self) -> NDArray[np.float32]:
        """Weights (features, labels)."""
        return self.values.astype(np.float32) * self.scales


class Taxonomy:
    """Labels, and the linear model that tells them from a text's features.

    Given that some label applies, the labels' probabilities are the softmax of their margins over ``temperature``;
    that none applies is the logistic function of the :func:`evidence` weighted with ``none``. A text's result
    depends on nothing but the text.

    Args:
        labels: in alphabetical order.
        about: of each label, a title and keywords.
        lexicon: the features.
        weights: of features for labels.
        anchors: (n, width) vectors of examples, in whole numbers.
        temperature: divisor of margins.
        none: weights of the evidence and, last, the bias.
    """

    def __init__(
        self,
        *,
        labels: Sequence[str],
        about: Mapping[str, tuple[str, tuple[str, ...]]],
        lexicon: Lexicon,
        weights: Weights,
        anchors: NDArray[np.int8],
        temperature: float,
        none: NDArray[np.float64],
    ) -> None:
        self.labels = list(labels)
        self.about = dict(about)
        self.lexicon = lexicon
        self.weights = weights
        self.anchors = anchors
        self.temperature = temperature
        self.none = none
        self._weights = weights.unpack()
        self._anchors = anchors.astype(np.float32)

    @property
    def version(self) -> str:
        """Names the model by its content."""
        digest = hashlib.sha256(self._about())
        for array in self._arrays().values():
            digest.update(array.tobytes())
        return digest.hexdigest()[:12]

    def probabilities(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each label given that one applies (texts, labels), and that none does (texts,)."""
        parts = [self._probabilities(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        if not parts:
            return np.zeros((0, len(self.labels))), np.zeros(0)
        return np.vstack([shares for shares, _ in parts]), np.concatenate([none for _, none in parts])

    def _probabilities(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        split = [words(text) for text in texts]
        features = self.lexicon.transform(split)
        margins = np.asarray(features @ self._weights + self.weights.bias, np.float64)
        scaled = margins / self.temperature
        shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        facts = evidence(margins, nearness(embedding.load().embed(split), self._anchors))
        none = 1 / (1 + np.exp(-(facts * self.none[:-1]).sum(axis=1) - self.none[-1]))
        none[np.diff(features[:, : self.lexicon.ends[0]].indptr) == 0] = 1.0  # of no word of it anything was learned
        return shares.round(6), none.round(6)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """The topic of each text; ties go to the label that comes first."""
        shares, none = self.probabilities(texts)
        best = shares.argmax(axis=1) if len(shares) else []
        return [
            Prediction(self.labels[at], round(float(row[at] * (1 - empty)), 6), float(empty))
            for at, row, empty in zip(best, shares, none, strict=True)
        ]

    def _about(self) -> bytes:
        about = {
            "labels": self.labels,
            "about": self.about,
            "temperature": self.temperature,
            "ends": self.lexicon.ends,
            "none": self.none.tolist(),
        }
        return json.dumps(about, ensure_ascii=False).encode()

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {
            "hashes": self.lexicon.hashes,
            "idf": self.lexicon.idf,
            "values": self.weights.values,
            "scales": self.weights.scales,
            "bias": self.weights.bias,
            "anchors": self.anchors,
        }

    def save(self, target: Path | IO[bytes]) -> None:
        """Write the model as a compressed npz archive without pickled objects: the same bytes for the same model."""
        np.savez_compressed(target, about=np.frombuffer(self._about(), np.uint8), **self._arrays())  # type: ignore[arg-type]

    def to_bytes(self) -> bytes:
        """What :meth:`save` writes."""
        buffer = io.BytesIO()
        self.save(buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, source: Path | IO[bytes]) -> "Taxonomy":
        """Read what :meth:`save` wrote.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no taxonomy.
        """
        try:
            with np.load(source, allow_pickle=False) as data:
                about = json.loads(data["about"].tobytes())
                return cls(
                    labels=about["labels"],
                    about={label: (title, tuple(keywords)) for label, (title, keywords) in about["about"].items()},
                    lexicon=Lexicon(data["hashes"], data["idf"], tuple(about["ends"])),
                    weights=Weights(data["values"], data["scales"], data["bias"]),
                    anchors=data["anchors"],
                    temperature=about["temperature"],
                    none=np.array(about["none"]),
                )
        except (KeyError, EOFError, TypeError, AttributeError) as error:
            raise ValueError(f"no taxonomy: {error}") from error


def nearness(vectors: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float64]:
    """(texts,) cosine of each unit vector to the nearest anchor; products are of whole numbers, hence exact."""
    numbers = whole(vectors)
    best = (numbers @ anchors.T).max(axis=1, initial=0).astype(np.float64)
    return np.asarray((best / 400**2).round(6))


def evidence(margins: NDArray[np.float64], near: NDArray[np.float64]) -> NDArray[np.float64]:
    """What tells whether some label applies, whatever the labels are: (texts, 3).

    The best margin, its distance to the second, and the cosine to the nearest example (Sun et al. 2022, deep
    nearest neighbours, here of the embedding).
    """
    top = np.sort(margins, axis=1)
    second = top[:, -2] if margins.shape[1] > 1 else top[:, -1]
    return np.column_stack([top[:, -1], top[:, -1] - second, near])
