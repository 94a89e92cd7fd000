"""What is learned from sessions: reported sentences, bounds, and what may not matter."""

import random
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import STYLES, World, sessions

from analytics.conversation import Call, Conversation, Message, Turn
from analytics.patterns import REACTION, blind, early_styles, learn, sample
from analytics.patterns.learn import findings
from models.rows import Pattern

SEED = 42


def world(shape=None, **settings_):
    return sessions(World(**settings_), np.random.default_rng(SEED), shape)


def test_nothing_is_learned_from_nothing():
    assert learn([], {}) == []


@pytest.mark.parametrize("n", [1, 2, 10, 49])
def test_nothing_is_learned_from_few(n):
    assert learn(world(sessions=n, effects={"politeness": 3.0}, noise=0.0), {}) == []


def test_a_style_that_works_is_told_in_a_sentence():
    found = learn(world(sessions=400, effects={"politeness": 1.0}, slope=0.0), {})
    assert [(p.kind, p.agent, p.subject, p.n) for p in found] == [("style_effect", "a0", "politeness", 400)]
    (p,) = found
    assert p.low < p.effect < p.high
    assert p.q_value <= 0.05
    assert p.statement == (
        f"When a0 writes more politely, users get what they wanted more often, by {100 * p.effect:.1f} percentage "
        f"points (95% interval {100 * p.low:.1f} to {100 * p.high:.1f}) for one standard deviation of it "
        "(400 sessions)."
    )


def test_a_style_that_harms_is_told_without_signs():
    (p,) = learn(world(sessions=400, effects={"hedging": -1.0}, slope=0.0), {})
    assert p.effect < p.high < 0
    assert p.statement.startswith("When a0 writes with more hedging, users get what they wanted less often, by ")
    assert "-" not in p.statement
    assert "itself estimated" not in p.statement


def test_what_the_outcome_is_estimated_from_is_said():
    found = learn(world(sessions=800, slope=-0.1), {})
    told = {p.subject: p.statement for p in found if p.kind == "length"}
    assert told["8-15 turns"].endswith(
        "(The outcome is itself estimated from the number of turns, among other things.)"
    )


def test_styles_explain_the_outcome_that_is_told_without_them():
    rows = [
        msgspec.structs.replace(row, styles=row.styles | {REACTION: row.outcome}, outcome=row.styles["agent.hedging"])
        for row in world(sessions=400, effects={"politeness": 1.0}, slope=0.0)
    ]
    assert [p.subject for p in learn(rows, {}) if p.kind == "style_effect"] == ["politeness"]


def test_a_blind_session_has_nothing_of_what_the_agent_said():
    def said(seq, speaker, text):
        return Message(ref=("s", seq), ts=seq, speaker=speaker, text=text)

    def session(reply):
        user, agent = said(1, "user", "Hello"), said(2, "agent", reply)
        turn = Turn(user=(user,), calls=(), agent=(agent,))
        return Conversation(agent="a", session="s", started_at=1, ended_at=2, messages=(user, agent), turns=(turn,))

    def signal(kind):
        return SimpleNamespace(kind=kind)

    styles = {("s", 1): SimpleNamespace(speaker="user"), ("s", 2): SimpleNamespace(speaker="agent")}
    signals = [signal("refusal"), signal("user_correction")]
    one, two = (blind([session(reply)], [signals], [styles]) for reply in ("I can't, sorry.", "Done!"))
    assert one == two
    assert one[0][0].messages[0].text == "Hello"
    assert [s.kind for s in one[1][0]] == ["user_correction"]
    assert list(one[2][0]) == [("s", 1)]


def test_what_holds_in_all_agents_is_said_of_agents():
    found = learn(world(sessions=900, agents=3, effects={"question": 1.0}, slope=0.0), {})
    assert {(p.kind, p.agent, p.subject) for p in found} == {
        ("style_effect", agent, "question") for agent in ("", "a0", "a1", "a2")
    }
    whole = next(p for p in found if not p.agent)
    assert whole.statement.startswith("When agents write with more questions, users get what they wanted more often")
    assert whole.high - whole.low < min(p.high - p.low for p in found if p.agent)


