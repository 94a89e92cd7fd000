"""The command line: help, errors and exit codes of every command."""

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from command import EVENTLORE

from worker.cli import app, main
from worker.connection import LogError


def every_command(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = sorted(every_command(typer.main.get_command(app)))


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("EVENTLORE_") and name != "EVENTLORE_DATA"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EVENTLORE_HOME", str(tmp_path / "home"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in this process; gives its exit code, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["eventlore", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_these_are_the_commands():
    assert {" ".join(command) for command in COMMANDS} >= {
        "demo",
        "dlq list",
        "dlq replay",
        "insights gaps",
        "insights patterns",
        "insights sessions",
        "insights signals",
        "insights styles",
        "insights topics",
        "insights trends",
        "publish",
        "rebuild",
        "run",
        "score",
        "status",
        "topics evaluate",
        "topics forget",
        "topics list",
        "topics train",
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(run, command):
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert f"Usage: eventlore {' '.join(command)}" in out
    assert "Example: " in out


def test_help_names_the_exit_codes(run):
    _, out, _ = run("--help")
    assert "Exit codes: 0 done" in out


def test_help_loads_nothing_heavy():
    heavy = (
        "{'alembic', 'faust', 'nats', 'numpy', 'pandas', 'pydantic', 'rich.console', 'scipy', 'sklearn', 'sqlalchemy'}"
    )
    code = f"import sys, worker.cli; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"


def test_the_version_is_printed(run):
    assert run("--version")[:2] == (0, "eventlore 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["publish"], "Missing argument"),
        (["publish", "--wrong", "x"], "No such option: --wrong"),
        (["publish", "/nowhere/events.jsonl"], "/nowhere/events.jsonl: No such file or directory"),
        (["status", "--config", "/nowhere/c.yaml"], "/nowhere/c.yaml: No such file or directory"),
        (["score", "/nowhere/texts.jsonl"], "/nowhere/texts.jsonl: No such file or directory"),
        (["insights", "gaps", "--limit", "0"], "--limit"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("eventlore: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_configuration_is_one_line_and_exit_code_2(run, monkeypatch, tmp_path):
    monkeypatch.setenv("EVENTLORE_NATS_URL", "http://x")
    assert run("status") == (
        2,
        "",
        "eventlore: EVENTLORE_NATS_URL: 'http://x' is no server address: write nats://host:4222\n",
    )
    monkeypatch.delenv("EVENTLORE_NATS_URL")
    config = tmp_path / "c.yaml"
    config.write_text("gateway: {eventStore: {enabled: false}}")
    code, _, err = run("run", "--drain", "--config", str(config))
    assert (code, err) == (2, "eventlore: the event store is switched off: gateway.eventStore.enabled is false\n")


def test_a_log_that_nobody_serves_is_one_line_and_exit_code_3(run, monkeypatch, tmp_path):
    monkeypatch.setenv("EVENTLORE_NATS_URL", "nats://127.0.0.1:1")
    events = tmp_path / "events.jsonl"
    events.write_text("{}\n")
    for arguments in (["publish", str(events)], ["run", "--drain"], ["rebuild"]):
        assert run(*arguments) == (3, "", "eventlore: no connection to nats://127.0.0.1:1: nothing listens there\n")


def test_status_shows_the_tables_also_when_nobody_serves_the_log(run, monkeypatch):
    monkeypatch.setenv("EVENTLORE_NATS_URL", "nats://ada:secret@127.0.0.1:1")
    code, out, _ = run("status", "--json")
    status = json.loads(out)
    assert code == 3
    assert status["logs"] == [
        {
            "address": "nats://ada:***@127.0.0.1:1",
            "stream": "openclaw-events",
            "error": "no connection to nats://ada:***@127.0.0.1:1: nothing listens there",
        }
    ]
    assert status["database"]["rows"]["sessions"] == 0


def test_insights_before_there_are_any_say_what_to_run(run, tmp_path):
    code, out, err = run("insights", "gaps")
    assert (code, out) == (3, "")
    assert (
        err
        == f"eventlore: there are no insights at {tmp_path}/home/insights.db: run `eventlore run` or `eventlore demo`\n"
    )


def test_a_file_that_is_no_database_is_one_line_and_exit_code_3(run, monkeypatch, tmp_path):
    (tmp_path / "text").write_text("this is no database, though it is long enough to be looked at as one " * 30)
    monkeypatch.setenv("EVENTLORE_DATABASE_URL", f"sqlite:///{tmp_path}/text")
    code, _, err = run("dlq", "list")
    assert (code, err) == (3, "eventlore: the database cannot be used: file is not a database\n")


def test_a_bug_is_one_line_and_exit_code_70(run, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyError("left\nright")

    monkeypatch.setattr("worker.settings.Settings.load", broken)
    code, _, err = run("status")
    assert (code, err) == (70, "eventlore: KeyError: 'left\\nright' (a bug: EVENTLORE_DEBUG=1 shows where)\n")
    monkeypatch.setattr("worker.settings.Settings.load", lambda *_: (_ for _ in ()).throw(LogError("away")))
    assert run("status")[::2] == (3, "eventlore: away\n")


def test_dead_letters_are_listed_and_replayed(run, tmp_path):
    assert run("dlq", "list") == (0, "no dead letters\n", "")
    good = (
        b'{"id":"1","ts":1770000000000,"agent":"a","session":"agent:a:main","type":"msg.in","payload":{"content":"hi"}}'
    )
    with sqlite3.connect(tmp_path / "home" / "insights.db") as db:
        for seq, data in ((7, b"{broken"), (8, good)):
            letter = ("log", seq, "x.a.msg_in", "no reason", data, 0, 1)
            db.execute("insert into dead_letters values (?, ?, ?, ?, ?, ?, ?)", letter)
    db.close()
    code, out, _ = run("dlq", "list", "--json")
    assert code == 0
    assert json.loads(out)[0] == {
        "stream": "log",
        "seq": 7,
        "subject": "x.a.msg_in",
        "reason": "no reason",
        "bytes": 7,
        "data": "{broken",
    }
    code, out, _ = run("dlq", "replay", "--json")
    assert (code, json.loads(out)) == (0, {"revived": 1, "kept": 1})
    assert [letter["seq"] for letter in json.loads(run("dlq", "list", "--json")[1])] == [7]


def test_score_gives_the_language_every_style_and_the_topics_in_order(run, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        '{"text": "Could you please help me with my code review?"}\n\n'
        '{"text": "This is useless, I am really annoyed!", "speaker": "user"}\n'
        '{"text": "Das ist erledigt.", "speaker": "agent"}\n'
        '{"text": ""}\n'
    )
    code, out, _ = run("score", str(texts))
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert len(rows) == 4
    names = ["politeness", "formality", "directness", "verbosity", "sentiment", "frustration", "hedging", "question"]
    assert all(list(row) == ["language", *names, "satisfaction", "topics"] for row in rows)
    assert [row["language"] for row in rows] == ["en", "en", "de", "und"]
    assert all(0 <= row[name] <= 1 for row in rows for name in names)
    assert rows[0]["politeness"] > rows[1]["politeness"]
    assert rows[0]["question"] > rows[2]["question"]
    assert rows[0]["satisfaction"] > rows[1]["satisfaction"]
    assert rows[2]["satisfaction"] is None


def test_score_explains_a_style_by_the_ten_words_that_moved_it_most(run, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text(
        '{"text": "I hate this awful, broken and useless thing, but thank you for your kind and quick reply"}\n'
        '{"text": "Das ist furchtbar"}\n'
        '{"text": "good \\ud83d"}\n'
        '{"text": ""}\n'
    )
    code, out, err = run("score", "--explain", "sentiment", str(texts))
    assert (code, err) == (0, "")
    long, german, half, nothing = [json.loads(line)["explain"] for line in out.splitlines()]
    assert len(long) == 10
    sizes = [abs(moved) for _, moved in long]
    assert sizes == sorted(sizes, reverse=True)
    moved = dict(long)
    assert moved["hate"] < 0 < moved["thank"]
    assert german[0][0] == "furchtbar"
    assert dict(half).keys() == {"good", "\ud83d"}
    assert half[0][0] == "good"
    assert nothing == []


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("charm", "no style is called 'charm': there are"),
        ("satisfaction", "satisfaction rests on the whole session, not on words alone; explained are"),
    ],
)
def test_a_style_that_no_words_explain_is_refused(run, tmp_path, style, said):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "fine"}\n')
    eight = "politeness, formality, directness, verbosity, sentiment, frustration, hedging, question"
    assert run("score", "--explain", style, str(texts)) == (2, "", f"eventlore: --explain: {said} {eight}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: it is no JSON"),
        ("[1]", 'line 2: it should be {"text": "..."}'),
        ('{"text": 3}', 'line 2: it should be {"text": "..."}'),
        ('{"text": "x", "speaker": "eve"}', "line 2: speaker should be user or agent"),
    ],
)
def test_a_wrong_text_is_named_with_its_line(run, tmp_path, line, said):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "fine"}\n' + line + "\n")
    code, _, err = run("score", str(texts))
    assert code == 2
    assert err == f"eventlore: {texts}, {said}\n"


SUBJECTS = {
    "refund": ["I want my money back", "please refund order {}", "refund my payment of {} euros", "money back for {}"],
    "weather": ["will it rain on day {}", "what is the weather today", "is it cold in town {}", "rain tomorrow at {}"],
    "none": ["my cousin plays the tuba", "seven blue {} dance", "the moon has {} corners", "purple ideas sleep"],
}


def test_topics_are_learned_measured_and_kept_by_name(run, tmp_path):
    examples = tmp_path / "examples.jsonl"
    rows = [
        {"text": text.format(n), "label": label}
        for label, texts in SUBJECTS.items()
        for text in texts
        for n in range(5)
    ]
    examples.write_text("\n".join(map(json.dumps, rows)))
    code, out, _ = run("topics", "train", str(examples), "--name", "shop", "--json")
    learned = json.loads(out)
    assert (code, learned["name"], learned["labels"], learned["examples"]) == (0, "shop", ["refund", "weather"], 60)
    code, out, _ = run("topics", "evaluate", str(examples), "--name", "shop", "--json")
    found = json.loads(out)
    assert (code, found["examples"], found["labels"]) == (0, 60, 2)
    assert min(found["macro_f1"], found["accuracy"], found["none_auroc"]) > 0.9
    assert run("topics", "evaluate", str(examples)) == (
        2,
        "",
        "eventlore: there are no topics named own (known: shop): run eventlore topics train\n",
    )


def test_wrong_examples_are_named_with_their_line(run, tmp_path):
    examples = tmp_path / "examples.jsonl"
    examples.write_text('{"text": "one", "label": "a"}\n{"text": "two", "label": 3}\n')
    said = f'eventlore: {examples}, line 2: it should be {{"text": "...", "label": "..."}}; null says that no label applies\n'
    assert run("topics", "train", str(examples)) == (2, "", said)
    examples.write_text('{"text": "one", "label": "a"}\n')
    said = f"eventlore: {examples}: a taxonomy needs examples of at least two labels, found 1\n"
    assert run("topics", "train", str(examples)) == (2, "", said)


def test_topics_are_listed_and_forgotten(run, tmp_path):
    examples = tmp_path / "examples.jsonl"
    rows = [
        {"text": f"{word} number {n}", "label": label}
        for label, word in (("a", "rain"), ("b", "tax"))
        for n in range(4)
    ]
    mark = "\ufeff"  # of some editors
    examples.write_text(mark + "\n".join(map(json.dumps, [*rows, {"text": "hello", "label": None}])), encoding="utf-8")
    code, out, _ = run("topics", "train", str(examples), "--name", "mine", "--json")
    learned = json.loads(out)
    assert (code, learned["labels"], learned["examples"], learned["none"]) == (0, ["a", "b"], 9, 1)
    code, out, _ = run("topics", "list", "--json")
    assert json.loads(out) == [{"name": "mine", "version": learned["version"], "labels": ["a", "b"]}]
    assert run("topics", "forget", "mine") == (0, "mine: forgotten; tag history anew with: eventlore rebuild\n", "")
    assert run("topics", "list") == (0, "no topics of your own: the packaged ones are used\n", "")
    assert run("topics", "forget", "mine") == (2, "", "eventlore: there are no topics named mine (known: none)\n")


@pytest.mark.parametrize("name", ["", "../x", "a:b", "general", "found"])
def test_a_name_that_an_id_cannot_have_is_refused(run, tmp_path, name):
    code, _, err = run("topics", "train", str(tmp_path / "none.jsonl"), "--name", name)
    assert code == 2
    assert err == f"eventlore: --name {name}: use letters, digits, - and _, and not general or found\n"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            '{"text": "one", "lable": "a"}',
            'it should be {"text": "...", "label": "..."}; null says that no label applies',
        ),
        ("text,label", 'it is no JSON; each line is {"text": "...", "label": "..."}'),
        ('{"text": "\\ud800", "label": "a"}', "its text has half of a character, an escape such as \\ud800"),
    ],
)
def test_what_is_no_example_is_told(run, tmp_path, row, said):
    examples = tmp_path / "examples.jsonl"
    examples.write_text(row + "\n")
    assert run("topics", "train", str(examples)) == (2, "", f"eventlore: {examples}, line 1: {said}\n")


