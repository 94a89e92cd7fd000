"""Charts as SVG that the page's style sheet dresses: drawn by pygal, without script, each point a link with its words."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

__all__ = ["Chart", "Point", "Series", "bars", "lines"]

WIDTH, HEIGHT = 480, 215
MOST_LABELS = 5
MOST_LETTERS = 45
"""Of the labels of an axis together."""
FEW = 4
"""Counts up to which each has its own line."""
_UNWANTED = {"defs", "style", "script", "title"}
_OVERLAYS = {"text-overlay", "tooltip-overlay", "titles"}


class Point(NamedTuple):
    """One value of a series."""

    value: float | None
    """None: not enough is known to draw it."""
    said: str
    """The value in words, with its interval and number of sessions."""
    link: str = ""
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points of one colour, one for each label of the chart."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, as markup and as the rows that it was drawn from."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    markup: str = field(repr=False)

    @property
    def legend(self) -> list[str]:
        """Names of the series, where there are several."""
        return [one.name for one in self.series] if len(self.series) > 1 else []

    @property
    def empty(self) -> bool:
        """Whether nothing is known well enough to be drawn."""
        return all(point.value is None for one in self.series for point in one.points)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each point."""
        return [
            {"series": series.name, "at": label, "value": point.value, "low": point.low, "high": point.high}
            | {"said": point.said}
            for series in self.series
            for label, point in zip(self.labels, series.points, strict=True)
        ]

    def alone(self) -> str:
        """The chart as a file of its own, dressed."""
        head, _, rest = self.markup.partition(">")
        dressed = f'{head} width="{WIDTH}" height="{HEIGHT}"><style>{style()}</style>{rest}'
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{dressed}'


@cache
def style() -> str:
    """The style sheet of charts."""
    return files("worker.dashboard").joinpath("static/chart.css").read_text(encoding="utf-8")


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    span: tuple[float, float] | None = None,
    said: Callable[[float], str] = "{:,.0f}".format,
    height: int = HEIGHT,
) -> Chart:
    """Lines over time, each point with its interval where it has one.

    Args:
        title: what it shows.
        labels: of the horizontal axis.
        series: with as many points as there are labels.
        span: of the vertical axis; None: from zero to what the points need.
        said: writes a value of the vertical axis.
        height: in units of which the chart is 480 wide.
    """
    options = _options(labels, span, said, height) | {"include_x_axis": span is None}
    graph = _pygal().Line(**options, dots_size=3.2, allow_interruptions=True)
    return _draw(graph, title, labels, series)


def bars(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    said: Callable[[float], str] = "{:,.0f}".format,
    height: int = HEIGHT,
) -> Chart:
    """Counts over time, one on another where there are several series."""
    graph = _pygal().StackedBar(**_options(labels, None, said, height), rounded_bars=1)
    most = max(
        (sum(point.value or 0 for point in at) for at in zip(*(one.points for one in series), strict=True)), default=0
    )
    if most <= FEW:  # else fractions of one would be written as whole numbers
        graph.y_labels = list(range(int(most) + 1))
    return _draw(graph, title, labels, series)


def _pygal() -> Any:  # noqa: ANN401 - the module, which has no types
    import pygal

    # It adds a finder of a kind that Python has done away with, for plug-ins: every later import would warn of it.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _options(
    labels: Sequence[str],
    span: tuple[float, float] | None,
    said: Callable[[float], str],
    height: int,
) -> dict[str, Any]:
    from pygal.style import Style

    return {
        "width": WIDTH,
        "height": height,
        "style": Style(label_font_size=12, major_label_font_size=12, font_family="sans-serif"),
        "js": [],
        "css": [],
        "no_prefix": True,
        "disable_xml_declaration": True,
        "show_legend": False,
        "margin": 4,
        "margin_right": 22,
        "spacing": 6,
        "title": None,
        "range": span,
        "max_scale": 5,
        "truncate_label": -1,
        "value_formatter": said,
        "show_minor_x_labels": False,
        "x_labels": list(labels),
        "x_labels_major": _spread(labels),
    }


def _spread(labels: Sequence[str]) -> list[str]:
    """A few labels at equal distances."""
    most = max(2, min(MOST_LABELS, MOST_LETTERS // max(map(len, labels), default=1)))
    step = max(1, -(-len(labels) // most))
    return list(labels[::step])


def _draw(graph: Any, title: str, labels: Sequence[str], series: Sequence[Series]) -> Chart:  # noqa: ANN401 - pygal's
    graph.add_xml_filter(_undressed(title))
    for one in series:
        graph.add(one.name, [_value(point) for point in one.points])
    return Chart(title, labels, series, graph.render(is_unicode=True))


def _value(point: Point) -> dict[str, Any] | None:
    if point.value is None:
        return None
    value: dict[str, Any] = {"value": point.value, "label": point.said}
    if point.link:
        value["xlink"] = {"href": point.link, "target": "_self"}
    if point.low is not None and point.high is not None:
        value["ci"] = {"low": point.low, "high": point.high}
    return value


def _undressed(title: str) -> Callable[[Element], Element]:
    """Take from a chart its own style, its script and what only that needs; leave words for who cannot see it."""

    def undress(root: Element) -> Element:
        for parent in list(root.iter()):
            for node in list(parent):
                classes = set(node.get("class", "").split())
                if not isinstance(node.tag, str) or _tag(node) in _UNWANTED or classes & _OVERLAYS:
                    parent.remove(node)
            _say(parent)
        root.attrib.pop("id", None)
        root.set("role", "group" if any(_tag(node) == "a" for node in root.iter()) else "img")
        root.set("aria-label", title)
        return root

    return undress


def _say(node: Element) -> None:
    """What pygal hides in descriptions for its script becomes the title that browsers show and screen readers say."""
    node.attrib.pop("style", None)
    descriptions = [child for child in node if isinstance(child.tag, str) and _tag(child) == "desc"]
    words = {child.get("class"): child.text or "" for child in descriptions}
    for child in descriptions:
        node.remove(child)
    if words:
        title = Element("title")
        title.text = ": ".join(words[name] for name in ("x_label", "label") if name in words)
        node.insert(0, title)
        if _tag(node) == "a":
            node.set("aria-label", title.text)


def _tag(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]
