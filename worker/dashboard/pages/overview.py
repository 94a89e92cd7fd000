"""The first page: how much, how well, and what to do first."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from worker.dashboard.advice import three_things
from worker.dashboard.charts import Chart, Point, Series, bars, lines
from worker.dashboard.figures import ENOUGH, Mean
from worker.dashboard.filters import DAY
from worker.dashboard.pages.styles import both_sides
from worker.dashboard.queries import Row
from worker.dashboard.spans import Span, buckets
from worker.dashboard.view import Ask, View, day_name, iso_day, percent

__all__ = ["outcome_chart", "show", "volume_chart"]

TOPICS = 6
AGENTS = 10
"""Agents that are shown at once, those with the most sessions."""


def show(ask: Ask) -> View:
    """See the module."""
    span = ask.queries.span(ask.filters)
    parts = ask.queries.session_parts(ask.filters, span) if span else []
    gaps = ask.queries.gaps(ask.filters)
    signals = ask.queries.signal_days(ask.filters)
    agents = _agents(parts, gaps)
    sessions = {row["agent"]: row["sessions"] for row in agents}
    things = three_things(ask, gaps, signals, ask.queries.patterns(ask.filters), Counter(sessions))
    topics = [
        {"topic_id": row["topic_id"], "label": ask.topic(row["topic_id"]), "messages": row["messages"]}
        for row in ask.queries.topic_counts(ask.filters, 0)[:TOPICS]
    ]
    shown = {
        "totals": _totals(parts),
        "first": span.earliest if span else 0,
        "last": span.latest if span else 0,
        "things": things,
        "agents_shown": agents,
        "most_agents": AGENTS,
        "topics": topics,
        "most": max((row["messages"] for row in topics), default=1),
        "writing": (writing := both_sides(ask) if span else []),
        "unlisted": sum(row["sessions"] for row in parts if not row["messages"]),
        "health": ask.operations.health() if ask.operations and ask.queries.reader.viewer is None else None,
    }
    charts = {"outcome": outcome_chart(ask, parts, span), "volume": volume_chart(ask, parts, span)} if span else {}
    return View(
        "overview.html",
        "Overview",
        shown,
        {"agents": _flat(agents), "topics": topics, "styles": _sides(writing)},
        charts,
    )


def _totals(parts: Sequence[Row]) -> dict[str, Any]:
    names = ("sessions", "messages", "turns", "tool_calls", "tool_errors", "run_errors")
    return {name: sum(row[name] for row in parts) for name in names} | {
        "outcome": Mean.of_outcomes(parts),
        "agents": len({row["agent"] for row in parts if row["messages"]}),
    }


def _agents(parts: Sequence[Row], gaps: Sequence[Row]) -> list[dict[str, Any]]:
    of_agent: dict[str, list[Row]] = defaultdict(list)
    for row in parts:
        if row["messages"]:
            of_agent[row["agent"]].append(row)
    worst: dict[str, Row] = {}
    for gap in gaps:
        if gap["excess"] > 0:
            worst.setdefault(gap["agent"], gap)
    found = [{"agent": agent, "gap": worst.get(agent)} | _totals(of_agent[agent]) for agent in of_agent]
    return sorted(found, key=lambda row: (-row["sessions"], row["agent"]))


def _flat(agents: Sequence[Row]) -> list[dict[str, Any]]:
    names = ("agent", "sessions", "messages", "turns", "tool_calls", "tool_errors", "run_errors")
    return [
        {name: row[name] for name in names}
        | {f"outcome_{name}": getattr(row["outcome"], name) for name in ("value", "low", "high")}
        for row in agents
    ]


def _sides(writing: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {"who": side, "style": row["style"], "sessions": row[side].n}
        | {"mean": row[side].value, "low": row[side].low, "high": row[side].high}
        for row in writing
        for side in ("agent", "user")
        if row[side].n
    ]


def outcome_chart(ask: Ask, parts: Sequence[Row], span: Span) -> Chart:
    """Share of users who got what they wanted, over time, with intervals."""
    labels, points = [], []
    for first, end, rows in buckets(parts, span, least=2 * ENOUGH):
        mean = Mean.of_outcomes(rows)
        labels.append(day_name(first))
        if mean.enough:
            said = (
                f"{percent(mean.value)} (95% interval {percent(mean.low)} to {percent(mean.high)}), {mean.n:,} sessions"
            )
            link = ask.link("sessions", since=iso_day(first), until=iso_day(end - DAY))
            points.append(Point(mean.value, said, link, mean.low, mean.high))
        else:
            points.append(Point(None, f"not enough data yet: {mean.n} sessions"))
    title = "Users who got what they wanted"
    return lines(title, _distinct(labels), [Series("outcome", points)], span=(0, 1), said=percent)


def volume_chart(ask: Ask, parts: Sequence[Row], span: Span) -> Chart:
    """Sessions over time, by agent."""
    gathered = buckets(parts, span)
    labels = [day_name(first) for first, _, _ in gathered]
    sessions: dict[str, int] = defaultdict(int)
    for row in parts:
        sessions[row["agent"]] += row["sessions"]
    agents = sorted(sessions, key=lambda agent: (-sessions[agent], agent))
    kept, rest = (agents, []) if len(agents) <= 6 else (agents[:5], agents[5:])
    series = []
    for agent in [*kept, ""] if rest else kept:
        names = {agent} if agent else set(rest)
        points = []
        for first, end, rows in gathered:
            count = sum(row["sessions"] for row in rows if row["agent"] in names)
            more = {"agent": agent} if agent else {}
            link = ask.link("sessions", since=iso_day(first), until=iso_day(end - DAY), **more)
            points.append(Point(count, f"{agent or 'others'}, {count:,} sessions", link if count else ""))
        series.append(Series(agent or "others", points))
    return bars("Sessions", _distinct(labels), series)


def _distinct(labels: list[str]) -> list[str]:
    """Labels that differ from each other, as charts need them."""
    seen: dict[str, int] = defaultdict(int)
    result = []
    for label in labels:
        seen[label] += 1
        result.append(label + "\u200b" * (seen[label] - 1))
    return result