def test_closeness_to_the_user_is_told():
    def shape(agent, user, _hour, _turns):
        return -1.5 * abs(agent["formality"] - user["formality"])

    found = learn(world(shape, sessions=800, slope=0.0), {})
    assert ("style_match", "formality") in {(p.kind, p.subject) for p in found}
    told = next(p.statement for p in found if p.subject == "formality")
    assert told.startswith("When a0 writes more like the user in formality, users get what they wanted more often")


def test_the_best_amount_of_a_style_is_not_taken_for_closeness():
    """Agents and users near a middle value are near each other; outcome depends on the agent alone."""

    def shape(agent, _user, _hour, _turns):
        return -8 * (agent["formality"] - 0.5) ** 2

    found = findings(world(shape, sessions=2000, slope=0.0), {})[0]
    match = next(f.found for f in found if f.kind == "style_match" and f.subject == "formality")
    assert match.low <= 0 <= match.high


def test_for_whom_a_style_works_is_told():
    def shape(agent, user, _hour, _turns):
        return -12 * (agent["verbosity"] - 0.5) * (user["frustration"] - 0.5)

    (p,) = learn(world(shape, sessions=800, slope=0.0), {})
    assert (p.kind, p.agent, p.subject) == ("style_for", "a0", "verbosity for frustration")
    assert p.statement.startswith(
        "The more irritated the user is, the worse it works that a0 writes at greater length: by "
    )


def test_an_agent_that_follows_its_users_mood_is_not_blamed_for_it():
    def shape(_agent, user, _hour, _turns):
        return -1.5 * (user["frustration"] - 0.5)

    assert learn(world(shape, sessions=800, follow=1.0, slope=0.0), {}) == []


def test_times_and_lengths_are_told():
    def shape(_agent, _user, hour, turns):
        return -0.3 * (3 <= hour < 6) - 0.3 * (turns >= 8)

    found = {(p.kind, p.subject): p.statement for p in learn(world(shape, sessions=1500, slope=0.0), {})}
    assert found["hour", "03-06 UTC"].startswith(
        "a0's sessions that start at 03 to 06 UTC go worse than others: users get what they wanted less often, by "
    )
    assert found["length", "8-15 turns"].startswith("a0's sessions of 8 to 15 turns go worse than others: ")


