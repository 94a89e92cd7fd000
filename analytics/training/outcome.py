"""Train the outcome model again: ``python -m analytics.training.outcome --data DIR``.

The same data, the same model of style and the same versions of numpy, scipy and scikit-learn give the same file.
"""

import argparse
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from analytics import style
from analytics.conversation import Conversation, Ref, fold
from analytics.outcome.behaviour import REACTIONS, TALK, WORK
from analytics.outcome.model import TOOLS, OutcomeModel, TurnModel, describe, doubt, pack, standard
from analytics.outcome.turns import BUCKETS, Turn, turns
from analytics.signals import detect
from analytics.training.style_heads import TOLERANCE
from models.dialects import decode
from models.events import Event
from models.rows import Signal

__all__ = [
    "CONTENT",
    "RATED",
    "Labelled",
    "Part",
    "Set",
    "features",
    "fit_sessions",
    "load_sets",
    "prepare",
    "train",
    "weigh",
]

Floats = NDArray[np.float64]
VERSION = "outcome-9"
PRETRAINED = Path(__file__).parents[1] / "pretrained"

RATED = ("uss-mwoz", "uss-redial", "uss-ccpe")
CONTENT = 2.75
"""Mean rating from which a user counts as content with a session."""
WEIGHT = {"tau-airline": 200.0, "sgd": 200.0}
"""What all sessions of a set weigh together; 300 where nothing is said."""
DRAWN = 4
"""Every fourth session of SGD is used: they are all much alike."""
DECIMALS = 6
"""Of weights: the rest is the processor's."""
TURN_STRENGTH = 30.0
STRENGTH = 0.001
"""Inverse of the penalty of sessions' features; a third or three times of it is as good."""
DENSE_SCALE = 0.05
SATISFIED_SCALE, WORK_SCALE, TOOL_SCALE, SET_SCALE = 2.0, 2.0, 20.0, 100.0
"""How far the penalty leaves features of a kind alone: it is inverse to the square."""
SLOPES = (1.5, 1.0)
"""Stretch of the sum, of sessions without tools and with. Within one set 2 to 8 would fit the former best, across sets
1 to 2: an agent's level is not known beforehand, and the farther the stretch the more its error weighs."""


@dataclass(frozen=True)
class Labelled:
    """A session with what is known of how it went."""

    conversation: Conversation
    signals: list[Signal]
    turns: list[Turn]
    truth: float
    """Mean rating of the session, 1 to 5, or whether it succeeded, 0 or 1."""
    ratings: Mapping[Ref, float] = field(default_factory=dict)
    """Mean rating of turns, where there are any."""


@dataclass(frozen=True)
class Set:
    name: str
    sessions: list[Labelled]

    @property
    def content(self) -> NDArray[np.bool_]:
        """Whether each session went well."""
        least = CONTENT if self.name in RATED else 0.5
        return np.array([one.truth >= least for one in self.sessions])


def load_sets(data: Path) -> list[Set]:
    return [load_set(data, name) for name in (*RATED, "tau-airline", "sgd")]


def load_set(data: Path, name: str) -> Set:
    """The labelled sessions of a set.

    SGD has no judgement of its sessions: one counts as failed when an action failed and nothing made it good.
    """
    grouped = _events(data / "sessions" / f"{name}.events.jsonl.gz", name)
    truth, rated = _labels(data / "sessions", name)
    if name == "sgd":
        chosen = [key for key in grouped if int(hashlib.sha256(key.encode()).hexdigest(), 16) % DRAWN == 0]
    else:
        chosen = [key for key in grouped if key in truth]
    sessions = []
    for key in chosen:
        conversation = fold(grouped[key])
        [styles] = style.rows([conversation])
        signals = detect(conversation, styles)
        failed = any(signal.kind == "unrecovered_tool_failure" for signal in signals)
        ratings = {(event.stream, event.seq): rated[event.id] for event in grouped[key] if event.id in rated}
        known = truth.get(key, float(not failed))
        sessions.append(Labelled(conversation, signals, turns(conversation, styles), known, ratings))
    return Set(name, sessions)


def _events(path: Path, name: str) -> dict[str, list[Event]]:
    grouped: dict[str, list[Event]] = {}
    with gzip.open(path, "rb") as lines:
        for seq, line in enumerate(lines, start=1):
            event = decode(line.rstrip(b"\n"), stream=name, seq=seq)
            grouped.setdefault(event.session, []).append(event)
    return grouped


