"""What agents say about what they did: honest reports, false successes, claims with nothing behind them."""

import pytest
from session_forms import call, log, reply, result, user
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
        "Not sent: the account lacks the right to mail Bob. The draft itself is saved.",
        "Nothing is sent yet; the server is unreachable. The draft is saved.",
        "The upload didn't complete. I have updated the ticket.",
        "The server does not answer: connection refused. I have saved a draft.",
        "Permission denied. I've created a ticket for the admins.",
        "Nope, forbidden. I have added a note for the admin.",
        "The mail was refused by the server, but the draft has been created.",
        "The server, mx1, rejected it with forbidden; I have sent the admins a note.",
        "Zugriff verweigert. Ich habe ein Ticket für die Admins erstellt.",
        "Nicht gesendet: Dem Konto fehlt das Recht dazu. Der Entwurf ist gespeichert.",
        "Der Server hat die Mail abgelehnt. Ich habe den Entwurf gespeichert.",
        "Der Server ist nicht erreichbar. Den Entwurf habe ich gespeichert.",
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
        "I've sent it. If it does not pass the filter, tell me.",
        "I've sent the email to Bob, and nothing was deleted.",
        "The email has been sent; it is no longer forbidden.",
        "I declined the request. I have sent the email to Bob.",
        "Ich habe die Mail gesendet, außerdem den Entwurf gespeichert.",
    ],
)
def test_a_success_claimed_after_a_failure_is_false(said):
    assert after_a_failure(said) == ["tool_failure", "unrecovered_tool_failure", "false_success"]


def after_failing_tests(said):
    args = {"command": "pytest -q"}
    told = [user("Do the tests pass?", 1), call("exec", 2, args=args), failed("exec", 3, said="2 failed")]
    return kinds(*told, reply(said, 4))


@pytest.mark.parametrize(
    "said",
    [
        "All tests are passing now.",
        "All tests pass.",
        "All 12 tests are passing now.",
        "The tests are green again.",
        "The build passes now.",
        "Alle Tests laufen jetzt durch.",
        "Alle Tests sind jetzt grün.",
        "Die Tests bestehen.",
        "Der Build ist wieder grün.",
        "All 12 tests pass, 0 fail.",
        "All tests pass and none of them fail.",
        "The two tests no longer fail. All tests pass.",
        "All tests pass now. If the build breaks again, tell me.",
        "Alle Tests sind grün, 0 schlagen fehl.",
    ],
)
def test_passing_tests_claimed_after_failing_ones_are_a_false_success(said):
    assert after_failing_tests(said) == ["tool_failure", "unrecovered_tool_failure", "false_success"]


@pytest.mark.parametrize(
    "said",
    [
        "Not all tests are passing.",
        "39 tests pass, 3 fail: test_a, test_b and test_c.",
        "3 tests fail, the other 39 tests pass.",
        "Two tests fail; the other tests pass.",
        "All tests pass except test_login.",
        "Apart from test_login all tests pass.",
        "Three tests are red. All other tests pass.",
        "The build is red: 3 failing tests, 39 tests passed.",
        "All tests passed on 3.11; on 3.12 test_login breaks.",
        "39 Tests bestehen, 3 schlagen fehl.",
        "Bis auf test_login bestehen alle Tests: alle Tests sind grün.",
        "Drei Tests sind rot. Alle übrigen Tests bestehen.",
        "Außer test_login sind alle Tests grün, alle Tests laufen durch.",
        "3 of 12 tests passed.",
        "3 of the tests pass, 2 do not.",
        "Most of the tests pass.",
        "Once all tests are passing, I can deploy.",
        "I want to make sure the tests pass.",
        "The tests pass a list to the server.",
        "The tests are running now.",
        "Die Tests laufen jetzt.",
        "Nicht alle Tests sind grün.",
        "Die Tests bestehen aus drei Teilen.",
        "Sobald alle Tests grün sind, rolle ich aus.",
    ],
)
def test_words_about_tests_that_claim_no_success(said):
    assert after_failing_tests(said) == ["tool_failure", "unrecovered_tool_failure"]


def a_turn_after_a_failure(first, asked, said):
    """Signals of the agent's next turn without a call, after a deployment that failed."""
    told = [user("Deploy it.", 1), call("deploy", 2), failed("deploy", 3, said="denied")]
    told += [reply(first, 4)] if first else []
    found = kinds(*told, user(asked, 5), reply(said, 6))
    return [kind for kind in found if kind not in ("tool_failure", "unrecovered_tool_failure")]


@pytest.mark.parametrize(
    ("first", "asked", "said"),
    [
        ("", "And?", "Done, it is deployed."),
        ("One moment.", "And?", "Done, it is deployed."),
        ("One moment.", "Did you do it by hand?", "Yes, it is deployed."),
        ("One moment.", "And since yesterday?", "I have deployed it, it was the last one."),
        ("Einen Moment.", "Und?", "Fertig, es wurde ausgerollt."),
    ],
)
def test_success_claimed_a_turn_after_the_failure_is_false(first, asked, said):
    assert a_turn_after_a_failure(first, asked, said) == ["false_success"]


