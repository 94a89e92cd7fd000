"""Each dialect's events, and the traps of their envelopes, read into the one form."""

import hashlib
import time

import pytest
from wire_forms import SESSION, T, a, b, c, d, pack, read

from models.dialects import Refusal, decode, user_of
from models.events import Event, Kind, Visibility


def test_dialect_a_message_is_read_whole():
    data = pack(a("conversation.message.in", "user", {"text": "Grüße aus Köln"}, order=2))
    assert decode(
        data, stream="openclaw-events", seq=7, subject="openclaw.events.agent.conversation_message_in"
    ) == Event(
        stream="openclaw-events",
        seq=7,
        digest=hashlib.sha256(data).hexdigest(),
        id="1a0c4506c00-0badcafe",
        ts=1_790_000_000_000,
        agent="concierge",
        session="agent:concierge:telegram:direct:42",
        kind=Kind.MESSAGE_IN,
        visibility=Visibility.INTERNAL,
        dialect="A",
        name="conversation.message.in",
        text="Grüße aus Köln",
        payload=data.decode(),
        run="r1",
        order=2,
    )


def test_dialect_a_call_and_result():
    args = {"city": "San Jose", "cuisine": "American"}
    call = read(
        a("conversation.tool_call", "tool", {"phase": "start", "name": "Find", "toolCallId": "c1", "args": args})
    )
    result = read(
        a(
            "conversation.tool_result",
            "tool",
            {"phase": "result", "name": "Find", "toolCallId": "c1", "isError": False, "result": [{"name": "Bazille"}]},
        )
    )
    assert (call.kind, call.name, call.call, call.arguments) == (
        Kind.TOOL_CALL,
        "Find",
        "c1",
        '{"city":"San Jose","cuisine":"American"}',
    )
    assert (result.kind, result.name, result.call, result.text, result.error) == (
        Kind.TOOL_RESULT,
        "Find",
        "c1",
        '[{"name":"Bazille"}]',
        "",
    )


@pytest.mark.parametrize(
    ("type_", "data", "kind", "error"),
    [
        ("lifecycle.start", {"phase": "start", "startedAt": T}, Kind.RUN_START, ""),
        ("lifecycle.end", {"phase": "end", "endedAt": T}, Kind.RUN_END, ""),
        (
            "lifecycle.error",
            {"phase": "error", "error": "Model overloaded", "endedAt": T},
            Kind.RUN_ERROR,
            "Model overloaded",
        ),
        ("lifecycle.error", {"phase": "error", "error": {"message": "HTTP 529"}}, Kind.RUN_ERROR, "HTTP 529"),
        ("lifecycle.error", {"phase": "error"}, Kind.RUN_ERROR, "failed"),
    ],
)
def test_dialect_a_runs(type_, data, kind, error):
    event = read(a(type_, "lifecycle", data))
    assert (event.kind, event.error, event.run) == (kind, error, "r1")


@pytest.mark.parametrize(
    ("type_", "stream", "data", "kind"),
    [
        ("msg.in", "user", {"text": "hi"}, Kind.MESSAGE_IN),
        ("msg.out", "assistant", {"text": "hi", "delta": "i"}, Kind.MESSAGE_OUT),
        ("tool.call", "tool", {"phase": "start", "name": "exec", "toolCallId": "c1", "args": {}}, Kind.TOOL_CALL),
        (
            "tool.result",
            "tool",
            {"phase": "result", "name": "exec", "toolCallId": "c1", "result": "ok"},
            Kind.TOOL_RESULT,
        ),
        ("run.start", "lifecycle", {"phase": "start"}, Kind.RUN_START),
        ("run.end", "lifecycle", {"phase": "end"}, Kind.RUN_END),
        ("run.error", "lifecycle", {"phase": "error", "error": "boom"}, Kind.RUN_ERROR),
    ],
)
def test_dialect_b(type_, stream, data, kind):
    event = read(b(type_, stream, data, order=3))
    assert (event.dialect, event.kind, event.agent, event.visibility, event.run, event.order) == (
        "B",
        kind,
        "concierge",
        Visibility.INTERNAL,
        "r1",
        3,
    )


