"""Many messages at once on their way into the log, each confirmed or refused by the server.

What :meth:`JetStreamContext.publish_async` does, at a fraction of its cost: one subscription for all answers, no task,
queue or future for each message, and many messages written at a time.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from worker.connection import LogError

__all__ = ["Confirmed", "Letter", "Outbox"]

IN_FLIGHT = 2000
IN_FLIGHT_BYTES = 32 << 20
ANSWER_WITHIN = 20.0
"""Seconds without any answer after which the server is given up."""
_LOOK_EVERY = 0.5
"""Seconds between looks at the connection meanwhile."""

T = TypeVar("T")


class _Error(msgspec.Struct):
    description: str = ""


class _Answer(msgspec.Struct):
    """What the server says about a message."""

    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


class Confirmed(msgspec.Struct, Generic[T]):
    """A message that the server has stored, or refused."""

    item: T
    seq: int = 0
    duplicate: bool = False
    """The server knew its identifier and did not store it again."""
    refused: str = ""
    """Why it was not stored."""


class Letter(NamedTuple, Generic[T]):
    """A message to send."""

    subject: str
    data: bytes
    identifier: str
    """Its ``Nats-Msg-Id``, a line of printable ASCII."""
    item: T
    """What is given back with the answer."""


_decode = msgspec.json.Decoder(_Answer).decode


class _Ear(asyncio.Future[Any]):
    """A future as subscriptions take it, that is told of every message at once, and is never done."""

    def __init__(self, hear: Callable[[Msg], None]) -> None:
        super().__init__()
        self._hear = hear

    def set_result(self, result: Msg) -> None:
        self._hear(result)


class Outbox(Generic[T]):
    """Messages sent through one connection.

    Args:
        client: the connection.
        answered: is told what became of each message, in the order of the server's answers.
    """

    def __init__(self, client: Client, answered: Callable[[Confirmed[T]], None]) -> None:
        self._client = client
        self._answered = answered
        self._inbox = client.new_inbox()
        self._flying: dict[str, tuple[T, int]] = {}
        self._held = 0
        self._sent = 0
        self._moved = asyncio.Event()
        self._lost = ""

    @property
    def lost(self) -> bool:
        """Whether the connection is gone for good."""
        return bool(self._client.is_closed)

    async def open(self) -> None:
        """Begin to listen for answers."""
        await self._client.subscribe(f"{self._inbox}.*", future=_Ear(self._hear))

    async def send(self, letters: Sequence[Letter[T]]) -> None:
        """Send messages in their order; waits while too many are unanswered.

        Raises:
            LogError: the server stopped answering.
        """
        at = 0
        while at < len(letters):
            frames: list[bytes] = []
            while at < len(letters) and self._has_room(len(letters[at].data)):
                frames += self._frame(letters[at])
                at += 1
            if frames:
                # As Client.publish does, but for all of them at once.
                await self._client._send_command(b"".join(frames))
                await self._client._flush_pending()
            while at < len(letters) and len(self._flying) > IN_FLIGHT // 2:
                await self._wait()
            if at < len(letters) and not self._has_room(len(letters[at].data)):
                await self._wait()

    def _has_room(self, size: int) -> bool:
        return not self._flying or (len(self._flying) < IN_FLIGHT and self._held + size <= IN_FLIGHT_BYTES)

    def _frame(self, letter: Letter[T]) -> tuple[bytes, bytes, bytes]:
        """The protocol's words for publishing a message with a header."""
        self._sent += 1
        token = str(self._sent)
        self._flying[token] = (letter.item, len(letter.data))
        self._held += len(letter.data)
        header = f"NATS/1.0\r\nNats-Msg-Id: {letter.identifier}\r\n\r\n"
        sizes = f"{len(header)} {len(header) + len(letter.data)}"
        return f"HPUB {letter.subject} {self._inbox}.{token} {sizes}\r\n{header}".encode(), letter.data, b"\r\n"

    async def settle(self) -> None:
        """Wait until every message is answered.

        Raises:
            LogError: the server stopped answering.
        """
        while self._flying:
            await self._wait()

    async def _wait(self) -> None:
        self._moved.clear()
        for _ in range(int(ANSWER_WITHIN / _LOOK_EVERY)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), _LOOK_EVERY)
                break
            if self.lost:
                raise LogError("the connection to the server is gone; the next time goes on where this one stopped")
        else:
            raise LogError("the server stopped answering; the next time goes on where this one stopped")
        if self._lost:
            raise LogError(self._lost)

    def _hear(self, message: Msg) -> None:
        flying = self._flying.pop(message.subject.rpartition(".")[2], None)
        self._moved.set()
        if flying is None:
            return
        item, size = flying
        self._held -= size
        if message.headers and message.headers.get("Status") == "503":
            self._lost = "the stream is gone, or the server has no JetStream"
            return
        answer = _decode(message.data)
        refused = (answer.error.description or "refused") if answer.error else ""
        self._answered(Confirmed(item, answer.seq, answer.duplicate, refused))
