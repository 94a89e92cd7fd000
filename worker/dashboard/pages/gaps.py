"""Skill gaps, ranked by what mending them would save, and one of them with the turns that prove it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from worker.dashboard.advice import gap_link
from worker.dashboard.queries import Row
from worker.dashboard.view import Ask, MissingError, View

__all__ = ["proofs", "show", "show_one"]

SESSIONS = 6
"""Sessions that are shown at once, those of the latest failures."""
PROOFS = 3
"""Signals that are quoted of each session."""
_TOOLS = ("unrecovered_tool_failure", "doom_loop", "tool_failure")
_WHO = dict.fromkeys(_TOOLS, "the tool") | dict.fromkeys(
    ("user_correction", "dissatisfaction", "repeated_request"), "the user"
)


def show(ask: Ask) -> View:
    """Every gap."""
    gaps = [dict(gap) | {"name": ask.skill(gap), "link": gap_link(ask, gap)} for gap in ask.queries.gaps(ask.filters)]
    table = [{k: v for k, v in gap.items() if k not in {"evidence", "link", "skill"}} for gap in gaps]
    return View("gaps.html", "Skill gaps", {"gaps": gaps}, {"gaps": table})


def show_one(ask: Ask) -> View:
    """One gap and its proof."""
    agent, about, tool = (ask.params.get(name, "") for name in ("of", "about", "tool"))
    gap = ask.queries.gap(agent, about, tool)
    if gap is None:
        raise MissingError(f"{agent} has no such skill gap (any more).")
    found = proofs(ask, gap)
    shown = {
        "gap": gap,
        "name": ask.skill(gap),
        "proofs": found,
        "most_proofs": SESSIONS,
        "baseline": gap["rate"] - gap["excess"],
    }
    table = [{"session": one["session"]} | {k: q[k] for k in ("ts", "kind", "who", "said", "stream", "seq")}
             for one in found for q in one["quotes"]]  # fmt: skip
    return View("gap.html", f"{agent}: {ask.skill(gap)}", shown, {"evidence": table})


def proofs(ask: Ask, gap: Row) -> list[dict[str, Any]]:
    """The sessions that show a gap, each with the events that do."""
    agent, keys = gap["agent"], gap["evidence"]
    signals = ask.queries.signals_of([(agent, key) for key in keys]) if keys else []
    return [_proof(ask, agent, key, gap["tool"], signals) for key in keys]


def _proof(ask: Ask, agent: str, key: str, tool: str, signals: Sequence[Row]) -> dict[str, Any]:
    """A session that shows the gap: the tool's failure first, then what the user said about it."""
    own = [one for one in signals if one["session"] == key and one["agent"] == agent]
    own = [one for one in own if one["kind"] not in _TOOLS or not tool or one["subject"].startswith(f"{tool}:")]
    order = [*_TOOLS, "user_correction", "dissatisfaction", "repeated_request"]
    own.sort(key=lambda one: (order.index(one["kind"]) if one["kind"] in order else len(order), one["ts"]))
    quotes: dict[tuple[str, str], dict[str, Any]] = {}
    for one in own:
        who = _WHO.get(one["kind"], "the agent")
        said = one["error"] if who == "the tool" and one["error"] else one["text"]
        said = said if said.strip() else f"calls {one['event_name']}" if one["event_name"] else "says nothing"
        if (who, said) in quotes:  # the same again
            quotes[who, said]["kinds"][one["kind"]] += 1
        elif len(quotes) < PROOFS:
            link = ask.session_link(agent, key, (one["stream"], one["seq"]))
            quotes[who, said] = dict(one) | {"kinds": Counter([one["kind"]]), "who": who, "said": said, "link": link}
    first = min((quote["ts"] for quote in quotes.values()), default=0)
    return {"session": key, "quotes": list(quotes.values()), "ts": first, "link": ask.session_link(agent, key)}
