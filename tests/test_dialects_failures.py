"""All the ways in which a tool says that it failed, and results that only mention errors."""

import pytest
from wire_forms import a, c, d, read


def ended(result, **data):
    data = {"phase": "result", "name": "t", "toolCallId": "c1", "isError": False, "result": result} | data
    return read(a("conversation.tool_result", "tool", data)).error


def content(text, **details):
    return {"content": [{"type": "text", "text": text}]} | ({"details": details} if details else {})


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ("Error: user not found", "Error: user not found"),
        (
            "Error: payment amount does not add up,\n total price is 305",
            "Error: payment amount does not add up, total price is 305",
        ),
        ("error: pathspec 'x' did not match", "error: pathspec 'x' did not match"),
        ("ValueError: bad date", "ValueError: bad date"),
        ("requests.exceptions.ConnectionError: refused", "requests.exceptions.ConnectionError: refused"),
        ("Error (404): no such page", "Error (404): no such page"),
        ("ERROR 1045 (28000): Access denied", "ERROR 1045 (28000): Access denied"),
        ("**Error:** quota exceeded", "**Error:** quota exceeded"),
        ("❌ Error: quota exceeded", "❌ Error: quota exceeded"),
        ("Validation error: city is required", "Validation error: city is required"),
        ("Tool execution error: timed out", "Tool execution error: timed out"),
        ("fatal: not a git repository", "fatal: not a git repository"),
        ("Fehler: Datei nicht gefunden", "Fehler: Datei nicht gefunden"),
        ("Failed to connect to the database", "Failed to connect to the database"),
        ("Unable to reach host", "Unable to reach host"),
        ("Unknown tool: book_taxi", "Unknown tool: book_taxi"),
        ("HTTP 404 Not Found", "HTTP 404 Not Found"),
        ("<error>no such file</error>", "<error>no such file</error>"),
        ("Error", "Error"),
        ("Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'a'\n", "KeyError: 'a'"),
        ('"Error: user not found"', "Error: user not found"),
        ('{"error": "user not found"}', "user not found"),
        ('{"error": {"code": 404, "message": "user not found"}}', "user not found"),
        ('{"status": "error", "message": "no such user"}', "no such user"),
        ('{"success": false, "reason": "no seats"}', "no seats"),
        ('{"ok": false}', "failed"),
        ({"error": "user not found"}, "user not found"),
        ({"status": "error"}, "failed"),
        ({"isError": True, "content": [{"type": "text", "text": "boom"}]}, "boom"),
        (content("Error: not found"), "Error: not found"),
        (content('{\n  "status": "error",\n  "error": "File not found: a.md"\n}'), "File not found: a.md"),
        (content("{}", status="error", error="File not found: a.md"), "File not found: a.md"),
        (content("Timed out after 30 s", status="failed", exitCode=None), "failed"),
        (content("1 failed\n\n(Command exited with code 1)", status="completed", exitCode=1), "1 failed (exit code 1)"),
        (content("(no output)\n\n(Command exited with code 1)", status="completed", exitCode=1), "exit code 1"),
        (content("", status="completed", exitCode=127), "exit code 127"),
        (content("gone", exitCode=None, exitSignal="SIGKILL"), "ended by SIGKILL"),
        ("cat: x: No such file\n\n(Command exited with code 2)", "cat: x: No such file (exit code 2)"),
        ("Process exited with code 137.", "exit code 137"),
        (content("gone", status="completed", exitCode="1"), "gone (exit code 1)"),
        (content("", exitCode="-9"), "exit code -9"),
        ({"exitCode": 2, "stdout": "", "stderr": "cat: x: No such file"}, "cat: x: No such file (exit code 2)"),
        ('{"exit_code": "1", "stdout": "1 failed", "stderr": ""}', "1 failed (exit code 1)"),
        ('{"errors": [{"message": "no such field", "locations": [{"line": 1, "column": 3}]}]}', "no such field"),
        ({"data": None, "errors": [{"message": "no such user", "path": ["user"]}]}, "no such user"),
        ({"data": {"createUser": None}, "errors": [{"message": "name is taken"}]}, "name is taken"),
        ({"errors": {"message": "not allowed", "code": "FORBIDDEN"}}, "not allowed"),
        ({"errors": [{"status": "404", "title": "Not found", "detail": "no order 17"}]}, "no order 17"),
        ({"data": None, "errors": ["no such user"]}, "no such user"),
        ({"message": "The data is invalid.", "errors": {"email": ["is taken"]}}, "The data is invalid."),
        ({"status": 500}, "HTTP 500"),
        ('{"statusCode": 404}', "HTTP 404"),
        ({"status_code": "503", "body": "try later"}, "HTTP 503"),
        ({"statusCode": 429, "message": "slow down", "requestId": "r7"}, "slow down"),
        ({"type": "about:blank", "title": "Not Found", "status": 404}, "Not Found"),
        (content('{"status": 401, "detail": "token expired"}'), "token expired"),
        ({"exitCode": 1, "output": "boom"}, "boom (exit code 1)"),
        ('{"exitCode": 1, "output": "boom"}', "boom (exit code 1)"),
        ('{"exit_code": 1, "output": "", "command": "make"}', "exit code 1"),
        ("bash: foo: command not found", "bash: foo: command not found"),
        ("/bin/sh: 1: foo: not found\n", "/bin/sh: 1: foo: not found"),
        ("bash: line 1: ./x: Permission denied", "bash: line 1: ./x: Permission denied"),
        ("zsh: command not found: foo", "zsh: command not found: foo"),
        ("cat: x.txt: No such file or directory", "cat: x.txt: No such file or directory"),
        ("Permission denied", "Permission denied"),
        ("Permission denied (publickey).", "Permission denied (publickey)."),
        ("Exit code: 1\nboom", "boom (exit code 1)"),
        ("exit status 2", "exit code 2"),
        (
            "npm ERR! missing script: build\nnpm ERR! A log is in x",
            "npm ERR! missing script: build npm ERR! A log is in x",
        ),
        ("Error: no space left on device", "Error: no space left on device"),
        ("Error: 0 bytes written", "Error: 0 bytes written"),
        ('{"status": "error", "tool": "read", "message": "gone"}', "gone"),
        ({"success": False, "matches": [], "message": "index is missing"}, "index is missing"),
    ],
)
def test_failures(result, error):
    assert ended(result) == error


