"""Whatever bytes come, an Event or a reason that a person understands."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_forms import T, a, b, c, d, pack, read

from models.dialects import MAX_EVENT_BYTES, MAX_NESTING, Refusal, decode
from models.events import Event, Kind

GOOD = [
    a("conversation.message.in", "user", {"text": "Grüße 😀"}),
    a("conversation.message.out", "assistant", {"text": "[[reply_to_current]] Hello", "delta": "lo"}),
    a(
        "conversation.tool_call",
        "tool",
        {"phase": "start", "name": "t", "toolCallId": "c1", "args": {"b": [1, 2.5], "a": None}},
    ),
    a(
        "conversation.tool_result",
        "tool",
        {"phase": "result", "name": "t", "toolCallId": "c1", "isError": True, "result": '{"error": "x"}'},
    ),
    b("run.error", "lifecycle", {"phase": "error", "error": {"message": "boom"}}),
    c(
        "tool.result",
        "tool.call.failed",
        {"toolName": "read", "params": {"path": "a"}, "result": {"details": {"exitCode": 1}}},
        call="c1",
    ),
    d("llm.output", {"assistantTextCount": 0, "usage": {"output": 0}}),
    d(
        "msg.in",
        {"text_preview": [{"type": "text", "text": "Sender (untrusted metadata):\n```json\n{}\n```\nhi"}]},
        ts="2026-09-21T14:13:20Z",
    ),
    {"id": 1, "timestamp": T, "type": "migration.section", "payload": {"title": "t", "content": ["x"]}},
]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty message"),
        (b" \n", "blank message"),
        (b"hello", "not JSON: invalid character (byte 0)"),
        (b'{"type": "msg.in", "ts": 1', "not JSON: it ends too early (byte 26)"),
        (b'{"type": "msg.in",}', "not JSON: trailing comma in object (byte 18)"),
        (b'{"type": "msg.in", "ts": NaN}', "not JSON: NaN is no JSON number (byte 25)"),
        (b'{"ts": -Infinity}', "not JSON: Infinity is no JSON number (byte 8)"),
        (b'{"type": "\xff"}', "not UTF-8: byte 0xff at position 10"),
        (b"[1, 2]", "the message is a list, not an object"),
        (b"null", "the message is null, not an object"),
        (b'"msg.in"', "the message is text, not an object"),
        (b"{}", "no type"),
        (pack(d("msg.in", {}, type=5)), "type is a number, not text"),
        (pack(d("msg.in", {}, ts=[1])), "ts is a list, not a number or text"),
        (pack(d("msg.in", {}, ts=True)), "ts is true or false, not a number or text"),
        (pack(d("msg.in", {}, session=7)), "session is a number, not text"),
        (pack(d("msg.in", "text")), "payload is text, not an object"),
        (
            pack(d("msg.in", {"content": 5})),
            "payload.content is a number, not text or an object or a list",
        ),
        (
            pack(a("msg.in", "user", {"text": 5})),
            "payload.data.text is a number, not text or an object or a list",
        ),
        (pack(d("msg.in", {}, type="msg.edited")), "unknown type 'msg.edited'"),
        (pack(d("msg.in", {}, type="x" * 999)), "unknown type '" + "x" * 285 + "…"),
        (pack(d("msg.in", {}, type="a\nb\x00")), "unknown type 'a\\nb\ufffd'"),
        (pack(d("msg.in", {}, visibility="friends")), "unknown visibility 'friends'"),
        (pack(d("msg.in", {}, ts=None)), "no time"),
        (pack(d("msg.in", {}, ts="yesterday")), "not a time: 'yesterday'"),
        (pack(d("msg.in", {}, ts="NaN")), "not a time: 'NaN'"),
        (pack(d("msg.in", {}, ts=0)), "time outside 2000-2099: 0"),
        (pack(d("msg.in", {}, ts=-1_790_000_000_000)), "time outside 2000-2099: -1790000000000"),
        (pack(d("msg.in", {}, ts=1_790_000_000_000_000)), "time outside 2000-2099: 1790000000000000"),
        (pack(d("msg.in", {}, ts=1e300)), "time outside 2000-2099: 1e+300"),
        (pack(d("msg.in", {}, ts="0001-01-01T00:00:00+14:00")), "time outside 2000-2099: 0001-01-01T00:00:00+14:00"),
        (pack(a("msg.in", "user", {}, order=-1)), "seq out of range: -1"),
        (pack(a("msg.in", "user", {}, order=2**63)), "seq out of range: 9223372036854775808"),
        (pack(d("msg.in", {}, session="agent:x:" + "é" * 500)), "session of 1,008 bytes, more than the limit of 1,000"),
        (pack(d("msg.in", {}, session="agent:" + "x" * 300)), "agent of 300 bytes, more than the limit of 250"),
        (pack(d("tool.call", {"toolName": "x" * 300})), "tool of 300 bytes, more than the limit of 250"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(data, reason):
    with pytest.raises(Refusal) as refused:
        read(data)
    assert str(refused.value) == reason


def test_a_message_may_have_the_size_of_the_limit_and_no_more():
    frame = len(pack(d("msg.in", {"content": ""})))
    assert len(read(d("msg.in", {"content": "x" * (MAX_EVENT_BYTES - frame)})).text) == MAX_EVENT_BYTES - frame
    with pytest.raises(Refusal, match="4,194,305 bytes, more than the limit of 4,194,304"):
        read(d("msg.in", {"content": "x" * (MAX_EVENT_BYTES - frame + 1)}))


@pytest.mark.parametrize("where", ["params", "nobody reads this"])
@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_limited_wherever_it_is(where, open_, close):
    def nested(levels):
        inner = open_ * levels + "1" + close * levels
        return pack(d("tool.call", {"toolName": "t", where: "HERE"})).replace(b'"HERE"', inner.encode())

    assert read(nested(MAX_NESTING - 2)).kind is Kind.TOOL_CALL
    for levels in (MAX_NESTING - 1, 1_000, 100_000):
        with pytest.raises(Refusal, match="nested deeper than 100 levels"):
            read(nested(levels))


def test_brackets_within_strings_and_side_by_side_are_no_nesting():
    assert read(d("msg.in", {"content": '[[[[{{{{\\"' * 100})).text.startswith("[[[[")
    assert read(d("tool.call", {"toolName": "t", "params": {"list": [[] for _ in range(500)]}})).kind is Kind.TOOL_CALL


def test_deep_json_within_a_result_is_only_text():
    deep = '{"error":' * 5_000 + "1" + "}" * 5_000
    assert read(d("tool.result", {"toolName": "t", "result": deep})).error == ""
    assert read(d("tool.call", {"toolName": "t", "params": deep})).arguments == json.dumps(deep)


def outcome(data: bytes) -> Event | str:
    """The event, checked for what every event promises, or the reason why there is none."""
    try:
        event = decode(data, stream="log", seq=1, subject="openclaw.events.agent.msg_in", agent="")
    except Refusal as refusal:
        reason = str(refusal)
        assert reason.isprintable()
        assert 0 < len(reason.encode()) < 1000
        return reason
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            assert "\x00" not in value.encode().decode()
    assert 946_684_800_000 <= event.ts < 4_102_444_800_000
    assert 0 <= event.order < 2**63
    assert event.agent
    assert event.session
    assert "\n" not in event.error
    assert isinstance(json.loads(event.payload), dict)
    if event.arguments:
        json.loads(event.arguments)
    assert decode(data, stream="log", seq=1, subject="openclaw.events.agent.msg_in", agent="") == event
    return event


@given(st.binary(max_size=200))
@example(b'{"ts": ' + b"9" * 5000 + b"}")
@example(b"\xef\xbb\xbf")
@example(b'{"type":"msg.in","ts":1790000000000,"payload":{"content":"\\ud800"}}')
def test_any_bytes_are_an_event_or_refused(data):
    outcome(data)


@given(st.sampled_from(GOOD), st.data())
def test_a_changed_event_is_an_event_or_refused(good, data):
    raw = bytearray(pack(good))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        with_ = data.draw(
            st.sampled_from(
                [b"", b"\x00", b'"', b"\\u0000", b"\\ud800", b"\xff", b"[", b"}", b"NaN", b"1e999", b"null"]
            )
        )
        raw[at : at + data.draw(st.integers(0, 3))] = with_
    outcome(bytes(raw))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(categories=None), max_size=20)
    | st.sampled_from(["start", "agent:x:y", "-1", "[["]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    tuple(path.split("."))
    for path in [
        "payload",
        "payload.content",
        "payload.text",
        "payload.result",
        "payload.params",
        "payload.error",
        "payload.toolName",
        "payload.data",
        "payload.runId",
        "payload.seq",
        "payload.stream",
        "payload.usage",
        "meta",
        "scope",
        "scope.toolCallId",
        "actor",
        "id",
        "ts",
        "timestamp",
        "agent",
        "session",
        "visibility",
        "type",
    ]
]


@given(st.sampled_from(GOOD), st.lists(st.tuples(st.sampled_from(FIELDS), JSON), min_size=1, max_size=3))
def test_an_event_with_any_value_in_any_field_is_an_event_or_refused(good, changes):
    message = json.loads(pack(good))
    for path, value in changes:
        target = message
        for name in path[:-1]:
            target = target[name] if isinstance(target.get(name), dict) else target.setdefault(name + "_", {})
        target[path[-1]] = value
    outcome(json.dumps(message).encode())