def test_dialect_c_tool_result_names_run_and_call_by_its_scope():
    payload = {
        "toolName": "exec",
        "params": {"command": "ls", "cwd": "/"},
        "result": {"content": [{"type": "text", "text": "a\nb"}], "details": {"status": "completed", "exitCode": 0}},
        "durationMs": 5,
    }
    event = read(c("tool.result", "tool.call.executed", payload, call="call_1_0"))
    assert (event.dialect, event.kind, event.name, event.run, event.call) == (
        "C",
        Kind.TOOL_RESULT,
        "exec",
        "r1",
        "call_1_0",
    )
    assert (event.arguments, event.text, event.error) == ('{"command":"ls","cwd":"/"}', "a\nb", "")
    assert event.visibility is Visibility.CONFIDENTIAL


def test_dialect_c_is_known_by_its_canonical_type_when_its_own_is_new():
    event = read(c("message.in.v2", "message.in.received", {"content": "hello"}))
    assert (event.kind, event.name, event.text) == (Kind.MESSAGE_IN, "message.in.received", "hello")


def test_dialect_d_has_no_visibility_and_no_identifiers():
    event = read(d("tool.call", {"toolName": "read", "params": {"path": "AGENTS.md"}}))
    assert (event.dialect, event.kind, event.name, event.call, event.run) == ("D", Kind.TOOL_CALL, "read", "", "")
    assert event.visibility is Visibility.INTERNAL


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("msg.in", Kind.MESSAGE_IN),
        ("msg.sending", Kind.MESSAGE_OUT),
        ("msg.out", Kind.MESSAGE_OUT),
        ("tool.call", Kind.TOOL_CALL),
        ("tool.result", Kind.TOOL_RESULT),
        ("run.start", Kind.RUN_START),
        ("run.end", Kind.RUN_END),
        ("run.error", Kind.RUN_ERROR),
        ("llm.input", Kind.MODEL_INPUT),
        ("llm.output", Kind.MODEL_OUTPUT),
        ("session.start", Kind.SESSION_START),
        ("session.end", Kind.SESSION_END),
        ("session.reset", Kind.SESSION_RESET),
        ("session.compaction_start", Kind.COMPACTION_START),
        ("session.compaction_end", Kind.COMPACTION_END),
        ("gateway.start", Kind.GATEWAY),
        ("gateway.stop", Kind.GATEWAY),
    ],
)
def test_every_type_of_the_plugin(type_, kind):
    event = read(d(type_, {}))
    assert (event.kind, event.name) == (kind, "unknown" if kind.startswith("tool") else type_)


@pytest.mark.parametrize(
    ("type_", "payload", "kind", "error"),
    [
        ("llm.output", {"assistantTextCount": 1, "usage": {"output": 17}}, Kind.MODEL_OUTPUT, ""),
        (
            "llm.output",
            {"assistantTextCount": 0, "assistantTextTotalLength": 0},
            Kind.RUN_ERROR,
            "the model gave no answer",
        ),
        ("llm.output", {"assistantTextCount": 0, "usage": {"output": 0}}, Kind.RUN_ERROR, "the model gave no answer"),
        ("llm.output", {"assistantTextCount": 0, "usage": {"output": 40}}, Kind.MODEL_OUTPUT, ""),
        ("run.end", {"success": True, "durationMs": 3}, Kind.RUN_END, ""),
        ("run.end", {"success": False, "error": "aborted"}, Kind.RUN_ERROR, "aborted"),
        ("run.end", {"success": False}, Kind.RUN_ERROR, "failed"),
        ("run.error", {"error": {"code": 429, "message": "rate limited"}}, Kind.RUN_ERROR, "rate limited"),
    ],
)
def test_failed_runs_and_model_calls_of_the_plugin(type_, payload, kind, error):
    event = read(d(type_, payload))
    assert (event.kind, event.error) == (kind, error)


def test_a_message_that_was_not_delivered_says_so():
    assert read(d("msg.out", {"content": "hi", "success": False, "error": "chat not found"})).error == "chat not found"
    assert read(d("msg.out", {"content": "hi", "success": False})).error == "not delivered"
    assert read(d("msg.out", {"content": "hi", "success": True})).error == ""


