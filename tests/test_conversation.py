"""A session's events folded: order, snapshots joined, sending and delivery."""

import pytest
from session_forms import call, log, pairs, reply, result, said, shape, user
from wire_forms import T, a, b, c, d, e, read

from analytics.conversation import Call, Message, Turn, fold
from models.events import Kind


def test_a_turn_with_a_call():
    conversation = fold(
        log(
            a("lifecycle.start", "lifecycle", {"phase": "start"}, at=1, order=1),
            user("Weather in Köln?", 2),
            call("weather", 3, args={"city": "Köln"}),
            result("weather", 4, said_="12 °C"),
            reply("It", 5),
            reply("It is 12 °C.", 6),
            a("lifecycle.end", "lifecycle", {"phase": "end"}, at=7, order=7),
        )
    )
    question = Message(("log", 2), T + 2, "user", "Weather in Köln?")
    lookup = Call(("log", 3), T + 3, "weather", '{"city":"Köln"}', ("log", 4), T + 4, "12 °C", "")
    answer = Message(("log", 6), T + 6, "agent", "It is 12 °C.")
    assert conversation.agent == "concierge"
    assert conversation.session == "agent:concierge:telegram:direct:42"
    assert (conversation.started_at, conversation.ended_at) == (T + 1, T + 7)
    assert conversation.messages == (question, answer)
    assert conversation.calls == (lookup,)
    assert conversation.turns == (Turn((question,), (lookup,), (answer,)),)
    assert [mark.kind for mark in conversation.marks] == [Kind.RUN_START, Kind.RUN_END]


def test_nothing_to_fold_is_an_error():
    with pytest.raises(ValueError, match="no events"):
        fold([])


def test_events_of_two_sessions_are_an_error():
    with pytest.raises(ValueError, match="events of 2 sessions"):
        fold(log(user("x", 1), user("y", 2, session="agent:concierge:main")))


@pytest.mark.parametrize("kind", list(Kind))
def test_an_event_of_any_kind_folds(kind):
    conversation = fold(log(e(kind.value, "x", at=1), e(kind.value, "y", at=1)))
    assert (conversation.started_at, conversation.ended_at) == (T + 1, T + 1)


def test_equal_bytes_count_once_and_the_first_place_in_the_log_stands():
    events = [read(user("hi", 1), seq=seq) for seq in (9, 3, 5)]
    assert fold(events).messages == (Message(("log", 3), T + 1, "user", "hi"),)


def test_within_a_millisecond_the_runs_numbering_decides():
    same = {"at": 5, "run": "r1"}
    messages = [
        a("conversation.message.in", "user", {"text": "Thanks"}, order=3, **same),
        a("conversation.message.out", "assistant", {"text": "Done"}, order=2, **same),
        a("conversation.message.in", "user", {"text": "Do it"}, order=1, **same),
    ]
    assert said(fold(log(*messages))) == [("user", "Do it"), ("agent", "Done"), ("user", "Thanks")]


@pytest.mark.parametrize("n", range(8))
def test_within_a_millisecond_and_without_numbers_cause_comes_before_effect(n):
    params = {"toolName": "t", "params": {"n": n}}
    conversation = fold(
        log(
            d("msg.sending", {"content": f"Answer {n}"}, at=5),
            d("tool.result", params | {"result": "ok"}, at=5),
            d("tool.call", params, at=5),
            d("msg.in", {"content": f"Question {n}"}, at=5),
        )
    )
    assert shape(conversation) == [([f"Question {n}"], ["t"], [f"Answer {n}"], [])]
    assert pairs(conversation) == [("t", 3, 2, "")]


# Snapshots ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", [a, b])
def test_a_growing_reply_is_one_message(dialect):
    type_ = "conversation.message.out" if dialect is a else "msg.out"
    texts = ["[[reply", "[[reply_to_current]] Hel", "[[reply_to_current]] Hello ", "[[reply_to_current]] Hello world"]
    conversation = fold(log(*(dialect(type_, "assistant", {"text": t}, at=i, order=i) for i, t in enumerate(texts))))
    assert conversation.messages == (Message(("log", 4), T + 3, "agent", "Hello world"),)


def test_snapshots_of_one_millisecond_that_came_out_of_order():
    same = {"at": 5}
    snapshots = [
        a("conversation.message.out", "assistant", {"text": t}, order=n, **same)
        for n, t in ((3, "One two three"), (1, "One"), (2, "One two"))
    ]
    assert said(fold(log(*snapshots))) == [("agent", "One two three")]


def test_snapshots_without_a_number_and_of_one_millisecond():
    snapshots = []
    for text in ("One two", "One", "One two three"):
        message = b("msg.out", "assistant", {"text": text}, at=5)
        del message["payload"]["seq"]
        snapshots.append(message)
    assert said(fold(log(*snapshots))) == [("agent", "One two three")]


def test_a_shorter_snapshot_that_comes_late_changes_nothing():
    assert said(fold(log(reply("Hello wor", 1), reply("Hello", 2), reply("Hello world", 3)))) == [
        ("agent", "Hello world")
    ]


def test_the_longest_snapshot_stands():
    assert fold(log(reply("Hello world", 1), reply("Hello", 2))).messages == (
        Message(("log", 1), T + 1, "agent", "Hello world"),
    )


