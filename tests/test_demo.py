"""The sample workspace and what the demo makes of it."""

import json
import os
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from command import EVENTLORE

from analytics import analyse
from analytics.conversation import fold
from models.dialects import decode
from models.events import Kind
from worker.demo.play import _edition
from worker.demo.screenplay import Call, Mark, Result, Say, read
from worker.demo.workspace import event_lines, scenes

DAY = 86_400_000


@pytest.fixture(scope="module")
def events():
    return [decode(line, stream="demo", seq=seq) for seq, line in enumerate(event_lines(), 1)]


@pytest.fixture(scope="module")
def conversations(events):
    sessions = defaultdict(list)
    for event in events:
        if event.agent != "system":
            sessions[event.session].append(event)
    return [fold(of_session) for of_session in sessions.values()]


@pytest.fixture(scope="module")
def tables():
    return analyse(event_lines())


def test_a_screenplay_is_read():
    [scene] = read(
        """# the agent coder
=== 2026-02-02 09:41 | agent:coder:slack:direct:mira | A
mira: is it
    green?
  -> exec {"command": "pytest"}
  -> read {"path": "x"}
  <-2 error: File not found: x
  <- exit 1: one failed
    | two passed
-- later 2d
coder: No.
"""
    )
    pytest_call, read_call = Call(0, "exec", {"command": "pytest"}), Call(1, "read", {"path": "x"})
    assert (scene.agent, scene.dialect, scene.at) == ("coder", "A", 1_770_025_260_000)
    assert scene.steps == [
        Say("mira", "is it green?"),
        pytest_call,
        read_call,
        Result(read_call, "File not found: x", error="File not found: x"),
        Result(pytest_call, "one failed\ntwo passed", exit_code=1),
        Mark("later", "2d"),
        Say("coder", "No."),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mira: hello\n", "before the first scene: 'mira: hello'"),
        ("=== 2026-02-02 09:41 | agent:a:b | A\n???\n", "neither talk nor tool nor mark: '\\?\\?\\?'"),
    ],
)
def test_what_is_no_screenplay_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read(text)


def test_the_workspace_has_four_agents_over_six_weeks_in_three_dialects(events):
    sessions = Counter(session.split(":")[1] for session in {e.session for e in events} if session != "system")
    assert set(sessions) == {"coder", "desk", "home", "ops"}
    assert min(sessions.values()) >= 10
    assert {e.dialect for e in events} == {"A", "C", "D"}
    assert 38 * DAY < max(e.ts for e in events) - min(e.ts for e in events) < 45 * DAY


def test_every_telling_gives_the_same_bytes_in_order_of_time(events):
    assert event_lines() == event_lines()
    assert [e.ts for e in events] == sorted(e.ts for e in events)
    assert len({e.digest for e in events}) == len(events)


def test_what_was_written_is_what_conversations_say(conversations):
    told = {(c.agent, tuple((m.speaker, m.text) for m in c.messages)) for c in conversations}
    written = {
        (
            scene.agent,
            tuple(
                ("agent" if step.speaker == scene.agent else "user", without_transport(step.text))
                for step in scene.steps
                if isinstance(step, Say)
            ),
        )
        for scene in scenes()
    }
    assert told == written


def without_transport(text: str) -> str:
    if text.startswith("[") and "GMT+1] " in text:
        return text.partition("GMT+1] ")[2]
    return text.removeprefix("[[reply_to_current]] ")


def test_every_call_has_its_result_and_fails_where_it_was_written_to(conversations):
    calls = [call for c in conversations for call in c.calls]
    written = [step for scene in scenes() for step in scene.steps if isinstance(step, Result)]
    assert all(call.result for call in calls)
    assert len(calls) == len(written)
    failing = Counter(step.call.tool for step in written if step.error or step.exit_code)
    assert Counter(call.tool for call in calls if call.error) == failing
    assert set(failing) >= {"exec", "read", "migrate_database", "issue_refund", "renew_certificate", "calendar_create"}


def test_it_shows_what_happens_to_agents(events, tables):
    assert {e.kind for e in events} >= {Kind.RUN_ERROR, Kind.SESSION_RESET, Kind.COMPACTION_END, Kind.GATEWAY}
    assert {*tables["signals"]["kind"]} >= {
        "tool_failure",
        "unrecovered_tool_failure",
        "doom_loop",
        "recurring_failure",
        "user_correction",
        "dissatisfaction",
        "false_success",
        "refusal",
        "handover",
        "run_error",
    }


@pytest.mark.data
@pytest.mark.parametrize(("version", "dialect"), [("0.2.1", "D"), ("0.2.2", "C")])
def test_plugin_events_look_like_captured_ones(data, events, version, dialect):
    capture = (data / "openclaw" / f"plugin-{version}.capture.jsonl").read_text()
    real = [json.loads(json.loads(line)["data"]) for line in capture.splitlines()]
    forms = {form(event) for event in real}
    fields = defaultdict(set)
    for event in real:
        fields[event["type"]] |= set(event["payload"])
    ours = [json.loads(e.payload) for e in events if e.dialect == dialect and e.kind is not Kind.GATEWAY]
    assert {form(event) for event in ours} <= forms
    assert all(set(event["payload"]) <= fields[event["type"]] for event in ours)


def form(event: dict) -> tuple:
    """What an envelope looks like: its keys in order, and those of its parts. Who acts is not told of every run."""
    parts = [tuple(event.get(part, {})) for part in ("scope", "source", "trace", "redaction")]
    return event["type"], event.get("canonicalType"), tuple(event), event.get("visibility"), *parts


def test_every_agent_has_a_skill_that_fails_more_than_is_usual(tables):
    gaps = tables["skill_gaps"]
    worse = gaps[(gaps["low"] > gaps["rate"] - gaps["excess"]) & (gaps["excess"] > 0)]
    assert {(row.agent, row.tool) for row in worse.itertuples()} >= {
        ("coder", "migrate_database"),
        ("desk", "issue_refund"),
        ("home", "calendar_create"),
        ("ops", "renew_certificate"),
    }


def test_long_answers_are_found_to_work_badly(tables):
    patterns = tables["patterns"].set_index(["kind", "agent", "subject"])
    found = patterns.loc[("style_effect", "", "verbosity")]
    assert found["low"] <= found["effect"] <= found["high"] < 0


def test_the_demo_tells_what_it_learned_and_finds_it_again(tmp_path):
    # Whatever else is configured, the demo keeps to itself.
    elsewhere = {"EVENTLORE_NATS_URL": "nats://127.0.0.1:1", "EVENTLORE_DATABASE_URL": "sqlite:////nowhere/x.db"}
    environment = os.environ | elsewhere | {"EVENTLORE_HOME": str(tmp_path)}

    def demo() -> str:
        done = subprocess.run([EVENTLORE, "demo", "--no-serve"], env=environment, capture_output=True, text=True)  # noqa: PLW1510
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    first = demo()
    for said in (
        "Who worked",
        "What was asked",
        "renew_certificate",
        "migrate_database",
        "issue_refund",
        "95% interval",
    ):
        assert said in first
    for section in ("What goes wrong", "What works", "Three things to act on first"):
        assert section in first
    assert " 3. " in first
    assert demo() == first
    assert Path(tmp_path / "demo" / "insights.db").is_file()
    assert [one.name for one in tmp_path.iterdir()] == ["demo"]


def test_what_other_models_learned_of_the_workspace_is_learned_anew(monkeypatch):
    lines = event_lines()
    before = _edition(lines)
    assert _edition(lines) == before
    monkeypatch.setattr("analytics.gaps.VERSION", "gaps-0")
    assert _edition(lines) != before
