"""How the worker stands: lag, throughput, dead letters, models, chain. For the operator only."""

from datetime import UTC, datetime

from worker.dashboard.charts import Point, Series, bars
from worker.dashboard.view import Ask, MissingError, View

__all__ = ["show"]


def show(ask: Ask) -> View:
    """See the module."""
    work = ask.operations
    if work is None or ask.queries.reader.viewer is not None:
        raise MissingError("Operations are the operator's: sign in with the operator's token.")
    count, letters = work.letters()
    pending, failed = work.pending()
    hours = work.throughput([ask.filters.agent] if ask.filters.agent else ask.queries.agents())
    charts = {}
    if hours:
        labels = [datetime.fromtimestamp(at / 1000, tz=UTC).strftime("%b %d %H:00") for at, _ in hours]
        points = [Point(events, f"{events:,} events (UTC)") for _, events in hours]
        charts["throughput"] = bars("Events an hour", labels, [Series("events", points)])
    durables = work.durables()
    logs = [
        dict(log)
        | {"own": [one for one in log.get("consumers", ()) if one["name"] in durables]}
        | {"lag": sum(o["waiting"] + o["unacknowledged"] for o in log.get("consumers", ()) if o["name"] in durables)}
        for log in work.logs()
    ]
    chains = work.chains()
    shown = {
        "logs": logs,
        "letters": letters,
        "letter_count": count,
        "pending": pending,
        "failed": failed,
        "chains": chains,
        "models": work.models(),
        "replayed": ask.params.get("replayed", ""),
        "kept": ask.params.get("kept", ""),
    }
    return View("operations.html", "Operations", shown, {"dead_letters": letters, "chains": chains}, charts)
