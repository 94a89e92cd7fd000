"""Text wherever producers put it, without what transports add, and storable."""

import hashlib
import json

import pytest
from wire_forms import SESSION, T, a, d, pack, read


@pytest.mark.parametrize(
    "payload",
    [
        {"content": "Hello\nworld"},
        {"text": "Hello\nworld"},
        {"text_preview": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "world"}]},
        {
            "content": [
                {"type": "text", "text": "Hello"},
                {"type": "image", "data": "…"},
                {"type": "text", "text": "world"},
            ]
        },
        {"content": {"type": "text", "text": "Hello\nworld"}},
        {"data": {"content": "Hello\nworld"}},
        {"data": "Hello\nworld"},
    ],
)
def test_text_wherever_other_producers_put_it(payload):
    assert read(d("msg.in", payload)).text == "Hello\nworld"
    assert read(d("msg.out", payload)).text == "Hello\nworld"
    flat = {"timestamp": T, "session": SESSION, "type": "conversation.message.in", "payload": payload}
    assert read(flat).text == "Hello\nworld"


FENCE = 'Sender (untrusted metadata):\n```json\n{\n  "label": "Alice",\n  "id": "42"\n}\n```\n\n'
INFO = 'Conversation info (untrusted metadata):\n```json\n{"message_id": "1"}\n```\n\n'


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (FENCE + "[Sun 2026-03-08 22:03 GMT+9] What is next?", "What is next?"),
        (INFO + FENCE + "What is\n\nnext?", "What is\n\nnext?"),
        ("[Sun 2026-03-08 22:03 GMT+9] What is next?", "What is next?"),
        ("[Sun 2026-11-22 14:01 UTC] Grüße", "Grüße"),
        (FENCE.rstrip(), ""),
        ("[Bootstrap pending]\nPlease read BOOTSTRAP.md.\n\n[Sun 2026-11-22 14:02 UTC] Nein.", "Nein."),
        ("[Sunday] is free", "[Sunday] is free"),
        ("My note (untrusted metadata): none", "My note (untrusted metadata): none"),
        (
            "Sender (untrusted metadata):\n```json\n{ never closed",
            "Sender (untrusted metadata):\n```json\n{ never closed",
        ),
        ("Why is there\n" + FENCE + "in it?", "Why is there\n" + FENCE + "in it?"),
    ],
)
def test_what_transports_put_before_a_users_text_is_kept_out_of_analysis(said, text):
    event = read(a("conversation.message.in", "user", {"text": said}))
    assert event.text == text
    assert json.loads(event.payload)["payload"]["data"]["text"] == said


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("[[reply_to_current]] Hello", "Hello"),
        ("[[reply_to_current]]Hello", "Hello"),
        ("[[ reply_to: 123 ]] [[audio_as_voice]] Hello", "Hello"),
        ("[[reply_to_cur", ""),
        ("[[", ""),
        ("[", ""),
        ("[[wiki link]] is fine", "[[wiki link]] is fine"),
        ("Use [[reply_to_current]] to reply", "Use [[reply_to_current]] to reply"),
    ],
)
def test_reply_directives_are_kept_out_of_analysis(said, text):
    event = read(a("conversation.message.out", "assistant", {"text": said}))
    assert event.text == text
    assert json.loads(event.payload)["payload"]["data"]["text"] == said


def test_text_comes_out_storable():
    raw = pack(d("msg.in", {"content": "TEXT"}))
    event = read(raw.replace(b"TEXT", rb"a\u0000b \ud83d cut \udc00 \ud83d\ude00 \\u0000 \\ud83d"))
    assert event.text == "a\ufffdb \ufffd cut \ufffd 😀 \\u0000 \\ud83d"
    assert json.loads(event.payload)["payload"]["content"] == event.text
    assert "\x00" not in event.payload
    assert (
        event.digest
        == hashlib.sha256(raw.replace(b"TEXT", rb"a\u0000b \ud83d cut \udc00 \ud83d\ude00 \\u0000 \\ud83d")).hexdigest()
    )


def test_a_byte_order_mark_is_no_obstacle():
    event = read(b"\xef\xbb\xbf" + pack(d("msg.in", {"content": "hi"})))
    assert event.text == "hi"
    assert json.loads(event.payload)["payload"] == {"content": "hi"}