def _labels(folder: Path, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Truth of sessions by their key, ratings of turns by the event's id."""
    if name in RATED:
        rows = [json.loads(line) for line in (folder / f"{name}.satisfaction.jsonl").read_text().splitlines()]
        sessions = {row["session"]: float(row["score"]) for row in rows if row["event"] is None}
        return sessions, {row["event"]: float(row["score"]) for row in rows if row["event"] is not None}
    if name == "tau-airline":
        rows = [json.loads(line) for line in (folder / f"{name}.outcome.jsonl").read_text().splitlines()]
        return {row["session"]: float(row["success"]) for row in rows}, {}
    return {}, {}


def fit_turns(sets: Sequence[Set]) -> TurnModel:
    """Ratings of turns, all sets of equal weight."""
    found = [(turn, one.ratings[turn.ref]) for each in sets for one in each.sessions for turn in one.turns
             if turn.ref in one.ratings]  # fmt: skip
    sizes = [sum(turn.ref in one.ratings for one in each.sessions for turn in one.turns) for each in sets]
    weight = np.concatenate([np.full(size, 1e4 / size) for size in sizes])
    user, user_idf = _matrix([turn.user for turn, _ in found])
    agent, agent_idf = _matrix([turn.agent for turn, _ in found])
    dense = np.array([turn.dense for turn, _ in found])
    mean, scale = dense.mean(axis=0), DENSE_SCALE / (dense.std(axis=0) + 1e-6)
    matrix = sp.hstack([user, agent, sp.csr_array((dense - mean) * scale)]).tocsr()
    ridge = Ridge(alpha=TURN_STRENGTH, solver="sparse_cg", tol=TOLERANCE)
    ridge.fit(matrix, np.array([rating for _, rating in found]), weight)
    weights = np.asarray(ridge.coef_, dtype=float)
    inner = (weights[2 * BUCKETS :] * scale).round(DECIMALS)
    return TurnModel(
        user=(weights[:BUCKETS] * user_idf).round(DECIMALS).astype(np.float32).astype(float),
        agent=(weights[BUCKETS : 2 * BUCKETS] * agent_idf).round(DECIMALS).astype(np.float32).astype(float),
        user_idf=user_idf,
        agent_idf=agent_idf,
        dense=inner,
        bias=round(float(ridge.intercept_) - float(mean @ inner), DECIMALS),
    )


def _matrix(grams: Sequence[Mapping[int, float]]) -> tuple[sp.csr_array, Floats]:
    """Rows of unit length weighted by idf, and idf in steps of 1/16; 0: a bucket of fewer than five texts."""
    start = np.cumsum([0, *(len(each) for each in grams)])
    places = np.concatenate([np.fromiter(each, dtype=np.int64, count=len(each)) for each in grams])
    values = np.concatenate([np.fromiter(each.values(), dtype=float, count=len(each)) for each in grams])
    found = np.bincount(places, minlength=BUCKETS)
    idf = np.where(found >= 5, np.minimum(np.rint((np.log((1 + len(grams)) / (1 + found)) + 1) * 16), 255) / 16, 0.0)
    matrix = sp.csr_array((values * idf[places], places, start), shape=(len(grams), BUCKETS))
    length = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
    return sp.csr_array(matrix.multiply((1 / np.maximum(length, 1e-9))[:, None])), idf


def features(each: Set, model: TurnModel) -> tuple[Floats, sp.csr_array]:
    """Dense features and hashed tools of a set's sessions."""
    described = [
        describe(one.conversation, one.signals, [model.rate(turn) for turn in one.turns]) for one in each.sessions
    ]
    tools = sp.lil_array((len(described), TOOLS))
    for row, (_, named) in enumerate(described):
        for bucket, value in named.items():
            tools[row, bucket] = value
    return np.array([dense for dense, _ in described]), tools.tocsr()


Part = tuple[Floats, sp.csr_array]
"""A set's dense features and hashed tools."""


def prepare(sets: Sequence[Set]) -> tuple[TurnModel, list[Part]]:
    """The turn model, and the features of every set.

    Those of a rated set come from a turn model that was fitted on the other rated sets: its ratings are then as
    good on the training data as they will be on new data.
    """
    rated = [each for each in sets if each.name in RATED]
    whole = fit_turns(rated)
    parts = []
    for each in sets:
        others = [other for other in rated if other.name != each.name]
        parts.append(features(each, fit_turns(others) if each in rated and others else whole))
    return whole, parts


def fit_sessions(sets: Sequence[Set], parts: Sequence[Part], turn: TurnModel) -> OutcomeModel:
    """The weights of sessions' features, and what makes their sum a probability."""
    model = fit_weights(sets, parts, turn)
    levels = [_level(sets, parts, model, SLOPES[acts], acts=acts) for acts in (False, True)]
    return replace(model, slope=SLOPES, bias=(levels[0], levels[1]))


def fit_weights(sets: Sequence[Set], parts: Sequence[Part], turn: TurnModel) -> OutcomeModel:
    """Logistic regression over all sessions.

    Each set has a level of its own while training, so that weights do not learn what set a session comes from.
    """
    size = [len(each.sessions) for each in sets]
    weight = _weights(sets)
    dense = np.concatenate([part[0] for part in parts])
    centre, scale = _spread(dense, weight)
    which = np.repeat(np.arange(len(sets)), size)
    of_set = sp.csr_array((np.full(len(which), SET_SCALE), (np.arange(len(which)), which)))
    tools = sp.vstack([part[1] for part in parts]) * TOOL_SCALE
    plain = [1.0] * (len(REACTIONS) + len(TALK))
    trust = np.array([SATISFIED_SCALE] * 2 + plain + [WORK_SCALE] * len(WORK))
    matrix = sp.hstack([sp.csr_array(standard(dense, centre, scale) * trust), tools, of_set]).tocsr()
    logistic = LogisticRegression(C=STRENGTH, solver="newton-cholesky", tol=TOLERANCE)
    logistic.fit(matrix, np.concatenate([each.content for each in sets]), weight)
    weights, used = logistic.coef_[0], dense.shape[1]
    return OutcomeModel(
        version=VERSION,
        turn=turn,
        centre=centre,
        scale=scale,
        weights=np.round(weights[:used] * trust, 6),
        tools=np.round(weights[used : used + TOOLS] * TOOL_SCALE, 6),
        slope=(1.0, 1.0),
        bias=(0.0, 0.0),
    )


def weigh(model: OutcomeModel, part: Part) -> Floats:
    """The weighted sums of sessions' features."""
    dense, tools = part
    return np.asarray(standard(dense, model.centre, model.scale) @ model.weights + tools @ model.tools)


def _weights(sets: Sequence[Set]) -> Floats:
    return np.concatenate(
        [np.full(len(each.sessions), WEIGHT.get(each.name, 300.0) / len(each.sessions)) for each in sets]
    )


def _level(sets: Sequence[Set], parts: Sequence[Part], model: OutcomeModel, slope: float, *, acts: bool) -> float:
    """The bias at which estimates are right on average over the sets without tools, or with; found by halving."""
    rows = np.concatenate([np.full(len(each.sessions), (each.name in RATED) != acts) for each in sets])
    doubts = np.array([doubt(one.signals) for each in sets for one in each.sessions])[rows]
    score = slope * np.concatenate([weigh(model, part) for part in parts])[rows] - doubts
    content = np.concatenate([each.content for each in sets])[rows]
    weight = _weights(sets)[rows]
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        estimate = 1 / (1 + np.exp(-score - middle))
        low, high = (low, middle) if np.average(estimate - content, weights=weight) > 0 else (middle, high)
    return round(low, 6)


def train(sets: Sequence[Set]) -> OutcomeModel:
    """Turns first, then sessions."""
    turn, parts = prepare(sets)
    return fit_sessions(sets, parts, turn)


def _spread(dense: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and standard deviation of each feature, over the sessions that it is known of."""
    share = np.where(np.isnan(dense), 0.0, weight[:, None])
    share = share / np.maximum(share.sum(axis=0), 1e-9)
    centre = (np.nan_to_num(dense) * share).sum(axis=0)
    scale = np.sqrt((np.nan_to_num(dense - centre) ** 2 * share).sum(axis=0)) + 1e-6
    return centre.round(DECIMALS), scale.round(DECIMALS)


def main() -> None:
    """Train, and write the packaged file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--out", type=Path, default=PRETRAINED / "outcome.npz")
    given = parser.parse_args()
    arrays: dict[str, Any] = {**pack(train(load_sets(given.data)))}
    np.savez_compressed(given.out, **arrays)


if __name__ == "__main__":
    main()
