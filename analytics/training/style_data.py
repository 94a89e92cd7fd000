"""What the style models are trained on, as they see it."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics.conversation import fold
from analytics.style.linear import scale_rows
from analytics.style.reading import see
from analytics.text import clean
from models.dialects import decode
from models.events import Event

__all__ = ["GROUPS", "KINDS", "SETS", "Table", "document_frequency", "idf", "lines", "messages"]

Floats = NDArray[np.float64]

GROUPS = {
    "positive": {
        *("admiration", "amusement", "approval", "caring", "desire", "excitement"),
        *("gratitude", "joy", "love", "optimism", "pride", "relief"),
    },
    "negative": {
        *("anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment"),
        *("fear", "grief", "nervousness", "remorse", "sadness"),
    },
    "ambiguous": {"confusion", "curiosity", "realization", "surprise"},
    "neutral": {"neutral"},
}
"""The groups of Demszky et al. 2020, "GoEmotions: A Dataset of Fine-Grained Emotions", ACL."""
IRRITATED = {"anger", "annoyance", "disappointment", "disgust"}
"""Without disapproval: a plain "no" is one."""
KINDS = (*GROUPS.values(), IRRITATED, {"gratitude"}, GROUPS["negative"] - {"disapproval"})
"""What each of the style model's ``HEADS`` learns."""
SETS = ("mwoz", "redial", "ccpe")
"""The sets of rated sessions."""
_STEP = 16
_AT_ONCE = 2_000


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@dataclass(frozen=True)
class Table:
    """Texts as the models see them: hashed words and characters, and dense features."""

    buckets: sp.csr_array
    dense: Floats

    @classmethod
    def of(cls, texts: list[str]) -> "Table":
        """Read texts."""
        seen = [
            see([clean(text) for text in texts[at : at + _AT_ONCE]], np.arange(len(texts[at : at + _AT_ONCE])))
            for at in range(0, len(texts), _AT_ONCE)
        ]
        return cls(sp.vstack([part.buckets for part in seen]).tocsr(), np.concatenate([part.dense for part in seen]))

    def rows(self, chosen: NDArray[Any]) -> "Table":
        """Some of the texts."""
        return Table(self.buckets[chosen], self.dense[chosen])

    def scaled(self, weights: NDArray[np.float32]) -> sp.csr_array:
        """TF-IDF of the hashed part."""
        return scale_rows(self.buckets, weights).astype(np.float32)


def document_frequency(*tables: Table) -> tuple[NDArray[np.intp], int]:
    """In how many texts each bucket occurs, and how many there are."""
    width = tables[0].buckets.shape[1]
    found = np.zeros(width, dtype=np.intp)
    for table in tables:
        found += np.bincount(table.buckets.indices, minlength=width)
    return found, sum(table.buckets.shape[0] for table in tables)


def idf(frequency: NDArray[np.intp], texts: int, use: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Smooth inverse document frequency in the packaged file's steps; 0 for buckets that are not used."""
    found = np.log((1 + texts) / (1 + frequency)) + 1
    return np.asarray(np.where(use, np.rint(found * _STEP) / _STEP, 0), dtype=np.float32)


def messages(data: Path, name: str) -> list[str]:
    """Every message of a set of rated sessions."""
    grouped: dict[str, list[Event]] = {}
    with gzip.open(data / f"sessions/uss-{name}.events.jsonl.gz", "rb") as file:
        for seq, line in enumerate(file, start=1):
            event = decode(line.rstrip(b"\n"), stream=name, seq=seq)
            grouped.setdefault(event.session, []).append(event)
    return [message.text for events in grouped.values() for message in fold(events).messages]
