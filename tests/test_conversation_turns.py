"""Turns, marks, failed attempts, and a transcript beside the producer's events."""

from session_forms import log, reply, said, shape, user
from wire_forms import a, c, d, e

from analytics.conversation import Conversation, fold
from models.events import Kind


def test_messages_in_a_row_are_one_turn_and_the_agent_may_speak_first():
    conversation = fold(
        log(reply("Welcome", 1), user("Hi", 2), user("I need a flight", 3), reply("Sure", 4), user("Thanks", 5))
    )
    assert shape(conversation) == [
        ([], [], ["Welcome"], []),
        (["Hi", "I need a flight"], [], ["Sure"], []),
        (["Thanks"], [], [], []),
    ]


def test_a_failed_run_ends_its_turn():
    failed = a("lifecycle.error", "lifecycle", {"phase": "error", "error": "overloaded"}, at=2, order=2)
    conversation = fold(log(user("Do it", 1), failed, user("Hello?", 3, run="r2"), reply("Done", 4, run="r2")))
    assert shape(conversation) == [(["Do it"], [], [], ["run.error"]), (["Hello?"], [], ["Done"], [])]


def test_a_run_that_ends_without_a_word_ends_its_turn():
    ended = a("lifecycle.end", "lifecycle", {"phase": "end"}, at=2, order=2)
    assert shape(fold(log(user("fyi", 1), ended, user("now you", 3)))) == [
        (["fyi"], [], [], []),
        (["now you"], [], [], []),
    ]


def test_marks_before_the_first_message_are_within_the_first_turn():
    reset = d("session.reset", {"reason": "new"}, at=1)
    assert shape(fold(log(reset, d("msg.in", {"content": "hi"}, at=2)))) == [(["hi"], [], [], ["session.reset"])]


def test_a_session_of_marks_alone():
    conversation = fold(log(d("llm.output", {"assistantTextCount": 0}, at=1), d("session.end", {}, at=2)))
    assert shape(conversation) == [([], [], [], ["run.error"])]
    assert [mark.kind for mark in conversation.marks] == [Kind.RUN_ERROR, Kind.SESSION_END]


def test_a_session_in_which_nothing_was_said():
    conversation = fold(log(d("session.start", {}, at=1)))
    assert (conversation.messages, conversation.calls, conversation.turns) == ((), (), ())


def llm(at, run="r1", failed=False):
    payload = {"runId": run, "assistantTextCount": 0 if failed else 1}
    return c("llm.output", "model.output.observed", payload, at=at, run=run)


def start(at, run="r1"):
    return c("llm.input", "model.input.observed", {"runId": run}, at=at, run=run)


def end(at, run="r1", **payload):
    return c("run.end", "run.ended", {"success": True} | payload, at=at, run=run)


def errors(conversation: Conversation) -> list[tuple[str, str]]:
    return [(mark.name, mark.error) for mark in conversation.marks if mark.kind is Kind.RUN_ERROR]


def test_a_failed_attempt_and_its_retry_are_one_error():
    conversation = fold(log(start(1), end(2), llm(3, failed=True), start(4), end(5), llm(6)))
    assert errors(conversation) == [("llm.output", "the model gave no answer")]


def test_every_failed_attempt_is_an_error():
    conversation = fold(log(start(1), end(2), llm(3, failed=True), start(4), end(5), llm(6, failed=True)))
    assert len(errors(conversation)) == 2


def test_attempts_that_fail_in_different_ways_are_each_an_error():
    conversation = fold(log(start(1), end(2, success=False), start(3), llm(4, failed=True)))
    assert errors(conversation) == [("run.end", "failed"), ("llm.output", "the model gave no answer")]


def test_an_attempt_that_is_reported_failed_three_times_is_one_error():
    failed = c("run.error", "run.failed", {"error": "overloaded"}, at=3)
    conversation = fold(log(start(1), end(2, success=False, error="HTTP 529"), failed, llm(4, failed=True)))
    assert errors(conversation) == [("run.end", "HTTP 529")]


