"""The way of events to one stream: a connection that is made again and again, and what happens meanwhile."""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext

from worker.connection import LogError, ensure_stream
from worker.message_ids import message_ids
from worker.publisher.queue import Waiting
from worker.publisher.source import Source
from worker.settings import Log, masked

__all__ = ["Link"]

IN_FLIGHT, IN_FLIGHT_BYTES = 500, 4 << 20
"""What may be sent and not yet answered."""
ANSWER_WITHIN = 10.0
"""Seconds that the server has to answer."""
SHORTEST, LONGEST = 0.25, 30.0
"""Seconds between attempts to connect: doubled each time."""
TICK = 0.5
"""Seconds between looks at the clock, and between moves from the buffer to the spool."""
_HEADERS = 500
_FAILURES = (Error, OSError, TimeoutError)

_log = logging.getLogger("eventlore.publisher")


class _Away(Exception):  # noqa: N818 - it is no error
    """The server cannot be reached, or does not take events now."""


class _Error(msgspec.Struct):
    code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    """What the server says to an event."""

    seq: int = 0
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Answer).decode


async def _closed(client: Client) -> None:
    """Close a connection, whatever its state, also one whose server takes nothing any more."""
    try:
        with contextlib.suppress(*_FAILURES):
            await asyncio.wait_for(client.close(), 2)
    finally:
        writer = getattr(client._transport, "_io_writer", None)
        if writer:
            writer.transport.abort()