@pytest.mark.parametrize(
    "result",
    [
        None,
        "",
        "[]",
        [],
        {},
        "305.0",
        "Transfer successful",
        "No errors found.",
        "Errors: 0",
        "Error: 0 problems",
        "error: none found",
        "Error: 0 errors, 2 warnings",
        "Failed to load resource: how to fix it - StackOverflow\n1. Look at the console",
        "HTTP 404 explained\nA page about codes",
        "HTTP 500 Internal Server Error - Wikipedia",
        "bash: foo: command not found\nThe most asked question of the year",
        "notes.md:3: bash: foo: command not found",
        "notes.md: cat: x: No such file or directory",
        "Permission denied is what ssh says without a key",
        "Exit code: 0\nError: none",
        "Exit code: 1 means that grep found nothing",
        "npm errors are described in chapter 3",
        '{"id": 7, "job": "x", "status": "error"}',
        {"job": "build", "exitCode": 1, "output": "boom"},
        {"exitCode": 0, "output": "boom"},
        '{"success": false, "matches": []}',
        "Mean squared error: 0.23",
        "Error: 0.4 %",
        "No error: all good",
        "error: none",
        "Error handling is described in chapter 3",
        "The log says: Error: disk full, but the job went on",
        "Found 3 matches:\nsrc/a.py:1: raise ValueError('x')\nError: in a comment",
        "Terror: a film by Sidney J. Furie",
        "errors.py: 12 lines",
        '{"error": null, "user": "mia"}',
        '{"error": "", "user": "mia"}',
        '{"error": false}',
        '{"errors": []}',
        {"errors": [], "data": None},
        {"errors": {}},
        {"errors": 3},
        {"count_errors": 3},
        {"data": {"user": {"name": "Mia"}}, "errors": [{"message": "no access to user.mail"}]},
        {"errors": ["disk full at 12:03", "disk full at 12:07"]},
        {"errors": [{"message": "disk full", "time": "12:03"}, {"message": "disk full", "time": "12:07"}]},
        {"errors": [{"file": "a.py", "line": 3, "message": "unused import"}]},
        {"query": "disk", "errors": [{"message": "disk full"}]},
        {"total": 1, "errors": [{"message": "disk full"}]},
        {"errors": {"app.log": ["disk full"]}},
        {"errors": {"web01": 3, "web02": 0}},
        {"success": True, "errors": [{"message": "a warning"}]},
        {"status": 200},
        {"status": 304, "body": ""},
        {"status": 4040},
        {"status": 700, "message": "unknown"},
        {"statusCode": "20X"},
        {"status": True},
        {"url": "https://example.org/old", "status": 404},
        {"method": "GET", "path": "/old", "statusCode": 404, "ms": 12},
        {"links": [{"url": "https://example.org/old", "status": 404}]},
        {"data": {"status": 404}},
        {"order": 17, "status": 500, "message": "left at the door"},
        {"job": "build", "exit_code": 1},
        {"exitCode": "0", "stdout": "Error: none"},
        {"exitCode": 0, "stderr": "warning: old format"},
        content("Error: printed by a program that ended well", exitCode="0"),
        content("fine", exitCode="unknown"),
        '{"success": true}',
        '{"status": "failed", "payment": 17}',
        '{"status": "delayed", "flight": "HAT139"}',
        '{"message": "an error occurred in 1912"}',
        '[{"error": "listed"}]',
        '{"broken json with "error"',
        [{"title": "The Error"}],
        {"flight": "HAT139", "note": "Error: none"},
        "Error: " + "line\n" * 40,
        content("Error: a file may begin so", kind="text"),
        content("Error: printed by a program that ended well", status="completed", exitCode=0),
        content("Error: printed by a program that ended well", exitCode=0),
        content("(Command exited with code 0)"),
        content("done", status="completed", exitCode=0, noOutputTimedOut=False, exitSignal=None),
        content("Successfully wrote 73 bytes", changed=True, created=True),
    ],
)
def test_results_that_are_fine(result):
    assert ended(result) == ""


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"isError": True, "result": "no such city"}, "no such city"),
        ({"isError": True, "result": None}, "failed"),
        ({"isError": True, "result": {"content": [{"text": "x"}], "details": {"error": "why"}}}, "why"),
        ({"error": "timeout"}, "timeout"),
        ({"error": {"message": "rate limited", "code": 429}}, "rate limited"),
        ({"error": {"code": 429}}, "429"),
        ({"error": ["first", "second"]}, "first"),
        ({"error": True}, "failed"),
        ({"error": {"unexpected": [1]}}, '{"unexpected":[1]}'),
        ({"error": {}}, ""),
        ({"error": None}, ""),
        ({"error": "none"}, ""),
        ({"error": False}, ""),
    ],
)
def test_flags_and_errors_beside_the_result(data, error):
    assert ended("fine") == ""
    assert ended(**({"result": "fine"} | data)) == error


def test_dialect_c_names_a_failure_in_its_canonical_type():
    payload = {"toolName": "read", "params": {}, "result": content("gone")}
    assert read(c("tool.result", "tool.call.failed", payload)).error == "gone"
    assert read(c("tool.result", "tool.call.executed", payload)).error == ""


def test_dialect_d_has_the_error_beside_the_result():
    payload = {
        "toolName": "read",
        "params": {"path": "a"},
        "result": content("{}", status="error"),
        "error": "File not found: a",
    }
    assert read(d("tool.result", payload)).error == "File not found: a"


def test_dialects_c_and_d_may_say_that_a_call_had_no_success():
    assert read(d("tool.result", {"toolName": "t", "result": "gone", "success": False})).error == "gone"
    assert read(d("tool.result", {"toolName": "t", "result": "gone", "success": True})).error == ""


def test_an_error_is_one_line_of_bounded_length():
    error = ended("Error: " + "very " * 500 + "long")
    assert len(error) == 300
    assert error.endswith("…")
    assert ended("x", error="a\nb\x00c") == "a b\ufffdc"
