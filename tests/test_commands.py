"""Commands whose exit code 1 only says no, and failures that are none of these."""

import pytest
from session_forms import call, log, reply, user
from wire_forms import a

from analytics.commands import said_no
from analytics.conversation import fold
from analytics.signals import detect


def ran(command, at, id_, output, code):
    details = {"status": "completed", "exitCode": code}
    text = f"{output}\n\n(Command exited with code {code})"
    data = {"phase": "result", "name": "exec", "toolCallId": id_, "isError": False}
    data["result"] = {"content": [{"type": "text", "text": text}], "details": details}
    return [
        call("exec", at, id_, args={"command": command}),
        a("conversation.tool_result", "tool", data, at=at + 1, order=at + 1),
    ]


def error(command, output="", code=1):
    [one] = fold(log(*ran(command, 1, "c1", output, code))).calls
    return one.error


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("grep -rn TODO src", ""),
        ("egrep 'a|b' notes.md", "(no output)"),
        ("rg -n needle", ""),
        ("cat app.log | grep -c panic", "0"),
        ("cd /srv && grep -q x app.cfg", ""),
        ("LC_ALL=C sudo grep x /etc/app.cfg", ""),
        ("make build; test -f out/app", "compiled 3 files"),
        ("ls\ngrep x a.txt", "a.txt\nb.txt"),
        ("[ -f a.txt ] && echo yes", ""),
        ("[[ -d out ]]", ""),
        ("diff a.txt b.txt", "3c3\n< name: x\n---\n> name: y"),
        ("diff -u a.yml b.yml", "--- a.yml\n+++ b.yml\n@@ -1 +1 @@\n-name: x\n+name: y"),
        ("cmp a.bin b.bin", "a.bin b.bin differ: byte 7, line 1"),
        ("pgrep -f gateway", ""),
        ("/usr/bin/which node", "which: no node in (/usr/bin:/bin)"),
        ("grep -q x f 2>/dev/null", ""),
        ("git grep TODO", ""),
        ("git -C /srv grep TODO", ""),
        ("git diff --exit-code", "diff --git a/x b/x\n-a: 1\n+a: 2"),
        ("git diff --quiet HEAD", ""),
        ("sudo -u www grep -c foo /etc/x", "0"),
        ("sudo -n grep foo /etc/x", ""),
        ("diff -y a.yml b.yml", "name: x   name: x\nport: 80 | port: 81"),
        ("diff a b", "1c1\n< Error: x\n---\n> fatal: y"),
        ("diff -r a b", "Only in a: Error: x"),
        ("diff a.log b.log", "2d1\n< ls: x: No such file or directory"),
        ("ps aux | grep gateway | grep -v grep", ""),
        ("git log --oneline | grep fix", ""),
        ("kubectl -n prod get pods 2>&1 | grep CrashLoop", ""),
        ("sudo journalctl -u web | tail -50 | grep panic", ""),
        ("env | grep HOME", ""),
    ],
)
def test_a_command_that_says_no_did_not_fail(command, output):
    assert error(command, output) == ""