def test_days_of_the_week_are_those_of_utc():
    rows = world(sessions=600)
    monday = 4 * 86_400_000  # 5 January 1970
    rows = [
        msgspec.structs.replace(row, outcome=row.outcome - 0.5 * ((row.started_at - monday) // 86_400_000 % 7 == 0))
        for row in rows
    ]
    assert ("weekday", "Monday") in {(p.kind, p.subject) for p in learn(rows, {})}


def test_what_comes_together_is_told_by_name():
    found = {
        (p.kind, p.subject): p for p in learn(world(sessions=600, together=0.9), {"t1": "billing", "t2": "refunds"})
    }
    assert set(found) == {("topic_pair", "billing + refunds"), ("tool_pair", "exec + read")}
    assert found["topic_pair", "billing + refunds"].statement.startswith(
        "With a0, “billing” and “refunds” come up together: “refunds” is in 9"
    )
    assert found["tool_pair", "exec + read"].statement.startswith(
        "a0's tools exec and read fail together: read fails in 9"
    )


def test_topics_that_avoid_each_other_are_no_pattern():
    rows = [msgspec.structs.replace(row, topics={row.topic_id: [1, 0, 0]}) for row in world(sessions=800)]
    assert learn(rows, {}) == []


@given(st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_order_of_the_input_does_not_matter(r: random.Random):
    rows = world(sessions=300, agents=2, effects={"politeness": 1.0}, together=0.8)
    expected = learn(rows, {})
    assert expected
    r.shuffle(rows)
    assert learn(iter(rows), {}) == expected


def test_only_the_latest_sessions_count(monkeypatch):
    late = world(sessions=300, effects={"politeness": 1.0})
    early = [
        msgspec.structs.replace(row, session=f"old-{i}", ended_at=-1 - i, outcome=0.5) for i, row in enumerate(late)
    ]
    monkeypatch.setattr(sample, "LATEST", 300)
    assert learn([*early, *late], {}) == learn(late, {})


def test_the_first_half_counts_where_it_is_known():
    rows = world(sessions=400, effects={"politeness": 1.0}, slope=0.0)
    moved = [
        msgspec.structs.replace(
            row,
            styles={f"early.{name}": value for name, value in row.styles.items()}
            | dict.fromkeys(row.styles, row.outcome),
        )
        for row in rows
    ]
    assert learn(moved, {}) == learn(rows, {})


@pytest.mark.parametrize("outcome", [0.0, 0.7])
def test_an_outcome_that_never_changes_teaches_nothing(outcome):
    rows = [msgspec.structs.replace(row, outcome=outcome) for row in world(sessions=200)]
    assert learn(rows, {}) == []


def test_agents_that_write_alike_teach_nothing_of_style():
    rows = world(sessions=200)
    same = [msgspec.structs.replace(row, styles=dict.fromkeys(row.styles, 0.5)) for row in rows]
    assert not [f for f in findings(same, {})[0] if f.kind.startswith("style")]


def test_sessions_of_an_unnamed_agent_and_unknown_users_are_learned_from():
    rows = [
        msgspec.structs.replace(row, agent="", user="")
        for row in world(sessions=400, effects={"politeness": 1.0}, slope=0.0)
    ]
    assert [(p.agent, p.subject) for p in learn(rows, {})] == [("", "politeness")]


def test_early_styles_are_those_of_the_first_half_of_the_turns():
    def turn(at):
        user, agent = (
            Message(ref=("s", at + i), ts=at + i, speaker=side, text="") for i, side in ((0, "user"), (1, "agent"))
        )
        return Turn(user=(user,), calls=(), agent=(agent,))

    def styled(value):
        return SimpleNamespace(**dict.fromkeys(STYLES, value))

    turns = tuple(turn(at) for at in (1, 3, 5))
    conversation = Conversation(agent="a", session="s", started_at=1, ended_at=6, turns=turns)
    styles = {("s", seq): styled(seq / 10) for seq in range(1, 7)}
    found = early_styles(conversation, styles)
    assert len(found) == 16
    assert found["early.user.politeness"] == 0.2
    assert found["early.agent.question"] == 0.3
    assert early_styles(Conversation(agent="a", session="s", started_at=1, ended_at=6), styles) == {}


def test_what_an_agent_says_right_after_a_failed_call_is_none_of_its_style():
    def said(at, speaker="agent"):
        return Message(ref=("s", at), ts=at, speaker=speaker, text="")

    def call(at, error=""):
        return Call(ref=("s", at), ts=at, tool="exec", arguments="{}", ended_at=at + 1, error=error)

    def early(*turns):
        conversation = Conversation(agent="a", session="s", started_at=1, ended_at=99, turns=turns)
        styles = {("s", seq): SimpleNamespace(**dict.fromkeys(STYLES, seq / 100)) for seq in range(1, 100)}
        found = early_styles(conversation, styles)
        return {name: value for name, value in found.items() if name.endswith("politeness")}

    user = (said(10, "user"),)
    failed = Turn(user=user, calls=(call(12, "refused"),), agent=(said(11), said(13), said(14)))
    made_good = Turn(user=user, calls=(call(12, "refused"), call(20)), agent=(said(15), said(30)))
    assert early(failed) == {"early.agent.politeness": 0.11, "early.user.politeness": 0.1}
    assert early(made_good) == {"early.agent.politeness": 0.3, "early.user.politeness": 0.1}
    assert early(Turn(user=user, calls=(call(12, "refused"),), agent=(said(13),))) == {"early.user.politeness": 0.1}


def test_what_an_agent_says_later_does_not_stand_for_what_is_left_out():
    rows = world(sessions=400, effects={"politeness": 1.0}, slope=0.0)
    user = {f"early.{name}": value for name, value in rows[0].styles.items() if name.startswith("user.")}
    left_out = [msgspec.structs.replace(row, styles=row.styles | user) for row in rows[:100]]
    assert {f.n for f in findings(left_out + rows[100:], {})[0] if f.kind == "style_effect"} == {300}


def test_a_pattern_is_a_row_of_its_table():
    (p,) = learn(world(sessions=400, effects={"politeness": 1.0}, slope=0.0), {})
    assert isinstance(p, Pattern)
    assert p.model == "patterns-3"
    assert all(value == round(value, 6) for value in (p.effect, p.low, p.high, p.q_value))
