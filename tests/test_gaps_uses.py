"""Which skills a session uses and which fail in it."""

import json

import pytest

from analytics import analyse
from analytics.conversation import Call, Conversation, Message, Turn
from analytics.gaps import skill_uses
from models.rows import EventTopic, MessageStyle, Signal

AGENT, SESSION = "cook", "agent:cook:main"


def said(seq, speaker, text="text"):
    return Message(ref=("s", seq), ts=seq * 1000, speaker=speaker, text=text)


def called(seq, tool, error=""):
    return Call(ref=("s", seq), ts=seq * 1000, tool=tool, arguments="{}", result=("s", seq + 1), error=error)


def turn(at, *calls):
    """The turn whose user message has sequence ``at`` and whose reply has ``at + 9``."""
    return Turn(user=(said(at, "user"),), calls=calls, agent=(said(at + 9, "agent"),))


def talk(*turns, session=SESSION):
    messages = tuple(m for t in turns for m in (*t.user, *t.agent))
    calls = tuple(c for t in turns for c in t.calls)
    last = messages[-1].ts
    return Conversation(
        agent=AGENT, session=session, started_at=0, ended_at=last, messages=messages, calls=calls, turns=turns
    )


def tag(seq, topic, score=1.0):
    return EventTopic(
        agent=AGENT, session=SESSION, stream="s", seq=seq, ts=seq * 1000, topic_id=topic, score=score, model="m"
    )


def signal(kind, seq, *evidence):
    return Signal(
        agent=AGENT,
        session=SESSION,
        stream="s",
        seq=seq,
        kind=kind,
        subject="",
        severity=0.5,
        evidence=[["s", e] for e in evidence],
        model="m",
    )


def sounds(seq, frustration):
    return MessageStyle(
        agent=AGENT,
        session=SESSION,
        stream="s",
        seq=seq,
        ts=seq * 1000,
        speaker="user",
        language="en",
        politeness=0.5,
        formality=0.5,
        directness=0.5,
        verbosity=0.5,
        sentiment=0.5,
        frustration=frustration,
        hedging=0.0,
        question=0.0,
        satisfaction=0.5,
        model="m",
    )


def found(conversation, tags, signals=(), outcome=0.9, frustration=None):
    """The skills used; ``frustration``: that of messages of the user, by sequence."""
    styles = {("s", seq): sounds(seq, score) for seq, score in (frustration or {}).items()}
    return [(u.topic_id, u.tool, u.at, u.failed) for u in skill_uses(conversation, tags, signals, outcome, styles)]


def test_nothing_was_used_in_an_empty_session():
    empty = Conversation(agent=AGENT, session=SESSION, started_at=0, ended_at=0)
    assert skill_uses(empty, [], [], 0.1, {}) == []


def test_a_topic_and_its_tools_are_used():
    assert found(talk(turn(10, called(12, "oven"), called(14, "shop"))), [tag(10, "soup")]) == [
        ("soup", "", 19_000, False),
        ("soup", "oven", 12_000, False),
        ("soup", "shop", 14_000, False),
    ]


def test_untagged_turns_belong_to_the_topic_around_them():
    conversation = talk(turn(10, called(12, "oven")), turn(30), turn(50, called(52, "shop")))
    assert found(conversation, [tag(30, "soup")]) == [
        ("soup", "", 59_000, False),
        ("soup", "oven", 12_000, False),
        ("soup", "shop", 52_000, False),
    ]


def test_a_turn_has_the_topic_of_the_highest_score():
    conversation = talk(Turn(user=(said(10, "user"), said(11, "user")), calls=(), agent=(said(19, "agent"),)))
    tags = [tag(10, "soup", 0.6), tag(10, "cake", 0.5), tag(11, "cake", 0.2)]
    assert found(conversation, tags) == [("cake", "", 19_000, False)]


def test_what_is_asked_decides_the_topic_and_not_how_the_agent_words_a_failure():
    conversation = talk(turn(10, called(12, "oven", "no gas")))
    tags = [tag(10, "soup", 0.3), tag(19, "gas supply", 0.9)]
    signals = [signal("unrecovered_tool_failure", 13, 12, 13)]
    assert found(conversation, tags, signals) == [("soup", "oven", 12_000, True)]


def test_a_question_that_names_no_topic_continues_the_users_last_one():
    conversation = talk(turn(10), turn(30, called(32, "oven", "no gas")))
    assert found(conversation, [tag(10, "soup"), tag(39, "gas supply")]) == [
        ("soup", "", 39_000, False),
        ("soup", "oven", 32_000, False),
    ]


