"""Made-up fleets of sessions whose truth is known: what tests of patterns measure against."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.rows import SessionRow

__all__ = ["DAY", "HOUR", "STYLES", "World", "sessions", "with_outcomes"]

STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
HOUR = 3_600_000
DAY = 24 * HOUR
SPREAD = 0.1
"""Standard deviation of the agent's own part of its style."""
WHEN_FAILED = {"formality": 0.2, "sentiment": -0.2, "verbosity": 0.1}
"""Change of an agent's style in a session in which a call failed."""


@dataclass(frozen=True, slots=True)
class World:
    """Users differ in style and luck, agents follow their users, topics differ in difficulty."""

    sessions: int = 400
    agents: int = 1
    users: int = 40
    topics: int = 4
    effects: dict[str, float] = field(default_factory=dict)
    """Change of outcome for one unit of an agent's style."""
    follow: float = 0.5
    """How far an agent's style follows the user's."""
    slope: float = -0.01
    """Change of outcome for one more turn."""
    together: float = 0.0
    """How often topic t1 brings t2 along, and a failure of exec one of read, beyond chance."""
    failing: float = 0.0
    """How often a tool call fails; the agent writes otherwise then, and the user does not get what they wanted."""
    noise: float = 0.2
    binary: bool = False
    """Outcomes are 0 or 1, drawn with the probability."""


def sessions(world: World, r: np.random.Generator, shape: Callable[..., float] | None = None) -> list[SessionRow]:
    """Sessions of a world; ``shape(agent_style, user_style, hour, turns)`` adds to their outcome."""
    n = world.sessions
    agent, user = r.integers(world.agents, size=n), r.integers(world.users, size=n)
    topic = r.integers(world.topics, size=n)
    hard = r.normal(0, 0.08, world.topics)[topic] + r.normal(0, 0.05, world.agents)[agent]
    hard += r.normal(0, 0.05, world.users)[user]
    habit = 0.5 + r.normal(0, 0.1, (world.users, len(STYLES)))
    theirs = habit[user] + r.normal(0, 0.1, (n, len(STYLES)))
    ours = 0.5 + world.follow * (theirs - 0.5) + r.normal(0, SPREAD, (n, len(STYLES)))
    turns = 1 + r.poisson(3, n)
    started = r.integers(56 * 24, size=n) * HOUR
    weights = np.array([world.effects.get(style, 0.0) for style in STYLES])
    outcome = 0.6 + hard + (ours - 0.5) @ weights + world.slope * turns
    calls = r.integers(1, 4, n) if world.failing else np.zeros(n, dtype=np.int64)
    errors = r.binomial(calls, world.failing)
    ours += (errors > 0)[:, None] * np.array([WHEN_FAILED.get(style, 0.0) for style in STYLES])
    outcome -= 0.4 * (errors > 0)
    if shape is not None:
        outcome += [
            shape(dict(zip(STYLES, a, strict=True)), dict(zip(STYLES, u, strict=True)), t // HOUR % 24, k)
            for a, u, t, k in zip(ours.tolist(), theirs.tolist(), started.tolist(), turns.tolist(), strict=True)
        ]
    noisy = (r.random(n) < outcome).astype(float) if world.binary else outcome + r.normal(0, world.noise, n)
    return [
        SessionRow(
            agent=f"a{agent[i]}",
            session=f"s{i}",
            user=f"u{user[i]}",
            started_at=int(started[i]),
            ended_at=int(started[i]) + 60_000,
            messages=2 * int(turns[i]),
            turns=int(turns[i]),
            tool_calls=int(calls[i]),
            tool_errors=int(errors[i]),
            run_errors=0,
            outcome=float(noisy[i]),
            topic_id=f"t{topic[i]}",
            topics=_topics(int(topic[i]), world.together, r),
            styles=_styles(ours[i], theirs[i]),
            tools={"exec": [int(calls[i]), int(errors[i])]} if calls[i] else _tools(world.together, r),
            models="m",
        )
        for i in range(n)
    ]


def with_outcomes(rows: list[SessionRow], outcomes: NDArray[np.float64]) -> list[SessionRow]:
    return [msgspec.structs.replace(row, outcome=o) for row, o in zip(rows, outcomes.tolist(), strict=True)]


def _styles(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, float]:
    sides = {"agent": ours.tolist(), "user": theirs.tolist()}
    return {f"{side}.{name}": v for side, values in sides.items() for name, v in zip(STYLES, values, strict=True)}


def _topics(main: int, together: float, r: np.random.Generator) -> dict[str, list[int]]:
    topics = {main, *(other for other in range(4) if r.random() < 0.2)}
    if 1 in topics and r.random() < together:
        topics.add(2)
    return {f"t{topic}": [1, 0, 0] for topic in sorted(topics)}


def _tools(together: float, r: np.random.Generator) -> dict[str, list[int]]:
    tools = {name: [2, int(r.random() < 0.2)] for name in ("exec", "read", "search") if r.random() < 0.7}
    if tools.get("exec") == [2, 1] and "read" in tools and r.random() < together:
        tools["read"] = [2, 1]
    return tools
