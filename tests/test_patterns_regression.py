"""Effects against plain regression with dummy columns, and intervals under dependence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact, t

from analytics.patterns.regression import Controls, Groups, adjust, effects, sweep

SAME = {"rtol": 1e-8, "atol": 1e-10}


def dummies(groups):
    return (groups[:, None] == np.unique(groups)).astype(float)


def alone(n):
    """Groups of which all are in one, and every session stands for itself."""
    none = np.zeros(n, dtype=np.int64)
    return Groups(none, none, np.arange(n))


def test_effects_are_those_of_a_regression_with_a_dummy_for_every_group():
    r = np.random.default_rng(1)
    n = 300
    users, topics = r.integers(30, size=n), r.integers(7, size=n)
    control, columns = r.normal(size=(n, 2)), r.normal(size=(n, 3))
    y = columns @ [0.5, -0.7, 0.0] + control[:, 0] + users / 10 + topics / 5 + r.normal(size=n)
    groups = Groups(users, topics, np.arange(n))
    free = groups.take_out(np.column_stack([y, control, columns]))
    beside = Controls(free[:, 1:3])
    rest = beside.take_out(np.column_stack([free[:, 0], free[:, 3:]]))
    found = effects(rest[:, 0], rest[:, 1:], groups, groups.rank + beside.rank, [1.0] * 3)

    whole = np.column_stack([columns, control, dummies(users), dummies(topics)])
    expected, _, rank, _ = np.linalg.lstsq(whole, y, rcond=None)
    np.testing.assert_allclose([e.effect for e in found], expected[:3], **SAME)
    assert groups.rank + beside.rank + 3 == rank
    error = y - whole @ expected
    classical = np.sqrt(error @ error / (n - rank) * np.diag(np.linalg.pinv(whole.T @ whole))[:3])
    assert all(e.high - e.low >= 2 * 1.95 * s for e, s in zip(found, classical, strict=True))


def test_errors_of_independent_sessions_are_whites_with_leverage():
    r = np.random.default_rng(2)
    x = r.normal(size=200)
    x -= x.mean()
    y = 0.3 * x + np.abs(x) * r.normal(size=200)
    y -= y.mean()
    (found,) = effects(y, x[:, None], alone(200), 1, [1.0])
    error = y - found.effect * x
    share = x**2 / (x @ x)
    white = np.sqrt(np.sum((x * error) ** 2 / (1 - share))) / (x @ x) * np.sqrt(199 / 198)
    assert found.high - found.effect == pytest.approx(white * t.ppf(0.975, 1 / np.sum(share**2) - 1))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_sweep_inverts_and_drops_what_is_explained(seed):
    r = np.random.default_rng(seed)
    columns = r.normal(size=(20, 4))
    columns = np.column_stack([columns, columns[:, 0] - 2 * columns[:, 2], np.zeros(20)])
    inverse, rank = sweep(columns.T @ columns)
    assert rank == 4
    np.testing.assert_allclose(inverse[:4, :4], np.linalg.inv(columns[:, :4].T @ columns[:, :4]), **SAME)
    assert not inverse[4:].any()
    assert not inverse[:, 4:].any()


def test_a_column_that_others_explain_has_no_effect_of_its_own():
    r = np.random.default_rng(3)
    x = r.normal(size=(100, 2))
    y = x[:, 0] + r.normal(size=100)
    same = np.column_stack([x, x[:, 0] + x[:, 1]])
    assert effects(y, same, alone(100), 1, [1.0, 1.0, 2.0])[2] is None
    nearly = np.column_stack([x[:, 0], x[:, 0] + 0.01 * x[:, 1]])
    assert effects(y, nearly, alone(100), 1, [1.0, 1.0]) == [None, None]
    assert effects(y, np.zeros((100, 1)), alone(100), 1, [0.0]) == [None]


@pytest.mark.parametrize(("own", "told"), [(0.05, False), (0.2, True)])
def test_a_column_of_which_groups_and_controls_leave_hardly_anything_has_no_effect_of_its_own(own, told):
    """What is left counts against what there was, not against itself: 0.25% of the variance, and 4%."""
    r = np.random.default_rng(3)
    users = np.repeat(np.arange(50), 8)
    control = r.normal(size=400)
    for x in (control, users / 14.4):
        groups = Groups(users, np.zeros(400, dtype=np.int64), np.arange(400))
        column = x + own * r.normal(size=400)
        free = groups.take_out(np.column_stack([r.normal(size=400), control, column]))
        beside = Controls(free[:, [1]])
        rest = beside.take_out(free)
        variance = float(column.var())
        (found,) = effects(rest[:, 0], rest[:, [2]], groups, groups.rank + beside.rank, [variance])
        assert (found is not None) == told


@pytest.mark.parametrize(
    ("slope", "expected"), [(0.99, (0.99, 0.97, 1.0)), (-1.005, (-1.0, -1.0, -0.985)), (1.5, None)]
)
def test_no_effect_and_no_interval_is_beyond_what_probabilities_can_differ_by(slope, expected):
    x = np.tile([1.0, 1.0, -1.0, -1.0], 25)
    y = slope * x + 0.1 * np.tile([1.0, -1.0], 50)
    (found,) = effects(y, x[:, None], alone(100), 1, [1.0])
    told = found and (found.effect, found.low, found.high)
    assert told == (expected and pytest.approx(expected, abs=0.01))


def test_an_outcome_that_never_changes_has_no_effects():
    x = np.linspace(-1, 1, 60)[:, None]
    assert effects(np.zeros(60), x, alone(60), 1, [1.0]) == [None]


def test_more_groups_than_sessions_leave_no_effect():
    r = np.random.default_rng(4)
    groups = Groups(np.arange(30), np.zeros(30, dtype=np.int64), np.arange(30))
    assert effects(r.normal(size=30), r.normal(size=(30, 1)), groups, groups.rank, [1.0]) == [None]


def test_users_who_share_luck_and_style_do_not_make_certainty():
    """Both the column and the error are mostly the user's: intervals must count users, not sessions."""
    r = np.random.default_rng(5)
    runs, covered, naive = 300, 0, 0
    for _ in range(runs):
        users = np.repeat(np.arange(40), r.integers(1, 30, 40))
        n = len(users)
        x = r.normal(size=40)[users] + 0.5 * r.normal(size=n)
        y = r.normal(size=40)[users] + r.normal(size=n)
        x, y = x - x.mean(), y - y.mean()
        none = np.zeros(n, dtype=np.int64)
        for clusters in (users, np.arange(n)):
            (found,) = effects(y, x[:, None], Groups(none, none, clusters), 1, [1.0])
            if clusters is users:
                covered += found.low <= 0 <= found.high
            else:
                naive += found.low <= 0 <= found.high
    assert binomtest(covered, runs, 0.95, alternative="less").pvalue > 0.01
    assert naive < 0.7 * runs


