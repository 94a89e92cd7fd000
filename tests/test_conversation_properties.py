"""Folding is a function of the set of events."""

import random

from hypothesis import assume, given
from hypothesis import strategies as st
from wire_forms import a, b, c, d, e, read

from analytics.conversation import fold
from models.events import Event, Kind

TEXTS = st.sampled_from(["Hi", "Hi there", "Hi there, all", "Ok", "", "[[reply_to_current]] Hi"])
RUNS = st.sampled_from(["r1", "r2"])
TIMES = st.integers(0, 6)
ORDERS = st.integers(0, 4)
CALLS = st.sampled_from(["", "x", "y"])
TOOLS = st.sampled_from(["exec", "read"])
ARGS = st.sampled_from([{}, {"n": 1}])


@st.composite
def messages(draw: st.DrawFn) -> dict[str, object]:
    at, order, run, text = draw(TIMES), draw(ORDERS), draw(RUNS), draw(TEXTS)
    tool, args, call = draw(TOOLS), draw(ARGS), draw(CALLS)
    where = {"at": at, "order": order, "run": run}
    tools = {"toolName": tool, "params": args}
    return draw(
        st.sampled_from(
            [
                a("conversation.message.in", "user", {"text": text}, **where),
                a("conversation.message.out", "assistant", {"text": text}, **where),
                b("msg.out", "assistant", {"text": text}, **where),
                a(
                    "conversation.tool_call",
                    "tool",
                    {"phase": "start", "name": tool, "toolCallId": call, "args": args},
                    **where,
                ),
                a(
                    "conversation.tool_result",
                    "tool",
                    {"phase": "result", "name": tool, "toolCallId": call, "result": text},
                    **where,
                ),
                a("lifecycle.start", "lifecycle", {"phase": "start"}, **where),
                a("lifecycle.error", "lifecycle", {"phase": "error", "error": text}, **where),
                c("tool.call", "tool.call.requested", tools, at=at, run=run, call=call),
                c("tool.result", "tool.call.executed", tools | {"result": text}, at=at, run=run, call=call),
                c("llm.output", "model.output.observed", {"assistantTextCount": 0}, at=at, run=run),
                d("msg.sending", {"content": text}, at=at),
                d("msg.out", {"content": text}, at=at),
                d("msg.in", {"content": text}, at=at),
                d("tool.call", tools, at=at),
                d("tool.result", tools | {"result": text}, at=at),
                d("llm.input", {"runId": run}, at=at),
                d("run.end", {"success": False}, at=at),
                d("session.reset", {}, at=at),
                e("message.in", text, at=at * 200_000, run=run),
                e("message.out", text, at=at),
                e("tool.call", name=tool, arguments=args, call=call, at=at),
                e("tool.result", text, name=tool, call=call, at=at),
                e("run.error", at=at, error="x"),
            ]
        )
    )


EVENTS = st.lists(messages(), min_size=1, max_size=25).map(lambda log: [read(m, seq=n) for n, m in enumerate(log, 1)])


@given(EVENTS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_anything(events: list[Event], random: random.Random):
    again = [*events, *random.choices(events, k=5)]
    random.shuffle(again)
    assert fold(again) == fold(events)


@given(EVENTS, st.integers(1, 5))
def test_a_log_published_again_is_the_same_conversation(events: list[Event], times: int):
    again = [read(event.payload.encode(), seq=event.seq + 1000 * n) for n in range(1, times) for event in events]
    assert fold([*again, *events]) == fold(events)


@given(EVENTS)
def test_nothing_is_lost_and_nothing_counts_twice(events: list[Event]):
    events = [event for event in events if event.dialect != "E"]
    assume(events)
    conversation = fold(events)
    distinct = {event.digest: event for event in reversed(events)}.values()
    known = {(event.stream, event.seq): event for event in distinct}
    calls = [call.ref for call in conversation.calls if known[call.ref].kind is Kind.TOOL_CALL]
    results = [call.result for call in conversation.calls if call.result]
    assert sorted(calls) == sorted(ref for ref, event in known.items() if event.kind is Kind.TOOL_CALL)
    assert len(set(results)) == len(results)
    assert {known[ref].kind for ref in results} <= {Kind.TOOL_RESULT}
    assert [message.ref for message in conversation.messages if message.speaker == "user"] == [
        message.ref for turn in conversation.turns for message in turn.user
    ]
    inside = [message for turn in conversation.turns for message in (*turn.user, *turn.agent)]
    assert sorted(inside, key=repr) == sorted(conversation.messages, key=repr)
    assert [call for turn in conversation.turns for call in turn.calls] == list(conversation.calls)
    users = sum(event.kind is Kind.MESSAGE_IN for event in distinct)
    assert sum(message.speaker == "user" for message in conversation.messages) == users
    for row in (conversation.messages, conversation.calls, conversation.marks):
        assert [item.ts for item in row] == sorted(item.ts for item in row)


@given(EVENTS)
def test_a_transcript_is_told_whole_whatever_the_producer_tells(events: list[Event]):
    transcript = [event for event in events if event.dialect == "E"]
    assume(transcript)
    alone, both = fold(transcript), fold(events)
    assert set(alone.messages) <= set(both.messages)
    assert set(alone.calls) <= set(both.calls)
    assert len(both.messages) <= len(alone.messages) + sum(event.dialect != "E" for event in events)
