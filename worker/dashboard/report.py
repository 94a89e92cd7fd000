"""The report: what a manager should know, as one page that needs nothing else."""

import re
from importlib.resources import files
from typing import Any

from markupsafe import Markup
from sqlalchemy import Engine

from analytics.reader import Reader
from worker.dashboard.app import environment
from worker.dashboard.charts import Chart
from worker.dashboard.pages import gaps, overview, patterns, topics
from worker.dashboard.queries import Queries
from worker.dashboard.view import Ask

__all__ = ["report"]

GAPS = 5
TOPICS = 10


def report(engine: Engine, viewer: str | None = None, **wanted: str) -> str:
    """The report on what filters leave (``agent``, ``topic``, ``since``, ``until``), as HTML without outside parts.

    Raises:
        FilterError: a time is none.
    """
    ask = Ask.of(Queries(Reader(engine, viewer)), wanted)
    views = {"overview": overview.show(ask), "topics": topics.show(ask), "patterns": patterns.show(ask)}
    shown: dict[str, Any] = {name: view.shown for name, view in views.items()}
    shown |= {
        "charts": list(views["overview"].charts.values()),
        "still": _still,
        "gaps": [_with_proof(ask, gap) for gap in gaps.show(ask).shown["gaps"][:GAPS]],
        "most_topics": TOPICS,
        "filters": ask.filters,
        "ask": ask,
        "style": Markup(_style()),  # noqa: S704 - ours
    }
    return environment().get_template("report.html").render(shown)


def _with_proof(ask: Ask, gap: dict[str, Any]) -> dict[str, Any]:
    """A gap with the first words that prove it."""
    proofs = gaps.proofs(ask, gap)
    quotes = [quote for proof in proofs for quote in proof["quotes"]]
    return gap | {"quote": quotes[0] if quotes else None}


def _still(chart: Chart) -> Markup:
    """A chart without links."""
    return Markup(re.sub(r"<a [^>]*>", "<g>", chart.markup).replace("</a>", "</g>"))  # noqa: S704 - ours


def _style() -> str:
    static = files("worker.dashboard").joinpath("static")
    return "\n".join(static.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "chart.css"))
