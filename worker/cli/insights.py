"""Commands that show what was learned."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.console import CommandError, Config, Exit, Json, emit, settings_from, show_rows

if TYPE_CHECKING:
    import pandas as pd

    from analytics.insights import Insights

__all__ = ["app"]

app = typer.Typer(
    help="What was learned: topics, styles, signals of failure, skill gaps, patterns, sessions.", no_args_is_help=True
)

Agent = Annotated[str | None, typer.Option(help="Only this agent.", show_default=False)]
Since = Annotated[
    str | None,
    typer.Option(help="Only from then on: 7d, 12h, 2026-03-01 or 2026-03-01T14:00 (UTC).", show_default=False),
]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many rows to people.")]


@app.command(epilog="Example: [bold]eventlore insights topics --since 7d[/]")
def topics(
    agent: Agent = None, since: Since = None, limit: Limit = 25, config: Config = None, as_json: Json = False
) -> None:
    """What was talked about, most talked about first."""
    found = _read(config, lambda db: db.topics(agent=agent, since=since))
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            r["label"],
            r["example"] or ", ".join(r["keywords"][:5]),
            f"{r['messages']:,}",
            _TRENDS.get(r["direction"], ""),
            f"{_day(r['first_seen'])} to {_day(r['last_seen'])}",
        )
        for r in _records(found.head(limit))
    ]
    _show("Topics", ["topic", "example or words", "messages", "trend", "seen"], rows, len(found), numeric=3)


@app.command(epilog="Example: [bold]eventlore insights trends[/]")
def trends(limit: Limit = 25, config: Config = None, as_json: Json = False) -> None:
    """Which topics rise and fall against their own past, the surest first."""
    found = _read(config, lambda db: db.trends())
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            r["label"],
            r["direction"],
            f"× {r['ratio']:.2f} ({r['low']:.2f} to {format(r['high'], '.2f') if r['high'] < _MOST else '∞'})",
            f"{r['recent']:,}",
            f"{r['expected']:,.1f}",
        )
        for r in _records(found.head(limit))
    ]
    columns = ["topic", "trend", "share (interval)", "conversations", "expected"]
    _show("Trends", columns, rows, len(found), numeric=3)


@app.command(epilog="Example: [bold]eventlore insights styles --agent coder[/]")
def styles(agent: Agent = None, since: Since = None, config: Config = None, as_json: Json = False) -> None:
    """How people and agents write: the mean of each style, 0..1, of each side; --json gives every message."""
    found = _read(config, lambda db: db.styles(agent=agent, since=since))
    if as_json:
        emit(_records(found))
        return
    names = [name for name in _STYLES if name in found.columns]
    means = found.groupby(["agent", "speaker"])[names].mean()
    counts = found.groupby(["agent", "speaker"]).size()
    rows = [
        (*key, f"{counts[key]:,}", *("–" if math.isnan(value) else f"{value:.2f}" for value in means.loc[key]))
        for key in means.index
    ]
    _show("Styles", ["agent", "who", "messages", *names], rows, len(rows), numeric=len(names) + 1)


@app.command(epilog="Example: [bold]eventlore insights signals --agent ops[/]")
def signals(
    agent: Agent = None, since: Since = None, limit: Limit = 25, config: Config = None, as_json: Json = False
) -> None:
    """What went wrong in sessions, the gravest first, and the events that show it."""
    found = _read(config, lambda db: db.signals(agent=agent, since=since))
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            _day(r["ts"]),
            r["kind"],
            f"{r['severity']:.2f}",
            r["subject"],
            r["session"],
            ", ".join(f"{seq}" for _, seq in r["evidence"]),
        )
        for r in _records(found.head(limit))
    ]
    _show("Signals", ["day", "what", "severity", "about", "session", "events"], rows, len(found), numeric=0)


@app.command(epilog="Example: [bold]eventlore insights gaps --agent ops --json[/]")
def gaps(
    agent: Agent = None, since: Since = None, limit: Limit = 25, config: Config = None, as_json: Json = False
) -> None:
    """What agents are bad at, the gap whose mending would help most first."""
    found = _read(config, lambda db: db.gaps(agent=agent, since=since))
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            r["agent"],
            r["skill"],
            r["status"],
            f"{r['failures']} of {r['sessions']}",
            _span(r["rate"], r["low"], r["high"]),
            f"{r['impact']:+.1f}",
        )
        for r in _records(found.head(limit))
    ]
    columns = ["agent", "skill", "status", "failed", "failure rate (interval)", "impact"]
    _show("Skill gaps", columns, rows, len(found), numeric=3)


@app.command(epilog="Example: [bold]eventlore insights patterns[/]")
def patterns(agent: Agent = None, limit: Limit = 25, config: Config = None, as_json: Json = False) -> None:
    """Which styles work, and other regularities, the surest first."""
    found = _read(config, lambda db: db.patterns(agent=agent))
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            r["agent"] or "all",
            r["statement"],
            _signed(r["effect"], r["low"], r["high"]),
            f"{r['n']:,}",
            f"{r['q_value']:.3f}",
        )
        for r in _records(found.head(limit))
    ]
    _show("Patterns", ["agent", "what", "effect (interval)", "n", "q"], rows, len(found), numeric=3)


@app.command(epilog="Example: [bold]eventlore insights sessions --since 2026-03-01[/]")
def sessions(
    agent: Agent = None, since: Since = None, limit: Limit = 25, config: Config = None, as_json: Json = False
) -> None:
    """Every session with its outcome: the probability that the user got what they wanted; latest first."""
    found = _read(config, lambda db: db.sessions(agent=agent, since=since))
    if as_json:
        emit(_records(found))
        return
    rows = [
        (
            r["session"],
            _day(r["started_at"]),
            r["messages"],
            f"{r['tool_errors']} of {r['tool_calls']}",
            f"{r['outcome']:.2f}",
        )
        for r in _records(found.head(limit))
    ]
    _show("Sessions", ["session", "started", "messages", "tool errors", "outcome"], rows, len(found), numeric=3)


_MOST = 1_000
"""Limits from which on there is none, to a person."""
_TRENDS = {"rising": "↑ rising", "falling": "↓ falling", "steady": "steady"}
_STYLES = (
    "politeness",
    "formality",
    "directness",
    "verbosity",
    "sentiment",
    "frustration",
    "hedging",
    "question",
    "satisfaction",
)


def _read(config: Path | None, question: "Callable[[Insights], pd.DataFrame]") -> "pd.DataFrame":
    from analytics.insights import Insights

    settings = settings_from(config)
    try:
        db = Insights.open(settings.database)
        return question(db)
    except FileNotFoundError as error:
        raise CommandError(str(error), Exit.UNAVAILABLE) from None
    except ValueError as error:
        raise CommandError(str(error)) from None


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Rows with plain values; times are Unix milliseconds, as in the tables."""
    times = [name for name in frame.columns if frame[name].dtype.kind == "M"]
    plain = frame.assign(**{name: frame[name].map(lambda t: int(t.timestamp() * 1000)) for name in times})
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _show(title: str, columns: list[str], rows: list[tuple[Any, ...]], found: int, *, numeric: int) -> None:
    if not rows:
        typer.echo(f"{title}: none")
        return
    more = f" (the first {len(rows)} of {found:,}; --limit shows more)" if found > len(rows) else ""
    show_rows(title + more, columns, rows, numeric=numeric)


def _day(when: int) -> str:
    return datetime.fromtimestamp(when / 1000, tz=UTC).strftime("%Y-%m-%d")


def _span(value: float, low: float, high: float) -> str:
    return f"{value:.0%} ({low:.0%}-{high:.0%})"


def _signed(value: float, low: float, high: float) -> str:
    return f"{value:+.2f} ({low:+.2f} to {high:+.2f})"
