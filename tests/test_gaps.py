"""Gaps over many sessions: what is shown, in which order, and what small samples may not do."""

import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from analytics.gaps import estimate
from analytics.gaps.rates import shrink
from analytics.gaps.status import status, trend
from models.rows import SkillUse

DAY = 86_400_000


def uses(failed, agent="a", topic="t", tool="exec", start=0):
    """One use a day, failed where the text has an ``x``: "..x"."""
    return [
        SkillUse(
            agent=agent, session=f"{agent}:{topic}:{tool}:{at}", topic_id=topic, tool=tool, at=start + at * DAY,
            failed=mark == "x",
        )
        for at, mark in enumerate(failed)
    ]  # fmt: skip


FLEET = [use for agent in "abc" for topic in "uvw" for use in uses("." * 19 + "x", agent, topic, "read")]
"""Nine skills that fail in one of twenty."""


def test_no_uses_no_gaps():
    assert estimate([], {}) == []
    assert estimate(uses("....."), {}) == []


def test_a_gap_is_told_in_full():
    gap = estimate([*FLEET, *uses("x." * 30)], {"t": "deploy"})[0]
    assert (gap.agent, gap.skill, gap.topic_id, gap.tool) == ("a", "deploy × exec", "t", "exec")
    assert (gap.sessions, gap.failures, gap.status) == (60, 30, "open")
    assert gap.rate == pytest.approx(0.47, abs=0.03)
    assert gap.low < gap.rate < gap.high
    assert gap.excess == pytest.approx(gap.rate - 0.06, abs=0.02)
    assert 0 < gap.impact < gap.excess * 60
    assert gap.trend == 0
    assert (gap.first_seen, gap.last_seen) == (0, 58 * DAY)
    assert gap.evidence[:2] == ["a:t:exec:58", "a:t:exec:56"]
    assert len(gap.evidence) == 20


def test_one_failure_of_one_does_not_outrank_thirty_of_sixty():
    found = estimate([*FLEET, *uses("x", topic="rare"), *uses("x." * 30)], {})
    assert [(g.topic_id, g.impact > 0, g.status) for g in found] == [("t", True, "open")]
    found = estimate([*FLEET, *uses("xx", topic="rare"), *uses("x." * 30)], {})
    assert [(g.topic_id, g.impact > 0, g.status) for g in found] == [("t", True, "open"), ("rare", False, "opening")]


@given(
    small=st.lists(st.booleans(), min_size=1, max_size=4),
    rest=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvw"), st.booleans()), max_size=60),
)
@example(small=[True] * 4, rest=[("a", "u", True), ("b", "u", True)])  # so bad a fleet that 30 of 60 is no gap
@settings(max_examples=60, deadline=None)
def test_small_samples_never_top_the_list(small, rest):
    fleet = [
        use for at, (agent, topic, bad) in enumerate(rest) for use in uses("x" * bad or ".", agent, topic, start=at)
    ]
    tiny = uses("".join("x" if bad else "." for bad in small), agent="z", topic="rare")
    found = estimate([*fleet, *tiny, *uses("x." * 30)], {})
    assert [g.impact for g in found if g.topic_id == "rare"] in ([], [0.0])
    assert not found or found[0].topic_id != "rare" or all(g.sessions < 5 or g.status == "closed" for g in found)


def test_small_samples_stand_below_larger_ones_that_prove_nothing_either():
    found = estimate([*FLEET, *uses("xxxx", "b", "rare"), *uses("...xxx")], {})
    assert [(g.topic_id, g.impact, g.status) for g in found] == [("t", 0, "opening"), ("rare", 0, "opening")]


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=12), max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_small_sample_stands_above_a_larger_one_that_is_not_closed(records):
    skills = [uses("".join(".x"[bad] for bad in each), topic=str(at)) for at, each in enumerate(records)]
    small = [
        g.sessions < 5
        for g in estimate([*FLEET, *(use for skill in skills for use in skill)], {})
        if g.status != "closed"
    ]
    assert small == sorted(small)


def test_an_agent_that_fails_at_everything_has_gaps_against_its_fleet():
    bad = [use for topic in "uvw" for use in uses("xx." * 10, "z", topic)]
    found = estimate([*FLEET, *(u for a in "defgh" for u in uses("." * 40, a, "u")), *bad], {})
    assert {g.agent for g in found if g.status == "open"} == {"z"}


def test_a_skill_that_is_all_there_is_has_a_baseline_still():
    (gap,) = estimate(uses("x.x.x.x.x.x."), {})
    assert gap.status == "open"
    assert gap.rate - gap.excess == pytest.approx(0.1)


def test_a_fleet_without_gaps_shows_hardly_any():
    r = random.Random(5)
    fleet = [
        use
        for agent in range(20)
        for topic in range(20)
        for use in uses("".join("x" if r.random() < 0.1 else "." for _ in range(40)), str(agent), str(topic))
    ]
    found = estimate(fleet, {})
    assert sum(g.impact > 0 for g in found) == 0
    assert len(found) <= 0.03 * 400


