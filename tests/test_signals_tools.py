"""What tools' names and calls tell: which only look, which failure a later call made good, which failures are one."""

import pytest
from session_forms import call, log, reply, result, user
from wire_forms import T, a

from analytics.conversation import fold
from analytics.signals import detect
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