def test_a_table_that_is_too_wide_keeps_its_words_and_figures():
    from worker.cli.console import show_rows

    columns = ["agent", "who", *(f"a long name {n}" for n in range(12))]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        show_rows("Styles", columns, [("coder", "user", *["0.50"] * 12)], numeric=12)
    assert any(line.split() == ["coder", "user", *["0.50"] * 12] for line in out.getvalue().splitlines())


def test_a_reader_that_leaves_early_ends_the_command_without_a_word(tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "the same again"}\n' * 5_000)
    with subprocess.Popen([EVENTLORE, "score", str(texts)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout
        assert command.stderr
        assert command.stdout.readline().startswith(b"{")
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait(60) == 128 + signal.SIGPIPE


def test_ctrl_c_ends_the_command_with_one_line(nats_url):
    environment = os.environ | {"EVENTLORE_NATS_URL": nats_url}
    with subprocess.Popen(
        [EVENTLORE, "publish", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as command:
        assert command.stdin
        assert command.stderr
        command.stdin.write(b"{}\n{}\n")
        command.stdin.flush()
        wait_until_stored(nats_url, 2)
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 128 + signal.SIGINT
        assert command.stderr.read() == b"eventlore: interrupted\n"


def wait_until_stored(url: str, messages: int) -> None:
    import asyncio

    from worker.settings import Log
    from worker.status import log_status

    log = Log(url=url, stream="openclaw-events", prefix="openclaw.events")
    while asyncio.run(log_status(log))["messages"] < messages:
        pass