def test_talk_is_compared_with_talk_and_tools_with_tools():
    talk = [use for topic in "uvwxyz" for use in uses("xx." * 7, topic=topic, tool="")]
    tools = [use for topic in "uvwxyz" for use in uses("." * 21, topic=topic)]
    found = estimate([*talk, *tools, *uses("...x" * 8, topic="t")], {"t": "deploy", "u": "billing"})
    assert [(g.skill, g.impact > 0) for g in found if g.impact > 0] == [("deploy × exec", True)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("." * 30, ""),
        ("." * 19 + "x" + "." * 10, ""),
        ("." * 19 + "x", ""),
        ("x", ""),
        ("xx", "opening"),
        ("." * 19 + "xxx", "opening"),
        ("xxxxxx", "open"),
        ("x." * 10, "open"),
        ("x." * 10 + "." * 10, "closing"),
        ("x." * 10 + "." * 30, "closed"),
        ("x." * 10 + "." * 30 + "x", "closed"),
        ("x." * 10 + "." * 30 + "xx.x", "opening"),
        ("x." * 10 + "." * 30 + "xxxxxxxx", "open"),
        ("x." * 10 + "." * 30 + "xx.x" + "." * 12, "closed"),
    ],
)
def test_status_follows_the_record(record, expected):
    assert status([mark == "x" for mark in record], baseline=0.05, prior=9) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("." * 30 + "xxxxxx" + "." * 6, "closing"),
        ("." * 30 + "xxxxxx" + "." * 6 + "xx", "open"),
        ("." * 20 + "xxx.xxx.xx....x.xx.xxx......", "closing"),
        ("." * 20 + "xxx.xxx.xx....x.xx.xxx.......xx", "open"),
        ("." * 20 + "xxx.xxx.xx....x.xx.xxx.......xx" + "." * 7, "closing"),
        ("." * 20 + "xxx.xxx.xx....x.xx.xxx.......xx" + "." * 14, "closed"),
    ],
)
def test_a_gap_that_fails_again_is_no_longer_closing(record, expected):
    assert status([mark == "x" for mark in record], baseline=0.1, prior=9) == expected


def test_a_gap_is_held_to_its_rate_on_the_whole_not_to_its_worst_stretch():
    record = "x" * 6 + "...x" * 6
    assert status([mark == "x" for mark in record], baseline=0.1, prior=4) == "open"
    assert status([mark == "x" for mark in record + "." * 6], baseline=0.1, prior=4) == "open"
    assert status([mark == "x" for mark in record + "." * 7], baseline=0.1, prior=4) == "closing"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("." * 36 + "xxxx", ""),
        ("." * 36 + "xxxxxxxx", ""),
        ("x." * 10 + "." * 10, "closing"),
        ("x." * 10 + "." * 30 + "xx.x", "closed"),
    ],
)
def test_nothing_opens_that_is_no_worse_than_usual_on_the_whole(record, expected):
    assert status([mark == "x" for mark in record], baseline=0.05, prior=9, worse=False) == expected


def test_a_skill_that_is_better_than_usual_is_no_opening_gap():
    broken = [use for topic in "uvw" for use in uses("x." * 20, "c", topic)]
    found = estimate([*FLEET, *broken, *uses("." * 36 + "xxxx", "d")], {})
    assert {(g.agent, g.status) for g in found} == {("c", "open")}


@pytest.mark.parametrize(
    ("record", "expected"),
    [("", 0), ("x", 0), (".x", 1 / 5), ("x.", -1 / 5), ("..x..", 0), ("x" * 50 + "." * 50, -50 / 54)],
)
def test_trend_is_newer_half_minus_older_half(record, expected):
    assert trend([mark == "x" for mark in record], prior=4) == pytest.approx(expected)


def test_a_gap_that_closed_stays_visible_below_all_others():
    found = estimate([*FLEET, *uses("x." * 10 + "." * 40), *uses("xx", topic="rare")], {})
    assert [(g.topic_id, g.status) for g in found] == [("rare", "opening"), ("t", "closed")]
    assert [g.impact for g in found] == [0, 0]
    assert found[1].excess > 0


def test_status_and_times_do_not_depend_on_the_clock_or_the_time_of_day():
    early = estimate([*FLEET, *uses("x." * 10)], {})
    late = estimate([*FLEET, *uses("x." * 10, start=9_999 * DAY)], {})
    assert [(g.status, g.trend, g.rate) for g in early] == [(g.status, g.trend, g.rate) for g in late]


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_order_of_the_input_does_not_matter(data):
    r = random.Random(data.draw(st.integers(0, 1000)))
    some = [
        use
        for agent in "ab"
        for topic in "tu"
        for tool in ("", "exec")
        for use in uses("".join(r.choice("..x") for _ in range(r.randrange(15))), agent, topic, tool)
    ]
    shuffled = data.draw(st.permutations(some))
    assert estimate(iter(shuffled), {"t": "one"}) == estimate(some, {"t": "one"})


