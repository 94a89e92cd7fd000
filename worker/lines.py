"""Lines of files of any size, in bounded memory."""

from collections.abc import Iterator
from typing import IO

__all__ = ["LONGEST", "Line", "lines_of"]

CHUNK = 1 << 20
LONGEST = 64 << 20
"""The largest message that NATS can be configured to take, in bytes."""

Line = tuple[int, bytes, int, bool]
"""Its number from 1, its bytes without the line's end (one that no server takes: its beginning), its size, and
whether that end is there: the last line of a file may lack it."""


def lines_of(stream: IO[bytes]) -> Iterator[list[Line]]:
    """The lines of a file that are not empty, as many at a time as there are to be had without waiting.

    Memory stays bounded however long a line is.
    """
    number, head, length = 0, b"", 0
    while chunk := stream.read1(CHUNK):  # type: ignore[attr-defined] # every buffered reader has it
        *whole, rest = chunk.split(b"\n")
        lines: list[Line] = []
        for piece in whole:
            number += 1
            line = head + piece
            length += len(piece)
            if line.endswith(b"\r"):
                line, length = line[:-1], length - 1
            if line and not line.isspace():
                lines.append((number, line, length, True))
            head, length = b"", 0
        length += len(rest)
        if len(head) <= LONGEST:
            head += rest
        if lines:
            yield lines
    if head and not head.isspace():
        yield [(number + 1, head, length, False)]
