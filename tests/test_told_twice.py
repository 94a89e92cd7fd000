"""The same turns told by a plugin's events and by the transcripts on disk count once."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from analytics.analysis import analyse_sessions
from analytics.conversation import Conversation, fold
from models.dialects import decode
from models.events import Event, Kind
from worker.importers import openclaw_sqlite
from worker.importers.base import File

MAIN, ESSAY = "agent:research:main", "agent:research:essay"
APART = 358_586
"""Milliseconds between the run that plugin 0.2.1 and the database saw and the same one that plugin 0.2.2 saw."""


class Names(dict[str, str]):
    """What importers remember."""

    def recall(self, what: str) -> str:
        return self.get(what, "")

    def remember(self, what: str, value: str) -> None:
        self[what] = value


@pytest.fixture
def transcripts(data: Path) -> list[Event]:
    path = data / "openclaw" / "openclaw-2026.9.6.research.openclaw-agent.sqlite"
    records = openclaw_sqlite.read(File(path, path, "research"), Names())
    told = [event.data for record in records for event in record.events]
    return [decode(body, stream="log", seq=seq) for seq, body in enumerate(told, 1)]


@pytest.fixture(params=["0.2.1", "0.2.2"])
def plugin(request: pytest.FixtureRequest, data: Path) -> list[Event]:
    """What the plugin told of the same scenario, in dialects D and C."""
    lines = (data / "openclaw" / f"plugin-{request.param}.capture.jsonl").read_text().splitlines()
    earlier = APART if request.param == "0.2.2" else 0
    found = []
    for seq, line in enumerate(map(json.loads, lines), 1000):
        body = line["data"] if isinstance(line["data"], str) else json.dumps(line["data"])
        event = decode(body.encode(), stream="log", seq=seq, subject=line["subject"])
        found.append(msgspec.structs.replace(event, ts=event.ts - earlier))
    return found


def session(key: str, *told: list[Event]) -> list[Event]:
    return [event for events in told for event in events if event.session == key]


def spoken(conversation: Conversation) -> list[tuple[str, str]]:
    return [(message.speaker, message.text) for message in conversation.messages]


@pytest.mark.parametrize("key", [MAIN, ESSAY])
def test_messages_and_calls_are_those_of_the_transcript(
    transcripts: list[Event], plugin: list[Event], key: str
) -> None:
    alone = fold(session(key, transcripts))
    both = fold(session(key, transcripts, plugin))
    assert spoken(both) == spoken(alone)
    assert both.calls == alone.calls
    assert [len(turn.calls) for turn in both.turns] == [len(turn.calls) for turn in alone.turns]
    assert len(session(key, plugin)) > 10


def test_a_failed_model_call_counts_once_and_what_only_the_plugin_tells_stands(
    transcripts: list[Event], plugin: list[Event]
) -> None:
    both = fold(session(ESSAY, transcripts, plugin))
    errors = [mark.error for mark in both.marks if mark.kind is Kind.RUN_ERROR]
    # The second is a first try that failed, of which the transcript keeps nothing.
    assert errors == ["400 stub: invalid request, model is down", "the model gave no answer"]
    assert [mark.kind for mark in both.marks].count(Kind.SESSION_START) == 1


def test_the_order_of_arrival_does_not_matter(transcripts: list[Event], plugin: list[Event]) -> None:
    events = session(MAIN, transcripts, plugin)
    mixed = list(events)
    random.Random(1).shuffle(mixed)
    assert fold(mixed) == fold(events)


def test_insights_count_them_once(transcripts: list[Event], plugin: list[Event]) -> None:
    def counted(*told: list[Event]) -> list[tuple[int, int, int, int]]:
        rows = [one.session for one in analyse_sessions([session(key, *told) for key in (MAIN, ESSAY)])]
        return [(row.messages, row.turns, row.tool_calls, row.tool_errors) for row in rows]

    assert counted(transcripts, plugin) == counted(transcripts) == [(6, 3, 2, 0), (5, 3, 0, 0)]
