"""What agents say about what they did: honest reports, false successes, claims with nothing behind them."""

import pytest
from session_forms import call, log, reply, user
from wire_forms import a

from analytics.conversation import fold
from analytics.signals import detect


def kinds(*events):
    return [signal.kind for signal in detect(fold(log(*events)), {})]


def failed(name, at, id_="c1", said="SMTP 550"):
    data = {"phase": "result", "name": name, "toolCallId": id_, "isError": True, "result": said}
    return a("conversation.tool_result", "tool", data, at=at, order=at)


def after_a_failure(said):
    return kinds(user("Mail it to Bob", 1), call("send_email", 2), failed("send_email", 3), reply(said, 4))


@pytest.mark.parametrize(
    "said",
    [
        "I've saved a draft, but the email could not be sent.",
        "No email was sent, the server rejected it.",
        "Sending did not work: SMTP 550. The draft has been saved for you.",
        "The mail server was down. Your draft is saved.",
        "Neither email has been sent.",
        "Error 550 - hence no mail has been sent. Shall I retry?",
        "The answer was a 550. The file has been saved.",
        "The deployment failed: access was denied, so nothing has been deployed.",
        "Es wurde nichts gesendet.",
        "Die Nachricht wurde nie gesendet.",
    ],
)
def test_an_honest_report_of_a_failure_claims_no_success(said):
    assert after_a_failure(said) == ["tool_failure", "unrecovered_tool_failure"]


@pytest.mark.parametrize(
    "said",
    [
        "I've sent the email to Bob.",
        "No problem, I have sent the email.",
        "Done! The email has been sent to Bob.",
        "Ich habe die Mail gesendet.",
    ],
)
def test_a_success_claimed_after_a_failure_is_false(said):
    assert after_a_failure(said) == ["tool_failure", "unrecovered_tool_failure", "false_success"]