def test_of_the_reports_of_a_failure_the_one_that_knows_why_stands():
    conversation = fold(log(start(1), llm(2, failed=True), end(3, success=False, error="HTTP 529")))
    assert errors(conversation) == [("run.end", "HTTP 529")]


def test_a_failure_that_names_no_run_is_that_of_the_attempt():
    bare = d("run.end", {"success": False, "error": "HTTP 529"}, at=2)
    assert errors(fold(log(start(1), bare, llm(3, failed=True)))) == [("run.end", "HTTP 529")]


def test_a_failure_without_run_after_one_with_a_run():
    bare = d("run.end", {"success": False, "error": "HTTP 529"}, at=3)
    assert errors(fold(log(start(1), llm(2, failed=True), bare))) == [("run.end", "HTTP 529")]


def test_failures_of_different_runs_are_different_errors():
    conversation = fold(log(start(1), llm(2, failed=True), start(3, "r2"), llm(4, "r2", failed=True)))
    assert len(errors(conversation)) == 2


def test_failures_that_nothing_tells_apart_are_each_an_error():
    conversation = fold(log(*(e("run.error", at=at, run="r1", error="HTTP 529") for at in (1, 2, 3))))
    assert errors(conversation) == [("", "HTTP 529")] * 3


def test_the_next_message_begins_a_new_attempt():
    conversation = fold(
        log(
            d("run.error", {"error": "x"}, at=1),
            d("msg.in", {"content": "?"}, at=2),
            d("run.end", {"success": False}, at=3),
        )
    )
    assert errors(conversation) == [("run.error", "x"), ("run.end", "failed")]


# A transcript beside the producer's events -------------------------------------------------------------------------


def test_what_transcript_and_producer_both_tell_counts_once():
    result = {"content": [{"type": "text", "text": "gone"}], "details": {"exitCode": 1}}
    exec_ = {"toolName": "exec", "params": {"command": "ls"}}
    wire = [
        d("msg.in", {"content": "Look"}, at=1),
        d("tool.call", exec_, at=2),
        d("tool.result", exec_ | {"result": result}, at=3),
        d("msg.sending", {"content": "It is gone."}, at=4),
        d("msg.sending", {"content": "⚙️ Compaction finished"}, at=5),
        d("session.compaction_end", {}, at=5),
        d("llm.output", {"assistantTextCount": 0}, at=6),
    ]
    transcript = [
        e("message.in", "Look", at=10),
        e("tool.call", name="exec", call="c1", arguments={"command": "ls"}, at=11),
        e("tool.result", "gone", name="exec", call="c1", error="gone (exit code 1)", at=12),
        e("message.out", "Let me see.", at=12),
        e("message.out", "It is gone.", at=13),
        e("compaction.end", at=14),
        e("run.error", at=15, error="HTTP 529"),
    ]
    alone, both = fold(log(*transcript)), fold(log(*transcript, *wire))
    assert both.calls == alone.calls
    assert said(both) == [
        ("agent", "⚙️ Compaction finished"),
        ("user", "Look"),
        ("agent", "Let me see."),
        ("agent", "It is gone."),
    ]
    assert [mark.dialect for mark in both.marks] == ["E", "E"]


def test_what_is_said_twice_in_both_counts_twice():
    wire = [d("msg.in", {"content": "yes"}, at=at) for at in (1, 5)]
    transcript = [e("message.in", "yes", at=at) for at in (2, 6)]
    assert [message.ref for message in fold(log(*wire, *transcript)).messages] == [("log", 3), ("log", 4)]


def test_what_lies_far_apart_are_two_things():
    assert len(fold(log(d("msg.in", {"content": "yes"}, at=0), e("message.in", "yes", at=600_000))).messages) == 1
    assert len(fold(log(d("msg.in", {"content": "yes"}, at=0), e("message.in", "yes", at=600_001))).messages) == 2
    assert len(fold(log(d("msg.in", {"content": "yes"}, at=600_000), e("message.in", "yes", at=0))).messages) == 1
    assert len(fold(log(d("msg.in", {"content": "yes"}, at=600_001), e("message.in", "yes", at=0))).messages) == 2
