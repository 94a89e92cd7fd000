"""Train the question model: sentences that their writers ended with a question mark, the mark taken away."""

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from analytics.style.features import count, edges
from analytics.style.passages import bind
from analytics.style.question import CLUES, Sentences, sentences
from analytics.text import clean, encode, tokens
from analytics.training.style_data import lines
from analytics.training.style_heads import TOLERANCE

__all__ = ["Sentence", "cut", "question_fit", "read", "see"]

Floats = NDArray[np.float64]
Sentence = tuple[str, bool]
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_SPOKEN = re.compile(rb'"(?:text|content)":"((?:[^"\\]|\\.)*)"')
STRENGTH = 0.1
DECIMALS = 4


def cut(text: str) -> list[Sentence]:
    """A text's sentences without their last sign, and whether that was a question mark."""
    found = []
    for match in _SENTENCE.finditer(clean(text)):
        body, sign = match[0].rstrip(".!? "), match[0].rstrip()[-1:]
        if sum(letter.isalpha() for letter in body) >= 2:
            found.append((body.strip(), sign == "?"))
    return found


def _session_texts(path: Path) -> list[str]:
    """What was said in a log, once each."""
    found: dict[str, None] = {}
    with gzip.open(path, "rb") as file:
        for line in file:
            if b"message" in line:
                for match in _SPOKEN.finditer(line):
                    found[orjson.loads(b'"' + match[1] + b'"')] = None
    return list(found)


def read(data: Path) -> dict[str, list[str]]:
    """Texts by source, whose writers use question marks."""
    found = {
        name: _session_texts(data / f"sessions/{name}.events.jsonl.gz")
        for name in ("sgd", "uss-mwoz", "uss-redial", "uss-ccpe", "tau-airline")
    }
    found["goemotions"] = [row["text"] for row in lines(data / "text/goemotions.train.jsonl")]
    found["politeness"] = [row["text"] for row in lines(data / "text/politeness-wikipedia.train.jsonl")]
    found["banking77"] = [row["text"] for row in lines(data / "text/banking77.train.jsonl")]
    return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}


def see(texts: list[str]) -> Sentences:
    """Texts of one sentence each, as the model sees them."""
    words = [tokens(bind(text)) or ["x"] for text in texts]
    encoded = encode(words)
    return sentences(edges(encoded), count(encoded, np.arange(len(texts))), encoded.row)


def question_fit(examples: list[Sentence]) -> dict[str, NDArray[Any]]:
    """The packaged arrays."""
    found = see([text for text, _ in examples])
    keep = len(found.text) - 1 - np.unique(found.text[::-1], return_index=True)[1]  # the sign is the last's
    words, clues = found.words[keep], found.clues[keep]
    target = np.array([asks for _, asks in examples])
    doubtful = (clues[:, CLUES.index("verb_start")] > 0) | (
        (clues[:, CLUES.index("wh_start")] > 0) & (clues[:, CLUES.index("ask_inside")] > 0)
    )
    trusted = target | ~doubtful  # the form of a question without the sign: its writer left it out
    words, clues, target = words[trusted], clues[trusted], target[trusted]
    joint = LogisticRegression(C=STRENGTH, solver="liblinear", tol=TOLERANCE, max_iter=1000)
    joint.fit(sp.hstack([words, sp.csr_array(clues)]).tocsr(), target)
    alone = LogisticRegression(C=1.0, tol=TOLERANCE, max_iter=1000).fit(clues, target)
    split = words.shape[1]
    with_words = np.append(joint.coef_[0][split:], joint.intercept_)
    return {
        "question.words": joint.coef_[0][:split].round(DECIMALS).astype(np.float32),
        "question.clues": np.stack([with_words, np.append(alone.coef_[0], alone.intercept_)], axis=1),
    }
