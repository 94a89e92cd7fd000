"""Dialect E: what importers write is read back whole."""

import pytest

from models.dialects import Refusal, decode
from models.dialects.own import Own, Source, encode
from models.events import Kind, Visibility


def test_everything_that_is_told_is_read() -> None:
    told = Own(
        eventlore=1,
        id="5f",
        ts=1795356164048,
        agent="research",
        session="agent:research:main",
        type="tool.call",
        visibility=Visibility.CONFIDENTIAL,
        name="write",
        run="r1",
        order=12001,
        call="c1",
        arguments={"path": "a", "content": "b"},
        source=Source("openclaw", "s1", "e1"),
        data={"model": "m"},
    )
    event = decode(encode(told), stream="log", seq=7)
    assert (event.stream, event.seq, event.dialect) == ("log", 7, "E")
    assert (event.id, event.ts, event.agent, event.session) == ("5f", 1795356164048, "research", "agent:research:main")
    assert (event.kind, event.visibility) == (Kind.TOOL_CALL, Visibility.CONFIDENTIAL)
    assert (event.name, event.run, event.order, event.call) == ("write", "r1", 12001, "c1")
    assert event.arguments == '{"content":"b","path":"a"}'
    assert event.payload == encode(told).decode()


def test_the_order_of_keys_does_not_matter() -> None:
    event = decode(b'{"type":"message.in","ts":1795356164048,"text":"hi","eventlore":1}', stream="log", seq=1)
    assert (event.kind, event.text, event.session, event.agent) == (Kind.MESSAGE_IN, "hi", "unknown", "unknown")


def test_an_agent_with_a_colon_in_its_name_is_not_taken_for_another() -> None:
    told = Own(eventlore=1, ts=1795356164048, type="message.in", text="hi", agent="a:b", session="agent:a:b:main")
    assert decode(encode(told), stream="log", seq=1).agent == "a:b"
    told = Own(eventlore=1, ts=1795356164048, type="message.in", text="hi", agent="b", session="agent:a:b:main")
    assert decode(encode(told), stream="log", seq=1).agent == "a"


def test_messages_lose_what_transports_added() -> None:
    told = Own(eventlore=1, ts=1795356164048, type="message.in", text="[Sun 2026-11-22 14:02 UTC] Hello")
    assert decode(encode(told), stream="log", seq=1).text == "Hello"
    told = Own(eventlore=1, ts=1795356164048, type="message.out", text="[[reply_to_current]] Hello")
    assert decode(encode(told), stream="log", seq=1).text == "Hello"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b'{"eventlore":1,"ts":1795356164048,"type":"message.sideways"}',
            "unknown type 'message.sideways' (version 1)",
        ),
        (b'{"eventlore":2,"ts":1795356164048,"type":"message.in"}', "unknown type 'message.in' (version 2)"),
        (b'{"eventlore":1,"ts":12,"type":"message.in"}', "time outside 2000-2099: 12"),
        (b'{"eventlore":1,"ts":1795356164048,"type":"message.in","order":-1}', "order out of range: -1"),
        (b'{"eventlore":1,"type":"message.in"}', "wrong type: Object missing required field ts"),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode(data, stream="log", seq=1)
    assert str(refused.value) == reason


def test_the_agent_is_that_of_the_session_key() -> None:
    told = Own(eventlore=1, ts=1795356164048, type="message.in", session="agent:research:main")
    assert decode(encode(told), stream="log", seq=1).agent == "research"
    told = Own(eventlore=1, ts=1795356164048, type="message.in", session="cron:nightly")
    assert decode(encode(told), stream="log", seq=1, agent="ops").agent == "ops"


def test_an_error_is_one_line() -> None:
    told = Own(eventlore=1, ts=1795356164048, type="tool.result", error="not\nfound")
    assert decode(encode(told), stream="log", seq=1).error == "not found"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Traceback (most recent call last):\n  File x\nValueError: bad", "ValueError: bad"),
        ("(no output)\n\nCommand exited with code 127", "exit code 127"),
        ('{"exitCode": 1, "output": "boom"}', "boom (exit code 1)"),
        ("Permission denied", "Permission denied"),
        ("The log says: Error: disk full, but the job went on", ""),
        ("Command exited with code 0", ""),
    ],
)
def test_a_result_without_an_error_is_judged_by_its_text(text: str, error: str) -> None:
    told = Own(eventlore=1, ts=1795356164048, type="tool.result", name="exec", text=text)
    assert decode(encode(told), stream="log", seq=1).error == error


def test_the_error_that_is_told_counts_before_the_text() -> None:
    told = Own(eventlore=1, ts=1795356164048, type="tool.result", text="Error: 550", error="mail refused")
    assert decode(encode(told), stream="log", seq=1).error == "mail refused"


def test_what_an_importer_found_fine_and_what_is_no_result_is_not_judged_again() -> None:
    fine = Own(eventlore=1, ts=1795356164048, type="tool.result", text="Error: printed", source=Source("openclaw"))
    said = Own(eventlore=1, ts=1795356164048, type="message.out", text="Error: printed")
    assert [decode(encode(own), stream="log", seq=1).error for own in (fine, said)] == ["", ""]
