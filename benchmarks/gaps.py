"""How well skill gaps are found in made-up fleets whose truth is known.

    python benchmarks/gaps.py [--runs 400]

First, fleets as the model describes them: agents' means drawn around the fleet's, skills' rates around those. Then fleets
of 400 skills, without any gap and with 20. Then single gaps planted among skills that are all alike: how many 95%
intervals hold the planted rate and how many end below it, the mean of rate, that of failures / sessions, and how many
intervals of the others hold theirs. Last, small fleets without any gap, and fleets of 1,000 skills that are all alike, but
for 50 with any rate or for none.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from analytics.gaps import estimate
from analytics.gaps.rates import shrink
from models.rows import SkillUse

FLEETS = 20
SESSIONS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    given = parser.parse_args()
    r = np.random.default_rng(2026)
    described(r)
    fleet(r, "no gap", 0)
    fleet(r, "20 gaps", 20)
    for healthy, usual, rate, sessions in ((10, 0.05, 0.35, 46), (10, 0.05, 0.5, 20), (30, 0.05, 0.35, 46)):
        title = f"{healthy} skills of one agent at {usual}, and the only one of another ({sessions} sessions)"
        planted(r, title, [healthy, 1], usual, rate, sessions, given.runs)
    planted(r, "30 skills of one agent at 0.08, and the only one of another", [30, 1], 0.08, 0.4, SESSIONS, given.runs)
    planted(r, "4 skills of one agent at 0.05, and the only one of another", [4, 1], 0.05, 0.4, SESSIONS, given.runs)
    planted(r, "4 agents with 5 skills each, all others at 0.06", [5] * 4, 0.06, 0.4, SESSIONS, given.runs)
    for sessions in (SESSIONS, 100):
        title = f"one agent with 8 skills, all others at 0.05 ({sessions} sessions each)"
        planted(r, title, [8], 0.05, 0.4, sessions, given.runs)
    for rate in (0.2, 0.7, 0.9):
        planted(r, "4 agents with 5 skills each, all others at 0.06", [5] * 4, 0.06, rate, SESSIONS, given.runs)
    fleet(r, "no gap among 20 skills", 0, skills=20, fleets=given.runs)
    alike(r, "all at 0.08", 0)
    alike(r, "all at 0.08 but 50", 50)


def described(r: np.random.Generator) -> None:
    held, near, error = [], [], []
    for _ in range(FLEETS):
        mean = np.repeat(r.beta(2, 12, 50), 20)
        truth = r.beta(9 * mean, 9 * (1 - mean))
        n = r.integers(1, 60, 1000)
        failures = r.binomial(n, truth)
        rates = shrink([str(at // 20) for at in range(1000)], n.tolist(), failures.tolist())
        held.append(np.mean((rates.low <= truth) & (truth <= rates.high)))
        near.append(np.mean((rates.low - 0.01 <= truth) & (truth <= rates.high + 0.01)))
        error.append(np.mean((rates.rate - truth) ** 2) / np.mean((failures / n - truth) ** 2))
    print(
        f"as described: intervals hold {np.mean(held):.1%} ({min(held):.1%} to {max(held):.1%}), within 0.01 "
        f"{np.mean(near):.1%}; squared error {np.mean(error):.2f} of that of failures / sessions"
    )


def fleet(r: np.random.Generator, title: str, gaps: int, skills: int = 400, fleets: int = FLEETS) -> None:
    """Eight skills an agent: the gaps at 40%, the others at 8%; all at 10% where there is none."""
    counts = []
    for _ in range(fleets):
        truth = np.full(skills, 0.08 if gaps else 0.1)
        bad = r.choice(skills, gaps, replace=False)
        truth[bad] = 0.4
        found = estimate([use for at, rate in enumerate(truth) for use in uses(at, r.random(SESSIONS) < rate)], {})
        true = [int(gap.topic_id) in bad for gap in found]
        is_open = [gap.status == "open" for gap in found]
        counts.append(
            (
                len(found),
                sum(gap.impact > 0 for gap in found),
                sum(true[:gaps]),
                sum(t and o for t, o in zip(true, is_open, strict=True)),
                sum(o and not t for t, o in zip(true, is_open, strict=True)),
                len(found) - sum(true),
                sum(t and gap.low <= 0.4 <= gap.high for t, gap in zip(true, found, strict=True)),
            )
        )
    rows, impact, first, found_open, wrongly_open, others, held = np.mean(counts, axis=0)
    print(
        f"{title}: {rows:.3g} rows, {impact:.3g} with an impact; gaps among the first {gaps}: {first:.3g}; "
        f"open: {found_open:.3g} gaps, {wrongly_open:.3g} others; others listed: {others:.3g}; "
        f"intervals of gaps that hold 0.4: {held:.3g}"
    )


def uses(skill: int, failed: NDArray[np.bool_]) -> list[SkillUse]:
    return [
        SkillUse(agent=str(skill // 8), session=f"{skill}:{at}", topic_id=str(skill), tool="exec", at=at, failed=bad)
        for at, bad in enumerate(failed.tolist())
    ]


def planted(
    r: np.random.Generator, title: str, skills: list[int], usual: float, rate: float, sessions: int, runs: int
) -> None:
    """The last skill of the last agent fails at ``rate``, all others at the ``usual`` one."""
    agents = [str(agent) for agent, n in enumerate(skills) for _ in range(n)]
    n = np.full(len(agents), sessions if len(skills) == 1 else SESSIONS)
    n[-1] = sessions
    truth = np.full(len(agents), usual)
    truth[-1] = rate
    held, under, told, raw, others = [], [], [], [], []
    for _ in range(runs):
        failures = r.binomial(n, truth)
        rates = shrink(agents, n.tolist(), failures.tolist())
        held.append(rates.low[-1] <= rate <= rates.high[-1])
        under.append(rates.high[-1] < rate)
        told.append(rates.rate[-1])
        raw.append(failures[-1] / sessions)
        others.append(np.mean((rates.low[:-1] <= usual) & (usual <= rates.high[:-1])))
    print(
        f"{title}: {rate} is held by {np.mean(held):.0%} of {runs} intervals, {np.mean(under):.0%} end below it; "
        f"mean rate {np.mean(told):.2f}, failures / sessions {np.mean(raw):.2f}; of the others, {np.mean(others):.1%}"
    )


def alike(r: np.random.Generator, title: str, others: int) -> None:
    """1,000 skills of 50 agents at 8%, the others anywhere, 1 to 39 sessions each."""
    held, held_others, error = [], [], []
    told: list[float] = []
    true: list[float] = []
    for _ in range(FLEETS):
        truth = np.full(1000, 0.08)
        other = r.choice(1000, others, replace=False)
        truth[other] = r.random(others)
        n = r.integers(1, 40, 1000)
        failures = r.binomial(n, truth)
        rates = shrink([str(at // 20) for at in range(1000)], n.tolist(), failures.tolist())
        holds = (rates.low <= truth) & (truth <= rates.high)
        few = (n < 5) & (failures > 1)
        held.append(np.mean(holds))
        held_others.append(np.sum(holds[other]))
        error.append(np.mean((rates.rate - truth) ** 2) / np.mean((failures / n - truth) ** 2))
        told.extend(rates.rate[few].tolist())
        true.extend(truth[few].tolist())
    print(
        f"{title}: intervals hold {np.mean(held):.1%}, those of the {others} others {np.mean(held_others):.1f}; squared "
        f"error {np.mean(error):.3f} of that of failures / sessions; 2 failures or more in fewer than 5 sessions: mean rate "
        f"{np.mean(told):.2f}, in truth {np.mean(true):.2f}"
    )


if __name__ == "__main__":
    main()
