"""Plots of insights: one visual language, intervals drawn, sample sizes said. Needs matplotlib (``eventlore[notebooks]``)."""

from collections.abc import Callable, Sequence
from functools import wraps
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analytics.intervals import FEWEST, Interval, mean_interval, share_interval

try:
    import matplotlib.pyplot as plt
    from matplotlib import rc_context
    from matplotlib.ticker import FuncFormatter, PercentFormatter
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("plots need matplotlib: pip install 'eventlore[notebooks]'") from missing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analytics.insights import Insights

__all__ = ["COLOURS", "INK", "STYLE", "Plots"]

PAPER, INK, SOFT, FAINT, HAIR = "#fffdf8", "#1e2523", "#454e4a", "#7d8580", "#e6e1d4"
COLOURS = ("#0e6a62", "#c4672f", "#5567a8", "#a3842a", "#93497b", "#7d8580")
"""Of agents and other things without an order."""
_STATUS = {"open": "#a63d1c", "opening": "#b98a1d", "closing": "#5567a8", "closed": "#2b6b3a"}
_DIRECTION = {"rising": "#a63d1c", "falling": "#5567a8", "steady": FAINT}
_STYLES = ("politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question")
STYLE: Any = {
    "figure.facecolor": PAPER,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.facecolor": PAPER,
    "axes.edgecolor": HAIR,
    "axes.labelcolor": SOFT,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.size": 9,
    "grid.color": HAIR,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "savefig.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
"""Settings of matplotlib that these plots are drawn with; ``plt.rcParams.update(STYLE)`` draws yours with them, too."""

# Load the backend now: what it sets (a notebook's shows figures by themselves) would be undone with the first style.
plt.draw_if_interactive()  # type: ignore[no-untyped-call]

Floats = NDArray[np.float64]
_Of = ParamSpec("_Of")
_Drawn = TypeVar("_Drawn", "Axes", "Figure")


def _styled(
    draw: Callable[Concatenate["Plots", _Of], _Drawn],
) -> Callable[Concatenate["Plots", _Of], _Drawn]:
    @wraps(draw)
    def styled(self: "Plots", /, *args: _Of.args, **kwargs: _Of.kwargs) -> _Drawn:
        with rc_context(STYLE):
            return draw(self, *args, **kwargs)

    return styled


class Plots:
    """Plots of one database's insights.

    Each takes the rows to draw, as the method of :class:`~analytics.insights.Insights` that is named gives them and
    filtered as you like (None: all), and the axes to draw on (None: new ones), and returns the axes. Where there is
    nothing to draw it says so.
    """

    def __init__(self, db: "Insights") -> None:
        self._db = db

    @_styled
    def activity(self, sessions: pd.DataFrame | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Sessions a week (from Monday, UTC) by agent; rows of ``sessions()``."""
        rows = _with_messages(self._db.sessions() if sessions is None else sessions)
        ax = _axes(ax, 2.8)
        if rows.empty:
            return _nothing(ax, "no sessions yet")
        counts = rows.groupby([_weeks(rows["started_at"]), "agent"], observed=True).size().unstack(fill_value=0)
        counts = counts.asfreq("7D", fill_value=0)
        base = np.zeros(len(counts))
        for agent, colour in zip(counts.columns, _cycle(len(counts.columns)), strict=True):
            ax.bar(counts.index, counts[agent], 5.6, bottom=base, color=colour, label=str(agent), align="edge")
            base += counts[agent].to_numpy()
        ax.set(ylabel="sessions a week")
        ax.set_xticks(counts.index, [_day(week) for week in counts.index], ha="left")
        ax.grid(axis="y")
        ax.legend(ncols=6, loc="lower left", bbox_to_anchor=(-0.01, 0.98), borderaxespad=0, handlelength=0.9)
        return _titled(ax, "How much they worked", f"{len(rows):,} sessions; weeks begin on Monday, UTC", above=22)

    @_styled
    def outcomes(self, sessions: pd.DataFrame | None = None, *, by: str = "agent", ax: "Axes | None" = None) -> "Axes":
        """Every session's outcome and each group's mean with its 95% interval; rows of ``sessions()``.

        Args:
            sessions: what to draw.
            by: the column whose values are the groups.
            ax: where to draw.
        """
        rows = _with_messages(self._db.sessions() if sessions is None else sessions)
        groups = list(rows.groupby(by, observed=True)["outcome"])
        ax = _axes(ax, 1.2 + 0.55 * len(groups))
        if not groups:
            return _nothing(ax, "no sessions yet")
        for at, ((_, outcomes), colour) in enumerate(zip(groups, _cycle(len(groups)), strict=True)):
            ax.scatter(outcomes, at + _spread(outcomes), s=16, color=colour, alpha=0.35, linewidth=0)
            _interval(ax, at, mean_interval(outcomes), colour)
        notes = [_of_mean(mean_interval(outcomes)) for _, outcomes in groups]
        _rows(ax, [str(name) for name, _ in groups], notes)
        ax.set(xlim=(0, 1), xlabel="estimated probability that the user got what they wanted")
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        return _titled(ax, "How sessions ended", "a dot is a session, a diamond the mean with its 95% interval")

    @_styled
    def styles(self, styles: pd.DataFrame | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """How users and agents write: means over sessions with 95% intervals; rows of ``styles()``."""
        rows = self._db.styles() if styles is None else styles
        ax = _axes(ax, 3.6)
        if rows.empty:
            return _nothing(ax, "no messages yet")
        of_session = rows.groupby(["agent", "session", "speaker"], observed=True)[list(_STYLES)].mean()
        for speaker, shift, colour in (("agent", -0.14, COLOURS[0]), ("user", 0.14, COLOURS[1])):
            if speaker in of_session.index.get_level_values("speaker"):
                means = of_session.xs(speaker, level="speaker")
                for at, style in enumerate(_STYLES):
                    _interval(ax, at + shift, mean_interval(means[style]), colour, size=5)
                ax.plot([], [], "D", ms=5, color=colour, label=f"{speaker}s ({len(means)} sessions)")
        _rows(ax, list(_STYLES))
        ax.axvline(0.5, color=HAIR, zorder=0)
        ax.set(xlim=(0, 1), xlabel="score, 0 to 1 (0.5: middling)")
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.99), borderaxespad=0, handletextpad=0.1)
        return _titled(ax, "How they write", "", above=20)

    @_styled
    def effects(self, effects: pd.DataFrame | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Effects on outcome with 95% intervals, filled where they are reported; rows of ``effects()`` or ``patterns()``.

        None draws the effect of each style of all agents. At most the 20 surest rows are drawn.
        """
        rows = _of_styles(self._db.effects()) if effects is None else effects
        ax = _axes(ax, 1.3 + 0.34 * min(20, len(rows)))
        if rows.empty:
            return _nothing(ax, "not enough data yet: it takes 50 sessions to test anything")
        rows = rows.sort_values("q_value", kind="stable").head(20).sort_values("effect", ascending=False)
        reported = rows["reported"] if "reported" in rows else pd.Series(data=True, index=rows.index)
        for at, (row, sure) in enumerate(zip(_each(rows), reported, strict=True)):
            colour = (COLOURS[0] if row.effect > 0 else _STATUS["open"]) if sure else FAINT
            found = Interval(100 * row.effect, 100 * row.low, 100 * row.high, row.n)
            _interval(ax, at, found, colour, filled=bool(sure))
        notes = [
            f"{_signed(100 * r.effect)} ({_signed(100 * r.low)} to {_signed(100 * r.high)})  q {r.q_value:.3f}"
            for r in _each(rows)
        ]
        names = [f"{row.agent}: {row.subject}" if row.agent else str(row.subject) for row in _each(rows)]
        _rows(ax, names, notes)
        ax.axvline(0, color=SOFT, linewidth=0.8)
        ax.set(xlabel="change of outcome, percentage points")
        few, many = rows["n"].min(), rows["n"].max()
        sessions = f"{few:,}" if few == many else f"{few:,} to {many:,}"
        return _titled(
            ax,
            "What goes with better and worse outcomes",
            f"95% intervals; filled: reported (q ≤ 0.05); {sessions} sessions",
        )

    @_styled
    def gaps(self, gaps: pd.DataFrame | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Failure rates of skill gaps with their 95% intervals beside what is usual; rows of ``gaps()``, at most 15."""
        rows = (self._db.gaps() if gaps is None else gaps).head(15)
        ax = _axes(ax, 1.3 + 0.42 * len(rows))
        if rows.empty:
            return _nothing(ax, "no skill gaps: either nothing fails more than usual, or there is not enough data yet")
        for at, row in enumerate(_each(rows)):
            colour = _STATUS.get(str(row.status), FAINT)
            ax.plot([row.rate - row.excess] * 2, [at - 0.3, at + 0.3], color=INK, linewidth=1.4, zorder=2)
            ax.plot(row.failures / row.sessions, at, "x", color=FAINT, ms=5)
            _interval(ax, at, Interval(row.rate, row.low, row.high, row.sessions), colour)
        notes = [f"{row.failures} of {row.sessions} sessions · {row.status}" for row in _each(rows)]
        _rows(ax, [f"{row.agent}: {shorten(str(row.skill), 44, placeholder='…')}" for row in _each(rows)], notes)
        ax.set(xlim=(0, 1.02), xlabel="sessions in which the skill fails")
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        how = "diamond: estimate with its 95% interval; ×: failures / sessions; bar: what is usual"
        return _titled(ax, "What agents are bad at", how)

    @_styled
    def topics(self, tags: pd.DataFrame | None = None, *, most: int = 6) -> "Figure":
        """Each topic's share of a week's sessions with its 95% interval; rows of ``tags()``.

        A session counts in the week in which it first had the topic. Weeks of fewer than five sessions are left out.

        Args:
            tags: what to draw.
            most: topics that are drawn, the most frequent ones.
        """
        rows = self._db.tags() if tags is None else tags
        if rows.empty:
            return _nothing(_axes(None, 1.5), "no topics yet").figure  # type: ignore[return-value]
        keys = ["agent", "session", "topic_id", "label"]
        first = rows.groupby(keys, observed=True, as_index=False)["ts"].min()
        first["week"] = _weeks(first["ts"])
        totals = first.groupby("week")[["agent", "session"]].apply(lambda week: len(week.drop_duplicates()))
        counts = first.groupby(["week", "label"], observed=True).size().unstack(fill_value=0)
        names = counts.sum().sort_values(ascending=False, kind="stable").index[:most]
        columns = min(3, len(names))
        size = (8.6, 0.9 + 1.75 * -(-len(names) // columns))
        figure, panels = plt.subplots(
            -(-len(names) // columns), columns, figsize=size, sharex=True, sharey=True, squeeze=False
        )
        for ax, name, colour in zip(panels.flat, names, _cycle(len(names)), strict=False):
            shares = [share_interval(int(counts.loc[week, name]), int(totals[week])) for week in counts.index]
            kept = [(week, share) for week, share in zip(counts.index, shares, strict=True) if share.n >= FEWEST]
            weeks = [week for week, _ in kept]
            ax.fill_between(weeks, [s.low for _, s in kept], [s.high for _, s in kept], color=colour, alpha=0.15, lw=0)
            ax.plot(weeks, [s.value for _, s in kept], "o-", color=colour, ms=3.5, lw=1.5)
            ax.set_title(f"{shorten(str(name), 30, placeholder='…')} ({counts[name].sum()})", fontsize=9.5)
            ax.grid(axis="y")
            ax.set_ylim(0, None)
            ax.yaxis.set_major_formatter(PercentFormatter(1, 0))
            _dates(ax, list(counts.index))
        for ax in list(panels.flat)[len(names) :]:
            ax.set_visible(False)
        about = f"share of a week's sessions that have a topic ({totals.min()} to {totals.max()} a week), 95% intervals"
        figure.suptitle("What people talk about\n", x=0.01, ha="left", fontsize=11, fontweight="bold")
        figure.text(0.01, 1 - 0.36 / size[1], about, color=FAINT, fontsize=8.5)
        return figure

    @_styled
    def trends(self, trends: pd.DataFrame | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """How topics' shares of conversations changed, with intervals; rows of ``trends()``, at most 15."""
        rows = (self._db.trends() if trends is None else trends).head(15)
        ax = _axes(ax, 1.3 + 0.34 * len(rows))
        if rows.empty:
            return _nothing(ax, "not enough data yet: it takes conversations of this week and of weeks before")
        for at, row in enumerate(_each(rows)):
            colour = _DIRECTION[str(row.direction)]
            high = 64 if pd.isna(row.high) else min(row.high, 64)  # a new topic has no upper limit
            limits = Interval(row.ratio, max(row.low, 1 / 64), high, row.recent)
            _interval(ax, at, limits, colour, filled=row.direction != "steady")
        notes = [f"{r.recent} lately, {r.expected:.1f} expected · {r.direction}" for r in _each(rows)]
        _rows(ax, [str(label) for label in rows["label"]], notes)
        ax.axvline(1, color=SOFT, linewidth=0.8)
        ax.set_xscale("log", base=2)
        ax.set(xlim=(1 / 64, 64), xlabel="share of the latest week's conversations, as a multiple of the share before")
        ax.set_xticks([1 / 32, 1 / 8, 1 / 2, 1, 2, 8, 32])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"×{x:g}" if x >= 1 else f"×1/{1 / x:g}"))
        ax.minorticks_off()
        return _titled(ax, "Rising and falling", "intervals hold at 95% for all topics together; hollow: may be chance")


def _each(rows: pd.DataFrame) -> list[Any]:
    """Rows as tuples with names."""
    return list(rows.itertuples())


def _axes(ax: "Axes | None", height: float) -> "Axes":
    return plt.subplots(figsize=(8.6, height))[1] if ax is None else ax


def _nothing(ax: "Axes", why: str) -> "Axes":
    ax.set_axis_off()
    ax.text(0.5, 0.5, why, ha="center", va="center", color=FAINT, transform=ax.transAxes, wrap=True)
    return ax


def _titled(ax: "Axes", title: str, note: str, above: float = 0) -> "Axes":
    """A title with a fainter line below it, ``above`` so many points over the axes."""
    ax.set_title(title, pad=(22 if note else 8) + above)
    ax.annotate(note, (0, 1), (0, 7 + above), "axes fraction", textcoords="offset points", color=FAINT, fontsize=8.5)
    return ax


def _rows(ax: "Axes", names: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Name the rows of a plot from top to bottom, with notes at the right."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="x")
    for at, note in enumerate(notes):
        across = ax.get_yaxis_transform()
        ax.text(1.02, at, note, transform=across, va="center", color=SOFT, fontsize=8.5)


def _interval(ax: "Axes", at: float, found: Interval, colour: str, *, filled: bool = True, size: float = 6.5) -> None:
    ax.plot([found.low, found.high], [at, at], color=colour, linewidth=2, solid_capstyle="round", zorder=3)
    ax.plot(found.value, at, "D", ms=size, color=colour, mfc=colour if filled else PAPER, mec=colour, zorder=4)


def _spread(values: pd.Series) -> Floats:
    """Small shifts that keep equal values apart, the same every time."""
    order = values.rank(method="first").to_numpy(dtype=np.float64)
    shifts: Floats = 0.26 * np.sin(order * 2.399963)
    return shifts


def _of_mean(mean: Interval) -> str:
    if np.isnan(mean.low):
        return f"not enough data yet ({mean.n})"
    return f"{mean.value:.0%} ({mean.low:.0%} to {mean.high:.0%}), {mean.n} sessions"


def _with_messages(sessions: pd.DataFrame) -> pd.DataFrame:
    return sessions[sessions["messages"] > 0]


def _of_styles(effects: pd.DataFrame) -> pd.DataFrame:
    """Each style's effect over all agents, or of the only one."""
    found = effects[effects["kind"] == "style_effect"]
    return found[found["agent"] == ""] if (found["agent"] == "").any() else found


def _weeks(times: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """The Monday of each time's week."""
    days = times.dt.normalize()
    return (days - pd.to_timedelta(days.dt.day_of_week, unit="D")).rename("week")


def _dates(ax: "Axes", weeks: Sequence[pd.Timestamp]) -> None:
    """Name at most four of the weeks by their Mondays."""
    shown = weeks[:: -(-len(weeks) // 4)]
    ax.set_xticks(shown, [_day(week) for week in shown])  # type: ignore[arg-type]


def _day(when: pd.Timestamp) -> str:
    return f"{when:%b} {when.day}"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _cycle(n: int) -> list[str]:
    return [COLOURS[at % len(COLOURS)] for at in range(n)]