def test_where_the_user_names_no_topic_what_the_agent_says_before_it_acts_stands_in():
    assert found(talk(turn(10)), [tag(19, "soup")]) == [("soup", "", 19_000, False)]
    conversation = talk(turn(10), turn(30, called(32, "oven", "no gas")))
    assert found(conversation, [tag(19, "soup", 0.3), tag(39, "gas supply")]) == [
        ("soup", "", 39_000, False),
        ("soup", "oven", 32_000, False),
    ]


def test_where_only_the_agents_words_after_a_call_name_a_topic_there_is_none():
    conversation = talk(turn(10, called(12, "oven", "no gas")), turn(30))
    assert found(conversation, [tag(19, "gas supply"), tag(39, "gas supply")]) == [("", "oven", 12_000, False)]


def test_without_topics_only_tools_are_skills():
    assert found(talk(turn(10, called(12, "oven"))), []) == [("", "oven", 12_000, False)]


def test_a_failure_that_nothing_made_good_counts_against_the_tool_in_its_topic_alone():
    conversation = talk(turn(10, called(12, "oven", "no gas")), turn(30, called(32, "oven"), called(34, "shop")))
    signals = [signal("tool_failure", 13, 12, 13), signal("unrecovered_tool_failure", 13, 12, 13)]
    assert found(conversation, [tag(10, "soup"), tag(30, "cake")], signals) == [
        ("cake", "", 39_000, False),
        ("cake", "oven", 32_000, False),
        ("cake", "shop", 34_000, False),
        ("soup", "oven", 12_000, True),
    ]


def test_a_failure_that_was_made_good_does_not_count():
    conversation = talk(turn(10, called(12, "oven", "no gas"), called(14, "oven")))
    assert [u[3] for u in found(conversation, [tag(10, "soup")], [signal("tool_failure", 13, 12, 13)])] == [
        False,
        False,
    ]


def test_a_doom_loop_counts_even_when_it_ends_well():
    calls = [called(12, "oven", "no gas"), called(13, "oven", "no gas"), called(14, "oven", "no gas")]
    conversation = talk(turn(10, *calls, called(16, "oven")))
    assert found(conversation, [tag(10, "soup")], [signal("doom_loop", 14, 12, 13, 14)]) == [
        ("soup", "oven", 16_000, True)
    ]


def test_an_objection_counts_against_the_turn_before_it():
    conversation = talk(turn(10), turn(30))
    tags = [tag(10, "soup"), tag(30, "cake")]
    assert found(conversation, tags, [signal("user_correction", 30, 19, 30)]) == [
        ("cake", "", 39_000, False),
        ("soup", "", 19_000, True),
    ]


def test_an_objection_at_the_start_is_nobodys_failure():
    assert found(talk(turn(10)), [tag(10, "soup")], [signal("dissatisfaction", 10, 10)]) == [
        ("soup", "", 19_000, False)
    ]


def test_an_objection_is_made_good_by_a_turn_without_one_and_a_good_outcome():
    conversation = talk(turn(10), turn(30), turn(50))
    signals = [signal("user_correction", 30, 19, 30)]
    assert found(conversation, [tag(10, "soup")], signals, 0.8) == [("soup", "", 59_000, False)]
    assert found(conversation, [tag(10, "soup")], signals, 0.4) == [("soup", "", 59_000, True)]


def test_a_false_success_is_not_made_good():
    conversation = talk(turn(10), turn(30))
    assert found(conversation, [tag(10, "soup")], [signal("false_success", 19, 19)], 0.8) == [
        ("soup", "", 39_000, True)
    ]


def test_a_bad_outcome_of_a_user_who_sounds_annoyed_counts_against_the_main_topic():
    conversation = talk(turn(10), turn(30), turn(50, called(52, "oven")))
    tags = [tag(10, "soup"), tag(30, "cake"), tag(50, "cake")]
    assert found(conversation, tags, [], 0.49, {10: 0.0, 30: 0.4, 50: 0.6}) == [
        ("cake", "", 59_000, True),
        ("cake", "oven", 52_000, False),
        ("soup", "", 19_000, False),
    ]
    assert not any(u[3] for u in found(conversation, tags, [], 0.49, {10: 0.9, 30: 0.4, 50: 0.5}))
    assert not any(u[3] for u in found(conversation, tags, [], 0.5, {10: 0.0, 30: 0.9, 50: 0.9}))


def test_a_bad_outcome_alone_is_no_failure():
    silent = talk(turn(10, called(12, "oven")))
    assert not any(u[3] for u in found(silent, [tag(10, "soup")], [], 0.1, {10: 0.9}))
    content = talk(turn(10, called(12, "oven")), turn(30))
    assert not any(u[3] for u in found(content, [tag(10, "soup")], [], 0.1, {10: 0.9, 30: 0.1}))