@pytest.mark.parametrize(
    ("subject", "payload", "text"),
    [
        (
            "openclaw.events.migration.daily-note",
            {"title": "2026-03-08", "content": "# 2026-03-08\n\n- Dentist"},
            "# 2026-03-08\n\n- Dentist",
        ),
        (
            "openclaw.events.migration.section",
            {"heading": "Decisions", "content": "We ship on Fridays."},
            "Decisions\nWe ship on Fridays.",
        ),
        ("openclaw.events.migration.person", {"data": {"title": "Alice", "text": "Likes teal."}}, "Alice\nLikes teal."),
        ("openclaw.events.migration.memory", {"text": "Keep it short."}, "Keep it short."),
    ],
)
def test_migration_events_are_memory(subject, payload, text):
    type_ = subject.removeprefix("openclaw.events.")
    message = {
        "id": "m1",
        "timestamp": T,
        "agent": "concierge",
        "session": "migration",
        "type": type_,
        "visibility": "internal",
        "payload": payload,
    }
    event = read(message, subject=subject)
    assert (event.kind, event.dialect, event.name, event.agent, event.text) == (
        Kind.MEMORY,
        "migration",
        type_,
        "concierge",
        text,
    )


@pytest.mark.parametrize(
    ("stream", "data", "kind"),
    [
        ("assistant", {"text": "Hello"}, Kind.MESSAGE_OUT),
        ("compaction", {"phase": "start"}, Kind.COMPACTION_START),
        ("compaction", {"phase": "end", "willRetry": False}, Kind.COMPACTION_END),
        ("compaction", {}, Kind.OTHER),
        ("thinking", {"text": "Hmm"}, Kind.OTHER),
        ("user", {"text": "Hello"}, Kind.OTHER),
    ],
)
def test_only_the_assistant_stream_is_a_reply(stream, data, kind):
    assert read(a("conversation.message.out", stream, data)).kind is kind
    assert read(b("msg.out", stream, data)).kind is kind


def test_the_stream_may_stand_in_meta_only():
    message = a("conversation.message.out", "thinking", {"text": "Hmm"})
    del message["payload"]["stream"]
    assert read(message).kind is Kind.OTHER
    message = {
        "timestamp": T,
        "session": SESSION,
        "type": "conversation.message.out",
        "payload": {"content": "Hmm"},
        "meta": {"stream": "thinking"},
    }
    assert read(message).kind is Kind.OTHER


def test_run_and_number_may_stand_in_meta_only():
    message = a("conversation.message.out", "assistant", {"text": "Hi"}, order=7)
    del message["payload"]["runId"], message["payload"]["seq"]
    event = read(message)
    assert (event.run, event.order) == ("r1", 7)


def test_a_flat_payload_may_name_its_run_and_call():
    event = read(d("tool.call", {"toolName": "t", "toolCallId": "c1", "runId": "r1", "seq": 2}))
    assert (event.run, event.order, event.call) == ("r1", 2, "c1")


def test_the_error_of_a_run_may_stand_beside_its_data():
    message = b("run.error", "lifecycle", {"phase": "error"})
    message["payload"]["error"] = "overloaded"
    assert read(message).error == "overloaded"


@pytest.mark.parametrize(
    ("type_", "phase", "kind"),
    [
        ("conversation.tool_call", "start", Kind.TOOL_CALL),
        ("conversation.tool_call", "update", Kind.OTHER),
        ("conversation.tool_call", "result", Kind.TOOL_RESULT),
        ("conversation.tool_result", "result", Kind.TOOL_RESULT),
        ("conversation.tool_result", "update", Kind.OTHER),
    ],
)
def test_only_phase_start_is_a_call(type_, phase, kind):
    assert read(a(type_, "tool", {"phase": phase, "name": "exec", "toolCallId": "c1"})).kind is kind


@pytest.mark.parametrize(
    ("session", "envelope", "how", "agent"),
    [
        ("agent:concierge:telegram:direct:42", "agent", {}, "concierge"),
        ("agent:research:main", "research", {}, "research"),
        ("agent:main:main", "system", {"agent": "configured"}, "main"),
        ("agent:research", "agent", {}, "research"),
        ("agent::main", "agent", {}, "unknown"),
        ("cron:nightly", "cron", {}, "unknown"),
        ("cron:nightly", "agent", {"agent": "ops"}, "ops"),
        ("hook:7f3c", "hook", {"subject": "openclaw.events.ops.msg_in"}, "ops"),
        ("hook:7f3c", "mailer", {"agent": "ops"}, "mailer"),
        ("unknown", "unknown", {}, "unknown"),
        ("unknown", "agent", {"subject": "openclaw.events.agent.msg_in"}, "unknown"),
        ("unknown", "agent", {"subject": "openclaw.events.ops.msg_in"}, "ops"),
        ("unknown", "agent", {"subject": "some.other.subject"}, "unknown"),
        (None, None, {"agent": "ops", "subject": "openclaw.events.agent.msg_in"}, "ops"),
        ("main", "Concierge", {}, "Concierge"),
    ],
)
def test_the_agent_is_recovered(session, envelope, how, agent):
    event = read(d("msg.in", {"content": "hi"}, session=session, agent=envelope), **how)
    assert (event.agent, event.session) == (agent, session or "unknown")


