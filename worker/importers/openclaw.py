"""OpenClaw transcripts in files: live ones and archives, JSONL versions 1 to 4, packed or not."""

import time
from collections.abc import Iterator

import msgspec

from worker.importers.base import HEAD, File, Memory, Record, lines, why_no_object
from worker.importers.openclaw_entries import Transcript
from worker.importers.openclaw_names import NAME, Header, Sessions, agent_of, first_header, session_of
from worker.importers.openclaw_tree import Link, abandoned, link
from worker.importers.tailing import GrowingFile

__all__ = ["FORMAT", "read", "recognises", "tail"]

FORMAT = "OpenClaw transcript"

NAMED_WITHIN = 3.0
"""Seconds that the index may need to name a new transcript's session."""
_LOOK_AGAIN = 0.2
_ENTRY = frozenset({"parentId", "message", "customType", "firstKeptEntryId"})
_FOREIGN = frozenset({"uuid", "parentUuid", "sessionId"})
"""What the transcripts of Claude Code have, whose parts are others."""


def recognises(file: File) -> bool:
    """Whether it is named as transcripts are and one of its first lines is an entry."""
    if not NAME.match(file.name):
        return False
    return any(_is_entry(line) for line in file.head.split(b"\n")[:20])


def _is_entry(line: bytes) -> bool:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A long first entry is cut off by the head's end.
        return line.startswith((b'{"type":"message","', b'{"type":"session","'))
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return False
    if value["type"] == "session":
        return "payload" not in value
    return not _ENTRY.isdisjoint(value) and _FOREIGN.isdisjoint(value)


def read(file: File, memory: Memory) -> Iterator[Record]:
    """The events of a transcript."""
    header = first_header(file.head)
    transcript = _transcript(file, Sessions.settled_beside(file.path, agent_of(file.path, header, file.agent), memory))
    for line in lines(file.path):
        yield line if isinstance(line, Record) else transcript.entry(line[1], line[0])


def _transcript(file: File, sessions: Sessions) -> Transcript:
    header = first_header(file.head)
    return Transcript(
        sessions.session(session_of(file.path, header)),
        sessions,
        abandoned=abandoned(lambda: _links(file)),
        ts=header.ts if header and header.ts else int(file.path.stat().st_mtime * 1000),
    )


def _links(file: File) -> Iterator[tuple[int, Link]]:
    for line in lines(file.path):
        if not isinstance(line, Record) and (found := link(line[1])):
            yield line[0], found


class _Tail:
    """A transcript that is being written."""

    def __init__(self, file: File, memory: Memory) -> None:
        self.again = 0.0
        self._file = file
        self._memory = memory
        self._lines = GrowingFile(file.path)
        self._transcript: Transcript | None = None

    def read(self) -> Iterator[Record]:
        """The entries that are new."""
        if self._lines.begun_anew():
            self._transcript = None
        if self._transcript is None:
            file = File(self._file.path, self._file.root, self._file.agent)
            if not _has_begun(file.head):
                return
            header = first_header(file.head)
            sessions = Sessions.beside(file.path, agent_of(file.path, header, file.agent), self._memory)
            self.again = _LOOK_AGAIN if _may_be_named_soon(session_of(file.path, header), header, sessions) else 0.0
            if self.again:
                return
            self._transcript = _transcript(file, sessions)
        for line in self._lines.lines():
            yield line if isinstance(line, Record) else self._transcript.entry(line[1], line[0])


def tail(file: File, memory: Memory) -> _Tail:
    """A transcript's tail."""
    return _Tail(file, memory)


def _has_begun(head: bytes) -> bool:
    """Whether the first line, which says whose the others are, is there as a whole."""
    return b"\n" in head or len(head) == HEAD or not why_no_object(head)


def _may_be_named_soon(session: str, header: Header | None, sessions: Sessions) -> bool:
    """Whether a transcript is so new that the index beside it may not name its session yet, or that one is half there."""
    if sessions.names(session):
        return False
    is_new = header is not None and 0 <= time.time() - header.ts / 1000 < NAMED_WITHIN
    return is_new or sessions.unsettled
