"""Train the style model again: ``python -m analytics.training.style --data DIR``.

The same data and the same versions of numpy, scipy and scikit-learn give the same file; on another kind of processor one
weight in a million may differ by its last digit.
``--measure`` prints the cross-validated figures of the model card as well.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import f1_score

from analytics.style.linear import Linear
from analytics.style.model import EMOTIONS, unpack
from analytics.training.style_corpora import Corpora
from analytics.training.style_data import GROUPS, KINDS
from analytics.training.style_heads import Head, logistic, plain_fit, stack
from analytics.training.style_measure import measure
from analytics.training.style_polite import Requests, plain_polite_fit, polite_fit
from analytics.training.style_question import cut, question_fit

__all__ = ["main", "train"]

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Found = TypeVar("Found")
VERSION = "style-10"
FOLDS = 5
STEPS = np.arange(0.1, 0.7, 0.01).round(2)
"""Thresholds that are tried."""
DECIMALS = 6
"""Of weights and scales that are not kept in eight bits: the rest is the processor's."""
PACKAGED = Path(__file__).parents[1] / "pretrained" / "style.npz"


def emotions(corpora: Corpora) -> list[Head]:
    """``HEADS``."""
    return _side_by_side(
        lambda kind: logistic(
            corpora.comments, np.array([bool(kind & given) for given in corpora.labels]), corpora.idf
        ),
        KINDS,
    )


def _side_by_side(fit: Callable[[set[str]], Found], given: Sequence[set[str]]) -> list[Found]:
    """What ``fit`` finds for each, two at a time: the solver lets other threads run."""
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(fit, given))


def plain(corpora: Corpora) -> Floats:
    """``HEADS`` of dense features alone."""
    features = corpora.comments.dense
    found = [plain_fit(features, np.array([bool(kind & given) for given in corpora.labels])) for kind in KINDS]
    return np.stack(found, axis=1)


def politeness(corpora: Corpora, heads: Linear, plain: Floats) -> Arrays:
    """The models of politeness, and how what they say is spread."""
    seen = corpora.requests.sentences
    requests = Requests.of(corpora.requests, heads(seen.buckets, seen.dense), corpora.politeness)
    alone = Requests.of(corpora.requests, seen.dense @ plain[:-1] + plain[-1], corpora.politeness)
    polite = polite_fit(requests, np.ones(len(corpora.politeness), dtype=np.bool_), corpora.known)
    plain_polite = plain_polite_fit(alone)
    passages = slice(requests.passages)
    said = (
        requests.of_texts(polite(corpora.requests.buckets, requests.table.dense[passages])[:, 0]),
        alone.of_texts(alone.table.dense[passages] @ plain_polite[:-1] + plain_polite[-1]),
    )
    spread = np.array([[found.mean(), found.std()] for found in said])
    return polite.pack("polite") | {"plain_polite": plain_polite, "spread": spread}


def train(corpora: Corpora, emotional: list[Head]) -> Arrays:
    """Every array of the packaged file but the thresholds."""
    arrays: Arrays = {"version": np.array(VERSION), "thresholds": np.full(len(EMOTIONS), 0.5)}
    arrays |= stack(corpora.idf, emotional).pack("heads")
    arrays["plain"] = plain(corpora)
    arrays |= politeness(corpora, Linear.unpack(arrays, "heads"), arrays["plain"])
    arrays |= question_fit([pair for texts in corpora.written.values() for text in texts for pair in cut(text)])
    return arrays


def thresholds(corpora: Corpora) -> Floats:
    """From which probability on each emotion counts: the best F1 on the comments, each judged by a model of the rest."""
    fold = np.arange(len(corpora.labels)) % FOLDS

    def best(group: set[str]) -> float:
        target = np.array([bool(group & given) for given in corpora.labels])
        scores = np.zeros(len(target))
        for held in range(FOLDS):
            rest, out = corpora.comments.rows(fold != held), corpora.comments.rows(fold == held)
            head = stack(corpora.idf, [logistic(rest, target[fold != held], corpora.idf)])
            scores[fold == held] = expit(head(out.buckets, out.dense)[:, 0])
        reached = [f1_score(target, scores >= step) for step in STEPS]
        return float(STEPS[int(np.argmax(reached))])

    return np.array(_side_by_side(best, list(GROUPS.values())))


def main() -> None:
    """Train, and write the packaged file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--out", type=Path, default=PACKAGED)
    parser.add_argument("--measure", action="store_true", help="print the cross-validated figures, too")
    given = parser.parse_args()
    corpora = Corpora(given.data)
    emotional = emotions(corpora)
    arrays = train(corpora, emotional)
    arrays["thresholds"] = thresholds(corpora)
    arrays = {name: found.round(DECIMALS) if found.dtype.kind == "f" else found for name, found in arrays.items()}
    np.savez_compressed(given.out, allow_pickle=False, **arrays)
    if given.measure:
        table = measure(corpora, emotional, unpack(arrays), given.data)
        print("\n".join(table))


if __name__ == "__main__":
    main()