class Link:
    """Sends events to one stream.

    Args:
        log: the stream.
        address: finds the server's addresses, comma-separated; None: there is none now.
        subject: an event's subject.
        source: the events.
    """

    def __init__(
        self,
        log: Log,
        address: Callable[[], Awaitable[str | None]],
        subject: Callable[[Waiting], str],
        source: Source,
    ) -> None:
        self._log = log
        self._address = address
        self._subject = subject
        self._source = source
        self._ready: deque[Waiting] = deque()
        """What is about to be sent."""
        self._flying: dict[str, tuple[Waiting, float]] = {}
        """What was sent, the earliest first, and when."""
        self._bytes = 0
        self._sent = 0
        self._known = 0
        """A sequence that the stream has reached."""
        self._trouble = ""
        """Why this connection is of no use any more."""
        self._hint = ""
        """Why the stream may be of no use."""
        self._complaint = ""
        """What was said when the server went away."""
        self._closing = False
        self._moved = asyncio.Event()

    def wake(self) -> None:
        """Look for events now."""
        self._moved.set()

    def close(self) -> None:
        """Let :meth:`run` end when nothing is left, or when the server is away."""
        self._closing = True
        self._moved.set()

    def end(self) -> None:
        """Spool what is left, or count it as lost."""
        self._recall()
        self._source.end()

    async def run(self) -> None:
        """Send until closed."""
        pause = SHORTEST
        while True:
            last = self._closing
            try:
                async with self._connection() as (client, js):
                    pause = SHORTEST
                    await self._send(client, js)
                    return
            except _Away as away:
                self._complain(str(away))
            except Exception as error:  # noqa: BLE001 - what is told deserves another attempt
                self._complain(f"{type(error).__name__}: {error}")
            finally:
                self._recall()
            if last:
                return
            await self._rest(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(2 * pause, LONGEST)

    def _recall(self) -> None:
        """What was not answered is to be sent again."""
        self._source.give_back([*(waiting for waiting, _ in self._flying.values()), *self._ready])
        self._flying.clear()
        self._ready.clear()
        self._bytes = 0

    async def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._closing and (left := end - time.monotonic()) > 0:
            self._source.spill()
            await self._wait(min(left, TICK))

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), seconds)
        self._moved.clear()

    def _complain(self, why: str) -> None:
        if not self._complaint:
            _log.warning("events for %s wait: %s", self._log.stream, why)
        self._complaint = why

    # The connection

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncGenerator[tuple[Client, JetStreamContext], None]:
        address = await self._address()
        if address is None:
            raise _Away("the embedded server does not run")
        self._trouble = ""
        client = await self._connect(address)
        try:
            js = client.jetstream(timeout=3)
            await self._prepare(js)
            self._inbox = client.new_inbox()
            await client.subscribe(f"{self._inbox}.*", cb=self._hear)
            yield client, js
        except _FAILURES as error:
            raise _Away(self._trouble or f"{masked(address)}: {str(error) or type(error).__name__}") from None
        finally:
            await _closed(client)

    async def _connect(self, address: str) -> Client:
        """A connection to one of the servers, which is not made again by itself."""

        causes: list[Exception] = []

        async def failed(error: Exception) -> None:
            causes[:] = [error]

        async def lost() -> None:
            self._trouble = "the connection is lost"
            self._moved.set()

        why = ""
        servers = [part.strip() for part in address.split(",")]
        for server in random.sample(servers, len(servers)):
            client = Client()
            try:
                await client.connect(
                    server,
                    name="eventlore publisher",
                    error_cb=failed,
                    disconnected_cb=lost,
                    allow_reconnect=False,
                    connect_timeout=3,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    ping_interval=10,
                    max_outstanding_pings=1,
                )
            except _FAILURES as error:
                cause = causes[0] if causes else error
                why = str(cause) or type(cause).__name__
                await _closed(client)
            except asyncio.CancelledError:
                await _closed(client)
                raise
            else:
                return client
        raise _Away(f"no connection to {masked(address)}: {why}")

    async def _prepare(self, js: JetStreamContext) -> None:
        """Make the stream if need be. An agent that may only publish cannot, and need not."""
        self._hint = ""
        try:
            await ensure_stream(js, self._log)
            self._known = (await js.stream_info(self._log.stream)).state.last_seq
        except LogError as error:
            self._hint = str(error)

    async def _arrived(self, js: JetStreamContext, batch: Collection[Waiting]) -> set[str]:
        """The identifiers of those that the stream has already: they were sent and not answered.

        The stream itself would know them again, but only for the time of its duplicate window.
        """
        doubtful = {one.id: one.after for one in batch if one.after >= 0}
        if not doubtful or self._hint or min(doubtful.values()) >= self._known:
            return set()
        found: set[str] = set()
        with contextlib.suppress(LogError, *_FAILURES):
            async with contextlib.aclosing(message_ids(js, self._log.stream, min(doubtful.values()))) as batches:
                async for sequence, identifiers in batches:
                    found |= doubtful.keys() & identifiers
                    if sequence >= self._known or len(found) == len(doubtful):
                        break
        return found

    # Sending

    async def _send(self, client: Client, js: JetStreamContext) -> None:
        """Send what there is; returns when closed and nothing is left."""
        while True:
            self._check()
            room = IN_FLIGHT - len(self._flying)
            if room > 0 and self._bytes < IN_FLIGHT_BYTES:
                self._ready.extend(self._source.batch(room, self._known, spooled=not self._closing))
                if self._ready:
                    await self._publish(client, await self._arrived(js, self._ready))
                    continue
            self._source.flush()
            self._source.spill(crowded=True)
            if self._source.idle():
                if self._closing and not self._flying:
                    return
                await self._wait(TICK)
            elif room <= 0 or self._bytes >= IN_FLIGHT_BYTES:
                await self._wait(TICK)

    def _check(self) -> None:
        if self._trouble:
            raise _Away(self._trouble)
        earliest = next(iter(self._flying.values()), None)
        if earliest and time.monotonic() - earliest[1] > ANSWER_WITHIN:
            raise _Away(self._hint or "the server does not answer")

    async def _publish(self, client: Client, arrived: set[str]) -> None:
        """Send what is ready, but for what has arrived before."""
        while self._ready:
            waiting = self._ready.popleft()
            if waiting.id in arrived:
                self._source.settle(waiting)
                continue
            if len(waiting.data) > client.max_payload - _HEADERS:
                self._source.settle(waiting, dropped="larger than the server takes")
                continue
            self._sent += 1
            token = str(self._sent)
            waiting.after = self._known
            self._flying[token] = (waiting, time.monotonic())
            self._bytes += len(waiting.data)
            reply, headers = f"{self._inbox}.{token}", {"Nats-Msg-Id": waiting.id}
            await client.publish(self._subject(waiting), waiting.data, reply=reply, headers=headers)

    async def _hear(self, message: Msg) -> None:
        token = message.subject.rpartition(".")[2]
        if token not in self._flying:
            return
        self._moved.set()
        if message.headers and message.headers.get("Status") == "503":
            self._trouble = self._hint or f"no stream takes {self._log.prefix}.>"
            return
        answer = _decode(message.data)
        error = answer.error
        if error and not 400 <= error.code < 500:
            self._trouble = error.description or "the stream takes nothing"
            return
        waiting, _ = self._flying.pop(token)
        self._bytes -= len(waiting.data)
        self._known = max(self._known, answer.seq)
        self._source.settle(waiting, dropped=f"refused: {error.description}" if error else "")
        if self._complaint and not error:
            _log.warning("events for %s are sent again", self._log.stream)
            self._complaint = ""
