"""What charts draw: from zero, in parts that can be compared, and nothing where too little is known."""

import re

from worker.dashboard.charts import Point, Series, bars, lines
from worker.dashboard.filters import DAY
from worker.dashboard.spans import Span, buckets


def axis(markup: str) -> list[str]:
    """What is written beside the vertical axis."""
    return re.findall(
        r"<text[^>]*>([^<]*)</text>", markup.split('class="axis y')[1].split('class="axis x', maxsplit=1)[0]
    )


def test_counts_are_drawn_from_zero():
    chart = lines("Messages", ["Feb 1", "Feb 8"], [Series("messages", [Point(12, "12"), Point(22, "22")])])
    assert axis(chart.markup)[0] == "0"


def test_no_count_is_written_twice_on_the_axis():
    for most, written in ((1, ["0", "1"]), (3, ["0", "1", "2", "3"])):
        chart = bars("Sessions", ["Feb 1", "Feb 2"], [Series("sessions", [Point(most, ""), Point(0, "")])])
        assert axis(chart.markup) == written


def test_a_chart_without_a_single_value_is_empty():
    assert lines("Outcome", ["Feb 1"], [Series("outcome", [Point(None, "not enough data yet")])]).empty
    assert not lines("Outcome", ["Feb 1"], [Series("outcome", [Point(0.0, "none")])]).empty


def test_parts_grow_until_they_hold_enough_but_not_until_there_are_too_few():
    span = Span.of(0, 42 * DAY, 0, 41 * DAY)
    rows = [{"day": day * DAY, "sessions": 1} for day in range(0, 42, 2)]
    assert [len(part) for _, _, part in buckets(rows, span)] == [1, 0] * 21
    assert [len(part) for _, _, part in buckets(rows, span, least=10)] == [7, 14]
    assert [len(part) for _, _, part in buckets(rows, span, least=10, fewest=5)] == [4, 3, 4, 3, 4, 3]
