"""Rise and fall of topics against their own past."""

import random

import pytest

from analytics.topics.trends import DAY, Uses, trends

NOW = 63 * DAY - 1


def uses(conversations):
    found = Uses()
    for begun in conversations:
        found.add(begun)
    return found


def steady(seed, topics=10, conversations=600):
    draw = random.Random(seed)
    return [{f"t{draw.randrange(topics)}": draw.randrange(1, NOW)} for _ in range(conversations)]


def by_topic(conversations):
    return {trend.topic_id: trend for trend in trends(uses(conversations))}


def test_a_new_topic_rises():
    found = by_topic([*steady(1), *({"new": NOW - n * 1000} for n in range(12))])
    assert found["new"].direction == "rising"
    assert (found["new"].recent, found["new"].before) == (12, 0)
    assert found["new"].low > 1
    assert found["new"].high is None
    assert found["new"].until == NOW


def test_a_topic_that_went_silent_falls():
    found = by_topic([*steady(2), *({"old": 1 + n * DAY // 4} for n in range(200))])
    assert found["old"].direction == "falling"
    assert found["old"].high < 1


def test_a_busy_week_alone_is_no_trend():
    busy = [{f"t{n % 10}": NOW - n * 1000} for n in range(400)]
    assert {t.direction for t in trends(uses([*steady(3), *busy]))} == {"steady"}


def test_among_steady_topics_hardly_a_run_shows_a_trend():
    wrong = sum(any(t.direction != "steady" for t in trends(uses(steady(seed)))) for seed in range(100))
    assert wrong <= 5


def test_order_does_not_matter():
    conversations = steady(4)
    shuffled = random.Random(5).sample(conversations, len(conversations))
    assert trends(uses(shuffled)) == trends(uses(conversations))


def test_a_wrong_clock_does_not_end_the_present():
    assert trends(uses([*steady(6), {"t1": NOW + 9_000 * DAY}])) == trends(uses(steady(6)))


def test_a_conversation_counts_once_however_many_topics_it_has():
    both = [{"a": NOW - n * DAY, "b": NOW - n * DAY} for n in range(40)]
    assert {(t.topic_id, t.recent, t.before, t.expected) for t in trends(uses(both))} == {
        ("a", 7, 33, 7.0),
        ("b", 7, 33, 7.0),
    }


def test_without_a_past_or_a_present_there_is_no_trend():
    assert trends(uses([])) == []
    assert trends(uses([{"a": NOW - n} for n in range(9)])) == []
    with pytest.raises(ValueError, match="must be positive"):
        trends(uses([]), days=0)