def test_a_reply_after_a_tool_call_is_a_new_message():
    conversation = fold(
        log(
            reply("Let me look.", 1),
            call("t", 2),
            result("t", 3),
            reply("Let me look. Found", 4),
            reply("Let me look. Found it.", 5),
        )
    )
    assert said(conversation) == [("agent", "Let me look."), ("agent", "Let me look. Found it.")]


def test_a_result_that_comes_while_a_reply_is_written_does_not_break_it():
    conversation = fold(log(call("t", 1), reply("Hel", 2), result("t", 3), reply("Hello", 4)))
    assert said(conversation) == [("agent", "Hello")]


def test_a_reply_that_does_not_grow_from_the_last_is_a_new_message():
    assert said(fold(log(reply("First.", 1), reply("Second", 2), reply("Second.", 3)))) == [
        ("agent", "First."),
        ("agent", "Second."),
    ]


def test_a_reply_after_the_users_next_message_is_a_new_message():
    assert said(fold(log(reply("Ok", 1), user("And?", 2), reply("Ok, done", 3)))) == [
        ("agent", "Ok"),
        ("user", "And?"),
        ("agent", "Ok, done"),
    ]


def test_a_message_to_another_run_does_not_break_a_reply():
    conversation = fold(log(reply("Hel", 1), user("Wait", 2, run="r2"), reply("Hello", 3)))
    assert said(conversation) == [("user", "Wait"), ("agent", "Hello")]


def test_replies_of_runs_side_by_side_are_kept_apart():
    conversation = fold(
        log(reply("A", 1, run="r1"), reply("B", 2, run="r2"), reply("A1", 3, run="r1"), reply("B1", 4, run="r2"))
    )
    assert said(conversation) == [("agent", "A1"), ("agent", "B1")]


def test_a_retried_run_starts_its_reply_anew():
    start = a("lifecycle.start", "lifecycle", {"phase": "start"}, at=2, order=2)
    assert said(fold(log(reply("Hello", 1), start, reply("Hello again", 3)))) == [
        ("agent", "Hello"),
        ("agent", "Hello again"),
    ]


def test_a_failed_run_and_a_message_without_run_end_a_reply():
    failed = a("lifecycle.error", "lifecycle", {"phase": "error", "error": "x"}, at=2, order=2)
    assert said(fold(log(reply("Hello", 1), failed, reply("Hello again", 3)))) == [
        ("agent", "Hello"),
        ("agent", "Hello again"),
    ]
    message = d("msg.in", {"content": "And?"}, at=2)
    assert len(fold(log(reply("Hello", 1), message, reply("Hello again", 3))).messages) == 3


def test_whole_replies_of_other_producers_are_never_joined():
    conversation = fold(
        log(d("msg.out", {"content": "Hello!"}, at=1), d("msg.out", {"content": "Hello! How are you?"}, at=2))
    )
    assert said(conversation) == [("agent", "Hello!"), ("agent", "Hello! How are you?")]


def test_whole_replies_with_a_run_and_snapshots_without_one_are_never_joined():
    whole = [c("msg.out", "message.out.sent", {"content": text}, at=at) for at, text in ((1, "Hi"), (2, "Hi you"))]
    assert len(fold(log(*whole)).messages) == 2
    loose = [reply(text, at, run=None, meta=None) for at, text in ((1, "Hi"), (2, "Hi you"))]
    assert len(fold(log(*loose)).messages) == 2


# Sending and delivery -------------------------------------------------------------------------------------------------


def sending(text, at):
    return d("msg.sending", {"to": "x", "content": text, "channel": "irc"}, at=at)


def sent(text, at):
    return d("msg.out", {"to": "x", "content": text, "success": True, "channel": "irc"}, at=at)


def test_a_message_that_is_only_about_to_be_sent_counts():
    assert fold(log(sending("Hi", 1))).messages == (Message(("log", 1), T + 1, "agent", "Hi"),)


@pytest.mark.parametrize("order", [(sending, sent), (sent, sending)])
def test_sending_and_delivery_of_one_text_count_once(order):
    first, second = order
    assert fold(log(first("Hi", 1), second("Hi", 2))).messages == (Message(("log", 1), T + 1, "agent", "Hi"),)
    assert len(fold(log(first("Hi", 1), second("Hi", 1))).messages) == 1


def test_the_same_text_said_twice_counts_twice():
    both = fold(log(sending("Hi", 1), sending("Hi", 2), sent("Hi", 3), sent("Hi", 4)))
    assert [message.ref for message in both.messages] == [("log", 1), ("log", 2)]
    assert len(fold(log(sending("Hi", 1), sent("Hi", 2), sending("Hi", 3), sent("Hi", 4))).messages) == 2
    assert len(fold(log(sending("Hi", 1), sending("Hi", 2))).messages) == 2
    assert len(fold(log(sent("Hi", 1), sent("Hi", 2))).messages) == 2


def test_a_delivery_long_after_is_another_message():
    assert len(fold(log(sending("Hi", 1), sent("Hi", 600_001))).messages) == 1
    assert len(fold(log(sending("Hi", 1), sent("Hi", 600_002))).messages) == 2
