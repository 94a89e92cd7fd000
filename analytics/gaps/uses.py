"""Which skills a session used, and which of them failed in it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from statistics import fmean

from analytics.conversation import Call, Conversation, Ref, Turn
from models.rows import EventTopic, MessageStyle, Signal, SkillUse

__all__ = ["skill_uses"]

Skill = tuple[str, str]
"""(topic_id, tool)."""

_TOOL_FAILED = frozenset({"unrecovered_tool_failure", "doom_loop"})
_USER_OBJECTS = frozenset({"user_correction", "repeated_request", "dissatisfaction"})
"""Seen on the user's message, about the turn before it."""
_AGENT_FAILS = frozenset({"refusal", "context_lost"})
"""Seen on the agent's message, about its own turn."""
_FINAL = frozenset({"handover", "false_success"})
"""As ``_AGENT_FAILS``, but nothing that follows in the session makes them good."""

_LEFT_OPEN = frozenset({"abandoned", "ungrounded_claim"})
"""No failure by themselves, but a sign that one is likely."""

WENT_WRONG = 0.5
"""A session whose outcome lies below went wrong more likely than not, if anything in it says so."""
ANNOYED = 0.5
"""Frustration from which a user is annoyed more likely than not."""
_NOBODY = re.compile(r"(?:^|:)(?:cron|hook|subagent):")
"""In the key of a session in which no person answers."""


def skill_uses(
    conversation: Conversation,
    topics: Sequence[EventTopic],
    signals: Sequence[Signal],
    outcome: float,
    styles: Mapping[Ref, MessageStyle],
) -> list[SkillUse]:
    """The skills that a session used, each once, in order of topic and tool.

    A turn belongs to the topic with the highest sum of scores over the user's messages in it: what is asked decides,
    for how the agent words a failure is no topic. A turn without one continues the turn before, and such turns at the
    start belong to the first topic that is recognised. Where the user names none in all the session, what the agent
    says before its first call stands in.

    * ``(topic, tool)`` is used where a turn of the topic calls the tool. It fails when such a call fails and nothing
      makes it good (``unrecovered_tool_failure``), or fails over and over (``doom_loop``).
    * ``(topic, "")`` is the conversation itself. It is used in every topic none of whose tools failed: behind a
      failed tool it cannot be judged. It fails when the user objects to a turn of the topic (``user_correction``,
      ``repeated_request``, ``dissatisfaction``) or the agent gives up in one (``refusal``, ``context_lost``), and
      neither a later turn without objection nor a good outcome makes up for it; when the agent hands over or claims
      a success that was none (``handover``, ``false_success``); and, in a session with ``outcome`` below 0.5 that
      neither a skill's failure nor a broken run explains, in the topic of most turns (of equals, the latest), if
      something bears the outcome out: the user sounds annoyed by the answers, was left without one or told of what
      was never done (``abandoned``, ``ungrounded_claim``). A low outcome alone is no failure.

    Calls outside every topic are skills too, ``("", tool)``; talk outside every topic is none.
    """
    session = _Session(conversation, topics)
    broken = {session.skill(call) for call in session.blamed(signals)}
    topics_seen = dict.fromkeys(topic for topic in session.topics if topic)
    talk = [topic for topic in topics_seen if not any(b[0] == topic for b in broken)]
    poor = session.poor_talk(signals, outcome) & set(talk)
    explained = broken or poor or any(signal.kind == "run_error" for signal in signals)
    borne_out = any(signal.kind in _LEFT_OPEN for signal in signals) or _annoyed(conversation, styles)
    if outcome < WENT_WRONG and borne_out and talk and not explained:
        poor = {session.main_topic()}
    used = {session.skill(call): call.ts for call in sorted(conversation.calls, key=lambda c: (c.ts, c.ref))}
    used |= {(topic, ""): session.last_seen(topic) for topic in talk}
    failed = broken | {(topic, "") for topic in poor}
    return [
        SkillUse(
            agent=conversation.agent,
            session=conversation.session,
            topic_id=topic,
            tool=tool,
            at=at,
            failed=(topic, tool) in failed,
        )
        for (topic, tool), at in sorted(used.items())
    ]


