"""Sessions: the list, and one of them as a timeline that can be read."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from analytics.conversation import Call, Conversation, Message, Ref, Turn, fold
from models.events import Event
from worker.dashboard.filters import whole
from worker.dashboard.queries import Row
from worker.dashboard.view import Ask, MissingError, View, anchor

__all__ = ["show", "show_one"]

PAGE = 50
MOST_PAGES = 200
MOST_EVENTS = 1_500
"""Events of one session that a page shows; of a longer one, those around the event that was asked for."""
EXTRA = ("outcome", "errors", "untagged", "q", "signal", "with", "sort")


def show(ask: Ask) -> View:
    """Sessions, the latest first."""
    extra = {name: ask.params.get(name, "").strip() for name in EXTRA}
    number = min(MOST_PAGES, max(1, whole(ask.params.get("page", ""), 1)))
    rows = ask.queries.sessions(ask.filters, extra, limit=PAGE + 1, offset=(number - 1) * PAGE)
    sessions = rows[:PAGE]
    given = {name: value for name, value in extra.items() if value}
    shown = {
        "sessions": sessions,
        "extra": extra,
        "given": given,
        "kinds": ask.queries.kinds(),
        "number": number,
        "more": len(rows) > PAGE and number < MOST_PAGES,
        "total": None if set(given) - {"sort"} else ask.queries.count_sessions(ask.filters),
    }
    table = [{k: v for k, v in row.items() if not isinstance(v, dict)} for row in sessions]
    return View("sessions.html", "Sessions", shown, {"sessions": table})


def show_one(ask: Ask) -> View:
    """One session: what was said and done, with what was seen in it beside each turn."""
    agent, key = ask.params.get("of", ""), ask.params.get("key", "")
    row = ask.queries.session(agent, key)
    at = _ref(ask.params.get("at", ""))
    events = ask.queries.events(agent, key, limit=MOST_EVENTS, at=at)
    if not events:
        raise MissingError(f"There is no session {key} of {agent}, or it is not yours to read.")
    conversation = fold(events)
    styles = ask.queries.styles(agent, key, conversation.started_at, conversation.ended_at)
    signals = [signal for signal in ask.queries.signals_of([(agent, key)]) if signal["agent"] == agent]
    topics: dict[Ref, list[str]] = defaultdict(list)
    for tag in ask.queries.topics_of(agent, key):
        topics[tag["stream"], tag["seq"]].append(tag["topic_id"])
    events.sort(key=lambda event: (event.ts, event.stream, event.seq))
    signals = _gravest(signals)
    turns = [_turn(turn, styles, topics, _signals_of(turn, signals)) for turn in conversation.turns]
    shown = {
        "agent": agent,
        "key": key,
        "row": row,
        "conversation": conversation,
        "turns": turns,
        "signals": signals,
        "kinds": Counter(signal["kind"] for signal in signals),
        "at": anchor(at) if at else "",
        "events": len(events),
        "total": ask.queries.count_events(agent, key) if len(events) >= MOST_EVENTS else len(events),
        "earlier": _link(ask, events[0]) if row is None or events[0].ts > row["started_at"] else "",
        "later": _link(ask, events[-1]) if row is None or events[-1].ts < row["ended_at"] else "",
    }
    return View(
        "session.html", f"Session of {agent}", shown, {"turns": _rows(conversation), "signals": _plain(signals)}
    )


def _link(ask: Ask, event: Event) -> str:
    return ask.session_link(event.agent, event.session, (event.stream, event.seq))


def _ref(text: str) -> Ref | None:
    stream, _, seq = text.rpartition(":")
    number = whole(seq, digits=18)  # what a database's whole numbers hold
    return (stream, number) if stream and number else None


def _turn(
    turn: Turn, styles: Mapping[Ref, Row], topics: Mapping[Ref, Sequence[str]], signals: Sequence[Row]
) -> dict[str, Any]:
    """A turn's messages, calls and marks in order of time, with what was seen in it."""
    steps: list[Message | Call | Event] = [*turn.user, *turn.calls, *turn.agent, *turn.marks]
    steps.sort(key=lambda step: step.ts)
    said = [*turn.user, *turn.agent]
    of_user, of_agent = ([styles[m.ref] for m in side if m.ref in styles] for side in (turn.user, turn.agent))
    return {
        "steps": [_step(step, styles) for step in steps],
        "at": min(step.ts for step in steps),
        "topics": sorted({topic for message in said for topic in topics.get(message.ref, ())}),
        "signals": _grouped(signals),
        "user": _mean(of_user),
        "agent": _mean(of_agent),
        "languages": {"user": _languages(of_user), "agent": _languages(of_agent)},
    }


