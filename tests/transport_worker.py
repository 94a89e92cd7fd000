"""A worker process for tests: writes the numbers of each batch to a file, flushed to the disk, then acks.

Run as ``transport_worker.py URL FILE [option=value ...]``, with the options of a topic and ``pause`` (seconds a batch
takes), ``drain`` (0 or 1) and ``folder``; or by Faust's own command, with URL and FILE in the environment.
"""

import asyncio
import os
import sys
from pathlib import Path

import faust

from worker.transport import register, serve, stop_signal

__all__ = ["app", "build"]


def build(url: str, path: Path, *, pause: float = 0.0, **options: str) -> faust.App:
    """An app that appends lines to a file."""
    register()
    new = faust.App("app", broker=url, web_enabled=False, datadir=path.parent / f"faust-{os.getpid()}")

    @new.agent(new.topic("EVENTS", config=options))
    async def handle(stream):
        async for batch in stream:
            async with batch:
                await asyncio.sleep(pause)
                with path.open("a") as file:
                    file.write("".join(f"{message.sequence}\n" for message in batch))
                    file.flush()
                    os.fsync(file.fileno())

    return new


async def main(url: str, path: Path, *, drain: bool, pause: float, **options: str) -> None:
    """Serve until a signal or the end of the stream."""
    async with stop_signal() as stop:
        path.with_name("ready").touch()
        await serve(build(url, path, pause=pause, **options), stop=stop, drain=drain)


if __name__ == "__main__":
    given = dict(item.split("=") for item in sys.argv[3:])
    settings = {"drain": bool(int(given.pop("drain", "1"))), "pause": float(given.pop("pause", "0"))}
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), **settings, **given))
elif "WORKER_URL" in os.environ:
    app = build(os.environ["WORKER_URL"], Path(os.environ["WORKER_FILE"]))
