"""Sessions as columns, in one order whatever order they came in."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from sys import intern
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.latest import latest
from analytics.patterns.blind import REACTION
from analytics.patterns.early import STYLES
from analytics.patterns.regression import Estimate, Groups
from models.rows import SessionRow

__all__ = ["FEWEST", "LATEST", "Finding", "Sample", "Seen", "scopes", "take_latest"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.intp]

LATEST = 100_000
"""Sessions that are learned from at most, the latest by the time of their events; bounds memory."""
FEWEST = 50
"""Sessions from which something is tested."""
OWN_USER = 4
"""Sessions from which a user is compared with himself alone; rarer users of an agent are compared with each other."""
OWN_TOPIC, MOST_TOPICS = 20, 200
"""Sessions from which a topic is compared with itself alone, and how many topics are; the others count as one."""

_NAMES = [f"{speaker}.{style}" for speaker in ("agent", "user") for style in STYLES]
_WHOLE = frozenset(_NAMES)
_EARLY = [f"early.{name}" for name in _NAMES]
_both: Callable[[Mapping[str, float]], tuple[float, ...]] = itemgetter(*_NAMES)
_both_early: Callable[[Mapping[str, float]], tuple[float, ...]] = itemgetter(*_EARLY)


class Seen(NamedTuple):
    """What is kept of a session: half a kilobyte, so that 100,000 fit."""

    agent: str
    session: str
    user: str
    started_at: int
    ended_at: int
    messages: int
    turns: int
    outcome: float
    reaction: float
    """The outcome told without what the agent said."""
    topic_id: str
    topics: tuple[str, ...]
    tools: tuple[str, ...]
    counts: tuple[int, ...]
    """Of each tool: calls, errors."""
    styles: bytes
    """16 floats: the agent's styles, then the user's; NaN where a side wrote nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tested."""

    kind: str
    agent: str
    subject: str
    found: Estimate
    n: int
    statement: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Sessions of one agent, or of all (``agent`` empty), as arrays whose first axis they are."""

    agent: str
    outcome: Floats
    reaction: Floats
    turns: Ints
    started: Ints
    agents: Ints
    users: Ints
    """The user, of one agent; all unknown users of an agent are one."""
    clusters: Ints
    """As ``users``, but a session of an unknown user stands for itself."""
    topics: Ints
    work: Floats
    """(sessions, 3): whether tools were called, whether a call failed, and the share of calls that did."""
    styles: NDArray[np.float32]
    """(sessions, 16), as of :class:`Seen`."""

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def length(self) -> Floats:
        """(sessions, 2): the logarithm of turns and its square, from their means."""
        logs = np.log1p(self.turns)
        logs -= logs.mean()
        return np.column_stack([logs, logs**2])

    def groups(self) -> Groups:
        """What sessions are compared within: their user, and their topic."""
        users = np.where(np.bincount(self.users)[self.users] >= OWN_USER, self.users, -1 - self.agents)
        sizes = np.bincount(self.topics)
        common = np.argsort(-sizes, kind="stable")[:MOST_TOPICS]
        own = np.isin(self.topics, common[sizes[common] >= OWN_TOPIC])
        return Groups(users, np.where(own, self.topics, -1), self.clusters)

    def take(self, places: Places, agent: str) -> "Sample":
        columns = (getattr(self, name)[places] for name in self.__slots__ if name != "agent")
        return Sample(agent, *columns)


def take_latest(sessions: Iterable[SessionRow]) -> list[Seen]:
    """The latest sessions, in order of agent and session; of others nothing is held."""
    return sorted(latest(map(_seen, sessions), LATEST, attrgetter("ended_at", "agent", "session")))


def _seen(row: SessionRow) -> Seen:
    return Seen(
        intern(row.agent),
        row.session,
        intern(row.user),
        row.started_at,
        row.ended_at,
        row.messages,
        row.turns,
        row.outcome,
        row.styles.get(REACTION, row.outcome),
        intern(row.topic_id),
        tuple(map(intern, row.topics)),
        tuple(map(intern, row.tools)),
        tuple(chain.from_iterable(row.tools.values())),
        array("f", _styles(row.styles)).tobytes(),
    )


def _styles(styles: Mapping[str, float]) -> Iterable[float]:
    """Of the first half of the session; of the whole where the user was silent in it.

    NaN where nothing of the agent counts in that half: what it said later, or of a failed call, does not stand for it.
    """
    try:
        return _both_early(styles)
    except KeyError:
        nan = float("nan")
        if _EARLY[-1] in styles:
            return [nan] * len(_NAMES)
        return _both(styles) if styles.keys() >= _WHOLE else [styles.get(name, nan) for name in _NAMES]


def scopes(rows: Sequence[Seen]) -> Iterator[Sample]:
    """All sessions together unless a single agent had them, then each agent's: those that have enough."""
    if len(rows) < FEWEST:
        return
    whole = _columns(rows)
    names = sorted({row.agent for row in rows})
    if len(names) == 1 and names[0]:
        yield whole.take(np.arange(len(rows)), names[0])
        return
    yield whole
    for code, name in enumerate(names):
        places = np.flatnonzero(whole.agents == code)
        if name and len(places) >= FEWEST:
            yield whole.take(places, name)


def _columns(rows: Sequence[Seen]) -> Sample:
    return Sample(
        agent="",
        outcome=np.array([row.outcome for row in rows], dtype=np.float64),
        reaction=np.array([row.reaction for row in rows], dtype=np.float64),
        turns=np.array([row.turns for row in rows], dtype=np.int64),
        started=np.array([row.started_at for row in rows], dtype=np.int64),
        agents=_codes(row.agent for row in rows),
        users=_codes((row.agent, row.user) for row in rows),
        clusters=_codes((row.agent, row.user or row.session, row.user != "") for row in rows),
        topics=_codes(row.topic_id for row in rows),
        work=np.array([_work(row.counts) for row in rows], dtype=np.float64),
        styles=np.frombuffer(b"".join(row.styles for row in rows), np.float32).reshape(len(rows), len(_NAMES)),
    )


def _work(counts: Sequence[int]) -> tuple[float, float, float]:
    calls, errors = sum(counts[::2]), sum(counts[1::2])
    return float(calls > 0), float(errors > 0), errors / max(1, calls)


def _codes(keys: Iterable[Hashable]) -> Ints:
    """Equal numbers for equal keys, in order of first appearance: of sorted sessions, one numbering."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int64)