class _Session:
    """Where in a session everything is: the turn of an event, the topic of a turn."""

    def __init__(self, conversation: Conversation, tags: Sequence[EventTopic]) -> None:
        self.turns = conversation.turns
        self.turn_of = {ref: at for at, turn in enumerate(self.turns) for ref in _refs(turn)}
        self.call_of = {ref: c for c in conversation.calls for ref in (c.ref, c.result) if ref is not None}
        self.topics = self._topics_of_turns(conversation.calls, tags)

    def _topics_of_turns(self, calls: Sequence[Call], tags: Sequence[EventTopic]) -> list[str]:
        first = min((call.ts for call in calls), default=inf)
        asked = {m.ref: at for at, turn in enumerate(self.turns) for m in turn.user}
        announced = {m.ref: at for at, turn in enumerate(self.turns) for m in turn.agent if m.ts < first}
        best = self._best_of_turns(asked, tags)
        if not any(best):
            best = self._best_of_turns(announced, tags)
        current = next((topic for topic in best if topic), "")
        topics = []
        for topic in best:
            current = topic or current
            topics.append(current)
        return topics

    def _best_of_turns(self, turn_of: Mapping[Ref, int], tags: Sequence[EventTopic]) -> list[str]:
        scores: list[dict[str, float]] = [{} for _ in self.turns]
        for tag in sorted(tags, key=lambda t: (t.stream, t.seq, t.topic_id)):
            at = turn_of.get((tag.stream, tag.seq))
            if at is not None:
                scores[at][tag.topic_id] = scores[at].get(tag.topic_id, 0.0) + tag.score
        return [_best(each) for each in scores]

    def skill(self, call: Call) -> Skill:
        at = self.turn_of.get(call.ref)
        return ("" if at is None else self.topics[at], call.tool)

    def blamed(self, signals: Iterable[Signal]) -> Iterator[Call]:
        """The failed calls that signals of failed tools rest on."""
        for signal in signals:
            if signal.kind in _TOOL_FAILED:
                shown = [(str(stream), int(seq)) for stream, seq in signal.evidence]
                for ref in [(signal.stream, signal.seq), *shown]:
                    call = self.call_of.get(ref)
                    if call is not None and call.error:
                        yield call

    def poor_talk(self, signals: Sequence[Signal], outcome: float) -> set[str]:
        """Topics in which the conversation itself failed by its signals."""
        objections = {self._turn(s) for s in signals if s.kind in _USER_OBJECTS}
        replied = [at for at, turn in enumerate(self.turns) if turn.user and at not in objections]
        last_accepted = max(replied, default=-1)
        poor = set()
        for signal in signals:
            at = self._turn(signal)
            if at is None:
                continue
            makes_up = outcome >= WENT_WRONG and last_accepted > at
            if signal.kind in _USER_OBJECTS and at > 0 and not makes_up:
                poor.add(self.topics[at - 1])
            elif signal.kind in _FINAL or (signal.kind in _AGENT_FAILS and not makes_up):
                poor.add(self.topics[at])
        return poor - {""}

    def _turn(self, signal: Signal) -> int | None:
        return self.turn_of.get((signal.stream, signal.seq))

    def main_topic(self) -> str:
        turns = Counter(topic for topic in self.topics if topic)
        latest = {topic: at for at, topic in enumerate(self.topics)}
        return max(turns, key=lambda topic: (turns[topic], latest[topic]))

    def last_seen(self, topic: str) -> int:
        return max(_last(turn) for turn, of in zip(self.turns, self.topics, strict=True) if of == topic)


def _annoyed(conversation: Conversation, styles: Mapping[Ref, MessageStyle]) -> bool:
    """Whether what the user says to the agent's answers sounds annoyed on average; the requests before are no reaction."""
    if _NOBODY.search(conversation.session):
        return False
    answered = (now for before, now in pairwise(conversation.turns) if before.user and before.agent)
    reactions = [styles[m.ref].frustration for turn in answered for m in turn.user if m.ref in styles]
    return bool(reactions) and fmean(reactions) >= ANNOYED


def _best(scores: Mapping[str, float]) -> str:
    return min(scores, key=lambda topic: (-scores[topic], topic), default="")


def _last(turn: Turn) -> int:
    said, done, marked = (*turn.user, *turn.agent), turn.calls, turn.marks
    return max(*(m.ts for m in said), *(c.ts for c in done), *(m.ts for m in marked), 0, 0)


def _refs(turn: Turn) -> Iterator[Ref]:
    yield from (message.ref for message in (*turn.user, *turn.agent))
    yield from (ref for call in turn.calls for ref in (call.ref, call.result) if ref is not None)
    yield from ((mark.stream, mark.seq) for mark in turn.marks)
