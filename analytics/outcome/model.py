"""The outcome model: how each turn went, how both sides talked, what the agent did, weighed by logistic regression."""

import io
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.conversation import Conversation, Ref
from analytics.outcome.behaviour import REACTIONS, TALK, WORK, reactions, talk, work
from analytics.outcome.turns import Turn, turns
from analytics.signals.tools import reads
from models.rows import MessageStyle, Signal

__all__ = [
    "DOUBTS",
    "FEATURES",
    "LIMIT",
    "TOOLS",
    "OutcomeModel",
    "TurnModel",
    "describe",
    "doubt",
    "load",
    "pack",
    "satisfaction",
    "standard",
    "unpack",
]

Floats = NDArray[np.float64]

FEATURES = ("satisfied", "satisfied_last", *REACTIONS, *TALK, *WORK)
"""Names of a session's features, in order; the first two are the turn model's mean over all and over the last two.

``TALK`` is known of sessions without tools, ``WORK`` of those with: what is not known is not a number here.
"""

TOOLS = 2048
"""Hash buckets of tools."""

DOUBTS = {"run_error": 2.0, "doom_loop": 1.0, "context_lost": 0.5}
"""What the worst signal of a kind takes from the log-odds, times its severity: set by hand.

No labelled session at hand has a failed run or a lost context, and one has a loop, so that nothing can be learned
about them; that they are no good sign is known without data.
"""

LIMIT = 3.0
"""Standard deviations from the mean at which a feature is cut off."""


@dataclass(frozen=True, slots=True)
class TurnModel:
    """How content a user is at a turn, from 1 to 5: ridge regression over hashed words and styles."""

    user: Floats
    """(BUCKETS,), idf times weight of the user's words."""
    agent: Floats
    user_idf: Floats
    agent_idf: Floats
    dense: Floats
    bias: float

    def rate(self, turn: Turn) -> float:
        """A turn's rating."""
        return (
            self.bias
            + _dot(turn.user, self.user, self.user_idf)
            + _dot(turn.agent, self.agent, self.agent_idf)
            + math.fsum((turn.dense * self.dense).tolist())
        )


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """Probability that the user got what they wanted. Results depend on each session alone."""

    version: str
    turn: TurnModel
    centre: Floats
    """(FEATURES,), means on the training data; ``weights`` apply to standardised features."""
    scale: Floats
    weights: Floats
    tools: Floats
    """(TOOLS,)"""
    slope: tuple[float, float]
    """Of sessions without tools, and with: how far the weighted sum is stretched (Platt 1999)."""
    bias: tuple[float, float]

    def rate(self, conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> dict[Ref, float]:
        """How content the user is at each of their messages, from 1 to 5, given its styles as far as known."""
        return {turn.ref: self.turn.rate(turn) for turn in turns(conversation, styles)}

    def estimate(
        self,
        conversations: Sequence[Conversation],
        signals: Sequence[Sequence[Signal]],
        ratings: Sequence[Mapping[Ref, float]],
    ) -> list[float]:
        """Probability for each conversation, given its signals and what :meth:`rate` says of it."""
        return [self._one(*each) for each in zip(conversations, signals, ratings, strict=True)]

    def _one(self, conversation: Conversation, signals: Sequence[Signal], ratings: Mapping[Ref, float]) -> float:
        dense, tools = describe(conversation, signals, list(ratings.values()))
        score = math.fsum((standard(dense, self.centre, self.scale) * self.weights).tolist())
        score += math.fsum(value * float(self.tools[bucket]) for bucket, value in tools.items())
        acts = bool(conversation.calls)
        score = self.bias[acts] + self.slope[acts] * score - doubt(signals)
        return round(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score)))), 6)


def satisfaction(ratings: Mapping[Ref, float]) -> dict[Ref, float]:
    """Ratings from 1 to 5 as 0, very dissatisfied, to 1, very satisfied; rounded to six decimals."""
    return {ref: round(min(1.0, max(0.0, (rating - 1) / 4)), 6) for ref, rating in ratings.items()}