@pytest.mark.parametrize(
    ("command", "output", "code", "why"),
    [
        ("grep x missing.txt", "grep: missing.txt: No such file", 2, "grep: missing.txt: No such file (exit code 2)"),
        ("grep x a.txt", "", 2, "exit code 2"),
        ("grep x a.txt", "", 127, "exit code 127"),
        ("cd nowhere && grep x a.txt", "cd: nowhere: not there", 1, "cd: nowhere: not there (exit code 1)"),
        ("cat gone | grep x", "cat: gone: not there", 1, "cat: gone: not there (exit code 1)"),
        ("npm test && grep -q ok log", "1 failing", 1, "1 failing (exit code 1)"),
        ("grep -q x f && ./deploy", "", 1, "exit code 1"),
        ("grep x f | ./load", "", 1, "exit code 1"),
        ("./deploy.sh 2>&1 | grep succeeded", "", 1, "exit code 1"),
        ("kubectl apply -f get | grep configured", "", 1, "exit code 1"),
        ("kubectl -n get apply -f a.yml | grep configured", "", 1, "exit code 1"),
        ("git push | grep done", "", 1, "exit code 1"),
        ("sudo -u www ./deploy | grep ok", "", 1, "exit code 1"),
        ("cat a | ./load | grep ok", "", 1, "exit code 1"),
        ("git diff | ./check", "", 1, "exit code 1"),
        ("git push && grep -q x f", "", 1, "exit code 1"),
        ("git diff HEAD", "", 1, "exit code 1"),
        ("sudo -u www ./grep-all x", "", 1, "exit code 1"),
        ("cd /nope && grep x a", "sh: 1: cd: can't cd to /nope", 1, "sh: 1: cd: can't cd to /nope (exit code 1)"),
        ("make; grep -q OK log", "make: *** No rule", 1, "make: *** No rule (exit code 1)"),
        ("test -f a; ./deploy prod", "", 1, "exit code 1"),
        ("diff a b; exit 1", "", 1, "exit code 1"),
        ("if grep x f; then ./deploy; fi", "", 1, "exit code 1"),
        ("(grep x f)", "", 1, "exit code 1"),
        ("grep x f &", "", 1, "exit code 1"),
        ("grep 'x f", "", 1, "exit code 1"),
        ("npm test", "1 failing", 1, "1 failing (exit code 1)"),
        ("./grep-all.sh x", "", 1, "exit code 1"),
        ("echo grep x", "", 1, "exit code 1"),
        ("test", "1 failing", 1, "1 failing (exit code 1)"),
        ("", "", 1, "exit code 1"),
    ],
)
def test_a_command_that_failed(command, output, code, why):
    assert error(command, output, code) == why


def test_commands_come_as_text_or_as_words():
    assert said_no("shell", '{"command":["bash","-lc","grep x a | grep y"]}', "", "exit code 1")
    assert said_no("shell", '{"command":["grep","a; b","notes.md"]}', "", "exit code 1")
    assert said_no("run_command", '{"cmd":"grep x a"}', "", "exit code 1")
    assert not said_no("shell", '{"command":["bash","-lc","./deploy prod"]}', "", "exit code 1")
    assert not said_no("shell", "grep x a", "", "exit code 1")
    assert not said_no("shell", '["grep x a"]', "", "exit code 1")


@pytest.mark.parametrize(
    "told",
    ["exit 1", "exit status 1", "exit code 1", "Command exited with code 1", "0 (exit code 1)", "Exit code: 1"],
)
def test_exit_code_1_is_told_in_many_words(told):
    assert said_no("exec", '{"command":"grep -rn TODO src"}', "", told)


@pytest.mark.parametrize(
    "told", ["exit 2", "exit 11", "exit status 127", "Command exited with code 12", "boom, exit 1"]
)
def test_other_exit_codes_and_words_before_the_code_are_failures(told):
    assert not said_no("exec", '{"command":"grep -rn TODO src"}', "", told)


def test_only_a_shell_runs_commands():
    assert not said_no("npm", '{"command":"test unit"}', "1 failing", "1 failing (exit code 1)")


def test_a_search_without_a_find_is_no_signal_however_often_and_whatever_the_agent_says_of_it():
    told = [user("Is there a TODO?", 1)]
    for at in (2, 4, 6):
        told += ran("grep -rn TODO src", at, f"c{at}", "", 1)
    told.append(reply("I could not find any: they cannot be found in src.", 9))
    assert detect(fold(log(*told)), {}) == []


def test_a_difference_makes_no_failed_act_good():
    told = [
        user("Deploy it.", 1),
        *ran("./deploy prod/app.yml", 2, "c1", "denied", 1),
        *ran("diff prod/app.yml app.yml", 4, "c2", "3c3", 1),
        reply("Done, it is deployed.", 7),
    ]
    assert [signal.kind for signal in detect(fold(log(*told)), {})] == [
        "tool_failure",
        "unrecovered_tool_failure",
        "false_success",
    ]
