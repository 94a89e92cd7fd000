"""The proofs: chance and failures of tools are not reported, and what is there comes back at its size."""

import numpy as np
import pytest
from scipy.stats import binomtest
from worlds import World, sessions, with_outcomes

from analytics.patterns import learn

NULL = (
    World(sessions=200, users=20),
    World(sessions=100, users=1),
    World(sessions=240, agents=3, users=80, binary=True),
    World(sessions=160, users=150, follow=1.0, effects={"politeness": 2.0}),
)


def test_shuffled_outcomes_report_any_pattern_in_at_most_5_percent_of_runs():
    """Shown beyond doubt: so few runs would be improbable (5%) if 5% or more of all runs reported one."""
    r = np.random.default_rng(2026)
    runs = reported = 0
    for world in NULL:
        for _ in range(4):
            rows = sessions(world, r)
            outcomes = np.array([row.outcome for row in rows])
            for _ in range(10):
                runs += 1
                reported += bool(learn(with_outcomes(rows, r.permutation(outcomes)), {}))
    assert runs == 160
    assert binomtest(reported, runs, 0.05, alternative="less").pvalue < 0.05


def test_an_agent_that_reports_failures_of_its_tools_is_not_blamed_for_its_style():
    blamed = []
    for seed in range(20):
        rows = sessions(World(sessions=300, users=20, failing=0.15), np.random.default_rng(seed))
        blamed += [(seed, p.subject) for p in learn(rows, {}) if p.kind.startswith("style")]
    assert len({seed for seed, _ in blamed}) <= 1, blamed


PLANTED = {
    ("style_effect", "politeness"): 1.0,
    ("style_effect", "verbosity"): -0.8,
    ("style_match", "question"): 1.2,
    ("hour", "09-12 UTC"): -0.25,
    ("length", "4-7 turns"): 0.2,
}
"""Change of outcome: for a unit of style or of closeness, for being in the class."""


def planted(agent, user, hour, turns):
    closeness = -abs(agent["question"] - user["question"])
    return (
        PLANTED["style_match", "question"] * closeness
        + PLANTED["hour", "09-12 UTC"] * (9 <= hour < 12)
        + PLANTED["length", "4-7 turns"] * (4 <= turns <= 7)
    )


def truth(rows, kind, subject):
    """The planted effect in the unit of patterns: for one standard deviation among these sessions."""
    size = PLANTED[kind, subject]
    if not kind.startswith("style"):
        return size
    ours = np.array([row.styles[f"agent.{subject}"] for row in rows])
    theirs = np.array([row.styles[f"user.{subject}"] for row in rows])
    return size * float(np.std(ours if kind == "style_effect" else -np.abs(ours - theirs)))


def test_planted_effects_come_back_with_intervals_that_cover_them_95_percent_of_the_time():
    r = np.random.default_rng(2026)
    effects = {subject: size for (kind, subject), size in PLANTED.items() if kind == "style_effect"}
    covered = dict.fromkeys(PLANTED, 0)
    wide = []
    runs = 80
    for _ in range(runs):
        rows = sessions(World(sessions=600, effects=effects, slope=0.0), r, planted)
        found = {(p.kind, p.subject): p for p in learn(rows, {})}
        for key in PLANTED:
            true = truth(rows, *key)
            covered[key] += found[key].low <= true <= found[key].high
            wide.append((found[key].high - found[key].low) / abs(true))
    total = sum(covered.values())
    assert 0.935 <= total / (runs * len(PLANTED)) <= 0.99, covered
    for key, times in covered.items():
        assert binomtest(times, runs, 0.95, alternative="less").pvalue > 0.01, key
    assert np.mean(wide) < 1, "an interval says little that is as wide as the effect"


@pytest.mark.parametrize("seed", range(3))
def test_what_truly_goes_together_lets_no_chance_into_outcomes(seed):
    r = np.random.default_rng(seed)
    rows = sessions(World(sessions=400, together=0.8), r)
    for _ in range(10):
        outcomes = r.permutation([row.outcome for row in rows])
        kinds = {p.kind for p in learn(with_outcomes(rows, outcomes), {})}
        assert kinds == {"topic_pair", "tool_pair"}
