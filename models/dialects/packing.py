"""Events in dialect E as bytes that a log takes, whatever is in them."""

import json
from typing import Any

import msgspec

from models.dialects.nesting import too_deep
from models.dialects.own import Own

__all__ = ["LARGEST", "pack"]

LARGEST = 1_000_000
"""Bytes of an event: what a NATS server takes unless it is told otherwise, less what headers need."""


def _shown(value: object) -> str:
    """What no JSON can say, as its owner would print it."""
    return repr(value)[:1000]


_encode = msgspec.json.Encoder(enc_hook=_shown).encode


def pack(own: Own) -> bytes:
    """The event's bytes, with less in it where the log would not take all.

    Raises:
        TypeError: an object's keys are nothing that JSON has as keys.
    """
    try:
        data = _bytes(own)
    except RecursionError:
        data = b""
    if not data or too_deep(data):
        own.data = own.arguments = {"cut": "nested too deeply"}
        data = _bytes(own)
    if len(data) > LARGEST:
        _cut(own, len(data))
        data = _bytes(own)
    return data


def _bytes(own: Own) -> bytes:
    try:
        return _encode(own)
    except UnicodeEncodeError:  # half an emoji, which JSON can only escape
        return json.dumps(msgspec.to_builtins(own, enc_hook=_shown)).encode()


def _cut(own: Own, size: int) -> None:
    """Take away what no field is for, then large arguments, then as much of what was said as must be."""
    notice = f"\n… [cut: {size:,} bytes are more than an event holds]"
    own.data = {"cut": size}
    if _size(own.arguments) > LARGEST // 2:
        own.arguments = {"cut": size}
    own.error = own.error[: LARGEST // 20]
    while len(_bytes(own)) > LARGEST and own.text != notice:
        said = own.text.removesuffix(notice)
        own.text = said[: len(said) // 2] + notice


def _size(value: Any) -> int:  # noqa: ANN401 - JSON
    return len(msgspec.json.encode(value, enc_hook=_shown))