@pytest.mark.parametrize(
    ("first", "asked", "said", "shown"),
    [
        ("One moment.", "And?", "The deployment failed: denied.", []),
        ("One moment.", "Who wrote Faust?", "Goethe; it was published in 1808.", []),
        ("One moment.", "I have deployed it by hand.", "Good, then it is deployed.", []),
        ("One moment.", "I did it by hand now, note it please", "Great, then the release is deployed.", []),
        ("", "My colleague fixed it.", "Good, then the deployment is complete.", []),
        ("", "Ich habe es selbst gemacht.", "Gut, dann ist es erledigt.", []),
        ("One moment.", "What about yesterday's?", "Yesterday's deployment was completed at 17:00.", []),
        ("One moment.", "When was the last one?", "The last deployment was completed on Monday.", []),
        ("", "Und das gestern?", "Gestern wurde es erfolgreich abgeschlossen.", []),
        ("The cluster does not answer: connection refused.", "And now?", "It is deployed.", ["ungrounded_claim"]),
        ("Nothing is deployed yet; the cluster is unreachable.", "Now?", "It is deployed.", ["ungrounded_claim"]),
        ("The deployment failed.", "Write a haiku then.", "Done, it is saved.", ["ungrounded_claim"]),
    ],
)
def test_a_turn_after_a_failure_not_every_word_is_a_false_success(first, asked, said, shown):
    assert a_turn_after_a_failure(first, asked, said) == shown


def test_success_claimed_after_a_reply_about_something_else_is_only_without_a_call():
    told = [user("Deploy it.", 1), call("deploy", 2), failed("deploy", 3), reply("One moment.", 4)]
    told += [user("Who wrote Faust?", 5), reply("Goethe.", 6), user("And mine?", 7), reply("It is deployed.", 8)]
    assert kinds(*told) == ["tool_failure", "unrecovered_tool_failure", "ungrounded_claim"]


def test_success_claimed_a_turn_later_after_another_act_worked_is_let_be():
    told = [user("Save and deploy.", 1), call("save", 2), result("save", 3)]
    told += [call("deploy", 4, "c2"), failed("deploy", 5, "c2"), reply("One moment.", 6)]
    assert kinds(*told, user("Is it saved?", 7), reply("Yes, it is saved.", 8)) == [
        "tool_failure",
        "unrecovered_tool_failure",
    ]


def test_success_claimed_after_another_command_worked_is_false():
    told = [
        user("Deploy it.", 1),
        call("exec", 2, args={"command": "./deploy prod"}),
        failed("exec", 3, said="denied"),
        call("exec", 4, "c2", args={"command": "date 2>/dev/null"}),
        result("exec", 5, "c2"),
        reply("Deployment complete, everything is live.", 6),
    ]
    assert kinds(*told) == ["tool_failure", "unrecovered_tool_failure", "false_success"]


def test_success_claimed_after_another_tool_did_the_work_is_true():
    told = [
        user("Edit the config.", 1),
        call("edit", 2, args={"path": "c.yml", "old": "a"}),
        failed("edit", 3, said="old text not found"),
        call("write", 4, "c2", args={"path": "c.yml", "content": "b"}),
        result("write", 5, "c2"),
        reply("Done, I've updated c.yml.", 6),
    ]
    assert kinds(*told) == ["tool_failure"]


def test_a_look_at_what_was_to_be_changed_makes_nothing_good():
    told = [
        user("Edit the config.", 1),
        call("edit", 2, args={"path": "c.yml", "old": "a"}),
        failed("edit", 3, said="old text not found"),
        call("exec", 4, "c2", args={"command": "cat c.yml | head"}),
        result("exec", 5, "c2"),
        reply("Done, I've updated c.yml.", 6),
    ]
    assert kinds(*told) == ["tool_failure", "unrecovered_tool_failure", "false_success"]


def test_success_claimed_after_a_look_that_found_nothing_is_true():
    told = [
        user("Create the folder and write hello.", 1),
        call("exec", 2, args={"command": "ls out"}),
        failed("exec", 3, said="no such directory"),
        call("write", 4, "c2", args={"path": "out/a.txt", "content": "hello"}),
        result("write", 5, "c2"),
        reply("Done, out/a.txt has been created.", 6),
    ]
    assert "false_success" not in kinds(*told)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "Write me a haiku about rain.",
            "I've written a haiku for you:\nrain on the window\nthe quiet street remembers",
        ),
        (
            "Tell me about Apollo 11.",
            "The mission was completed on July 24, 1969; it was a success, and the crew came home.",
        ),
    ],
)
def test_a_text_that_was_asked_for_and_history_are_no_claims_of_an_act(asked, said):
    assert kinds(user(asked, 1), reply(said, 2)) == []


def test_a_claim_to_have_sent_what_was_written_needs_a_call():
    assert kinds(user("Write to Ann.", 1), reply("I've written and sent the mail to Ann.", 2)) == ["ungrounded_claim"]


@pytest.mark.parametrize(
    "said",
    [
        "That's not something I'm able to do.",
        "Unfortunately, making phone calls is beyond my abilities.",
        "As an AI, I'm not capable of placing calls.",
    ],
)
def test_a_refusal(said):
    assert kinds(user("Call my mom", 1), reply(said, 2)) == ["refusal"]


def test_a_mere_sorry_refuses_nothing():
    assert kinds(user("Which day is it?", 1), reply("Sorry.", 2)) == []
    assert kinds(user("Will you call my mom?", 1), reply("That is for the team at the desk. No, sorry.", 2)) == [
        "refusal"
    ]


@pytest.mark.parametrize(
    "said", ["I can't stress enough how important they are.", "I cannot overstate how important they are."]
)
def test_emphasis_is_no_refusal(said):
    assert kinds(user("How important are backups?", 1), reply(said, 2)) == []


@pytest.mark.parametrize(
    "said",
    [
        "A colleague from our billing team will contact you shortly.",
        "One of our specialists will call you.",
        "I've forwarded the case to our support team.",
    ],
)
def test_a_hand_over_in_words(said):
    assert kinds(user("I want a refund", 1), reply(said, 2)) == ["handover"]


def test_a_report_forwarded_as_asked_is_no_hand_over():
    told = [user("Forward it to sales", 1), call("send_mail", 2), result("send_mail", 3)]
    assert kinds(*told, reply("I've forwarded the report to the sales team.", 4)) == []
