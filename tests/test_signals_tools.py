"""What tools' names and calls tell: which only look, which failure a later call made good, which failures are one."""

import pytest
from session_forms import call, log, reply, result, user
from wire_forms import T, a, read

from analytics.conversation import fold
from analytics.signals import detect, recurring
from analytics.signals.tools import hands_over, looks, reads


def kinds(events):
    return [signal.kind for signal in detect(fold(events), {})]


def failed(name, at, id_="c1", said="denied"):
    data = {"phase": "result", "name": name, "toolCallId": id_, "isError": True, "result": said}
    return a("conversation.tool_result", "tool", data, at=at, order=at)


def at_once(event):
    return event | {"timestamp": T, "payload": event["payload"] | {"ts": T}}


@pytest.mark.parametrize(
    "tool",
    [
        "get_order",
        "read",
        "searchContacts",
        "web_search",
        "memory_get",
        "mcp__crm__search_contacts",
        "crm.get_contact",
        "shop/list-orders",
    ],
)
def test_a_tool_that_looks(tool):
    assert reads(tool)


@pytest.mark.parametrize(
    "tool",
    [
        "transfer_money",
        "transfer_to_savings",
        "checkout_cart",
        "categorize_mail",
        "memory_store",
        "listing_create",
        "mcp__crm__create_contact",
        "readjust",
        "発注",
    ],
)
def test_a_tool_that_acts(tool):
    assert not reads(tool)


@pytest.mark.parametrize(
    "tool", ["transfer_to_human_agents", "transferToHuman", "escalate", "contact_support", "mcp__desk__hand_off"]
)
def test_a_tool_that_hands_over_to_a_person_changes_nothing(tool):
    assert hands_over(tool)
    assert reads(tool)


def test_calls_of_one_millisecond_count_in_the_order_of_the_run_however_they_arrive():
    told = [
        user("Run it.", 1),
        call("exec", 2),
        failed("exec", 3),
        call("exec", 4, "c2"),
        result("exec", 5, "c2"),
        reply("Done, all fixed.", 6),
    ]
    told = [at_once(event) for event in told]
    assert kinds(log(*told)) == ["tool_failure"]
    assert kinds(log(*reversed(told))) == ["tool_failure"]


@pytest.mark.parametrize("other", ["holiday-photos.md", "readme.xlsx"])
def test_a_call_about_something_else_makes_nothing_good(other):
    told = [
        user("Read both.", 1),
        call("read", 2, args={"path": "budget.xlsx"}),
        failed("read", 3),
        call("read", 4, "c2", args={"path": other}),
        result("read", 5, "c2"),
    ]
    assert kinds(log(*told)) == ["tool_failure", "unrecovered_tool_failure"]


def test_the_same_call_with_a_mended_path_makes_good():
    told = [
        user("Read it.", 1),
        call("read", 2, args={"path": "/etc/app.cfg"}),
        failed("read", 3),
        call("read", 4, "c2", args={"path": "/etc/app/app.cfg"}),
        result("read", 5, "c2"),
    ]
    assert kinds(log(*told)) == ["tool_failure"]


@pytest.mark.parametrize(
    ("command", "only"),
    [
        ("ls out", True),
        ("cd /srv && cat a.log 2>&1 | grep x", True),
        ("echo 1 > a.txt", False),
        ("ls && rm -r out", False),
        ("./deploy prod", False),
    ],
)
def test_a_command_that_only_looks(command, only):
    [one] = fold(log(call("exec", 1, args={"command": command}))).calls
    assert looks(one) is only


def test_another_tool_that_names_the_same_identifier_makes_good():
    told = [
        user("Cancel order 12345.", 1),
        call("cancel_order", 2, args={"id": 12345}),
        failed("cancel_order", 3),
        call("order_cancellation", 4, "c2", args={"order": 12345, "why": "wish"}),
        result("order_cancellation", 5, "c2"),
    ]
    assert kinds(log(*told)) == ["tool_failure"]


def recurs(*errors):
    """Subjects of what recurs when each error is that of a session of its own."""
    found = []
    for number, error in enumerate(errors, 1):
        session = {"session": f"agent:concierge:telegram:direct:{number}"}
        told = (user("Do it.", 1), call("exec", 2), failed("exec", 3, said=error))
        found += detect(fold(read(one | session, seq=10 * number + at) for at, one in enumerate(told, 1)), {})
    return [one.subject for one in recurring(found)]


def test_failures_that_differ_in_the_name_of_a_file_are_the_same():
    assert recurs("notes.md: No such file or directory", "todo.txt: No such file or directory") == [
        "exec: *: no such file or directory"
    ]


@pytest.mark.parametrize("error", ["exit code 1", "(no output) (exit code 1)", "(no output)", "Error", "..."])
def test_failures_of_which_nothing_is_known_do_not_recur(error):
    assert recurs(error, error) == []


def test_failures_with_an_exit_code_and_a_reason_recur():
    assert recurs("disk full (exit code 1)", "disk full (exit code 2)") == ["exec: disk full (exit code #)"]
