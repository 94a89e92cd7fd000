"""Signals of tools, agents and sessions: each kind with its severity and the very events that show it."""

import pytest
from session_forms import call, log, reply, result, user
from wire_forms import a, e, read

from analytics.conversation import fold
from analytics.signals import detect, recurring


def shown(*events, kind=None):
    """(kind, event, severity, evidence) of each signal, events as their places in the log, counted from 1."""
    found = detect(fold(log(*events)), {})
    return [
        (one.kind, one.seq, one.severity, [seq for _, seq in one.evidence]) for one in found if kind in (None, one.kind)
    ]


def failed(name, at, id_="c1", said_="no such file"):
    data = {"phase": "result", "name": name, "toolCallId": id_, "isError": True, "result": said_}
    return a("conversation.tool_result", "tool", data, at=at, order=at)


def test_a_failure_that_nothing_made_good():
    events = [user("Read it.", 1), call("read", 2), failed("read", 3), reply("Hm.", 4)]
    assert shown(*events) == [("tool_failure", 3, 0.3, [2, 3]), ("unrecovered_tool_failure", 3, 0.7, [2, 3])]


def test_a_failure_that_a_later_call_made_good():
    again = [call("read", 4, "c2"), result("read", 5, "c2")]
    assert shown(user("Read it.", 1), call("read", 2), failed("read", 3), *again) == [("tool_failure", 3, 0.3, [2, 3])]


def test_a_success_that_ran_beside_the_failure_does_not_make_it_good():
    events = [
        user("Read it.", 1),
        call("read", 2, "c1", args={"path": "one.txt"}),
        call("read", 3, "c2", args={"path": "two.txt"}),
        result("read", 4, "c2"),
        failed("read", 5, "c1"),
        reply("Hm.", 6),
    ]
    assert shown(*events) == [("tool_failure", 5, 0.3, [2, 5]), ("unrecovered_tool_failure", 5, 0.6, [2, 5])]


def test_interleaved_failures_are_each_told_by_their_own_events():
    events = [
        user("Read both.", 1),
        call("read", 2, "c1"),
        call("grep", 3, "c2"),
        failed("grep", 4, "c2"),
        failed("read", 5, "c1"),
    ]
    assert shown(*events, kind="tool_failure") == [("tool_failure", 4, 0.3, [3, 4]), ("tool_failure", 5, 0.3, [2, 5])]


def test_three_failures_of_the_same_call_are_a_loop_however_they_interleave():
    events = [user("Read it.", 1)]
    for at in (2, 6, 10):
        events += [call("read", at, f"c{at}"), call("grep", at + 1, f"d{at}"), result("grep", at + 2, f"d{at}")]
        events += [failed("read", at + 3, f"c{at}")]
    assert shown(*events, kind="doom_loop") == [("doom_loop", 13, 0.7, [2, 5, 6, 9, 10, 13])]


@pytest.mark.parametrize("third", ["other arguments", "a success between"])
def test_what_is_no_loop(third):
    events = [user("Read it.", 1), call("read", 2, "c1"), failed("read", 3, "c1"), call("read", 4, "c2")]
    events += [failed("read", 5, "c2")]
    if third == "a success between":
        events += [call("read", 6, "c3"), result("read", 7, "c3"), call("read", 8, "c4"), failed("read", 9, "c4")]
    else:
        events += [call("read", 8, "c4", args={"path": "b"}), failed("read", 9, "c4")]
    assert shown(*events, kind="doom_loop") == []


def test_the_same_failure_in_two_sessions_recurs():
    found = []
    for number, path in enumerate(("/data/a7.txt", "/home/x/b.txt"), 1):
        said = f"Error: file '{path}' not found"
        session = {"session": f"agent:concierge:telegram:direct:{number}"}
        told = (user("Read it.", 1), call("read", 2), failed("read", 3, said_=said))
        found += detect(fold(read(one | session, seq=10 * number + at) for at, one in enumerate(told, 1)), {})
    [one] = recurring(found)
    assert (one.kind, one.seq, one.severity, one.evidence) == ("recurring_failure", 23, 0.5, [["log", 13], ["log", 23]])
    assert one.subject == "read: file * not found"


def test_success_claimed_after_a_failure():
    events = [user("Book it.", 1), call("book", 2), failed("book", 3), reply("I have booked it for you.", 4)]
    assert shown(*events, kind="false_success") == [("false_success", 4, 0.8, [3, 4])]


def test_success_claimed_after_the_failure_was_made_good_is_true():
    events = [user("Book it.", 1), call("book", 2), failed("book", 3), call("book", 4, "c2"), result("book", 5, "c2")]
    assert shown(*events, reply("I have booked it for you.", 6), kind="false_success") == []


def test_a_claim_with_no_call_behind_it():
    events = [user("Book a table.", 1), reply("I have booked the table for you.", 2)]
    assert shown(*events) == [("ungrounded_claim", 2, 0.3, [1, 2])]


def test_a_refusal_and_a_hand_over():
    events = [user("Cancel it.", 1), reply("I'm sorry, I can't do that.", 2)]
    assert shown(*events) == [("refusal", 2, 0.4, [1, 2])]
    events = [user("Cancel it.", 1), call("transfer_to_human_agents", 2), result("transfer_to_human_agents", 3)]
    assert shown(*events, kind="handover") == [("handover", 2, 0.5, [1, 2])]


def test_a_correction_dissatisfaction_and_a_repeated_request_name_what_they_answer():
    asked = "Please show me the report of last month."
    events = [user(asked, 1), reply("Here is that of May.", 2)]
    assert shown(*events, user("No, I meant the second file.", 3), kind="user_correction") == [
        ("user_correction", 3, 0.5, [2, 3])
    ]
    assert shown(*events, user("This is useless.", 3), kind="dissatisfaction") == [("dissatisfaction", 3, 0.5, [2, 3])]
    assert shown(*events, user(asked, 3), kind="repeated_request") == [("repeated_request", 3, 0.6, [1, 2, 3])]


def test_a_session_that_ends_with_a_question_is_abandoned():
    assert shown(user("Can you book a table?", 1), reply("Sure.", 2), user("And is it booked?", 3)) == [
        ("abandoned", 3, 0.7, [3])
    ]
    assert shown(user("Can you book a table?", 1), reply("Sure.", 2), user("Thanks, bye.", 3)) == []


def test_a_failed_run_weighs_more_when_the_agent_never_spoke_again():
    said, error = e("message.in", at=1, text="Go on"), e("run.error", at=2, run="r1", error="HTTP 529 overloaded")
    assert shown(said, error, kind="run_error") == [("run_error", 2, 0.9, [2])]
    after = e("message.out", at=3, text="Here you are.")
    assert shown(said, error, after, kind="run_error") == [("run_error", 2, 0.5, [2])]


def test_context_lost_after_a_compaction():
    events = [
        e("message.in", at=1, text="My name is Ada."),
        e("compaction.end", at=2),
        e("message.out", at=3, text="I don't remember what we talked about."),
    ]
    assert shown(*events, kind="context_lost") == [("context_lost", 3, 0.6, [2, 3])]
    assert shown(events[0], events[2], kind="context_lost") == []
