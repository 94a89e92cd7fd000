"""Tool calls paired with their results."""

from session_forms import call, log, pairs, result
from wire_forms import T, c, d

from analytics.conversation import Call, fold


def test_parallel_calls_are_paired_by_identifier():
    conversation = fold(
        log(
            call("t", 1, "x"),
            call("t", 2, "y"),
            call("t", 3, "z"),
            result("t", 4, "y"),
            result("t", 5, "z"),
            result("t", 6, "x"),
        )
    )
    assert pairs(conversation) == [("t", 1, 6, ""), ("t", 2, 4, ""), ("t", 3, 5, "")]


def test_an_identifier_may_come_again():
    conversation = fold(
        log(
            call("t", 1),
            result("t", 2),
            call("u", 3),
            result("u", 4, said_="Error: no"),
            call("t", 5),
            call("u", 6),
            result("u", 7),
        )
    )
    assert pairs(conversation) == [("t", 1, 2, ""), ("u", 3, 4, "Error: no"), ("t", 5, None, ""), ("u", 6, 7, "")]


def test_a_result_without_its_call_stands_for_both():
    conversation = fold(log(result("t", 1, "x", "Error: no")))
    assert conversation.calls == (Call(("log", 1), T + 1, "t", "", ("log", 1), T + 1, "Error: no", "Error: no"),)


def test_a_result_that_is_reported_again_is_no_second_call():
    again = result("t", 3, id="other id")
    assert pairs(fold(log(call("t", 1), result("t", 2), again))) == [("t", 1, 2, "")]


def dcall(name, params, at):
    return d("tool.call", {"toolName": name, "params": params}, at=at)


def dresult(name, params, at, text="ok"):
    return d(
        "tool.result",
        {"toolName": name, "params": params, "result": {"content": [{"type": "text", "text": text}]}},
        at=at,
    )


def test_calls_without_identifier_are_paired_by_tool_arguments_and_order():
    conversation = fold(
        log(
            dcall("exec", {"command": "a", "cwd": "/"}, 1),
            dcall("exec", {"command": "b"}, 2),
            dcall("exec", {"command": "a", "cwd": "/"}, 3),
            dcall("read", {"command": "b"}, 4),
            dresult("exec", {"command": "b"}, 5),
            dresult("exec", {"cwd": "/", "command": "a"}, 6, "Error: first"),
            dresult("exec", {"command": "a", "cwd": "/"}, 7),
            dresult("exec", {"command": "z"}, 8),
        )
    )
    assert pairs(conversation) == [
        ("exec", 1, 6, "Error: first"),
        ("exec", 2, 5, ""),
        ("exec", 3, 7, ""),
        ("read", 4, None, ""),
        ("exec", 8, 8, ""),
    ]


def test_a_result_without_arguments_answers_the_oldest_call_of_its_tool():
    conversation = fold(log(dcall("t", {"n": 1}, 1), dcall("u", {}, 2), dcall("t", {"n": 2}, 3), dresult("t", None, 4)))
    assert pairs(conversation) == [("t", 1, 4, ""), ("u", 2, None, ""), ("t", 3, None, "")]


def test_a_result_answers_no_call_of_an_earlier_run():
    conversation = fold(
        log(
            d("llm.input", {"runId": "r1"}, at=1),
            dcall("t", {"n": 1}, 2),
            d("llm.input", {"runId": "r2"}, at=3),
            dcall("t", {"n": 1}, 4),
            dresult("t", {"n": 1}, 5),
        )
    )
    assert pairs(conversation) == [("t", 2, None, ""), ("t", 4, 5, "")]


def test_call_and_result_pair_when_only_one_names_the_identifier():
    params = {"toolName": "t", "params": {"n": 1}}
    bare_call = c("tool.call", "tool.call.requested", params, at=1)
    bare_result = c("tool.result", "tool.call.executed", params | {"result": "ok"}, at=2)
    full_call = c("tool.call", "tool.call.requested", params, at=1, call="x")
    full_result = c("tool.result", "tool.call.executed", params | {"result": "ok"}, at=2, call="x")
    for one, other in ((bare_call, full_result), (full_call, bare_result), (full_call, full_result)):
        assert pairs(fold(log(one, other))) == [("t", 1, 2, "")]


def test_a_result_answers_no_call_of_another_identifier():
    params = {"toolName": "t", "params": {"n": 1}}
    asked = c("tool.call", "tool.call.requested", params, at=1, call="x")
    answer = c("tool.result", "tool.call.executed", params | {"result": "ok"}, at=2, call="y")
    assert pairs(fold(log(asked, answer))) == [("t", 1, None, ""), ("t", 2, 2, "")]


def test_a_result_answers_no_call_that_has_its_result():
    params = {"toolName": "t", "params": {"n": 1}}
    first = c("tool.call", "tool.call.requested", params, at=1, call="x")
    first_result = c("tool.result", "tool.call.executed", params | {"result": "ok"}, at=2, call="x")
    second = c("tool.call", "tool.call.requested", params, at=3, call="y")
    bare_result = c("tool.result", "tool.call.executed", params | {"result": "ok"}, at=4)
    assert pairs(fold(log(first, first_result, second, bare_result))) == [("t", 1, 2, ""), ("t", 3, 4, "")]


def test_arguments_that_only_the_result_tells():
    asked = c("tool.call", "tool.call.requested", {"toolName": "t"}, at=1, call="x")
    answer = c("tool.result", "tool.call.executed", {"toolName": "t", "params": {"n": 1}}, at=2, call="x")
    assert [one.arguments for one in fold(log(asked, answer)).calls] == ['{"n":1}']


def test_a_result_that_names_no_tool_is_paired_by_identifier():
    assert pairs(fold(log(call("t", 1), result(None, 2)))) == [("t", 1, 2, "")]
