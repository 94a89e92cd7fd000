"""Every table from events alone, as DataFrames: what a worker would have written."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pandas as pd

from analytics.analysis import SessionInsights, analyse_sessions, overview, with_found
from analytics.conversation import Conversation, Message, Ref
from analytics.days import Sign
from analytics.topics.discovery import Model
from analytics.topics.schedule import HOUR, TOLD, Chain, Due, Hour, learn
from models import tables
from models.dialects import Refusal, decode
from models.events import Event
from models.redaction import Redactor

__all__ = ["Line", "analyse"]

Line = Event | bytes | str | Mapping[str, Any]
"""An event, or a message as its producer wrote it."""

_OF_THE_WORKER = {"dead_letters": {"first_seen", "attempts"}, "entries": {"id"}}
"""Columns that tell of a worker's handling."""


def analyse(events: Iterable[Line], *, stream: str) -> dict[str, pd.DataFrame]:
    """See :func:`analytics.analyse`."""
    sessions: dict[tuple[str, str], dict[tuple[str, int], Event]] = defaultdict(dict)
    refused: list[dict[str, Any]] = []
    redactor = Redactor()
    for seq, line in enumerate(events, start=1):
        data = b"" if isinstance(line, Event) else _bytes(line)
        try:
            event = line if isinstance(line, Event) else decode(data, stream=stream, seq=seq)
        except Refusal as refusal:
            data, _ = redactor.message(data)
            refused.append({"stream": stream, "seq": seq, "subject": "", "reason": str(refusal), "data": data})
            continue
        event, _ = redactor.event(event)
        sessions[event.agent, event.session].setdefault((event.stream, event.seq), event)
    found = analyse_sessions([*events_.values()] for events_ in sessions.values())
    found, chain = _discover(found, {ref: event for events_ in sessions.values() for ref, event in events_.items()})
    failures = [s for f in found for s in f.signals]
    shown = overview(
        [f.session for f in found], failures, (u for f in found for u in f.uses), _signs(found), chain=chain
    )
    rows: dict[str, Iterable[msgspec.Struct]] = {
        "events": (e for events_ in sessions.values() for e in events_.values()),
        "sessions": (f.session for f in found),
        "event_topics": (row for f in found for row in f.topics),
        "topics": shown.topics,
        "topic_trends": shown.trends,
        "message_styles": (row for f in found for row in f.styles),
        "signals": [*failures, *shown.signals],
        "skill_uses": (row for f in found for row in f.uses),
        "skill_gaps": shown.gaps,
        "entries": (row for f in found for row in f.entries),
        "patterns": shown.patterns,
        "session_days": shown.session_days,
        "agent_days": shown.agent_days,
        "style_days": shown.style_days,
        "topic_days": shown.topic_days,
        "signal_days": shown.signal_days,
    }
    result = {name: _frame(name, map(msgspec.structs.asdict, structs)) for name, structs in rows.items()}
    return result | {"dead_letters": _frame("dead_letters", iter(refused))}


def _signs(found: Iterable[SessionInsights]) -> Iterator[Sign]:
    for one in found:
        row = one.session
        for kind in sorted({signal.kind for signal in one.signals}):
            grave = [signal.severity for signal in one.signals if signal.kind == kind]
            yield Sign(row.started_at, row.agent, row.topic_id, kind, len(grave), max(grave))


def _discover(found: Sequence[SessionInsights], events: Mapping[Ref, Event]) -> tuple[list[SessionInsights], Chain]:
    """Discover topics, and tag the sessions with them."""
    said = sorted((row.ts, (row.stream, row.seq)) for f in found for row in f.styles if row.speaker == "user")
    hours = {hour: Hour(messages) for hour, messages in Counter(ts // HOUR for ts, _ in said).items()}

    def read(due: Due) -> Iterator[tuple[Ref, int, str]]:
        for ts, ref in said:
            if due.since < ts <= due.mark and events[ref].visibility in TOLD:
                yield ref, ts, events[ref].text

    models: dict[str, Model] = {}
    fits, fresh = learn(hours, (), models.__getitem__, read)
    models |= fresh
    chain = Chain(((fit.mark, fit.version) for fit in fits), models.__getitem__)
    tagged = chain.tag([_conversation(f, events) for f in found])
    return [
        replace(f, session=with_found(f.session, chain, rows), topics=f.topics + rows)
        for f, rows in zip(found, tagged, strict=True)
    ], chain


def _conversation(found: SessionInsights, events: Mapping[Ref, Event]) -> Conversation:
    session = found.session
    messages = tuple(
        Message(
            (row.stream, row.seq),
            row.ts,
            "user" if row.speaker == "user" else "agent",
            events[row.stream, row.seq].text,
        )
        for row in found.styles
    )
    return Conversation(session.agent, session.session, session.started_at, session.ended_at, messages)


def _bytes(line: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(line, bytes):
        return line.rstrip(b"\r\n")
    if isinstance(line, str):
        return line.rstrip("\r\n").encode("utf-8", "surrogatepass")
    return msgspec.json.encode(line)


def _frame(name: str, rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    table = tables.metadata.tables[name]
    columns = [column.name for column in table.columns if column.name not in _OF_THE_WORKER.get(name, ())]
    frame = pd.DataFrame(list(rows), columns=columns)
    keys = table.info.get("key") or [column.name for column in table.primary_key]
    return frame.sort_values(list(keys), ignore_index=True)