@pytest.mark.parametrize(("inside", "rate"), [(30, 0.05), (100, 0.02), (500, 0.01)])
def test_rare_failures_do_not_look_certain(inside, rate):
    """A class of sessions that fails once too often by chance: p is near that of Fisher's exact test, or above."""
    n = 2000
    x = np.zeros(n)
    x[:inside] = 1
    for failures in range(1, 12):
        others = int(rate * (n - inside))
        y = np.zeros(n)
        y[:failures], y[inside : inside + others] = 1, 1
        table = [[failures, inside - failures], [others, n - inside - others]]
        exact = fisher_exact(table).pvalue
        (found,) = effects(y - y.mean(), (x - x.mean())[:, None], alone(n), 1, [1.0])
        assert found.p >= 0.4 * exact


def test_q_values_are_benjamini_and_hochbergs():
    assert adjust([]) == []
    assert adjust([0.5]) == [0.5]
    assert adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert adjust([0.2, 0.2, 0.9]) == pytest.approx([0.3, 0.3, 0.9])


@given(st.lists(st.floats(0, 1), max_size=20))
def test_q_values_keep_the_order_of_p_and_lie_between_it_and_one(p):
    q = adjust(p)
    assert all(a <= b * (1 + 1e-12) and b <= 1 for a, b in zip(p, q, strict=True))
    assert [b for _, b in sorted(zip(p, q, strict=True))] == sorted(q)
