"""Findings as sentences that a person understands."""

from analytics.patterns.regression import Estimate

__all__ = [
    "match_statement",
    "style_statement",
    "time_statement",
    "tool_pair_statement",
    "topic_pair_statement",
    "whom_statement",
]

_MANNER = {
    "politeness": "more politely",
    "formality": "more formally",
    "directness": "more directly",
    "verbosity": "at greater length",
    "sentiment": "more positively",
    "frustration": "with more irritation",
    "hedging": "with more hedging",
    "question": "with more questions",
}

_THE_MORE = {
    "politeness": "The more politely the user writes",
    "formality": "The more formally the user writes",
    "directness": "The more directly the user writes",
    "verbosity": "The longer the user's messages are",
    "sentiment": "The more positively the user writes",
    "frustration": "The more irritated the user is",
    "hedging": "The more the user hedges",
    "question": "The more the user asks",
}


_CIRCULAR = {"length": " (The outcome is itself estimated from the number of turns, among other things.)"}


def style_statement(agent: str, style: str, found: Estimate, n: int) -> str:
    who = f"When {agent} writes" if agent else "When agents write"
    return f"{who} {_MANNER[style]}, users get what they wanted {_more(found, n)}."


def match_statement(agent: str, style: str, found: Estimate, n: int) -> str:
    whose = f"{agent} writes" if agent else "agents write"
    what = "on the whole" if style == "overall" else f"in {'questions asked' if style == 'question' else style}"
    return f"When {whose} more like the user {what}, users get what they wanted {_more(found, n)}."


def whom_statement(agent: str, style: str, users: str, found: Estimate, n: int) -> str:
    whose = f"{agent} writes" if agent else "agents write"
    how = "better" if found.effect > 0 else "worse"
    return (
        f"{_THE_MORE[users]}, the {how} it works that {whose} {_MANNER[style]}: by {_points(found)} for one standard "
        f"deviation of both ({n} sessions)."
    )


def time_statement(agent: str, kind: str, subject: str, found: Estimate, n: int) -> str:
    whose = f"{agent}'s sessions" if agent else "Sessions"
    which = {
        "hour": f"that start at {subject.replace('-', ' to ')}",
        "weekday": f"that start on a {subject} (UTC)",
        "length": f"of {subject.replace('-', ' to ')}",
    }[kind]
    how = "better" if found.effect > 0 else "worse"
    return (
        f"{whose} {which} go {how} than others: users get what they wanted {_often(found)} ({n} such sessions)."
        f"{_CIRCULAR.get(kind, '')}"
    )


def topic_pair_statement(agent: str, first: str, second: str, rates: tuple[float, float], n: int) -> str:
    where = f"With {agent}, " if agent else ""
    return (
        f"{where}“{first}” and “{second}” come up together: “{second}” is in {rates[0]:.0%} of the sessions with "
        f"“{first}” and in {rates[1]:.0%} of the others ({n} sessions)."
    )


def tool_pair_statement(agent: str, first: str, second: str, rates: tuple[float, float], n: int) -> str:
    whose = f"{agent}'s tools" if agent else "The tools"
    return (
        f"{whose} {first} and {second} fail together: {second} fails in {rates[0]:.0%} of the sessions in which "
        f"{first} does and in {rates[1]:.0%} of those in which it does not ({n} sessions that call both)."
    )


def _more(found: Estimate, n: int) -> str:
    return f"{_often(found)} for one standard deviation of it ({n} sessions)"


def _often(found: Estimate) -> str:
    return f"{_changed(found)} often, by {_points(found)}"


def _changed(found: Estimate) -> str:
    return "more" if found.effect > 0 else "less"


def _points(found: Estimate) -> str:
    low, high = sorted((abs(100 * found.low), abs(100 * found.high)))
    return f"{abs(100 * found.effect):.1f} percentage points (95% interval {low:.1f} to {high:.1f})"
