"""What grows while it is read: tails of files, each of which gives what is new since it was last asked.

An importer whose files grow has a fourth name beside those in :mod:`worker.importers.base`, ``tail(file, memory)``.
Files of the others are read whole when they have changed and come to rest; the ledger leaves out what was there.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

from worker.importers.base import File, Importer, Memory, Record, version_of, why_no_object
from worker.lines import LONGEST, Line

__all__ = ["REST", "GrowingFile", "Skipping", "Tail", "is_at_rest", "is_read_whole", "tail_of"]

REST = 2.0
"""Seconds that a file which is read whole stays unchanged before it is."""
_CHUNK = 1 << 20
_REMEMBERED = 256
"""Bytes before the place that was reached, by which a file is known again."""


class Tail(Protocol):
    """One file that is followed."""

    again: float
    """Seconds after which to read again although nothing changes; 0: there is no need."""

    def read(self) -> Iterator[Record]:
        """The records that are new since the last time; the first time, or when it was begun anew, all of them.

        Raises:
            OSError: it cannot be read.
        """


@runtime_checkable
class Skipping(Protocol):
    """A tail that knows its place without reading."""

    def skip(self) -> None:
        """Take what is there now for read."""


def tail_of(importer: Importer, file: File, memory: Memory) -> Tail:
    """The tail of a file that an importer recognises; packed ones do not grow."""
    make = _maker(importer, file)
    tail: Tail = make(file, memory) if make else _Whole(importer, file, memory)
    return tail


def is_read_whole(importer: Importer, file: File) -> bool:
    """Whether a file that changed is read from its beginning, after it has come to rest."""
    return _maker(importer, file) is None


def is_at_rest(path: Path) -> bool:
    """Whether a file has not changed for a while: half of a note is another note.

    Raises:
        OSError: it is not there.
    """
    return not 0 <= time.time() - path.stat().st_mtime < REST


def _maker(importer: Importer, file: File) -> Callable[[File, Memory], Tail] | None:
    packed = file.path.suffix in {".zst", ".gz"} or file.head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))
    return None if packed else getattr(importer, "tail", None)


class _Whole:
    """A file that is read whole each time."""

    def __init__(self, importer: Importer, file: File, memory: Memory) -> None:
        self.again = 0.0
        self._importer = importer
        self._file = file
        self._memory = memory
        self._read = ""

    def read(self) -> Iterator[Record]:
        path = self._file.path
        version = version_of(path)
        self.again = 0.0
        if version == self._read:
            return
        if not is_at_rest(path):
            self.again = REST
            return
        yield from self._importer.read(File(path, self._file.root, self._file.agent), self._memory)
        self._read = version


class GrowingFile:
    """The lines of a file that others write to.

    A line counts when its end is written, or when it is a whole JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin()

    def _begin(self) -> None:
        self._inode = 0
        self._offset = 0
        self._number = 0
        self._before = b""
        """The last bytes before the offset."""
        self._ended = True
        """Whether the end of the line at the offset was reached; not so after one that counts without it."""
        self._endless = 0
        """Bytes so far of a line that is too long to be read."""

    def begun_anew(self) -> bool:
        """Whether it is another file than the one read so far, or was cut or written anew: then all of it is new."""
        with self._path.open("rb") as stream:
            if self._offset and self._is_same(stream):
                return False
        self._begin()
        return True

    def _is_same(self, stream: IO[bytes]) -> bool:
        """Whether what lies before the offset is what was read there."""
        status = os.fstat(stream.fileno())
        before = os.pread(stream.fileno(), len(self._before), self._offset - len(self._before))
        return status.st_ino == self._inode and before == self._before

    def lines(self) -> Iterator[Line | Record]:
        """The lines that are new; a record instead of one that is too long.

        What was read while somebody cut the file or wrote it anew is not given: the next reading begins anew.
        """
        with self._path.open("rb") as stream:
            self._inode = os.fstat(stream.fileno()).st_ino
            stream.seek(self._offset)
            rest = b""
            while chunk := stream.read(_CHUNK):
                if not self._is_same(stream):
                    return
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield from self._line(line + b"\n")
                if len(rest) > LONGEST:
                    self._endless += len(rest)
                    self._move(rest)
                    rest = b""
        if rest.rstrip().endswith(b"}") and not self._endless and self._ended and not why_no_object(rest):
            self._number += 1
            self._ended = False
            self._move(rest)
            yield self._number, rest.strip(), len(rest), False

    def _line(self, line: bytes) -> Iterator[Line | Record]:
        self._move(line)
        size, self._endless = self._endless + len(line) - 1, 0
        if not self._ended:
            self._ended = True
            if not line.strip():
                return  # the end of a line that was given without it
        self._number += 1
        if size > LONGEST:
            yield Record(self._number, [], f"{size:,} bytes in one line")
        elif not line.isspace():
            yield self._number, line.rstrip(b"\r\n"), size, True

    def _move(self, read: bytes) -> None:
        self._offset += len(read)
        self._before = (self._before + read[-_REMEMBERED:])[-_REMEMBERED:]
