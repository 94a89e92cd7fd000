"""Two captures of the real plugin and the public session logs go through whole, each event read rightly."""

import gzip
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from analytics.conversation import Conversation, fold
from models.dialects import decode
from models.events import Event, Kind, Visibility

CAPTURES = {"D": "plugin-0.2.1.capture.jsonl", "C": "plugin-0.2.2.capture.jsonl"}
LOGS = ["sgd", "tau-airline", "uss-ccpe", "uss-mwoz", "uss-redial"]


@pytest.fixture(scope="module")
def captures(data: Path) -> dict[str, dict[int, Event]]:
    """Each capture's events by their stream sequence."""
    events: dict[str, dict[int, Event]] = {}
    for dialect, name in CAPTURES.items():
        lines = map(json.loads, (data / "openclaw" / name).read_text().splitlines())
        events[dialect] = {
            line["stream_seq"]: decode(
                line["data"].encode(), stream="openclaw-events", seq=line["stream_seq"], subject=line["subject"]
            )
            for line in lines
        }
    return events


@pytest.fixture(scope="module")
def conversations(captures: dict[str, dict[int, Event]]) -> dict[str, dict[str, Conversation]]:
    folded: dict[str, dict[str, Conversation]] = {}
    for dialect, events in captures.items():
        sessions: dict[str, list[Event]] = defaultdict(list)
        for event in events.values():
            sessions[event.session].append(event)
        folded[dialect] = {session: fold(log) for session, log in sessions.items()}
    return folded


@pytest.mark.parametrize("dialect", CAPTURES)
def test_every_event_of_a_capture_is_read(captures, dialect):
    events = captures[dialect].values()
    assert len(events) == 134
    assert {event.dialect for event in events} == {dialect}
    assert Counter(event.kind for event in events) == {
        Kind.GATEWAY: 2,
        Kind.SESSION_START: 6,
        Kind.SESSION_END: 7,
        Kind.SESSION_RESET: 2,
        Kind.COMPACTION_START: 2,
        Kind.COMPACTION_END: 2,
        Kind.MODEL_INPUT: 23,
        Kind.MODEL_OUTPUT: 21,
        Kind.RUN_ERROR: 2,
        Kind.RUN_END: 23,
        Kind.TOOL_CALL: 14,
        Kind.TOOL_RESULT: 14,
        Kind.MESSAGE_IN: 8,
        Kind.MESSAGE_OUT: 8,
    }
    assert Counter((event.agent, event.session) for event in events) == {
        ("system", "system"): 2,
        ("main", "agent:main:main"): 56,
        ("main", "agent:main:planning"): 24,
        ("main", "agent:main:irc:direct:alice"): 23,
        ("research", "agent:research:main"): 15,
        ("research", "agent:research:essay"): 14,
    }
    for event in events:
        assert json.loads(event.payload)["ts"] == event.ts


def test_visibility_as_given_or_internal(captures):
    assert {event.visibility for event in captures["D"].values()} == {Visibility.INTERNAL}
    assert Counter(
        (event.kind, event.visibility) for event in captures["C"].values() if event.visibility != "internal"
    ) == {
        (Kind.TOOL_CALL, Visibility.CONFIDENTIAL): 14,
        (Kind.TOOL_RESULT, Visibility.CONFIDENTIAL): 14,
        (Kind.MESSAGE_IN, Visibility.CONFIDENTIAL): 8,
        (Kind.MESSAGE_OUT, Visibility.CONFIDENTIAL): 8,
    }


