"""What holds over many sessions: the sentence, the effect with its interval, and how it was adjusted."""

from collections.abc import Sequence
from typing import Any

from worker.dashboard.advice import pattern_anchor
from worker.dashboard.queries import Row
from worker.dashboard.view import Ask, View

__all__ = ["ADJUSTED", "show"]

_STYLES = (
    "Compared within the same user and topic, at equal length and with as many failed tool calls, beside all other "
    "styles of the agent and of the user; styles are those of the first half of the session, and the outcome is told "
    "without the agent's words."
)
_LEVELS = "Compared within the same user and topic; the outcome model itself looks at the length of sessions."
ADJUSTED = {
    "style_effect": _STYLES,
    "style_match": _STYLES,
    "style_for": _STYLES + " Tested over all agents alone.",
    "hour": "Compared within the same user and topic, at equal length. Hours are UTC.",
    "weekday": "Compared within the same user and topic, at equal length. Days are UTC.",
    "length": _LEVELS,
    "topic_pair": "How much oftener the second topic comes up in sessions with the first, of the same agent and of equal "
    "length; the shares in the sentence are not adjusted. Nothing is said about order or cause.",
    "tool_pair": "How much oftener the second tool fails in sessions in which the first does, of those that call both, of "
    "the same agent, of equal length and with as many calls; the shares in the sentence are not adjusted.",
}
KINDS = {
    "style_effect": "Which styles work",
    "style_match": "Being like the user",
    "style_for": "What works for whom",
    "hour": "Time of day",
    "weekday": "Day of the week",
    "length": "Length of sessions",
    "topic_pair": "Topics that come together",
    "tool_pair": "Tools that fail together",
}


MOST = 12
"""Patterns of a kind that are shown, unless all of that kind are asked for."""


def show(ask: Ask) -> View:
    """The surest patterns of each kind, or all of one."""
    rows = ask.queries.patterns(ask.filters)
    widest = max((max(abs(row["low"]), abs(row["high"])) for row in rows), default=1.0) or 1.0
    whole = kind if (kind := ask.params.get("kind", "")) in KINDS else ""
    groups = [_group(ask, kind, [row for row in rows if row["kind"] == kind], whole) for kind in KINDS]
    shown = {
        "groups": [group for group in groups if group["patterns"]],
        "whole": whole,
        "widest": widest,
        "count": len(rows),
    }
    return View("patterns.html", "Patterns", shown, {"patterns": rows})


def _group(ask: Ask, kind: str, rows: Sequence[Row], whole: str) -> dict[str, Any]:
    """A kind's patterns as the page shows them, and how many more there are."""
    most = len(rows) if whole == kind else 0 if whole else MOST
    patterns = [
        dict(row)
        | {
            "anchor": pattern_anchor(row),
            "link": ask.link("sessions", agent=row["agent"] or ask.filters.agent, since="", until="", topic=""),
        }
        for row in rows[:most]
    ]
    return {
        "name": KINDS[kind],
        "adjusted": ADJUSTED[kind],
        "patterns": patterns,
        "total": len(rows),
        "all": ask.link("patterns", kind=kind),
    }
