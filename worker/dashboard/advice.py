"""What to act on first, of all that was learned."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from analytics.reader import Reader
from worker.dashboard.queries import Queries, Row
from worker.dashboard.view import Ask, day_name

__all__ = ["HABITS", "advice", "gap_link", "habits", "pattern_anchor", "three_things"]

HABITS = {
    "false_success": "says that it is done although the tool had failed",
    "doom_loop": "repeats the same failing call instead of trying something else",
    "ungrounded_claim": "claims things about the world that no tool told it",
    "repeated_request": "has to be asked the same again",
    "user_correction": "has to be corrected",
    "handover": "hands over to a human",
    "refusal": "gives up",
    "context_lost": "loses the thread after its memory was compacted",
    "run_error": "does not answer at all: the run failed",
}
"""What agents do wrong by themselves, gravest first, in the words of a colleague."""


_WRITE = {
    "politeness": ("write more politely", "write less politely"),
    "formality": ("write more formally", "write less formally"),
    "directness": ("write more directly", "write less directly"),
    "verbosity": ("write at greater length", "write more briefly"),
    "sentiment": ("write more positively", "praise less"),
    "frustration": ("show more of their irritation", "show less irritation"),
    "hedging": ("hedge more", "hedge less"),
    "question": ("ask more", "ask less"),
}
"""What to do about a style whose effect is good, or bad."""


def advice(engine: Engine, viewer: str | None = None) -> list[dict[str, Any]]:
    """The three things, of all that was recorded."""
    ask = Ask.of(Queries(Reader(engine, viewer)), {})
    queries, every = ask.queries, ask.filters
    span = queries.span(every)
    sessions = Counter[str]()
    for row in queries.session_parts(every, span) if span else ():
        sessions[row["agent"]] += row["sessions"]
    return three_things(ask, queries.gaps(every), queries.signal_days(every), queries.patterns(every), sessions)


def three_things(
    ask: Ask, gaps: Sequence[Row], signals: Sequence[Row], patterns: Sequence[Row], sessions: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The worst skill gap, the worst habit and the surest way of writing; further gaps where one of them is missing.

    Args:
        ask: for whom.
        gaps: the one whose mending would help most first.
        signals: what went wrong, by agent and kind.
        patterns: the surest first.
        sessions: each agent's.
    """
    grave = [gap for gap in gaps if gap["excess"] > 0 and gap["status"] != "closed"]
    found = [_mend(ask, gap) for gap in grave[:1]]
    found += [_coach(ask, row, sessions[row["agent"]]) for row in habits(signals)[:1]]
    found += [_write(ask, row) for row in patterns if row["kind"].startswith("style")][:1]
    found += [_mend(ask, gap) for gap in grave[1:]]
    return found[:3]


def habits(signals: Sequence[Row]) -> list[Row]:
    """What agents do wrong by themselves, the one that weighs most first."""
    order = list(HABITS)
    own = [row for row in signals if row["kind"] in HABITS]
    return sorted(own, key=lambda row: (-row["severity"], order.index(row["kind"]), row["agent"]))


def _mend(ask: Ask, gap: Row) -> dict[str, Any]:
    verb = f"Mend {gap['tool']} for {gap['agent']}" if gap["tool"] else f"Teach {gap['agent']}: {ask.skill(gap)}"
    about = f" in talk about {ask.topic(gap['topic_id'])}" if gap["tool"] and gap["topic_id"] else ""
    return {
        "kind": "Skill gap",
        "title": verb,
        "words": f"It failed{about} in {gap['failures']} of {gap['sessions']} sessions, last on {day_name(gap['last_seen'])}.",
        "rate": (gap["rate"], gap["low"], gap["high"]),
        "link": gap_link(ask, gap),
        "more": "See the proof",
    }


def gap_link(ask: Ask, gap: Row) -> str:
    """The address of a gap's page."""
    return ask.link("gap", of=gap["agent"], about=gap["topic_id"], tool=gap["tool"])


def _coach(ask: Ask, row: Row, sessions: int) -> dict[str, Any]:
    return {
        "kind": "Habit",
        "title": f"Coach {row['agent']}",
        "words": f"It {HABITS[row['kind']]}: in {row['sessions']:,} of its {sessions:,} sessions.",
        "link": ask.link("sessions", agent=row["agent"], signal=row["kind"]),
        "more": "See these sessions",
    }


def _write(ask: Ask, row: Row) -> dict[str, Any]:
    return {
        "kind": "Way of writing",
        "title": f"Have {row['agent'] or 'agents'} {_manner(row)}",
        "words": row["statement"],
        "link": f"{ask.link('patterns', kind=row['kind'])}#{pattern_anchor(row)}",
        "more": "See how sure that is",
    }


def _manner(row: Row) -> str:
    if row["kind"] == "style_effect":
        return _WRITE[row["subject"]][row["effect"] < 0]
    if row["kind"] == "style_match":
        return "write as the user does" if row["effect"] > 0 else "keep to a style of their own"
    return "suit their style to the user"


def pattern_anchor(row: Row) -> str:
    """A pattern's place on its page."""
    return "-".join(("p", row["kind"], row["agent"], *str(row["subject"]).split()))