@pytest.mark.parametrize("dialect", CAPTURES)
def test_every_failure_of_a_capture_is_known_and_nothing_else(captures, dialect):
    missing = "cat: /nonexistent/service.pid: No such file or directory (exit code 1)"
    assert {seq: (e.name, e.error) for seq, e in captures[dialect].items() if e.error} == {
        13: ("read", "File not found: /home/claw/.openclaw/workspace/notes/deploy.md."),
        18: ("exec", "FAIL test_login: expected 200 got 500 (exit code 1)"),
        27: ("exec", "exit code 1"),
        32: ("exec", missing),
        34: ("exec", missing),
        36: ("exec", missing),
        38: ("exec", missing),
        74: ("llm.output", "the model gave no answer"),
        77: ("llm.output", "the model gave no answer"),
    }
    assert captures[dialect][74].kind is captures[dialect][77].kind is Kind.RUN_ERROR
    assert captures[dialect][80].kind is Kind.MODEL_OUTPUT


@pytest.mark.parametrize("dialect", CAPTURES)
def test_tool_events_of_a_capture(captures, dialect):
    events = captures[dialect]
    assert (events[7].name, events[7].arguments, events[7].text) == ("exec", '{"command":"ls -1"}', "")
    assert (events[8].name, events[8].arguments) == ("exec", '{"command":"ls -1"}')
    assert events[8].text == "AGENTS.md\nBOOTSTRAP.md\nIDENTITY.md\nSOUL.md\nUSER.md"
    assert events[25].text.startswith("# AGENTS.md - Your Workspace\n")
    assert (events[25].error, events[26].text, events[26].error) == ("", "2026-11-22", "")
    assert events[61].arguments == (
        '{"edits":[{"newText":"München","oldText":"Köln"}],"path":"notes/zusammenfassung.md"}'
    )
    assert events[62].text == "Successfully replaced 1 block(s) in notes/zusammenfassung.md."


def test_dialect_c_names_runs_and_calls(captures):
    events = captures["C"]
    assert re.fullmatch(r"call_\d+_0", events[7].call)
    assert events[7].call == events[8].call
    assert events[3].run == events[5].run != events[6].run == events[7].run == events[8].run == events[10].run
    assert len({event.id for event in events.values()}) == 121
    assert all(event.call == "" for event in captures["D"].values())


@pytest.mark.parametrize("dialect", CAPTURES)
def test_parallel_calls_of_a_capture_are_paired(conversations, dialect):
    calls = conversations[dialect]["agent:main:main"].calls[:10]
    assert [(call.tool, call.ref[1], call.result and call.result[1], bool(call.error)) for call in calls] == [
        ("exec", 7, 8, False),
        ("read", 12, 13, True),
        ("exec", 17, 18, True),
        ("read", 22, 25, False),
        ("exec", 23, 26, False),
        ("exec", 24, 27, True),
        ("exec", 31, 32, True),
        ("exec", 33, 34, True),
        ("exec", 35, 36, True),
        ("exec", 37, 38, True),
    ]


@pytest.mark.parametrize("dialect", CAPTURES)
def test_a_session_over_irc(conversations, dialect):
    conversation = conversations[dialect]["agent:main:irc:direct:alice"]
    assert [(message.speaker, message.text) for message in conversation.messages] == [
        ("user", "Hello bot, what system is this, asked over IRC?"),
        ("agent", "Linux, as seen over IRC."),
        ("user", "Thanks, perfect"),
        ("agent", "You're welcome!"),
        ("user", "/new"),
        ("agent", "✅ New session started."),
        ("user", "Please say hello again."),
        ("agent", "Hello Alex! Noted: your favourite colour is teal."),
    ]
    assert [(call.tool, call.arguments, call.output, call.error) for call in conversation.calls] == [
        ("exec", '{"command":"uname -s"}', "Linux", "")
    ]
    assert [len(turn.calls) for turn in conversation.turns] == [1, 0, 0, 0]
    assert [[mark.kind for mark in turn.marks] for turn in conversation.turns] == [[], [], [Kind.SESSION_RESET], []]
    assert [mark.kind for mark in conversation.marks if mark.kind is not Kind.RUN_END] == [
        Kind.SESSION_END,
        Kind.SESSION_START,
        Kind.SESSION_RESET,
        Kind.SESSION_END,
    ]