def test_the_actor_names_the_agent_when_nothing_else_does():
    message = c(
        "msg.in", "message.in.received", {"content": "hi"}, session="hook:7", scope={}, actor={"agentId": "ops"}
    )
    assert read(message, agent="configured").agent == "ops"


@pytest.mark.parametrize(
    ("message", "session"),
    [
        (a("lifecycle.start", "lifecycle", {"phase": "start"}, session="unknown"), SESSION),
        (c("msg.in", "message.in.received", {"content": "x"}, session=None), SESSION),
        (d("session.start", {"sessionId": "e44d98e3"}, session=None), "e44d98e3"),
        (d("msg.in", {"content": "x"}, session=""), "unknown"),
    ],
)
def test_the_session_key_is_found_where_the_envelope_has_none(message, session):
    assert read(message).session == session


def test_gateway_events_belong_to_the_system():
    event = read(d("gateway.start", {"port": 45165}, agent="system", session="system"), agent="ops")
    assert (event.agent, event.session) == ("system", "system")
    assert read(d("gateway.stop", {}, session=None), agent="ops").agent == "system"


@pytest.mark.parametrize(
    ("ts", "milliseconds"),
    [
        (1_790_000_000_123, 1_790_000_000_123),
        (1_790_000_000_123.6, 1_790_000_000_124),
        (1.790000000123e12, 1_790_000_000_123),
        ("2026-09-21T14:13:20.123Z", 1_790_000_000_123),
        ("2026-09-21T16:13:20.123+02:00", 1_790_000_000_123),
        ("2026-09-21T14:13:20.123456789Z", 1_790_000_000_123),
        ("2026-09-21 14:13:20", 1_790_000_000_000),
        (1_790_000_000, 1_790_000_000_000),
        (1_790_000_000.25, 1_790_000_000_250),
    ],
)
def test_times_in_every_form(ts, milliseconds):
    assert read(d("msg.in", {"content": "x"}, ts=ts)).ts == milliseconds


def test_a_time_without_zone_means_utc_wherever_it_is_read(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read(d("msg.in", {"content": "x"}, ts="2026-09-21T14:13:20")).ts == T
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_may_stand_in_the_payload_only():
    message = a("lifecycle.start", "lifecycle", {"phase": "start"}, at=5)
    del message["timestamp"]
    assert read(message).ts == T + 5


def test_equal_arguments_are_equal_text():
    events = [
        read(d("tool.call", {"toolName": "x", "params": params}))
        for params in (
            {"b": 1, "a": {"d": 2, "c": 3}},
            {"a": {"c": 3, "d": 2}, "b": 1},
            '{"b": 1, "a": {"d": 2, "c": 3}}',
        )
    ]
    assert {event.arguments for event in events} == {'{"a":{"c":3,"d":2},"b":1}'}


@pytest.mark.parametrize("visibility", list(Visibility))
def test_visibility_is_kept(visibility):
    assert read(d("msg.in", {"content": "x"}, visibility=visibility.value)).visibility is visibility


def test_two_events_have_one_digest_exactly_when_their_bytes_are_equal():
    one, other = d("msg.in", {"content": "x"}), d("msg.in", {"content": "y"})
    assert read(one, seq=1).digest == read(one, seq=9).digest != read(other).digest


@pytest.mark.parametrize(
    ("session", "user"),
    [
        ("agent:concierge:telegram:direct:42", "telegram:direct:42"),
        ("agent:main:irc:direct:alice", "irc:direct:alice"),
        ("agent:main:slack:channel:c01:thread:171.2", "slack:channel:c01"),
        ("agent:main:telegram:group:-100:topic:5", "telegram:group:-100"),
        ("agent:main:direct:42", "direct:42"),
        ("agent:main:matrix:room:!a:hs.org", "matrix:room:!a:hs.org"),
        ("agent:main:main", ""),
        ("agent:main:planning", ""),
        ("agent:main:direct", ""),
        ("cron:nightly", ""),
        ("hook:7f3c", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_the_other_side_of_a_session(session, user):
    assert user_of(session) == user


def test_refusal_is_a_value_error():
    with pytest.raises(ValueError, match="empty message"):
        read(b"")
    assert issubclass(Refusal, ValueError)
