"""Whether a gap is opening, open, closing or closed, and whether it grows: from the order of its uses in time alone."""

from collections.abc import Sequence
from math import log

__all__ = ["status", "trend"]

SIZES = (2.0, 4.0, 8.0)
"""Odds of failing, against the baseline's, that the worst stretch is looked for with."""
SURE = log(20)
"""Evidence that settles the question, either way: odds of 20 to 1."""
LIKELY = log(3)
"""Evidence from which a gap is worth showing."""


def status(failed: Sequence[bool], baseline: float, prior: float, *, worse: bool = True) -> str:
    """Where a gap stands after these uses, earliest first; empty: there never was one.

    Evidence is the logarithm of how much likelier the uses are under the gap's rate than under the baseline, summed
    use by use and kept within -SURE..SURE (a two-sided CUSUM test: Page 1954, "Continuous inspection schemes",
    Biometrika 41:100-115; bounds after Wald's sequential test). The gap's rate is that of its worst stretch until it
    opens, and from then on that of all its uses up to the last failure; either is shrunk towards the baseline as if by
    ``prior`` further uses: where skills hardly differ it takes more to believe in one.

    * ``opening``: evidence has risen to 3:1 and has not fallen to even since;
    * ``open``: it has risen to 20:1, and stands above even;
    * ``closing``: of an open gap, it stands at even or below;
    * ``closed``: of an open gap, it has fallen to 1:20, and not risen to 3:1 since.

    Unless the skill is ``worse`` than the baseline on the whole, nothing opens: it stays what it was before.
    """
    base = min(0.9, max(0.01, baseline))
    _, bad, uses = max(_worst(failed, _steps(base, size * base / (1 - base + size * base))) for size in SIZES)
    steps = worst = _steps(base, (prior * base + bad) / (prior + uses))
    evidence = 0.0
    state = before = ""
    bad = uses = 0  # from here on of the stretch at hand
    for each in failed:
        evidence = min(SURE, max(-SURE, evidence + steps[each]))
        bad, uses = bad + each, uses + 1
        if evidence >= SURE:
            state = "open"
        elif state in {"", "closed"} and evidence >= LIKELY:
            state = "opening"
        elif state == "opening" and evidence <= 0:
            state = before
        elif state == "closing" and evidence <= -SURE:
            state = before = "closed"
            steps = worst
        elif state in {"open", "closing"}:
            state = "open" if evidence > 0 else "closing"
        if state in {"open", "closing"}:
            if each:
                steps = _steps(base, (prior * base + bad) / (prior + uses))
        elif not each and evidence <= 0:
            bad = uses = 0
    return before if state in {"opening", "open"} and not worse else state


def trend(failed: Sequence[bool], prior: float) -> float:
    """Failure rate of the newer half of the uses minus that of the older half, -1..1: above 0 it gets worse.

    Each half is shrunk towards their mean as if by ``prior`` further uses; of an odd number the middle is left out.
    """
    half = len(failed) // 2
    older, newer = sum(failed[:half]), sum(failed[len(failed) - half :])
    return (newer - older) / (half + prior) if half else 0.0


def _steps(base: float, gap: float) -> tuple[float, float]:
    """What a success and a failure add to the evidence."""
    return log((1 - gap) / (1 - base)), log(gap / base)


def _worst(failed: Sequence[bool], steps: tuple[float, float]) -> tuple[float, int, int]:
    """The stretch of most evidence: its evidence, failures and uses."""
    worst = (0.0, 0, 0)
    evidence, bad, uses = 0.0, 0, 0
    for each in failed:
        evidence, bad, uses = evidence + steps[each], bad + each, uses + 1
        if evidence <= 0:
            evidence, bad, uses = 0.0, 0, 0
        elif evidence > worst[0]:
            worst = (evidence, bad, uses)
    return worst
