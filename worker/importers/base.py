"""What an importer is: one file each, from the files of one format to events.

An importer is a module with three names, listed in :data:`worker.importers.IMPORTERS`:

- ``FORMAT``: the format's name, as reports give it;
- ``recognises(file)``: whether a file is of this format, by its name and its first bytes;
- ``read(file, memory)``: the file's records in order, each with the events that it became or why it became none.

A fourth, ``tail(file, memory)``, is for files that grow while they are followed: :mod:`worker.importers.tailing`.

What is read must depend on nothing but the file and, for names, on what lies beside it: then reading twice gives the
same events with the same identifiers, and importing twice adds nothing.
"""

import contextlib
import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
import orjson
import zstandard

from models.dialects.origin import milliseconds
from models.dialects.own import Own
from models.dialects.packing import pack
from models.dialects.refusal import Refusal
from models.dialects.wire import mended
from worker.lines import LONGEST, Line, lines_of

__all__ = [
    "HEAD",
    "UNFINISHED",
    "Event",
    "File",
    "Importer",
    "Memory",
    "Record",
    "identifier",
    "lines",
    "loads",
    "made",
    "moment",
    "opened",
    "version_of",
    "why_no_object",
]


HEAD = 4096
"""Bytes by which a file's format is told."""
UNFINISHED = "the last line is not finished"
"""Of what is being written while it is read."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event on its way into the log."""

    id: str
    agent: str
    type: str
    """The last part of its subject, before dots become underscores."""
    data: bytes


class Record(msgspec.Struct, frozen=True, gc=False):
    """What became of one record of a file."""

    place: int
    """Its line, or its number, from 1."""
    events: list[Event]
    refused: str = ""
    """Why it could not be read; then there are no events."""


@dataclass
class File:
    """A file to import."""

    path: Path
    root: Path
    """The folder (or the file) that the import was asked for."""
    agent: str = ""
    """The agent that the user says it is of."""

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def head(self) -> bytes:
        """The first :data:`HEAD` bytes, unpacked; empty when it cannot be read."""
        try:
            with opened(self.path) as stream:
                return stream.read(HEAD)
        except (OSError, EOFError, zstandard.ZstdError):
            return b""


class Memory(Protocol):
    """What imports remember: names that a folder forgets, such as the key of a session that was reset since."""

    def recall(self, what: str) -> str:
        """What was remembered; empty when nothing was."""

    def remember(self, what: str, value: str) -> None:
        """Keep this for later imports."""


class Importer(Protocol):
    """A module that reads one format."""

    FORMAT: str

    def recognises(self, file: File) -> bool:
        """Whether the file is of this format."""

    def read(self, file: File, memory: Memory) -> Iterator[Record]:
        """The file's records.

        Raises:
            OSError: it cannot be read at all.
        """


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked when gzip or zstd packed them."""
    with path.open("rb") as stream:
        magic = stream.peek(4)[:4]
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(stream) as unpacked:
                yield unpacked  # type: ignore[misc] # GzipFile reads as a buffered reader does
        elif magic == b"\x28\xb5\x2f\xfd":
            reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
            yield io.BufferedReader(reader, 1 << 17)
        else:
            yield stream


def lines(path: Path) -> Iterator[Line | Record]:
    """A file's lines that are not empty; a record instead for a line, or a rest of the file, that cannot be read.

    A last line without its end counts when it is a whole JSON object: else somebody is still writing it.
    """
    number = 0
    try:
        with opened(path) as stream:
            for batch in lines_of(stream):
                for line in batch:
                    number, raw, size, ended = line
                    if size > LONGEST:
                        yield Record(number, [], f"{size:,} bytes in one line")
                    elif ended or not (wrong := why_no_object(raw)):
                        yield line
                    else:
                        yield Record(number, [], f"{UNFINISHED}: {wrong}")
    except (EOFError, zstandard.ZstdError, gzip.BadGzipFile) as error:
        yield Record(number + 1, [], f"the file is damaged from here on: {error}")


def loads(line: bytes) -> Any:  # noqa: ANN401 - JSON
    """A line's JSON; half an emoji, which strict readers refuse, becomes U+FFFD.

    Raises:
        ValueError: it is no JSON; the text says what is wrong.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if b"\\u" in line or line[:1] == b"\xef":
            with contextlib.suppress(orjson.JSONDecodeError):
                return orjson.loads(mended(line))
        if not line.strip(b"\x00"):
            raise ValueError("nothing but NUL bytes") from None
        raise ValueError(f"no JSON: {str(error).partition(': line')[0]}") from None


def why_no_object(text: bytes) -> str:
    """Why this is not a whole JSON object and nothing else; empty when it is one."""
    try:
        value = loads(text)
    except ValueError as error:
        return str(error)
    return "" if isinstance(value, dict) else f"no object but a JSON {type(value).__name__}"


def identifier(*parts: str) -> str:
    """An event's identifier, made of what identifies it at its source."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_TIMES = (str, int, float)
_NUMBER = re.compile(r"\d{9,16}(?:\.\d+)?", re.ASCII)


def moment(*times: object) -> int:
    """The first of these that is a time, in Unix milliseconds; 0 when none is. Numbers may be written as text."""
    for time in times:
        if isinstance(time, _TIMES) and not isinstance(time, bool):
            try:
                return milliseconds(float(time) if isinstance(time, str) and _NUMBER.fullmatch(time) else time)
            except Refusal:
                continue
    return 0


def made(own: Own) -> Event:
    """The event's bytes, with less in it where the log would not take all, and shorter names where readers would not."""
    if len(own.agent) > 60 or len(own.name) > 60 or len(own.session) > 250 or len(own.call) + len(own.run) > 250:
        _shorten(own)
    return Event(own.id, own.agent, own.type, pack(own))


def _shorten(own: Own) -> None:
    """Make names as short as readers take them."""
    own.name, own.call, own.run = _short(own.name, 250), _short(own.call, 1000), _short(own.run, 1000)
    if (agent := _short(own.agent, 250)) != own.agent:
        own.agent, own.session = agent, f"agent:{agent}:{identifier(own.session)}"
    own.session = _short(own.session, 1000)


def _short(name: str, limit: int) -> str:
    """A name of so many bytes at most; two that are too long stay two."""
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return name
    return data[: limit - 40].decode("utf-8", "ignore") + "~" + identifier(name)


def version_of(path: Path) -> str:
    """What changes when a file does, or the write-ahead log beside a database."""
    return f"{_version(path)} {_version(path.with_name(path.name + '-wal'))}"


def _version(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "-"
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
