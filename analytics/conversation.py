"""A session's events folded into what was said and done: messages, tool calls with their results, turns."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from analytics.commands import said_no
from models.events import Event, Kind

__all__ = ["Call", "Conversation", "Message", "Ref", "Turn", "fold"]

Ref = tuple[str, int]
"""(stream, seq) of an event."""

_Item = TypeVar("_Item", "Message", "Call", Event)
Placed = list[tuple[int, _Item]]
"""Things with their place in the order of events."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the last snapshot of a reply, or what a user sent."""

    ref: Ref
    ts: int
    speaker: Literal["user", "agent"]
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call and what came of it."""

    ref: Ref
    """The call's event, or the result's when the call was never logged."""
    ts: int
    tool: str
    arguments: str
    """Canonical JSON; equal arguments are equal text."""
    result: Ref | None = None
    """None: no result was logged."""
    ended_at: int = 0
    output: str = ""
    error: str = ""
    """Why it failed; empty: it did not, or is a command that only said no, such as a grep that found nothing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said, what the agent did about it and what it said back.

    The first turn of a session has no user messages when the agent spoke first.
    """

    user: tuple[Message, ...]
    calls: tuple[Call, ...]
    agent: tuple[Message, ...]
    marks: tuple[Event, ...] = ()
    """Run errors, resets and compactions within the turn."""


@dataclass(frozen=True, slots=True)
class Conversation:
    agent: str
    session: str
    started_at: int
    ended_at: int
    messages: tuple[Message, ...] = ()
    calls: tuple[Call, ...] = ()
    turns: tuple[Turn, ...] = ()
    marks: tuple[Event, ...] = field(default=())
    """Events that are no message or call and matter to analysis: runs, session borders, compactions.

    A run's attempt that failed is one ``RUN_ERROR``, however many events report it.
    """


_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            Kind.GATEWAY,
            Kind.SESSION_END,
            Kind.SESSION_RESET,
            Kind.SESSION_START,
            Kind.MEMORY,
            Kind.MESSAGE_IN,
            Kind.RUN_START,
            Kind.MODEL_INPUT,
            Kind.COMPACTION_START,
            Kind.COMPACTION_END,
            Kind.TOOL_CALL,
            Kind.OTHER,
            Kind.TOOL_RESULT,
            Kind.MESSAGE_OUT,
            Kind.RUN_ERROR,
            Kind.RUN_END,
            Kind.MODEL_OUTPUT,
        )
    )
}
"""The order of what happened in the same millisecond without a number: cause before effect."""

_MARKS = frozenset(kind for kind in Kind if kind.startswith(("run.", "session.", "compaction.")))
_TURN_MARKS = frozenset({Kind.RUN_ERROR, Kind.SESSION_RESET, Kind.COMPACTION_START, Kind.COMPACTION_END})
_SENDING = frozenset({"msg.sending", "message.out.sending"})
_MODEL_OUTPUT = frozenset({"llm.output", "model.output.observed"})
_APART = 10 * 60 * 1000
"""How far apart (ms) two reports of one thing may lie."""


def fold(events: Iterable[Event]) -> Conversation:
    """Fold the events of one session, given in any order and possibly more than once.

    Events of equal digest count once, the one of the lowest (stream, seq) standing for all.
    Order is that of time, then of the run's numbering, then of kind and digest: never of arrival.
    The work is linear in the size of the events, but for sorting them.

    Raises:
        ValueError: there is no event, or they belong to several sessions.
    """
    kept: dict[str, Event] = {}
    for event in events:
        other = kept.get(event.digest)
        if other is None or (event.stream, event.seq) < (other.stream, other.seq):
            kept[event.digest] = event
    if not kept:
        raise ValueError("no events")
    ordered = sorted(kept.values(), key=_place)
    sessions = {(event.agent, event.session) for event in ordered}
    if len(sessions) > 1:
        raise ValueError(f"events of {len(sessions)} sessions")
    agent, session = sessions.pop()
    placed = list(enumerate(ordered))
    own = [one for one in placed if one[1].dialect == "E"]
    wire = [one for one in placed if one[1].dialect != "E"] if own else placed
    messages = _told_once(_messages(own), _messages(wire), lambda message: (message.speaker, message.text))
    calls = _told_once(_calls(own), _calls(wire), lambda call: (call.tool, call.arguments))
    marks = _told_once(_marks(own), _marks(wire), lambda mark: (mark.kind,))
    return Conversation(
        agent=agent,
        session=session,
        started_at=ordered[0].ts,
        ended_at=ordered[-1].ts,
        messages=tuple(message for _, message in messages),
        calls=tuple(call for _, call in calls),
        turns=tuple(_turns([*messages, *calls, *marks])),
        marks=tuple(mark for _, mark in marks),
    )


def _place(event: Event) -> tuple[int, int, int, str]:
    return (event.ts, event.order, _RANK[event.kind], event.digest)


def _told_once(own: Placed[_Item], wire: Placed[_Item], key: Callable[[_Item], Hashable]) -> Placed[_Item]:
    """What a session's transcript (dialect E) and its producer's events tell, each thing once.

    The transcript is the complete source, so of two reports of one thing the transcript's stands; the producer's
    stands for what the transcript does not tell. Equal things pair in order of time.
    """
    if not (own and wire):
        return own or wire
    told: dict[Hashable, deque[int]] = defaultdict(deque)
    for _, item in own:
        told[key(item)].append(item.ts)
    untold: Placed[_Item] = []
    for place, item in wire:
        times = told.get(key(item))
        while times and item.ts - times[0] > _APART:
            times.popleft()
        if times and times[0] - item.ts <= _APART:
            times.popleft()
        else:
            untold.append((place, item))
    return sorted(own + untold, key=lambda placed: placed[0])


# Messages -----------------------------------------------------------------------------------------------------------


def _messages(ordered: Placed[Event]) -> Placed[Message]:
    """What was said, each with the place of its event.

    A reply is written as cumulative snapshots in dialects A and B: one grows into the next until a tool call, a
    message to the run or a new attempt comes between. C and D report a reply when it is sent, when it was delivered,
    or both.
    """
    said: Placed[Message] = []
    growing: dict[str, int] = {}
    unpaired: dict[str, deque[Event]] = defaultdict(deque)
    for place, event in ordered:
        kind = event.kind
        if kind is Kind.MESSAGE_IN:
            said.append((place, Message((event.stream, event.seq), event.ts, "user", event.text)))
            if event.run:
                growing.pop(event.run, None)
            else:
                growing.clear()
        elif kind in (Kind.TOOL_CALL, Kind.RUN_START, Kind.RUN_ERROR):
            growing.pop(event.run, None)
        elif kind is Kind.MESSAGE_OUT:
            message = Message((event.stream, event.seq), event.ts, "agent", event.text)
            if event.dialect in ("A", "B") and event.run:
                at = growing.get(event.run)
                if at is None or not _same_reply(said[at][1].text, event.text):
                    growing[event.run] = len(said)
                    said.append((place, message))
                elif len(event.text) >= len(said[at][1].text):
                    said[at] = (place, message)
            elif not _paired(event, unpaired[event.text]):
                said.append((place, message))
    said.sort(key=lambda placed: placed[0])
    return said


def _same_reply(before: str, text: str) -> bool:
    return text.startswith(before) or before.startswith(text)


def _paired(event: Event, unpaired: deque[Event]) -> bool:
    """Whether the message was reported before: as about to be sent, when this is its delivery, or the other way."""
    while unpaired and event.ts - unpaired[0].ts > _APART:
        unpaired.popleft()
    if unpaired and (unpaired[0].name in _SENDING) != (event.name in _SENDING):
        unpaired.popleft()
        return True
    unpaired.append(event)
    return False


# Calls --------------------------------------------------------------------------------------------------------------


class _Open:
    """A call that may still get its result."""

    __slots__ = ("event", "place", "result")

    def __init__(self, place: int, event: Event) -> None:
        self.place = place
        self.event = event
        self.result: Event | None = None


class _Calls:
    """Calls by whatever a result may name them with; identifiers may come again once their call has its result."""

    def __init__(self) -> None:
        self.all: list[_Open] = []
        self._queues: dict[tuple[str, ...], deque[_Open]] = defaultdict(deque)
        self._answered: set[tuple[str, ...]] = set()

    def add(self, place: int, event: Event, run: str) -> None:
        call = _Open(place, event)
        self.all.append(call)
        identified = "identified" if event.call else "bare"
        for key in (
            ("id", event.call),
            ("id, tool", event.call, event.name),
            (identified, run, event.name, event.arguments),
            (f"{identified}, tool", run, event.name),
        ):
            self._queues[key].append(call)

    def answer(self, place: int, event: Event, run: str) -> None:
        call = self._find(event, run)
        if call is not None:
            call.result = event
        elif not event.call or (event.call, event.name, event.text, event.error) not in self._answered:
            orphan = _Open(place, event)
            orphan.result = event
            self.all.append(orphan)
        if event.call:
            self._answered.add((event.call, event.name, event.text, event.error))

    def _find(self, event: Event, run: str) -> _Open | None:
        keys: list[tuple[str, ...]] = []
        if event.call:
            keys.append(("id, tool", event.call, event.name))
            if event.name == "unknown":
                keys.append(("id", event.call))
        for identified in ("bare",) if event.call else ("bare", "identified"):
            keys.append((identified, run, event.name, event.arguments))
            if not event.arguments:
                keys.append((f"{identified}, tool", run, event.name))
        for key in keys:
            queue = self._queues.get(key)
            while queue and queue[0].result is not None:
                queue.popleft()
            if queue:
                return queue.popleft()
        return None


def _calls(ordered: Placed[Event]) -> Placed[Call]:
    """The tool calls, each with its place and its result.

    Results name their call by its identifier. Where there is none, the oldest open call of the same run, tool and
    arguments is meant; an event without a run belongs to the run whose model was asked last.
    """
    calls = _Calls()
    current = ""
    for place, event in ordered:
        kind = event.kind
        if kind is Kind.TOOL_CALL:
            calls.add(place, event, event.run or current)
        elif kind is Kind.TOOL_RESULT:
            calls.answer(place, event, event.run or current)
        elif kind in (Kind.MODEL_INPUT, Kind.RUN_START) and event.run:
            current = event.run
    return [(call.place, _call(call.event, call.result)) for call in calls.all]


def _call(event: Event, result: Event | None) -> Call:
    ref = (event.stream, event.seq)
    if result is None:
        return Call(ref, event.ts, event.name, event.arguments)
    arguments = event.arguments or result.arguments
    fine = said_no(event.name, arguments, result.text, result.error)
    return Call(
        ref,
        event.ts,
        event.name,
        arguments,
        (result.stream, result.seq),
        result.ts,
        result.text,
        "" if fine else result.error,
    )


# Marks and turns ----------------------------------------------------------------------------------------------------


def _marks(ordered: Placed[Event]) -> Placed[Event]:
    """The marks, each failure once: within an attempt, errors of different types report the same one."""
    marks: Placed[Event] = []
    failed: dict[str, tuple[int, set[str]]] = {}
    for place, event in ordered:
        kind = event.kind
        if kind is Kind.MESSAGE_IN and not event.run:
            failed.clear()
        elif kind in (Kind.RUN_START, Kind.MODEL_INPUT, Kind.MESSAGE_IN):
            failed.pop(event.run, None)
            failed.pop("", None)
        if kind not in _MARKS:
            continue
        if kind is Kind.RUN_ERROR:
            attempt = (failed.get(event.run) or failed.get("")) if event.run else next(reversed(failed.values()), None)
            if attempt is not None and event.name not in attempt[1]:
                at, reports = attempt
                if reports <= _MODEL_OUTPUT:  # which never knows why
                    marks[at] = (place, event)
                reports.add(event.name)
                continue
            failed[event.run] = (len(marks), {event.name})
        marks.append((place, event))
    marks.sort(key=lambda placed: placed[0])
    return marks


def _turns(placed: Iterable[tuple[int, Message | Call | Event]]) -> Iterable[Turn]:
    said: list[Message] = []
    calls: list[Call] = []
    answers: list[Message] = []
    marks: list[Event] = []
    over = False
    for _, item in sorted(placed, key=lambda one: one[0]):
        if isinstance(item, Message) and item.speaker == "user":
            if over:
                yield Turn(tuple(said), tuple(calls), tuple(answers), tuple(marks))
                said, calls, answers, marks, over = [], [], [], [], False
            said.append(item)
        elif isinstance(item, Message):
            answers.append(item)
            over = True
        elif isinstance(item, Call):
            calls.append(item)
            over = True
        else:
            if item.kind in _TURN_MARKS:
                marks.append(item)
            over = over or (bool(said) and item.kind is Kind.RUN_END) or item.kind is Kind.RUN_ERROR
    if said or calls or answers or marks:
        yield Turn(tuple(said), tuple(calls), tuple(answers), tuple(marks))
