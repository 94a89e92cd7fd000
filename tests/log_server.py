"""A real nats-server for tests, which can be killed, paused and started again on the same port and store."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import nats
from nats.js import JetStreamContext

from worker.embedded import server_binary

__all__ = ["NatsServer", "jetstream", "publish"]


class NatsServer:
    """A server with JetStream in a folder."""

    def __init__(self, folder: Path, *, config: str = "") -> None:
        """Choose a name and a free port; nothing is started yet."""
        self.folder = folder
        self.name = f"test-{uuid.uuid4().hex}"
        self.config = config
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, also while it does not run."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self, *, jetstream: bool = True) -> None:
        """Start and wait until it greets with its own name."""
        assert self.process is None
        store = "jetstream { store_dir: " + json.dumps(str(self.folder)) + " }" if jetstream else ""
        config = self.folder / "server.conf"
        self.folder.mkdir(parents=True, exist_ok=True)
        config.write_text(f'server_name: "{self.name}"\nlisten: "127.0.0.1:{self.port}"\n{store}\n{self.config}\n')
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([server_binary(), "-c", str(config)], stdout=log, stderr=log)
        while not self._greets():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.01)

    def _greets(self) -> bool:
        with (
            contextlib.suppress(OSError, ValueError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
        ):
            return json.loads(connection.makefile("rb").readline().removeprefix(b"INFO "))["server_name"] == self.name
        return False

    def _end(self, number: signal.Signals) -> None:
        if self.process:
            self.resume()
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def kill(self) -> None:
        """End it without warning."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Stop it from running, connections and all."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it run again."""
        assert self.process
        self.process.send_signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def jetstream(url: str) -> AsyncIterator[JetStreamContext]:
    """A JetStream client of its own."""
    client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def publish(js: JetStreamContext, count: int, *, stream: str = "EVENTS", size: int = 16) -> None:
    """Make the stream, with subjects ``stream.>``, if needed, and store so many messages whose bodies are numbers."""
    await js.add_stream(name=stream, subjects=[f"{stream}.>"])
    for number in range(count):
        await js.publish_async(f"{stream}.{number % 3}", b"%d" % number + b" " * size)
    await js.publish_async_completed()