def test_names_are_unique_within_an_agent():
    labels = {"t1": "billing", "t2": "billing", "t3": "billing × pay", "t4": "billing"}
    skills = [("t1", ""), ("t2", ""), ("t4", "pay × pay"), ("t3", "pay"), ("", "pay"), ("billing", "pay")]
    found = estimate([use for topic, tool in skills for use in uses("xxxxxx", topic=topic, tool=tool)], labels)
    assert sorted(g.skill for g in found) == [
        "(no topic) × pay",
        "billing [t1] (no tool)",
        "billing [t2] (no tool)",
        "billing [t4] × pay × pay",
        "billing × pay",
        "billing × pay × pay",
    ]


def test_intervals_cover_the_true_rates_of_a_fleet():
    """1,000 skills whose rates the model describes: 95% intervals hold 95% of them, within three standard errors."""
    r = np.random.default_rng(3)
    agents = [str(at // 20) for at in range(1000)]
    mean = np.repeat(r.beta(2, 12, 50), 20)
    truth = r.beta(9 * mean, 9 * (1 - mean))
    n = r.integers(1, 60, 1000)
    rates = shrink(agents, n.tolist(), r.binomial(n, truth).tolist())
    covered = np.mean((rates.low <= truth) & (truth <= rates.high))
    assert 0.929 <= covered <= 0.971
    raw = r.binomial(n, truth) / n
    assert np.mean((rates.rate - truth) ** 2) < 0.5 * np.mean((raw - truth) ** 2)


@pytest.mark.parametrize(("healthy", "rate", "sessions"), [(10, 0.35, 46), (30, 0.4, 40), (4, 0.4, 40), (10, 0.5, 40)])
def test_the_interval_of_an_agents_only_skill_holds_its_rate(healthy, rate, sessions):
    """The skills of another agent are all alike: they say little of how far an agent may be from another."""
    r = np.random.default_rng(3)
    covered = []
    for _ in range(200):
        failures = [*r.binomial(40, 0.05, healthy), r.binomial(sessions, rate)]
        rates = shrink([*("a" * healthy), "specialist"], [*[40] * healthy, sessions], failures)
        covered.append(rates.low[-1] <= rate <= rates.high[-1])
    assert np.mean(covered) >= 0.88


@pytest.mark.parametrize("rate", [0.4, 0.7, 0.9])
def test_the_interval_of_a_skill_that_stands_out_holds_its_rate(rate):
    """One of 20 skills, all others alike: what they have in common is not held against it."""
    r = np.random.default_rng(3)
    agents = [str(at // 5) for at in range(20)]
    covered = []
    for _ in range(200):
        failures = [*r.binomial(40, 0.06, 19), r.binomial(40, rate)]
        rates = shrink(agents, [40] * 20, failures)
        covered.append(rates.low[-1] <= rate <= rates.high[-1])
    assert np.mean(covered) >= 0.88


def test_two_failures_of_two_stand_out_the_less_the_more_skills_are_alike():
    told = []
    for others in (10, 100, 1000):
        rates = shrink(["a"] * (others + 1), [20] * others + [2], [1, 2] * (others // 2) + [2])
        told.append(float(rates.rate[-1]))
    assert told == sorted(told, reverse=True)
    assert told[-1] < 0.15


def test_an_interval_leaves_as_much_below_it_as_above():
    """Against the posterior summed over a grid: the fleet is one skill, at 10% before anything is known."""
    rates = shrink(["a"], [10], [5])
    prior = float(rates.prior[0])
    x = (np.arange(100_000) + 0.5) / 100_000
    share = 1 / 20
    for _ in range(200):
        parts = [(1 - share) * beta.pdf(x, 0.1 * prior, 0.9 * prior), share * beta.pdf(x, 1, 2)]
        mass = [float(np.sum(part * x**5 * (1 - x) ** 5)) for part in parts]
        share = (mass[1] / sum(mass) + 1) / 21
    posterior = np.cumsum(sum(parts) * x**5 * (1 - x) ** 5) / sum(mass)
    assert np.interp([rates.low[0], rates.high[0]], x, posterior) == pytest.approx([0.025, 0.975], abs=1e-4)


def test_the_more_an_agent_has_shown_the_more_it_tells_of_its_skills():
    r = np.random.default_rng(3)
    fleet = r.binomial(40, 0.05, 10).tolist()
    worth = []
    for others in range(10):
        agents, sessions = [*"a" * 10, *"b" * others, "b"], [40] * (11 + others)
        worth.append(shrink(agents, sessions, [*fleet, *[20] * others, 20]).prior[-1])
    assert worth == sorted(worth)
    assert worth[0] < 5
    assert 50 < worth[-1] < 199
