"""Files read and masked in a process of its own.

Reading and publishing each fill a processor core, so a large import does them side by side: the child is given its
task on its standard input and writes what it reads to its standard output, a length and a message at a time. It ends
when nobody reads that any more.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from worker.importers.reading import Batch, Task, child

__all__ = ["Apart", "apart"]

_BUFFER = 1 << 22


class Apart:
    """A process that waits for its task."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read(self, task: Task) -> AsyncGenerator[Batch, None]:
        """What the task's files hold.

        Raises:
            RuntimeError: the process died.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process that reads the files has no pipes")
        decode = msgspec.msgpack.Decoder(Batch).decode
        try:
            stdin.write(msgspec.msgpack.encode(task))
            stdin.close()
            while size := int.from_bytes(await stdout.readexactly(4)):
                yield decode(await stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            code = await self._process.wait()
            raise RuntimeError(f"the process that reads the files ended with {code}") from None


@contextlib.asynccontextmanager
async def apart() -> AsyncIterator[Apart]:
    """A process for one task, ended with the block; it loads what it needs while its task is prepared."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"from {child.__module__} import child; child()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_BUFFER,
    )
    try:
        yield Apart(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
