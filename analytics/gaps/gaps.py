"""All uses of all skills in, the gaps among them out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sys import intern

from analytics.gaps.rates import shrink
from analytics.gaps.status import status, trend
from analytics.labels import UNTAGGED, topic_names
from analytics.latest import latest
from models.rows import SkillGap, SkillUse

__all__ = ["VERSION", "estimate"]

VERSION = "gaps-4"

LATEST = 200_000
"""Uses that are counted at most, the latest by the time of their events; bounds memory."""
FEWEST = 5
"""Sessions from which a gap has an impact."""
EVIDENCE = 20
"""Sessions that a gap names at most."""

Key = tuple[str, str, str]
"""(agent, topic_id, tool)."""
Use = tuple[int, str, bool]
"""(at, session, failed)."""


@dataclass(frozen=True, slots=True)
class _Skill:
    agent: str
    topic_id: str
    tool: str
    uses: tuple[Use, ...]
    """In order of time."""

    @property
    def key(self) -> Key:
        return self.agent, self.topic_id, self.tool

    @property
    def failed(self) -> list[bool]:
        return [failed for _, _, failed in self.uses]


def estimate(uses: Iterable[SkillUse], labels: Mapping[str, str]) -> list[SkillGap]:
    """Skills that are or were gaps, worst first: by impact, then closed ones last, before them small samples, by failures.

    Impact is the failures that the fleet's rate does not account for, at least: sessions times (lower bound of the
    rate minus baseline). It is 0 below five sessions, where the interval holds the baseline, and of closed gaps.

    Rates are shrunk among like: skills with a tool apart from those without (:func:`analytics.gaps.rates.shrink`).
    A skill is a row from the moment that its failures are likelier those of a gap than not
    (:func:`analytics.gaps.status.status`); when they no longer are, it stays if it had been open.

    Args:
        uses: of all sessions, in any order. The latest 200,000 count.
        labels: names of topics by their id; an unknown topic goes by its id.
    """
    skills = _skills(uses)
    names = _names(skills, topic_names(labels))
    gaps = [
        gap for kind in (True, False) for gap in _gaps([skill for skill in skills if bool(skill.tool) is kind], names)
    ]
    return sorted(gaps, key=_place)


def _place(gap: SkillGap) -> tuple[object, ...]:
    return -gap.impact, gap.status == "closed", gap.sessions < FEWEST, -gap.failures, gap.agent, gap.skill


def _skills(uses: Iterable[SkillUse]) -> list[_Skill]:
    found: dict[Key, list[Use]] = defaultdict(list)
    for at, session, failed, *key in latest(map(_compact, uses), LATEST, key=tuple):
        found[key[0], key[1], key[2]].append((at, session, failed))
    return [_Skill(*key, uses=tuple(sorted(found[key]))) for key in sorted(found)]


def _compact(use: SkillUse) -> tuple[int, str, bool, str, str, str]:
    """A use of which only the session is a text of its own."""
    return use.at, use.session, use.failed, intern(use.agent), intern(use.topic_id), intern(use.tool)


def _gaps(skills: list[_Skill], names: Mapping[Key, str]) -> list[SkillGap]:
    if not skills:
        return []
    failures = [sum(skill.failed) for skill in skills]
    rates = shrink([s.agent for s in skills], [len(s.uses) for s in skills], failures)
    gaps = []
    for at, skill in enumerate(skills):
        baseline, rate = float(rates.baseline[at]), float(rates.rate[at])
        low, high = float(rates.low[at]), float(rates.high[at])
        proven = low > baseline and failures[at] > baseline * len(skill.uses) >= baseline * FEWEST
        state = _settle(status(skill.failed, baseline, rates.alike, worse=rate > baseline), proven=proven)
        if failures[at] > 1 and state:  # a single failure is no gap
            bad = [(at, session) for at, session, failed in skill.uses if failed]
            gaps.append(
                SkillGap(
                    agent=skill.agent,
                    skill=names[skill.key],
                    sessions=len(skill.uses),
                    failures=failures[at],
                    rate=round(rate, 6),
                    low=round(low, 6),
                    high=round(high, 6),
                    excess=round(rate - baseline, 6),
                    impact=round((low - baseline) * len(skill.uses), 6) if proven and state != "closed" else 0.0,
                    trend=round(trend(skill.failed, float(rates.prior[at])), 6),
                    first_seen=bad[0][0],
                    last_seen=bad[-1][0],
                    status=state,
                    topic_id=skill.topic_id,
                    tool=skill.tool,
                    evidence=[session for _, session in bad[: -EVIDENCE - 1 : -1]],
                    model=VERSION,
                )
            )
    return gaps


def _settle(state: str, *, proven: bool) -> str:
    """A gap is open only when the whole record proves it, and then it is more than opening."""
    if state in {"", "opening", "open"} and proven:
        return "open"
    return "opening" if state == "open" else state


def _names(skills: list[_Skill], topics: Mapping[str, str]) -> dict[Key, str]:
    """A name for every skill, followed by the topic's id where two of an agent would share it."""
    plain = {skill.key: _name(skill, topics) for skill in skills}
    shared = Counter((agent, name) for (agent, _, _), name in plain.items())
    return {key: f"{name} [{key[1]}]" if shared[key[0], name] > 1 else name for key, name in plain.items()}


def _name(skill: _Skill, topics: Mapping[str, str]) -> str:
    topic = topics.get(skill.topic_id, skill.topic_id) or UNTAGGED
    return f"{topic} × {skill.tool}" if skill.tool else f"{topic} (no tool)"