@pytest.mark.parametrize("dialect", CAPTURES)
def test_compaction_and_reset(conversations, dialect):
    planning = conversations[dialect]["agent:main:planning"]
    assert [mark.kind for mark in planning.marks if mark.kind is not Kind.RUN_END] == [
        Kind.SESSION_START,
        Kind.COMPACTION_START,
        Kind.COMPACTION_END,
        Kind.SESSION_RESET,
        Kind.SESSION_END,
        Kind.SESSION_START,
        Kind.SESSION_END,
    ]
    assert [message.text for message in planning.messages] == [
        "/compact",
        "⚙️ Compaction finished (resulting context unknown) • Context ?/64k",
    ]
    essay = conversations[dialect]["agent:research:essay"]
    assert [mark.seq for mark in essay.marks if mark.kind is Kind.RUN_ERROR] == [74, 77]


@pytest.mark.parametrize("dialect", CAPTURES)
def test_german_text_comes_through(conversations, dialect):
    write, edit = conversations[dialect]["agent:research:main"].calls
    assert json.loads(write.arguments)["content"] == (
        "# Zusammenfassung\n\nDer Server läuft in Köln. Backup täglich um 3 Uhr.\n"
    )
    assert write.output == "Successfully wrote 73 bytes to notes/zusammenfassung.md"
    assert (edit.tool, edit.error) == ("edit", "")


def straight(lines: list[bytes]) -> dict[str, Counter[str]]:
    """What each session holds, counted without the code under test: every line is one message, call or result."""
    sessions: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        message: dict[str, Any] = json.loads(line)
        counts, kind = sessions[message["session"]], message["type"]
        counts["events"] += 1
        if kind in ("conversation.message.in", "msg.in"):
            counts["from the user"] += 1
        elif kind in ("conversation.message.out", "msg.out"):
            counts["from the agent"] += 1
        elif kind == "conversation.tool_call":
            counts["calls"] += 1
        elif kind == "conversation.tool_result":
            counts["results"] += 1
            result = message["payload"]["data"]["result"]
            counts["errors"] += isinstance(result, str) and result.startswith("Error")
    return sessions


@pytest.mark.parametrize("log", LOGS)
def test_a_session_log_agrees_with_a_straight_count(data, log):
    lines = gzip.decompress((data / "sessions" / f"{log}.events.jsonl.gz").read_bytes()).splitlines()
    sessions: dict[str, list[Event]] = defaultdict(list)
    for seq, line in enumerate(lines, 1):
        event = decode(line, stream=log, seq=seq)
        sessions[event.session].append(event)
    counted = straight(lines)
    assert sessions.keys() == counted.keys()
    for session, events in sessions.items():
        conversation, counts = fold(events), counted[session]
        assert conversation.agent == session.split(":")[1]
        assert len(events) == counts["events"]
        assert sum(message.speaker == "user" for message in conversation.messages) == counts["from the user"]
        assert sum(message.speaker == "agent" for message in conversation.messages) == counts["from the agent"]
        assert len(conversation.calls) == counts["calls"]
        assert sum(call.result is not None for call in conversation.calls) == counts["results"]
        assert sum(bool(call.error) for call in conversation.calls) == counts["errors"]


@pytest.mark.parametrize(
    ("log", "total"),
    [
        ("sgd", {"events": 60016, "from the user": 21229, "from the agent": 21229, "calls": 5933, "results": 5933}),
        (
            "tau-airline",
            {"events": 2655, "from the user": 686, "from the agent": 615, "calls": 577, "results": 577, "errors": 21},
        ),
        ("uss-ccpe", {"events": 11936, "from the user": 6360, "from the agent": 5576}),
        ("uss-mwoz", {"events": 22108, "from the user": 11553, "from the agent": 10555}),
        ("uss-redial", {"events": 21458, "from the user": 10806, "from the agent": 10652}),
    ],
)
def test_the_straight_count_itself(data, log, total):
    lines = gzip.decompress((data / "sessions" / f"{log}.events.jsonl.gz").read_bytes()).splitlines()
    assert +sum(straight(lines).values(), Counter()) == total