def _step(step: Message | Call | Event, styles: Mapping[Ref, Row]) -> dict[str, Any]:
    if isinstance(step, Message):
        return {"what": step.speaker, "ts": step.ts, "text": step.text, "anchors": [anchor(step.ref)]} | {
            "style": styles.get(step.ref)
        }
    if isinstance(step, Call):
        refs = [step.ref, *([step.result] if step.result else [])]
        return {
            "what": "call",
            "ts": step.ts,
            "call": step,
            "anchors": [anchor(ref) for ref in dict.fromkeys(refs)],
        } | {"took": step.ended_at - step.ts if step.ended_at else None}
    return {"what": "mark", "ts": step.ts, "kind": step.kind.value.replace(".", " ")} | {
        "text": step.error or step.text,
        "anchors": [anchor((step.stream, step.seq))],
    }


def _mean(rows: Sequence[Row]) -> dict[str, float]:
    """The mean of each style over the messages of one side of a turn."""
    from analytics.style import STYLES

    if not rows:
        return {}
    found = {name: sum(row[name] for row in rows) / len(rows) for name in STYLES}
    satisfied = [row["satisfaction"] for row in rows if row["satisfaction"] is not None]
    return found | ({"satisfaction": satisfied[-1]} if satisfied else {})


def _languages(rows: Sequence[Row]) -> str:
    """As which languages messages were scored; those of which it was not told, or not kept, are left out."""
    return ", ".join(sorted({row["language"] for row in rows} - {"", "und"}))


def _gravest(signals: Sequence[Row]) -> list[Row]:
    """Without plain failures where the same event is told of more gravely."""
    unrecovered = {(s["stream"], s["seq"]) for s in signals if s["kind"] == "unrecovered_tool_failure"}
    return [s for s in signals if s["kind"] != "tool_failure" or (s["stream"], s["seq"]) not in unrecovered]


def _grouped(signals: Sequence[Row]) -> list[dict[str, Any]]:
    """Equal signals as one, with how many they are."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for signal in signals:
        known = found.setdefault((signal["kind"], signal["subject"]), dict(signal) | {"times": 0})
        known["times"] += 1
        known["severity"] = max(known["severity"], signal["severity"])
    return list(found.values())


def _signals_of(turn: Turn, signals: Sequence[Row]) -> list[Row]:
    """The signals that became visible in a turn, in order of time."""
    refs = {message.ref for message in (*turn.user, *turn.agent)} | {(mark.stream, mark.seq) for mark in turn.marks}
    refs |= {ref for call in turn.calls for ref in (call.ref, call.result) if ref}
    return sorted((s for s in signals if (s["stream"], s["seq"]) in refs), key=lambda s: (s["ts"], s["kind"]))


def _rows(conversation: Conversation) -> list[dict[str, Any]]:
    rows = [
        row
        for number, turn in enumerate(conversation.turns, 1)
        for row in (
            *(_row(number, m.ts, m.speaker, m.ref, "", m.text, "") for m in (*turn.user, *turn.agent)),
            *(_row(number, c.ts, "call", c.ref, c.tool, c.arguments, c.error) for c in turn.calls),
        )
    ]
    return sorted(rows, key=lambda row: (row["turn"], row["ts"], row["seq"]))


def _row(turn: int, ts: int, what: str, ref: Ref, name: str, text: str, error: str) -> dict[str, Any]:
    place = {"turn": turn, "ts": ts, "stream": ref[0], "seq": ref[1]}
    return place | {"what": what, "name": name, "text": text, "error": error}


def _plain(signals: Sequence[Row]) -> list[dict[str, Any]]:
    names = ("stream", "seq", "ts", "kind", "subject", "severity", "text", "error")
    return [{name: row[name] for name in names} for row in signals]