def doubt(signals: Sequence[Signal]) -> float:
    """What :data:`DOUBTS` takes from a session's log-odds."""
    worst: dict[str, float] = {}
    for signal in signals:
        worst[signal.kind] = max(signal.severity, worst.get(signal.kind, 0.0))
    return math.fsum(weight * worst.get(kind, 0.0) for kind, weight in DOUBTS.items())


def standard(dense: Floats, centre: Floats, scale: Floats) -> Floats:
    """Features in standard deviations from the mean, cut off at :data:`LIMIT`; what is not known is 0, the mean."""
    return np.nan_to_num(np.clip((dense - centre) / scale, -LIMIT, LIMIT))


def describe(
    conversation: Conversation, signals: Sequence[Signal], ratings: Sequence[float]
) -> tuple[Floats, dict[int, float]]:
    """A session's features in the order of :data:`FEATURES`, and the tools it used, hashed."""
    middle = 3.0
    mean = math.fsum(ratings) / len(ratings) if ratings else middle
    last = math.fsum(ratings[-2:]) / len(ratings[-2:]) if ratings else middle
    named = reactions(conversation, signals) | {"satisfied": mean, "satisfied_last": last}
    named |= work(conversation, signals) if conversation.calls else talk(conversation)
    return np.array([named.get(name, math.nan) for name in FEATURES]), _tools(conversation, signals)


def _tools(conversation: Conversation, signals: Sequence[Signal]) -> dict[int, float]:
    """Tools, pairs called in succession, and tools of sessions with a refusal, an insisting user or no change.

    What these say is learned for each tool: that an agent rightly declined is known of its own tools only.
    """
    names = [call.tool for call in conversation.calls]
    kinds = {signal.kind for signal in signals}
    held = {"refusal": "refusal" in kinds, "insisting": "repeated_request" in kinds, "looking": all(map(reads, names))}
    used = Counter(names)
    used.update(f"{one} {two}" for one, two in pairwise(names))
    found: dict[int, float] = defaultdict(float)
    for group in (used, *({f"{name} {how}": 1 for name in set(names)} for how, holds in held.items() if holds)):
        values = {name: 1.0 + math.log(count) for name, count in sorted(group.items())}
        length = math.sqrt(math.fsum(value * value for value in values.values()))
        for name, value in values.items():
            found[zlib.crc32(name.encode()) % TOOLS] += value / length
    return dict(sorted(found.items()))


def _dot(grams: Mapping[int, float], weights: Floats, idf: Floats) -> float:
    """Weighted by idf and of unit length, times the weights (which contain idf)."""
    length = math.sqrt(math.fsum((value * float(idf[bucket])) ** 2 for bucket, value in grams.items()))
    return math.fsum(value * float(weights[bucket]) for bucket, value in grams.items()) / length if length else 0.0


def pack(model: OutcomeModel) -> dict[str, NDArray[np.generic]]:
    """The model as arrays for an npz file; idf is a multiple of 1/16, word weights are in single precision."""
    turn = model.turn
    return {
        "version": np.array(model.version),
        "user": turn.user.astype(np.float32),
        "agent": turn.agent.astype(np.float32),
        "user_idf": np.rint(turn.user_idf * 16).astype(np.uint8),
        "agent_idf": np.rint(turn.agent_idf * 16).astype(np.uint8),
        "dense": turn.dense,
        "session": np.stack([model.centre, model.scale, model.weights]),
        "tools": model.tools,
        "bias": np.array([turn.bias, *model.slope, *model.bias]),
    }


def unpack(arrays: Mapping[str, NDArray[np.generic]]) -> OutcomeModel:
    """The model of :func:`pack`'s arrays."""

    def of(name: str) -> Floats:
        return np.asarray(arrays[name], dtype=np.float64)

    centre, scale, weights = of("session")
    first, *last = of("bias").tolist()
    turn = TurnModel(of("user"), of("agent"), of("user_idf") / 16, of("agent_idf") / 16, of("dense"), first)
    return OutcomeModel(
        str(arrays["version"]), turn, centre, scale, weights, of("tools"), (last[0], last[1]), (last[2], last[3])
    )


@cache
def load() -> OutcomeModel:
    """The packaged model."""
    data = files("analytics").joinpath("pretrained", "outcome.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return unpack(arrays)
