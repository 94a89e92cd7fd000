"""Topics: what people ask about, what rises and falls, and the messages behind it."""

from collections.abc import Mapping, Sequence
from typing import Any

from worker.dashboard.charts import Chart, Point, Series, lines
from worker.dashboard.figures import Mean, change
from worker.dashboard.filters import DAY
from worker.dashboard.queries import Row
from worker.dashboard.spans import Span, buckets
from worker.dashboard.view import Ask, MissingError, View, day_name, iso_day

__all__ = ["show", "show_one"]

DRAWN = 5
DRAWN_LEAST = 10
"""Messages that a point should stand for, all topics together."""
DRAWN_PARTS = 5
"""Points that are drawn whatever they stand for."""
MESSAGES = 100
LEAST = 5
"""Sessions of a topic, in both halves together, below which no trend is told."""


def show(ask: Ask) -> View:
    """Every topic of the time, most talked about first."""
    span = ask.queries.span(ask.filters)
    counts = ask.queries.topic_counts(ask.filters, span.middle) if span else []
    about = ask.queries.reader.topics()
    trends = _trends(counts, span) if span else {}
    topics = [
        {"topic_id": row["topic_id"], "label": ask.topic(row["topic_id"])}
        | {"messages": row["messages"], "sessions": row["sessions"]}
        | {"keywords": ", ".join(about[row["topic_id"]].keywords[:6]) if row["topic_id"] in about else ""}
        | trends.get(row["topic_id"], {"direction": "", "ratio": None, "low": None, "high": None, "change": ""})
        for row in counts
    ]
    shown = {
        "topics": topics,
        "most": max((topic["messages"] for topic in topics), default=1),
        "rising": [topic for topic in topics if topic["direction"] == "rising"],
        "falling": [topic for topic in topics if topic["direction"] == "falling"],
    }
    charts = {"trend": _chart(ask, span, [topic["topic_id"] for topic in topics[:DRAWN]])} if topics and span else {}
    return View("topics.html", "Topics", shown, {"topics": topics}, charts)


def show_one(ask: Ask) -> View:
    """One topic with its latest messages."""
    topic = ask.params.get("id", "")
    if topic not in ask.labels:
        raise MissingError("There is no such topic.")
    filters = ask.filters.about(topic)
    span = ask.queries.span(filters)
    parts = ask.queries.session_parts(filters, span) if span else []
    counts = ask.queries.topic_counts(filters, 0)
    messages = [
        dict(row) | {"link": ask.session_link(row["agent"], row["session"], (row["stream"], row["seq"]))}
        for row in ask.queries.messages(ask.filters, topic, limit=MESSAGES)
    ]
    about = ask.queries.reader.topics()[topic]
    shown = {
        "topic": topic,
        "label": ask.topic(topic),
        "keywords": about.keywords,
        "messages": messages,
        "count": counts[0]["messages"] if counts else 0,
        "mentions": counts[0]["sessions"] if counts else 0,
        "sessions": sum(row["sessions"] for row in parts),
        "outcome": Mean.of_outcomes(parts),
        "gaps": [dict(gap) | {"name": ask.skill(gap)} for gap in ask.queries.gaps(filters)],
    }
    table = [
        {k: row[k] for k in ("agent", "session", "stream", "seq", "ts", "kind", "score", "text")} for row in messages
    ]
    every = ask.queries.span(ask.filters)
    charts = {"trend": _chart(ask, every, [topic], "Messages over time")} if counts and every else {}
    return View("topic.html", ask.topic(topic), shown, {"messages": table}, charts)


def _chart(ask: Ask, span: Span, topics: Sequence[str], title: str = "Messages of each topic") -> Chart:
    counted = [dict(row) | {"sessions": row["messages"]} for row in ask.queries.topic_parts(ask.filters, topics, span)]
    gathered = buckets(counted, span, least=DRAWN_LEAST, fewest=DRAWN_PARTS)
    series = []
    for topic in topics:
        points = []
        for first, end, rows in gathered:
            count = sum(row["messages"] for row in rows if row["topic_id"] == topic)
            link = ask.link("topic", id=topic, since=iso_day(first), until=iso_day(end - DAY)) if count else ""
            said = f"{ask.topic(topic)}, {count:,} messages"
            if 2 * (end - span.first) < end - first:  # a part that mostly lies before the time would look like a rise
                points.append(
                    Point(None, f"{said} in {(end - span.first) // DAY} days: too few of them to compare", link)
                )
            else:
                points.append(Point(count, said, link))
        series.append(Series(ask.topic(topic), points))
    return lines(title, [day_name(first) for first, _, _ in gathered], series)


def _trends(counts: Sequence[Row], span: Span) -> Mapping[str, dict[str, Any]]:
    """How each topic's share of sessions changed from the first half of the time to the second."""
    recent = sum(row["later"] for row in counts)
    before = sum(row["sessions"] for row in counts) - recent
    judged = [row for row in counts if row["sessions"] >= LEAST]
    if not (before and recent and judged) or span.middle <= span.first:
        return {}
    found = {}
    for row in judged:
        ratio, low, high = change(row["later"], row["sessions"] - row["later"], recent / before, len(judged))
        direction = "rising" if low > 1 else "falling" if high < 1 else "steady"
        earlier = row["sessions"] - row["later"]
        said = (
            "new"
            if not earlier
            else "gone"
            if not row["later"]
            else f"× {ratio:.2g}"
            if ratio < 1
            else f"× {ratio:.1f}"
        )
        found[row["topic_id"]] = {"direction": direction, "ratio": ratio, "low": low, "high": high, "change": said}
    return found
