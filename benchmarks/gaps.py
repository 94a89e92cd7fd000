"""How well skill gaps are found in made-up fleets whose truth is known.

    python benchmarks/gaps.py [--runs 400]

First, fleets as the model describes them: agents' means drawn around the fleet's, skills' rates around those. Then fleets
of 400 skills, without any gap and with 20. Last, single gaps planted among skills that are all alike, which no model of
one spread describes: how many 95% intervals hold the planted rate and how many end below it, the mean of rate, and that of
failures / sessions.
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


def fleet(r: np.random.Generator, title: str, gaps: int) -> None:
    """400 skills of 50 agents: the gaps at 40%, the others at 8%; all at 10% where there is none."""
    counts = []
    for _ in range(FLEETS):
        truth = np.full(400, 0.08 if gaps else 0.1)
        bad = r.choice(400, gaps, replace=False)
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
        f"{title}: {rows:.1f} rows, {impact:.1f} with an impact; gaps among the first {gaps}: {first:.1f}; "
        f"open: {found_open:.1f} gaps, {wrongly_open:.1f} others; others listed: {others:.1f}; "
        f"intervals of gaps that hold 0.4: {held:.1f}"
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
    held, under, told, raw = [], [], [], []
    for _ in range(runs):
        failures = r.binomial(n, truth)
        rates = shrink(agents, n.tolist(), failures.tolist())
        held.append(rates.low[-1] <= rate <= rates.high[-1])
        under.append(rates.high[-1] < rate)
        told.append(rates.rate[-1])
        raw.append(failures[-1] / sessions)
    print(
        f"{title}: {rate} is held by {np.mean(held):.0%} of {runs} intervals, {np.mean(under):.0%} end below it; "
        f"mean rate {np.mean(told):.2f}, failures / sessions {np.mean(raw):.2f}"
    )


if __name__ == "__main__":
    main()
