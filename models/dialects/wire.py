"""Bytes -> the envelope that all dialects share, typed.

The envelopes differ in which of these fields they fill; what nobody here reads is skipped, whatever it holds.
"""

import re
from typing import Any

import msgspec

from models.dialects.nesting import MAX_NESTING, too_deep
from models.dialects.refusal import Refusal

__all__ = ["MAX_EVENT_BYTES", "Actor", "Data", "Envelope", "Payload", "Time", "mended", "parse"]

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""A larger message is refused."""

Name = str | int | None
"""An identifier; some producers number things."""
Number = int | float | None
Said = str | list[Any] | dict[str, Any] | None
"""Text as producers write it: plain, or content parts such as ``[{"type": "text", "text": "..."}]``."""
Time = int | float | str | None


class Data(msgspec.Struct, rename="camel", gc=False):
    """``payload.data`` of dialects A and B."""

    phase: str | None = None
    text: Said = None
    content: Said = None
    name: str | None = None
    tool_call_id: Name = None
    args: Any = None
    is_error: bool | None = None
    result: Any = None
    error: Any = None
    title: Any = None
    heading: Any = None


class Payload(msgspec.Struct, rename="camel", gc=False):
    """``payload``: of A and B around ``data``, of C, D and other producers flat."""

    data: Data | str | list[Any] | None = None
    run_id: Name = None
    seq: Number = None
    stream: str | None = None
    ts: Time = None
    session_key: str | None = None
    session_id: Name = None
    # messages
    content: Said = None
    text: Said = None
    text_preview: Said = msgspec.field(default=None, name="text_preview")
    # tools
    phase: str | None = None
    tool_name: str | None = None
    name: str | None = None
    tool_call_id: Name = None
    params: Any = None
    args: Any = None
    is_error: bool | None = None
    result: Any = None
    # runs and model calls
    success: bool | None = None
    error: Any = None
    prompt: Any = None
    assistant_text_count: Number = None
    usage: Any = None
    reason: Any = None
    # memory workspaces
    title: Any = None
    heading: Any = None


class Actor(msgspec.Struct, rename="camel", gc=False):
    agent_id: Name = None


class Scope(msgspec.Struct, rename="camel", gc=False):
    session_key: str | None = None
    session_id: Name = None
    run_id: Name = None
    tool_call_id: Name = None


class Meta(msgspec.Struct, rename="camel", gc=False):
    run_id: Name = None
    seq: Number = None
    stream: str | None = None


class Envelope(msgspec.Struct, rename="camel", gc=False):
    eventlore: int | None = None
    type: str | None = None
    canonical_type: str | None = None
    legacy_type: str | None = None
    schema_version: Any = None
    id: Name = None
    timestamp: Time = None
    ts: Time = None
    agent: str | None = None
    session: str | None = None
    visibility: str | None = None
    actor: Actor | str | None = None
    scope: Scope | None = None
    meta: Meta | None = None
    payload: Payload | None = None


_decoder = msgspec.json.Decoder(Envelope)
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}|u0000)"
    rb"|.)",
    re.DOTALL,
)
"""Escapes in JSON strings; the group: those that no database stores, half a surrogate pair and NUL."""


def parse(data: bytes) -> tuple[Envelope, str]:
    """Read a message's envelope; give it back with the message as text that every database stores.

    That text is the message as it came, but for U+FFFD instead of NUL and of half a surrogate pair (text that a
    producer cut within an emoji), and without a byte order mark.

    Raises:
        Refusal: it is empty, too large, no UTF-8, no JSON object, nested too deeply, or a field has the wrong type.
    """
    if not data:
        raise Refusal("empty message")
    if len(data) > MAX_EVENT_BYTES:
        raise Refusal(f"{len(data):,} bytes, more than the limit of {MAX_EVENT_BYTES:,}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Refusal(f"not UTF-8: byte {data[error.start]:#04x} at position {error.start}") from None
    if too_deep(data):
        raise Refusal(f"nested deeper than {MAX_NESTING} levels")
    if b"\\u0000" not in data:
        try:
            return _decoder.decode(data), text
        except msgspec.DecodeError as error:
            refusal = Refusal(_reason(error, data))
        if b"\\u" not in data and data[:1] != b"\xef":
            raise refusal
    data = mended(data)
    try:
        return _decoder.decode(data), data.decode()
    except msgspec.DecodeError as error:
        raise Refusal(_reason(error, data)) from None


def mended(data: bytes) -> bytes:
    """JSON with U+FFFD instead of what no database stores, and without a byte order mark."""
    return _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], data.removeprefix(b"\xef\xbb\xbf"))


_WRONG_TYPE = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `\$\.?(?P<field>[^`]*)`)?")
_WORDS = {
    "object": "an object",
    "array": "a list",
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}


def _reason(error: msgspec.DecodeError, data: bytes) -> str:
    said = str(error)
    if wrong := _WRONG_TYPE.fullmatch(said):
        kinds = [_WORDS.get(kind, kind) for kind in wrong["wanted"].split(" | ") if kind != "null"]
        wanted = " or ".join(dict.fromkeys(kinds))
        return f"{wrong['field'] or 'the message'} is {_WORDS.get(wrong['got'], wrong['got'])}, not {wanted}"
    if isinstance(error, msgspec.ValidationError):
        return said.replace("`", "")
    if not data.strip():
        return "blank message"
    if at := re.search(r"\(byte (\d+)\)", said):
        rest = data[int(at[1]) :]
        for word in (b"NaN", b"Infinity"):
            if rest.startswith(word):
                return f"not JSON: {word.decode()} is no JSON number (byte {at[1]})"
        return f"not JSON: {said.removeprefix('JSON is malformed: ')}"
    return f"not JSON: it ends too early (byte {len(data)})"
