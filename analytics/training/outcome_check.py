"""Measure how well outcomes are told on data that a model has not seen: ``python -m analytics.training.outcome_check``.

Each rated set is judged by a model trained on the others; the sessions of tau-airline by models trained without
their task (ten folds of tasks, five times; estimates are averaged). Intervals are bootstrap percentiles over
sessions, or over tasks. No weight of the packaged model is used.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from analytics.outcome.model import OutcomeModel, doubt
from analytics.training.outcome import (
    RATED,
    Labelled,
    Part,
    Set,
    features,
    fit_sessions,
    load_sets,
    prepare,
    train,
    weigh,
)

__all__ = ["auc", "calibration_error", "interval"]

Floats = NDArray[np.float64]
FOLDS, TIMES, RESAMPLES = 10, 5, 1000
DISSATISFIED = 2.75
"""Mean rating of a turn below which its user counts as dissatisfied."""


def auc(truth: NDArray[np.bool_], score: Floats) -> float:
    """Area under the ROC curve (Mann-Whitney), ties counted half."""
    positive = int(truth.sum())
    ranks: float = float(rankdata(score)[truth].sum()) - positive * (positive + 1) / 2
    return ranks / float(positive * (len(truth) - positive))


def calibration_error(truth: NDArray[np.bool_], estimate: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal size (Naeini et al. 2015)."""
    parts = np.array_split(np.argsort(estimate, kind="stable"), bins)
    return float(sum(len(part) * abs(truth[part].mean() - estimate[part].mean()) for part in parts) / len(truth))


def interval(truth: NDArray[np.bool_], score: Floats, groups: Sequence[object]) -> tuple[float, float]:
    """95% bootstrap interval of the AUC, groups drawn whole."""
    generator = np.random.default_rng(0)
    names = sorted({str(group) for group in groups})
    of = np.array([str(group) for group in groups])
    order = np.argsort(of, kind="stable")
    rows = np.split(order, np.cumsum([np.count_nonzero(of == name) for name in names])[:-1])
    found = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[at] for at in generator.integers(0, len(rows), len(rows))])
        if 0 < truth[drawn].sum() < len(drawn):
            found.append(auc(truth[drawn], score[drawn]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def estimates(model: OutcomeModel, part: Part, sessions: Sequence[Labelled]) -> Floats:
    """The model's probabilities of sessions, given their features."""
    acts = np.array([bool(one.conversation.calls) for one in sessions]).astype(int)
    score = np.array(model.slope)[acts] * weigh(model, part) + np.array(model.bias)[acts]
    score -= np.array([doubt(one.signals) for one in sessions])
    return np.asarray(1 / (1 + np.exp(-score)))


def task(one: Labelled) -> str:
    found = re.search(r"task-(\d+)", one.conversation.session)
    assert found is not None  # noqa: S101 - every session of this set has one
    return found.group(1)


def by_task(sets: Sequence[Set], at: int) -> tuple[Floats, Floats, list[str]]:
    """Estimates of the sessions of ``sets[at]`` by models that never saw their task, weighted sums, and the tasks.

    Ranks are compared by the sums: the level of a fold's model is the higher the worse the sessions are that it never
    saw, which mixes up folds (Forman and Scholz 2010).
    """
    turn, parts = prepare(sets)
    groups = [task(one) for one in sets[at].sessions]
    total, sums = np.zeros(len(groups)), np.zeros(len(groups))
    for time in range(TIMES):
        order = np.random.default_rng(time).permutation(sorted(set(groups)))
        for fold in range(FOLDS):
            held = np.isin(groups, order[fold::FOLDS])
            rest = replace(
                sets[at], sessions=[one for one, out in zip(sets[at].sessions, held, strict=True) if not out]
            )
            dense, tools = parts[at]
            kept = [rest if k == at else each for k, each in enumerate(sets)]
            left = [(dense[~held], tools[~held]) if k == at else part for k, part in enumerate(parts)]
            test = [one for one, out in zip(sets[at].sessions, held, strict=True) if out]
            model, out = fit_sessions(kept, left, turn), (dense[held], tools[held])
            total[held] += estimates(model, out, test)
            sums[held] += weigh(model, out)
    return total / TIMES, sums / TIMES, groups


def report(name: str, truth: NDArray[np.bool_], estimate: Floats, groups: Sequence[object]) -> None:
    low, high = interval(truth, estimate, groups)
    error, brier = calibration_error(truth, estimate), float(np.mean((estimate - truth) ** 2))
    print(f"{name}: {len(truth)} sessions, {truth.mean():.2f} of them well; AUC {auc(truth, estimate):.3f}", end=" ")
    print(f"[{low:.3f}, {high:.3f}], calibration error {error:.3f}, Brier {brier:.3f}", end=" ")
    print(f"(the mean for all: {truth.mean() * (1 - truth.mean()):.3f})")


def satisfaction(each: Set, model: OutcomeModel) -> float:
    """AUC of single messages at which users were dissatisfied, printed with its interval over sessions."""
    found = [
        (one.ratings[turn.ref] < DISSATISFIED, -model.turn.rate(turn), row)
        for row, one in enumerate(each.sessions)
        for turn in one.turns
        if turn.ref in one.ratings
    ]
    truth, score = np.array([low for low, _, _ in found]), np.array([rating for _, rating, _ in found])
    sessions = [row for _, _, row in found]
    low, high = interval(truth, score, sessions)
    print(f"{each.name}: {len(truth)} messages, dissatisfied {truth.mean():.2f}: AUC {auc(truth, score):.3f}", end=" ")
    print(f"[{low:.3f}, {high:.3f}]")
    return auc(truth, score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    sets = load_sets(parser.parse_args().data)
    scores, rated = [], []
    for each in sets:
        if each.name in RATED:
            model = train([other for other in sets if other is not each])
            estimate = estimates(model, features(each, model.turn), each.sessions)
            scores.append(auc(each.content, estimate))
            report(each.name, each.content, estimate, range(len(estimate)))
            rated.append(satisfaction(each, model))
    print(f"mean AUC over the rated sets: {np.mean(scores):.3f}")
    print(f"mean AUC of satisfaction over the rated sets: {np.mean(rated):.3f}")
    at = [each.name for each in sets].index("tau-airline")
    estimate, sums, groups = by_task(sets, at)
    report(sets[at].name, sets[at].content, estimate, groups)
    low, high = interval(sets[at].content, sums, groups)
    print(f"{sets[at].name}, weighted sums: AUC {auc(sets[at].content, sums):.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