def test_what_a_user_adds_before_any_answer_is_no_reaction():
    asked = Turn(user=(said(10, "user"),), calls=(called(12, "oven"),), agent=())
    greeting = Turn(user=(), calls=(), agent=(said(9, "agent"),))
    for first in (asked, greeting):
        assert not any(u[3] for u in found(talk(first, turn(30)), [tag(30, "soup")], [], 0.1, {10: 0.9, 30: 0.9}))


@pytest.mark.parametrize("key", ["agent:cook:cron:nightly", "hook:mail:1", "agent:cook:subagent:7"])
def test_nobody_is_annoyed_where_no_person_answers(key):
    frustration = {10: 0.9, 30: 0.9}
    assert any(u[3] for u in found(talk(turn(10), turn(30)), [tag(10, "soup")], [], 0.1, frustration))
    conversation = talk(turn(10), turn(30), session=key)
    assert not any(u[3] for u in found(conversation, [tag(10, "soup")], [], 0.1, frustration))
    assert found(conversation, [tag(10, "soup")], [signal("refusal", 39)], 0.1) == [("soup", "", 39_000, True)]


@pytest.mark.parametrize(("kind", "failed"), [("abandoned", True), ("ungrounded_claim", True), ("tool_failure", False)])
def test_a_bad_outcome_counts_where_a_signal_bears_it_out(kind, failed):
    assert found(talk(turn(10)), [tag(10, "soup")], [signal(kind, 19)], 0.4) == [("soup", "", 19_000, failed)]
    assert found(talk(turn(10)), [tag(10, "soup")], [signal(kind, 19)], 0.5) == [("soup", "", 19_000, False)]


def test_a_bad_outcome_that_a_failed_tool_or_run_explains_counts_once():
    conversation = talk(turn(10, called(12, "oven", "no gas")), turn(30))
    tags = [tag(10, "soup"), tag(30, "cake")]
    failure = [signal("unrecovered_tool_failure", 13, 12, 13)]
    assert found(conversation, tags, failure, 0.1) == [("cake", "", 39_000, False), ("soup", "oven", 12_000, True)]
    assert not any(u[3] for u in found(conversation, tags, [signal("run_error", 35)], 0.1))


def test_signals_of_unknown_events_are_left_alone():
    conversation = talk(turn(10, called(12, "oven")))
    signals = [signal("doom_loop", 99, 98, 99), signal("refusal", 99), signal("dissatisfaction", 99)]
    assert not any(u[3] for u in found(conversation, [tag(10, "soup"), tag(99, "cake")], signals))


def logged(session, *steps):
    """Lines of a session: what is said by whom, or (tool, arguments, error)."""
    for at, (kind, *what) in enumerate(steps):
        event = {"eventlore": 1, "ts": 1_785_715_200_000 + at * 20_000, "agent": AGENT, "session": session}
        if kind != "tool":
            told = [{"type": f"message.{kind}", "text": what[0]}]
        else:
            tool, arguments, error = what
            told = [
                {"type": "tool.call", "name": tool, "call": "c", "arguments": arguments},
                {"type": "tool.result", "name": tool, "call": "c", "text": "" if error else "ok", "error": error},
            ]
        for part, each in enumerate(told):
            yield json.dumps(event | {"id": f"{session}{at}{part}"} | each).encode() + b"\n"


def failures_of(*sessions):
    table = analyse([line for lines in sessions for line in lines])["skill_uses"]
    return [(row.topic_id, row.tool, bool(row.failed)) for row in table.sort_values(["session", "tool"]).itertuples()]


def test_a_flawless_session_that_a_timer_began_fails_at_nothing():
    steps = [
        ("in", "Check the cluster and report pods that are not ready."),
        ("tool", "kubectl", {"command": "kubectl get pods -A"}, ""),
        ("out", "All pods are ready."),
    ]
    assert failures_of(logged("agent:cook:cron:nightly", *steps), logged("agent:cook:telegram:direct:1", *steps)) == [
        ("general:operations", "", False),
        ("general:operations", "kubectl", False),
        ("general:operations", "", False),
        ("general:operations", "kubectl", False),
    ]


def test_a_tool_fails_at_what_it_was_asked_for_where_it_also_succeeds():
    def session(number, error, answer):
        return logged(
            f"agent:cook:telegram:direct:{number}",
            ("in", "What is the balance of my savings account?"),
            ("tool", "get_account", {"id": number}, error),
            ("out", answer),
            ("in", "ok"),
        )

    refused = "error: connection to the server was refused"
    assert failures_of(
        session(1, refused, "I could not do it: the server refuses the connection. Restart the server cluster."),
        session(2, "", "The balance is 1,204 euros."),
    ) == [
        ("general:banking", "get_account", True),
        ("general:banking", "", False),
        ("general:banking", "get_account", False),
    ]
