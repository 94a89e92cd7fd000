"""Everything that the style models are trained on, read once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analytics.style.reading import read as read_texts
from analytics.training.style_data import SETS, Table, document_frequency, idf, lines, messages
from analytics.training.style_question import read

__all__ = ["Corpora"]

Floats = NDArray[np.float64]


class Corpora:
    """Everything that is read once."""

    def __init__(self, data: Path) -> None:
        requests = lines(data / "text/politeness-wikipedia.train.jsonl")
        comments = lines(data / "text/goemotions.train.jsonl")
        self.requests = read_texts([row["text"] for row in requests])
        self.politeness = np.array([row["score"] for row in requests])
        self.comments = Table.of([row["text"] for row in comments])
        self.labels = [set(row["labels"]) for row in comments]
        served = [row["text"] for name in ("clinc150", "banking77") for row in lines(data / f"text/{name}.train.jsonl")]
        spoken = [text for name in SETS for text in messages(data, name)]
        frequency, texts = document_frequency(self.comments, Table.of(spoken), Table.of(served))
        self.known = frequency >= 3
        self.idf = idf(frequency, texts, self.known)
        self.written = read(data)
