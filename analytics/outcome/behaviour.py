"""What a session's outcome is told from, as numbers of any language: how both sides talk and what the agent does."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev

from analytics.conversation import Conversation
from analytics.signals.phrases import Phrases, Said, load, read
from analytics.signals.tools import reads
from analytics.signals.user import closing, overlap, trigrams
from models.rows import Signal

__all__ = ["REACTIONS", "TALK", "WORK", "reactions", "talk", "work"]

_WORD = re.compile(r"[^\W_]+")
REACTIONS = (
    "user_correction",
    "repeated_request",
    "dissatisfaction",
    "refusal",
    "handover",
    "false_success",
    "ungrounded_claim",
    "abandoned",
    "run_error",
    "context_lost",
)
"""Kinds of signals that :func:`reactions` counts, in order."""

TALK = (
    "turns",
    "user_length",
    "agent_length",
    "user_last_length",
    "agent_last_length",
    "user_spread",
    "agent_spread",
    "user_questions",
    "agent_questions",
    "user_exclaims",
    "agent_exclaims",
    "agent_numbers",
    "user_negative",
    "agent_negative",
    "user_thanks",
    "last_thanks",
    "closed",
    "agent_last",
    "user_variety",
    "agent_variety",
    "agent_novelty",
    "user_repeats",
    "agent_repeats",
    "agent_messages",
    "user_messages",
)
"""Names of what :func:`talk` gives, in order."""

WORK = (
    "looked_only",
    "acted_once",
    "acted_twice",
    "acted_often",
    "acts",
    "calls",
    "failed",
    "unrecovered",
    "loops",
)
"""Names of what :func:`work` gives, in order."""


def reactions(conversation: Conversation, signals: Sequence[Signal]) -> dict[str, float]:
    """Signals of each kind for a turn of the user."""
    counted = Counter(signal.kind for signal in signals)
    return {kind: counted[kind] / _turns(conversation) for kind in REACTIONS}


def talk(conversation: Conversation) -> dict[str, float]:
    """How both sides talk; lengths are logarithms of characters, the rest shares of messages or turns."""
    phrases = load()
    user = [read(message.text) for message in conversation.messages if message.speaker == "user"]
    agent = [read(message.text) for message in conversation.messages if message.speaker == "agent"]
    turns = _turns(conversation)
    theirs, ours = _words(user), _words(agent)
    user_lengths, agent_lengths = _lengths(user), _lengths(agent)
    return {
        "turns": math.log1p(turns),
        "user_length": fmean(user_lengths),
        "agent_length": fmean(agent_lengths),
        "user_last_length": user_lengths[-1],
        "agent_last_length": agent_lengths[-1],
        "user_spread": pstdev(user_lengths),
        "agent_spread": pstdev(agent_lengths),
        "user_questions": _mean("?" in said.text for said in user),
        "agent_questions": _mean("?" in said.text for said in agent),
        "user_exclaims": _mean("!" in said.text for said in user),
        "agent_exclaims": _mean("!" in said.text for said in agent),
        "agent_numbers": _mean(any(sign.isdigit() for sign in said.text) for said in agent),
        "user_negative": _share("negative", user, phrases),
        "agent_negative": _share("negative", agent, phrases),
        "user_thanks": _share("thanks", user, phrases),
        "last_thanks": _share("thanks", user[-1:], phrases),
        "closed": float(bool(user) and closing(user[-1], phrases)),
        "agent_last": float(bool(conversation.messages) and conversation.messages[-1].speaker == "agent"),
        "user_variety": len(set(theirs)) / max(1, len(theirs)),
        "agent_variety": len(set(ours)) / max(1, len(ours)),
        "agent_novelty": len(set(ours) - set(theirs)) / max(1, len(set(ours))),
        "user_repeats": _repeats(user),
        "agent_repeats": _repeats(agent),
        "agent_messages": math.log1p(len(agent) / turns),
        "user_messages": math.log1p(len(user) / turns),
    }


def work(conversation: Conversation, signals: Sequence[Signal]) -> dict[str, float]:
    """What the agent did with its tools: whether it only looked, acted once or more often, and what failed."""
    calls = conversation.calls
    acts = sum(1 for call in calls if not reads(call.tool))
    counted = Counter(signal.kind for signal in signals)
    found: Mapping[str, float] = {
        "looked_only": acts == 0,
        "acted_once": acts == 1,
        "acted_twice": acts >= 2,
        "acted_often": acts >= 4,
        "acts": math.log1p(acts),
        "calls": math.log1p(len(calls)),
        "failed": counted["tool_failure"] / max(1, len(calls)),
        "unrecovered": min(2, counted["unrecovered_tool_failure"]),
        "loops": min(2, counted["doom_loop"]),
    }
    return {name: float(value) for name, value in found.items()}


def _turns(conversation: Conversation) -> int:
    return max(1, sum(1 for turn in conversation.turns if turn.user))


def _mean(values: Iterable[float]) -> float:
    listed = [float(value) for value in values]
    return fmean(listed) if listed else 0.0


def _share(family: str, said: Sequence[Said], phrases: Phrases) -> float:
    return _mean(phrases.find(family, one) is not None for one in said)


def _lengths(said: Sequence[Said]) -> list[float]:
    return [math.log1p(len(one.text)) for one in said] or [0.0]


def _words(said: Sequence[Said]) -> list[str]:
    return [word for one in said for word in _WORD.findall(one.text)]


def _repeats(said: Sequence[Said]) -> float:
    """How much a message shares with the most alike of the four before it, on average: letter trigrams, Jaccard."""
    grams = [trigrams(one.text) for one in said]
    return _mean(
        max((overlap(grams[at], old) for old in grams[max(0, at - 4) : at]), default=0.0) for at in range(len(grams))
    )
