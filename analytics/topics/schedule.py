"""When models of discovered topics are fitted, and which one tags a conversation.

Both follow from event time alone, so a log read twice, or in another order, gives the same models and the same tags.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from analytics.conversation import Conversation, Ref
from analytics.topics.discovery import Model
from analytics.topics.finding import SETTLED, due, fit
from models.events import Visibility
from models.rows import EventTopic

__all__ = ["HOUR", "TOLD", "Chain", "Due", "Fit", "Hour", "learn", "plan"]

HOUR = 3_600_000
"""Milliseconds; messages are counted by the hour."""
TOLD = frozenset({Visibility.PUBLIC, Visibility.INTERNAL})
"""Visibility of messages that topics may be found in, since words of theirs name a topic."""
_FIRST = 100
"""Messages of the first fit."""
_YOUNG = 1.05
_GROWTH = 1.5
"""Messages at a fit, times those at the one before, while topics may still be found anew and later. What a young log's
topics are changes when they are: the less was said since the last fit, the fewer messages see their topic change."""
_WEEK = 7 * 24
"""Hours after which a fit needs fewer messages."""
_WEEKLY = 30
_LOOK_BACK = 28 * 24 * HOUR


class Hour(NamedTuple):
    """What users said in an hour of event time."""

    messages: int
    digest: str = ""
    """Tells these messages from any others."""


class Due(NamedTuple):
    """A fit that is due: :func:`analytics.topics.finding.fit` of the messages of ``since < ts <= mark``."""

    since: int
    """Unix milliseconds; -1: from the first message."""
    mark: int
    seen: int
    """Messages up to the mark."""


class Fit(NamedTuple):
    """A fit that was made."""

    mark: int
    inputs: str
    """Digest of all that it was made from: fits of equal inputs are equal."""
    version: str
    """Of the model that came of it."""


def plan(hours: Mapping[int, int]) -> list[Due]:
    """The fits that a log is due so far, in order; each takes the model of the one before as ``previous``.

    A fit comes when there are a twentieth as many messages again as at the last one (half as many, once topics are settled),
    or after a week with thirty. An hour counts when a later one has begun. More messages only ever add fits, unless
    they come late, into an hour that had counted.

    Args:
        hours: user messages by hour of event time (Unix milliseconds // :data:`HOUR`).
    """
    fits: list[Due] = []
    seen = at_last = fitted = 0
    last = 0
    latest = max(hours, default=0)
    for hour in sorted(hours):
        if hour == latest:
            break
        seen += hours[hour]
        growth = _YOUNG if fitted < SETTLED else _GROWTH
        grown = seen >= max(_FIRST, growth * at_last)
        weekly = bool(fits) and hour - last >= _WEEK and seen - at_last >= _WEEKLY
        if not (grown or weekly):
            continue
        mark = (hour + 1) * HOUR - 1
        if due(seen, fitted):
            fits.append(Due(-1, mark, seen))
            fitted = seen
        else:
            fits.append(Due(fits[-1].mark - _LOOK_BACK, mark, seen))
        at_last, last = seen, hour
    return fits


def inputs(hours: Mapping[int, Hour], fits: Sequence[Due]) -> list[str]:
    """The digest of what each planned fit is made from."""
    digest = hashlib.sha256()
    found: list[str] = []
    waiting = iter(sorted(hours))
    hour = next(waiting, None)
    for one in fits:
        while hour is not None and hour * HOUR <= one.mark:
            digest.update(repr((hour, *hours[hour])).encode())
            hour = next(waiting, None)
        digest.update(repr(tuple(one)).encode())
        found.append(digest.hexdigest())
    return found


def learn(
    hours: Mapping[int, Hour],
    known: Sequence[Fit],
    load: Callable[[str], Model],
    read: Callable[[Due], Iterable[tuple[Ref, int, str]]],
) -> tuple[list[Fit], dict[str, Model]]:
    """All fits that a log is due, and the models of those that were not made before.

    Args:
        hours: what users said.
        known: the fits that were made before; one of other inputs is made anew.
        load: gives the model of a known fit by its version.
        read: gives what users said in ``since < ts <= mark`` of a fit, as far as all may know it.
    """
    planned = plan({hour: said.messages for hour, said in hours.items()})
    made = {one.inputs: one for one in known}
    chain: list[Fit] = []
    fresh: dict[str, Model] = {}
    for one, digest in zip(planned, inputs(hours, planned), strict=True):
        if digest in made:
            chain.append(made[digest])
            continue
        before = chain[-1].version if chain else ""
        previous = fresh.get(before) or (load(before) if before else None)
        model = fit(read(one), one.mark, previous, one.seen)
        fresh[model.version] = model
        chain.append(Fit(one.mark, digest, model.version))
    return chain, fresh


class Chain:
    """The models that a log has been given so far, as one topic model.

    A conversation is tagged by the first model that was fitted on all of it, so that a new topic has the messages in
    which it first came up; by the latest when there is none yet. A new model therefore changes only what was said
    since the last.

    Args:
        fits: (mark, version) of each, in any order; without any, nothing is tagged.
        load: gives a model by its version.
    """

    def __init__(self, fits: Iterable[tuple[int, str]], load: Callable[[str], Model]) -> None:
        self._fits = sorted(fits)
        self._load = load

    def latest(self) -> Model | None:
        """The model that knows of all topics."""
        return self._load(self._fits[-1][1]) if self._fits else None

    def governing(self, ended_at: int) -> str:
        """Version of the model for a conversation whose last event was at ``ended_at``, Unix milliseconds; may be
        empty."""
        if not self._fits:
            return ""
        at = bisect_left(self._fits, (ended_at, ""))
        return self._fits[min(at, len(self._fits) - 1)][1]

    def tag(self, conversations: Sequence[Conversation]) -> list[list[EventTopic]]:
        """See :class:`analytics.topics.tagging.TopicModel`."""
        tagged: list[list[EventTopic]] = [[] for _ in conversations]
        versions = [self.governing(c.ended_at) for c in conversations]
        for version in sorted(set(versions) - {""}):
            mine = [at for at, other in enumerate(versions) if other == version]
            for at, rows in zip(mine, self._load(version).tag([conversations[at] for at in mine]), strict=True):
                tagged[at] = rows
        return tagged
