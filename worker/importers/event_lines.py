"""Event lines of any dialect, a JSON object each: logs that were kept as files, and captures of streams."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from models.dialects import Refusal, decode
from models.dialects.packing import LARGEST
from worker.importers.base import Event, File, Memory, Record, lines
from worker.importers.tailing import GrowingFile

__all__ = ["FORMAT", "read", "recognises", "tail"]

FORMAT = "event lines"

_CAPTURED = frozenset({"subject", "stream_seq", "seq", "headers"})


class _Line(msgspec.Struct):
    """A line that may be a captured message, whose ``data`` is the event."""

    subject: Any = None
    data: msgspec.Raw = msgspec.Raw()
    type: Any = None


class _Address(msgspec.Struct):
    agent: Any = None
    type: Any = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_address = msgspec.json.Decoder(_Address).decode


def recognises(file: File) -> bool:
    """Whether one of its first lines is an event, or a captured message."""
    return any(_is_event(line) for line in file.head.split(b"\n")[:20] if line)


def _is_event(line: bytes) -> bool:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        # A long first event is cut off by the head's end.
        return line[:1] == b"{" and b'"payload":' in line and b'"type":' in line and b'"session":' in line
    if not isinstance(value, dict):
        return False
    if "eventlore" in value or ("payload" in value and isinstance(value.get("type"), str)):
        return True
    return "data" in value and not _CAPTURED.isdisjoint(value)


def read(file: File, memory: Memory) -> Iterator[Record]:  # noqa: ARG001 - an event says all
    """The events, byte for byte; equal lines are one event."""
    for line in lines(file.path):
        yield line if isinstance(line, Record) else _record(line[0], line[1], file.agent)


class _Tail:
    """Event lines that are being written."""

    again = 0.0

    def __init__(self, file: File) -> None:
        self._agent = file.agent
        self._lines = GrowingFile(file.path)

    def read(self) -> Iterator[Record]:
        """The events that are new."""
        self._lines.begun_anew()
        for line in self._lines.lines():
            yield line if isinstance(line, Record) else _record(line[0], line[1], self._agent)


def tail(file: File, memory: Memory) -> _Tail:  # noqa: ARG001 - an event says all
    """The tail of a log in a file."""
    return _Tail(file)


def _record(number: int, line: bytes, agent: str) -> Record:
    subject = ""
    try:
        outer = _decode_line(line)
        if len(outer.data) and outer.type is None:
            line = bytes(outer.data)
            subject = outer.subject if isinstance(outer.subject, str) else ""
            if line[:1] == b'"':
                line = msgspec.json.decode(line, type=str).encode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the decoder below says what is wrong
    if len(line) > LARGEST:
        return Record(number, [], f"{len(line):,} bytes, more than an event may have ({LARGEST:,})")
    try:
        event = decode(line, stream="", seq=number, subject=subject, agent=agent)
    except Refusal as refusal:
        return Record(number, [], str(refusal))
    address = _decode_address(line)
    return Record(
        number,
        [Event(hashlib.sha256(line).hexdigest()[:32], event.agent, str(address.type or event.kind), line)],
    )
