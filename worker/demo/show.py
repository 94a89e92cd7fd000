"""What the sample workspace taught, in a form worth showing to a friend. Every figure comes from the insight tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from worker.dashboard.advice import advice

if TYPE_CHECKING:
    import pandas as pd

    from analytics.insights import Insights

__all__ = ["learned"]

Row = dict[str, Any]

GAPS = 4
"""Skill gaps that are shown with their proof."""
PROOFS = 2
TOPICS = 6
PATTERNS = 4

_TOOLS = ("unrecovered_tool_failure", "doom_loop")
_USER = ("user_correction", "dissatisfaction", "repeated_request")
_WHO = dict.fromkeys(_TOOLS, "the tool") | dict.fromkeys(_USER, "the user")


def learned(db: "Insights") -> Group:
    """The summary of a database."""
    sessions = _rows(db.sessions())
    signals = _rows(db.signals())
    gaps = _one_an_agent([gap for gap in _rows(db.gaps()) if gap["excess"] > 0])
    patterns = _rows(db.patterns())
    return Group(
        *_volume(sessions),
        *_asked(_rows(db.topics())),
        *_wrong(gaps, signals),
        *_working(patterns, len(sessions)),
        *_advice(advice(db.engine)),
    )


def _one_an_agent(gaps: list[Row]) -> list[Row]:
    """Every agent's first gap, then the others."""
    first: dict[str, Row] = {}
    for gap in gaps:
        first.setdefault(gap["agent"], gap)
    return [*first.values(), *(gap for gap in gaps if gap is not first[gap["agent"]])]


def _volume(sessions: list[Row]) -> Iterator[RenderableType]:
    yield _heading("Who worked")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("agent", "sessions", "messages", "tool calls", "failed calls"):
        table.add_column(name, justify="left" if name == "agent" else "right")
    table.add_column("users got what they wanted (estimate)")
    for agent in sorted({row["agent"] for row in sessions if row["messages"]}):
        own = [row for row in sessions if row["agent"] == agent]
        mean = sum(row["outcome"] for row in own) / len(own)
        counts = [len(own), *(sum(row[name] for row in own) for name in ("messages", "tool_calls", "tool_errors"))]
        table.add_row(agent, *(f"{count:,}" for count in counts), Text(f"{_bar(mean)} {mean:.0%}", style=_colour(mean)))
    yield table


def _asked(topics: list[Row]) -> Iterator[RenderableType]:
    yield _heading("What was asked")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("topic")
    table.add_column("messages", justify="right")
    table.add_column("first seen to last seen")
    for row in topics[:TOPICS]:
        table.add_row(row["label"], f"{row['messages']:,}", f"{_day(row['first_seen'])} to {_day(row['last_seen'])}")
    yield table


def _wrong(gaps: list[Row], signals: list[Row]) -> Iterator[RenderableType]:
    yield _heading("What goes wrong, with the turn that shows it")
    if not gaps:
        yield Text("No skill fails more often than the others.")
    for gap in gaps[:GAPS]:
        rate = f"{gap['rate']:.0%} of the time (95% interval {gap['low']:.0%} to {gap['high']:.0%})"
        lines = [
            Text.assemble(("fails ", ""), (rate, "bold red"), f"; {gap['failures']} of {gap['sessions']} sessions. "
                          f"That is {gap['excess'] * 100:+.0f} points over what is usual; the gap is {gap['status']}."),
        ]  # fmt: skip
        lines += [_quote(proof) for proof in _proofs(gap, signals)]
        title = Text.assemble((gap["agent"], "bold cyan"), "  ", (_skill(gap), "bold"))
        yield Panel(Group(*lines), title=title, title_align="left", box=box.ROUNDED, border_style="dim")


def _proofs(gap: Row, signals: list[Row]) -> Iterator[Row]:
    """From the gap's sessions, the tool's failure if there is one and what the user said about it."""
    shown = 0
    own = [one for one in signals if one["session"] in gap["evidence"]]
    own = [one for one in own if one["kind"] not in _TOOLS or one["subject"].startswith(f"{gap['tool']}:")]
    for kinds in (_TOOLS, _USER, ("handover", "refusal", "false_success")):
        found = [one for one in own if one["kind"] in kinds and one["text"].strip() and shown < PROOFS]
        if found:
            shown += 1
            yield max(found, key=lambda one: (one["severity"], one["ts"], one["seq"]))


def _quote(signal: Row) -> Text:
    said = signal["error"] if signal["kind"] in _TOOLS and signal["error"] else signal["text"]
    return Text.assemble(
        (f"{_WHO.get(signal['kind'], 'the agent')}, {_day(signal['ts'])}: ", "dim"),
        (f"“{_short(said)}”", "italic"),
        (f"  {signal['kind'].replace('_', ' ')}, event {signal['seq']}", "dim"),
    )


def _working(patterns: list[Row], sessions: int) -> Iterator[RenderableType]:
    yield _heading("What works, and for whom")
    if not patterns:
        yield Text(f"In {sessions} sessions no pattern is sure enough to report, so none is.")
    lines = [Text.assemble(row["statement"], (f"  {_q(row['q_value'])}", "dim")) for row in patterns[:PATTERNS]]
    yield _listed([("•", line) for line in lines], "green")


def _advice(things: list[Row]) -> Iterator[RenderableType]:
    yield _heading("Three things to act on first")
    told = [Text.assemble((f"{thing['title']}:", "bold"), f" {thing['words']}") for thing in things]
    yield _listed([(f"{number}.", text) for number, text in enumerate(told, 1)], "bold yellow")


def _listed(items: list[tuple[str, Text]], style: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(style=style, width=3, justify="right")
    table.add_column()
    for mark, text in items:
        table.add_row(mark, text)
    return table


def _topic(gap: Row) -> str:
    return str(gap["skill"]).partition(" × ")[0].removesuffix(" (no tool)")


def _skill(gap: Row) -> str:
    """What the agent is bad at, as one says it."""
    if not gap["tool"]:
        return _topic(gap)
    return f"{gap['tool']}, in talk about {_topic(gap)}" if gap["topic_id"] else str(gap["tool"])


def _q(value: float) -> str:
    return "q < 0.001" if value < 0.001 else f"q = {value:.3f}"


def _heading(text: str) -> RenderableType:
    return Group(Text(""), Rule(Text(text, style="bold"), align="left", style="dim"))


def _rows(frame: "pd.DataFrame") -> list[Row]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _bar(share: float, width: int = 12) -> str:
    full = round(share * width)
    return "█" * full + "░" * (width - full)


def _colour(share: float) -> str:
    return "green" if share >= 0.75 else "yellow" if share >= 0.5 else "red"


def _day(when: Any) -> str:  # noqa: ANN401 - a pandas time
    return f"{when:%b} {when.day}"


def _short(text: str, limit: int = 150) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
