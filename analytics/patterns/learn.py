"""All sessions in, the patterns that hold out."""

from collections.abc import Iterable, Mapping

from analytics.patterns.pairs import tool_pair_findings, topic_pair_findings
from analytics.patterns.regression import adjust
from analytics.patterns.sample import Finding, scopes, take_latest
from analytics.patterns.styles import style_findings
from analytics.patterns.times import time_findings
from models.rows import Pattern, SessionRow

__all__ = ["VERSION", "findings", "learn", "reportable", "tested"]

VERSION = "patterns-3"

RATE = 0.05
"""False discoveries among what is reported, at most on average."""


def learn(sessions: Iterable[SessionRow], labels: Mapping[str, str]) -> list[Pattern]:
    """What holds beyond chance over these sessions, surest first.

    The kinds of pattern, tested over all agents and for every agent with 50 sessions or more, and those marked + over
    all agents alone:

    * ``style_effect``, ``style_match``: change of outcome for one standard deviation more of a style of the agent, or
      of closeness to the user's (:mod:`analytics.patterns.styles`);
    * ``style_for`` +: change of a style's effect for one standard deviation more of another style of the user;
    * ``hour``, ``weekday``, ``length``: outcome of a class of sessions minus that of the others
      (:mod:`analytics.patterns.times`);
    * ``topic_pair`` +, ``tool_pair`` +: how much oftener the second comes up, or fails, where the first does
      (:mod:`analytics.patterns.pairs`).

    Effects are differences of probabilities, -1..1. A pattern is reported when its q-value is at most 0.05. q-values
    are Benjamini and Hochberg's over everything tested of one family (pairs, or all else: what explains outcomes),
    times the number of families: what truly comes together lets no chance into outcomes.

    Args:
        sessions: in any order, read once; the latest 100,000 count.
        labels: names of topics by their id; an unknown topic goes by its id.
    """
    patterns: dict[tuple[str, str, str], Pattern] = {}
    for finding, q_value in tested(sessions, labels):
        if reportable(finding, q_value):
            patterns.setdefault((finding.kind, finding.agent, finding.subject), _pattern(finding, q_value))
    return sorted(patterns.values(), key=lambda p: (p.q_value, p.kind, p.agent, p.subject))


def tested(sessions: Iterable[SessionRow], labels: Mapping[str, str]) -> list[tuple[Finding, float]]:
    """Everything that can be tested on these sessions, reportable or not, each with its q-value; see :func:`learn`."""
    families = findings(sessions, labels)
    return [
        (finding, round(min(1.0, q * len(families)), 6))
        for family in families
        for finding, q in zip(family, adjust([f.found.p for f in family]), strict=True)
    ]


def reportable(finding: Finding, q_value: float) -> bool:
    """Whether a tested thing is a pattern: few false discoveries among what is as sure, and an interval off 0."""
    return q_value <= RATE and not finding.found.low <= 0 <= finding.found.high


def findings(sessions: Iterable[SessionRow], labels: Mapping[str, str]) -> list[list[Finding]]:
    """Everything that can be tested on these sessions, reportable or not, by family."""
    rows = take_latest(sessions)
    samples = list(scopes(rows))
    families: list[list[Finding]] = [[], []]
    for at, each in enumerate(samples):
        families[0] += [*style_findings(each, for_whom=at == 0), *time_findings(each)]
    if samples:
        families[1] = [*topic_pair_findings(rows, samples[0], labels), *tool_pair_findings(rows, samples[0])]
    return [family for family in families if family]


def _pattern(finding: Finding, q_value: float) -> Pattern:
    return Pattern(
        kind=finding.kind,
        agent=finding.agent,
        subject=finding.subject,
        effect=round(finding.found.effect, 6),
        low=round(finding.found.low, 6),
        high=round(finding.found.high, 6),
        n=finding.n,
        q_value=q_value,
        statement=finding.statement,
        model=VERSION,
    )
