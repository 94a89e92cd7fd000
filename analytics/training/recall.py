"""Learn how recall ranks: ``python -m analytics.training.recall --database URL --questions FILE``.

Questions about long conversations and the events that answer them (LoCoMo, Maharana et al. 2024), searched through a
real index. Both stages are logistic regressions on the features of :mod:`analytics.recall.rank`; every question weighs
the same. What is reported is of conversations that the weights were not learned on.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from analytics.insights import Insights
from analytics.reader import Reader
from analytics.recall.find import gather
from analytics.recall.rank import FEATURES, Weights, features, likeness
from models import tables

__all__ = ["Case", "cases", "learn", "left_out", "main", "ranked", "read_cases", "recall_at", "shares_at"]

Floats = NDArray[np.float64]

EMBEDDED = 32


class Case(NamedTuple):
    """A question with its pool."""

    agent: str
    category: int
    found: Floats
    """(passages, features)"""
    vector: Floats
    """(passages,) cosine with the question."""
    right: NDArray[np.bool_]
    """(passages,) whether it is evidence."""
    evidence: int
    """Events that are evidence, in the pool or not."""


def cases(reader: Reader, questions: Iterable[dict[str, Any]], ids: dict[tuple[str, int], str]) -> list[Case]:
    """The questions, each with the pool that the index gives."""
    result = []
    for one in questions:
        pool = gather(reader, one["agent"], one["question"])
        found, names = features(pool.question, pool.passages, pool.rarity)
        vector = likeness(pool.question, [p.text for p in pool.passages], names)
        right = np.array([ids[p.stream, p.seq] in one["evidence"] for p in pool.passages], dtype=bool)
        result.append(Case(one["agent"], one["category"], found, vector, right, len(one["evidence"])))
    return result


def _fit(rows: Sequence[tuple[Floats, NDArray[np.bool_]]], strength: float) -> Floats:
    chosen = [(x, y) for x, y in rows if y.any() and not y.all()]
    weights = [np.where(y, 1 / y.sum(), 5 / (~y).sum()) for _, y in chosen]
    model = LogisticRegression(C=strength, max_iter=1_000)
    model.fit(
        np.concatenate([x for x, _ in chosen]),
        np.concatenate([y for _, y in chosen]),
        sample_weight=np.concatenate(weights),
    )
    fitted: Floats = model.coef_[0]
    return fitted


def _second(case: Case, first: Floats) -> tuple[NDArray[np.intp], Floats]:
    best = np.argsort(-(case.found @ first), kind="stable")[:EMBEDDED]
    return best, np.column_stack([case.found[best], case.vector[best]])


def learn(training: Sequence[Case], strength: float = 1.0) -> tuple[Floats, Floats]:
    """Weights of both stages."""
    first = _fit([(c.found, c.right) for c in training], strength)
    stages = [(_second(c, first), c) for c in training]
    return first, _fit([(x, c.right[best]) for (best, x), c in stages], strength)


def ranked(case: Case, weights: tuple[Floats, Floats]) -> NDArray[np.intp]:
    """The best rows of a pool, best first."""
    best, columns = _second(case, weights[0])
    order: NDArray[np.intp] = best[np.argsort(-(columns @ weights[1]), kind="stable")]
    return order


def shares_at(
    results: Iterable[tuple[Case, NDArray[np.intp]]], k: int, wanted: Callable[[Case], bool] = lambda _: True
) -> list[float]:
    """Of each question, the share of its evidence among the first k."""
    return [float(c.right[order[:k]].sum() / c.evidence) for c, order in results if wanted(c) and c.evidence]


def recall_at(
    results: Iterable[tuple[Case, NDArray[np.intp]]], k: int, wanted: Callable[[Case], bool] = lambda _: True
) -> float:
    """Mean share of a question's evidence among the first k."""
    return float(np.mean(shares_at(results, k, wanted)))


def read_cases(reader: Reader, questions: Path) -> list[Case]:
    """The questions of a file, ``{"agent", "question", "evidence", "category"}`` a line, each with its pool."""
    e = tables.events
    ids = {(row["stream"], row["seq"]): row["id"] for row in reader.fetch(reader.events(e.c.stream, e.c.seq, e.c.id))}
    return cases(reader, map(json.loads, questions.read_text("utf-8").splitlines()), ids)


def left_out(every: Sequence[Case]) -> list[tuple[Case, NDArray[np.intp]]]:
    """Each case ranked with weights that were learned on the other agents' conversations."""
    results = []
    for agent in sorted({case.agent for case in every}):
        weights = learn([case for case in every if case.agent != agent])
        results += [(case, ranked(case, weights)) for case in every if case.agent == agent]
    return results


def main() -> None:
    """Learn the packaged weights."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", required=True, help="address of a database that has the conversations' events")
    options.add_argument("--questions", required=True, type=Path)
    asked = options.parse_args()
    every = read_cases(Insights.open(asked.database).reader, asked.questions)
    first, second = learn(every)
    weights = Weights(
        first={name: round(float(w), 4) for name, w in zip(FEATURES, first, strict=True)},
        second={name: round(float(w), 4) for name, w in zip((*FEATURES, "vector"), second, strict=True)},
    )
    target = Path(__file__).parents[1] / "pretrained" / "recall.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(weights), indent=1) + b"\n")


if __name__ == "__main__":
    main()
