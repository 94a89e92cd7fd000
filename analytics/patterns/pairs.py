"""Topics that come up together, and tools that fail together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from analytics.labels import topic_names
from analytics.patterns.regression import Controls, Estimate, Groups, effects
from analytics.patterns.sample import FEWEST, Finding, Sample, Seen
from analytics.patterns.statements import tool_pair_statement, topic_pair_statement

__all__ = ["tool_pair_findings", "topic_pair_findings"]

Floats = NDArray[np.float64]

MOST = 15
"""Topics and tools that are paired: those of most sessions."""
RARE = 10
"""Sessions that a topic must be in and out of."""
RARELY = 5
"""Sessions that a tool must fail and not fail in, beside the other."""


def topic_pair_findings(rows: Sequence[Seen], sample: Sample, labels: Mapping[str, str]) -> Iterator[Finding]:
    """For pairs of topics: the share of sessions with the second among those with the first, minus that of the others.

    Among sessions with a topic, within an agent, adjusted for length. Sessions of one topic make any two avoid each
    other, so only attraction is a finding.
    """
    places = np.flatnonzero([bool(row.topics) for row in rows])
    sample, n = sample.take(places, sample.agent), len(places)
    common = _most_frequent((row.topics for row in rows), least=RARE, most=n - RARE)
    if n < FEWEST or len(common) < 2:
        return
    number = {topic: at for at, topic in enumerate(common)}
    present = np.zeros((n, len(common)))
    for at, place in enumerate(places.tolist()):
        present[at, [number[topic] for topic in rows[place].topics if topic in number]] = 1
    messages = np.log1p([[rows[place].messages] for place in places.tolist()])
    groups, free, rank = _adjust(sample, present, messages)
    free = np.asfortranarray(free)
    together = present.T @ present
    name = topic_names(labels)
    for one, two in combinations(range(len(common)), 2):
        (found,) = effects(free[:, two], free[:, [one]], groups, rank, [float(present[:, one].var())])
        if found is not None:
            first, second = (name.get(common[i], common[i]) for i in (one, two))
            rates = _rates(n, together[[one, two]][:, [one, two]])
            statement = topic_pair_statement(sample.agent, first, second, rates, n)
            yield Finding("topic_pair", sample.agent, f"{first} + {second}", _attracts(found), n, statement)


def tool_pair_findings(rows: Sequence[Seen], sample: Sample) -> Iterator[Finding]:
    """For pairs of tools: how much oftener the second fails in sessions in which the first does.

    Among sessions that call both, within an agent, adjusted for length and for how often either is called. Only
    failing together is a finding.
    """
    common = _most_frequent((row.tools for row in rows), least=FEWEST, most=len(rows))
    number = {tool: at for at, tool in enumerate(common)}
    calls, failures = np.zeros((2, len(common), len(rows)), dtype=np.float32)
    for at, row in enumerate(rows):
        for place, tool in enumerate(row.tools):
            if tool in number:
                calls[number[tool], at], failures[number[tool], at] = row.counts[2 * place : 2 * place + 2]
    for one, two in combinations(range(len(common)), 2):
        places = np.flatnonzero((calls[one] > 0) & (calls[two] > 0))
        failed = (failures[[one, two]][:, places].T > 0).astype(np.float64)
        if len(places) < FEWEST or min(*failed.sum(axis=0), *(1 - failed).sum(axis=0)) < RARELY:
            continue
        both = sample.take(places, sample.agent)
        often = np.log1p(calls[[one, two]][:, places].T.astype(np.float64))
        groups, free, rank = _adjust(both, failed, np.column_stack([often, both.length]))
        (found,) = effects(free[:, 1], free[:, [0]], groups, rank, [float(failed[:, 0].var())])
        if found is not None:
            first, second = common[one], common[two]
            rates = _rates(len(both), failed.T @ failed)
            statement = tool_pair_statement(both.agent, first, second, rates, len(both))
            yield Finding("tool_pair", both.agent, f"{first} + {second}", _attracts(found), len(both), statement)


def _most_frequent(sets: Iterable[Iterable[str]], least: int, most: int) -> list[str]:
    """Of what is in ``least`` to ``most`` of the sets: what is in most of them, in order of the alphabet."""
    counts = Counter(chain.from_iterable(sets))
    usual = [each for each, n in counts.items() if least <= n <= most]
    return sorted(sorted(usual, key=lambda each: (-counts[each], each))[:MOST])


def _adjust(sample: Sample, columns: Floats, controls: Floats) -> tuple[Groups, Floats, int]:
    groups = Groups(sample.agents, np.zeros(len(sample), dtype=np.int64), sample.clusters)
    free = groups.take_out(np.column_stack([columns, controls]))
    k = columns.shape[1]
    beside = Controls(free[:, k:])
    return groups, beside.take_out(free[:, :k]), groups.rank + beside.rank


def _rates(n: int, counts: Floats) -> tuple[float, float]:
    """The share of the second where the first is, and where it is not, by how often they are (together)."""
    (first, both), (_, second) = counts.tolist()
    return both / first, (second - both) / (n - first)


def _attracts(found: Estimate) -> Estimate:
    return found if found.effect > 0 else replace(found, p=1.0)
