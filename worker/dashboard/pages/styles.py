"""Styles: how each side writes, how that changes, and how it goes with the outcome."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from analytics.days import add_styles, style_columns
from analytics.style import STYLES
from worker.dashboard.charts import Chart, Point, Series, lines
from worker.dashboard.figures import ENOUGH, Mean
from worker.dashboard.filters import DAY
from worker.dashboard.queries import Row
from worker.dashboard.spans import Span, buckets
from worker.dashboard.view import Ask, View, day_name, iso_day

__all__ = ["both_sides", "show"]

SAMPLE = 600
"""The latest sessions: those that are cut in three by how a side wrote, and those of one topic."""
AGENTS = 15
"""Agents whose means are shown, those with the most sessions."""
THIRDS = ("least", "middling", "most")
LEAST = 15


def show(ask: Ask) -> View:
    """See the module."""
    names = [*STYLES, "satisfaction"]
    style = ask.params.get("style", "") if ask.params.get("style", "") in names else "politeness"
    side = "user" if ask.params.get("side") == "user" or style == "satisfaction" else "agent"
    span = ask.queries.span(ask.filters)
    latest = ask.queries.style_sample(ask.filters, limit=SAMPLE)
    columns = style_columns(side, style)
    sums: Sequence[Row] = _by_agent(latest)
    parts: Sequence[Row] = _by_day(latest, columns)
    if span and not ask.filters.topic:  # all of them, where days are counted
        sums = ask.queries.style_sums(ask.filters)
        parts = ask.queries.style_parts(ask.filters, span, columns)
    sums = sorted(sums, key=lambda row: -max(row["agent_sessions"], row["user_sessions"]))
    means = _means(sums, names)
    patterns = [row for row in ask.queries.patterns(ask.filters) if row["kind"] == "style_effect"]
    thirds = _thirds(latest, f"{side}.{style}")
    shown = {
        "styles": names,
        "style": style,
        "side": side,
        "means": means[: 2 * AGENTS],
        "agent_count": len(sums),
        "most_agents": AGENTS,
        "effects": {row["subject"]: row for row in patterns if row["agent"] in {"", ask.filters.agent}},
        "thirds": thirds,
        "sample": SAMPLE,
        "sampled": len(latest) == SAMPLE,
    }
    table = [
        {"agent": row["agent"], "who": row["side"], "style": name, "sessions": mean.n}
        | {"mean": mean.value, "low": mean.low, "high": mean.high}
        for row in means
        for name, mean in row["means"].items()
        if mean.n
    ]
    charts = {"time": _chart(ask, parts, span, (side, style))} if span else {}
    return View("styles.html", "Styles", shown, {"styles": table, "thirds": thirds}, charts)


def both_sides(ask: Ask) -> list[dict[str, Any]]:
    """The mean of each style over the sessions of all agents: of the agents, and of their users."""
    if ask.filters.topic:
        sums: Sequence[Row] = _by_agent(ask.queries.style_sample(ask.filters, limit=SAMPLE))
    else:
        sums = ask.queries.style_sums(ask.filters)
    return [
        {"style": name} | {side: _mean(sums if _known(side, name) else (), side, name) for side in ("agent", "user")}
        for name in (*STYLES, "satisfaction")
    ]


def _by_agent(sessions: Iterable[Row]) -> list[dict[str, Any]]:
    """What ``style_days`` would sum up to over sessions, by agent."""
    found: dict[str, dict[str, Any]] = {}
    for row in sessions:
        add_styles(found.setdefault(row["agent"], {"agent": row["agent"]}), row["styles"])
    return [found[agent] for agent in sorted(found)]


def _by_day(sessions: Iterable[Row], columns: Sequence[str]) -> list[dict[str, int]]:
    """The same of one side's style, by day."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in sessions:
        add_styles(found[row["started_at"] // DAY * DAY], row["styles"])
    return [{"day": day} | {name: found[day][name] for name in columns} for day in sorted(found)]


def _mean(rows: Iterable[Mapping[str, int]], side: str, style: str) -> Mean:
    rows = list(rows)
    return Mean.of_sums(*(sum(row[name] for row in rows) for name in style_columns(side, style)))


def _means(sums: Sequence[Row], names: Sequence[str]) -> list[dict[str, Any]]:
    """The mean of each style of each agent and of its users, over sessions."""
    return [
        {"agent": row["agent"], "side": side}
        | {"means": {name: _mean([row] if _known(side, name) else (), side, name) for name in names}}
        for row in sums
        for side in ("agent", "user")
        if row[f"{side}_sessions"]
    ]


def _known(side: str, style: str) -> bool:
    return side == "user" or style != "satisfaction"


def _chart(ask: Ask, parts: Sequence[Row], span: Span, shown: tuple[str, str]) -> Chart:
    side, style = shown
    sessions = style_columns(side, style)[0]
    labels, points = [], []
    counted = [dict(row) | {"sessions": row[sessions]} for row in parts]
    for first, end, rows in buckets(counted, span, least=2 * ENOUGH):
        mean = _mean(rows, side, style)
        labels.append(day_name(first))
        if mean.enough:
            said = f"{mean.value:.2f} (95% interval {mean.low:.2f} to {mean.high:.2f}), {mean.n:,} sessions"
            link = ask.link("sessions", since=iso_day(first), until=iso_day(end - DAY))
            points.append(Point(mean.value, said, link, mean.low, mean.high))
        else:
            points.append(Point(None, f"not enough data yet: {mean.n} sessions"))
    whose = "Agents" if side == "agent" else "Users"
    return lines(f"{whose}' {style} over time", labels, [Series(style, points)], span=(0, 1), said="{:.1f}".format)


def _thirds(sessions: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """The latest sessions in three equal parts by a style, each with its mean outcome."""
    known = sorted((row["styles"][name], row["outcome"]) for row in sessions if name in row["styles"])
    if len(known) < LEAST:
        return []
    cuts = [len(known) * i // 3 for i in range(4)]
    parts = [known[a:b] for a, b in pairwise(cuts)]
    return [
        {"third": third, "from": part[0][0], "to": part[-1][0], "sessions": len(part)}
        | dict(zip(("outcome", "low", "high"), Mean.of([outcome for _, outcome in part])[1:], strict=True))
        for third, part in zip(THIRDS, parts, strict=True)
    ]
