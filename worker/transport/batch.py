"""What an agent gets: a batch of messages, and how it says what became of them."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self, overload

import nats
from nats.errors import NoRespondersError

from worker.transport.connection import RETRY, ClosedError, Connection
from worker.transport.options import Options
from worker.transport.tasks import alone

__all__ = ["Batch", "Message", "confirm"]

log = logging.getLogger(__name__)

_CONFIRM_TIMEOUT = 1.5
_IGNORED_LIMIT = 2
"""So often a server that is there may leave acks unanswered: it was killed and forgot that it had delivered these."""
_UNKNOWN_LIMIT = 5
"""So often it may not know the consumer, for it may be starting."""


class Message(NamedTuple):
    """One message of a stream, as delivered this time."""

    stream: str
    sequence: int
    """Its number in the stream, from 1."""
    subject: str
    data: bytes
    headers: Mapping[str, str] | None
    timestamp: float
    """When the stream stored it: seconds since 1970, UTC."""
    num_delivered: int
    """Which delivery this is, from 1."""
    pending: int
    """Messages of the stream that come after it for this durable."""
    reply: str
    """Where acks go."""

    @classmethod
    def read(cls, subject: str, reply: str, data: bytes, headers: Mapping[str, str] | None) -> "Message":
        """Read the metadata from the reply subject, in its old form (9 parts) or the new one (11 and more).

        Raises:
            ValueError: Not the reply subject of a JetStream message.
        """
        parts = reply.split(".")
        if len(parts) > 9:
            del parts[2:4]  # domain and account hash
        _, _, stream, _, delivered, sequence, _, nanoseconds, pending = parts[:9]
        return cls(
            stream, int(sequence), subject, data, headers, int(nanoseconds) / 1e9, int(delivered), int(pending), reply
        )


async def confirm(connection: Connection, acks: Sequence[tuple[str, bytes]]) -> bool:
    """Send acks and wait until the server has taken them; try again for ever while the server is away.

    The server handles what comes over one connection in order, so its answer to the last stands for all.

    Args:
        connection: Where to.
        acks: Pairs of the message's reply subject and the kind of ack.

    Returns:
        Whether the server confirmed. False: the app stops, or the server does not know these deliveries (any more);
        the messages will come again.
    """
    unknown = ignored = 0
    while unknown < _UNKNOWN_LIMIT and ignored < _IGNORED_LIMIT:
        try:
            client = await connection.client()
            for reply, payload in acks[:-1]:
                await client.publish(reply, payload)
            try:
                await alone(client.request(*acks[-1], timeout=_CONFIRM_TIMEOUT))
            except nats.errors.TimeoutError:
                await alone(client.flush(timeout=2))  # is it there at all?
                ignored += 1
            else:
                return True
        except ClosedError:
            return False
        except NoRespondersError:
            unknown += 1
            await asyncio.sleep(0.5)
        except RETRY as error:
            log.info("acks are sent again: %r", error)
            await asyncio.sleep(0.1)
    log.warning("the server does not take the acks of %d messages: they come again", len(acks))
    return False


class Batch(Sequence[Message]):
    """Messages fetched together: the value of one Faust event.

    Nothing is acked unless told: call `ack` after the work has been committed, or use the batch as a context manager,
    which acks at the end and calls `nak` when the block raises.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        options: Options,
        connection: Connection,
        on_settled: Callable[["Batch"], None],
    ) -> None:
        """Made by the transport."""
        self.messages = messages
        self.options = options
        self.taken = False
        """Whether a handler has begun with it; set by the transport."""
        self._open = {message.reply: message for message in messages}
        self._connection = connection
        self._on_settled = on_settled

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        """The message or messages at a place."""
        return self.messages[index]

    def __len__(self) -> int:
        """How many messages."""
        return len(self.messages)

    def __iter__(self) -> Iterator[Message]:
        """In the order of delivery."""
        return iter(self.messages)

    def __repr__(self) -> str:
        """Stream, durable and range."""
        span = f"{self.messages[0].sequence}..{self.messages[-1].sequence}" if self.messages else "empty"
        return (
            f"<Batch {self.options.stream}/{self.options.durable} {span}, {len(self)} messages, {len(self._open)} open>"
        )

    @property
    def open(self) -> list[Message]:
        """The messages not yet acked, nacked or terminated."""
        return list(self._open.values())

    @property
    def settled(self) -> bool:
        """Whether no message is open."""
        return not self._open

    @property
    def last_try(self) -> list[Message]:
        """Open messages delivered ``max_deliver`` times or more.

        Handle them one by one; if one fails again, keep it elsewhere and `term` it.
        """
        return [message for message in self._open.values() if message.num_delivered >= self.options.max_deliver]

    @property
    def spent(self) -> list[Message]:
        """Open messages delivered more than ``max_deliver`` times: not even the last try came to its end.

        Keep them elsewhere and `term` them.
        """
        return [message for message in self._open.values() if message.num_delivered > self.options.max_deliver]

    async def ack(self, messages: Iterable[Message] | None = None) -> bool:
        """Say that these messages (default: all that are open) are done for good. Waits for the server's confirmation.

        Returns:
            Whether the server confirmed; if not, they may come again (see `confirm`).
        """
        return await self._settle([(message, b"+ACK") for message in self._take(messages)])

    async def term(self, messages: Iterable[Message], reason: str = "") -> bool:
        """Say that these messages shall never come again, though not handled: poison. Returns as `ack` does."""
        payload = f"+TERM {' '.join(reason.split())}".strip().encode()
        return await self._settle([(message, payload) for message in self._take(messages)])

    async def nak(self, messages: Iterable[Message] | None = None, *, delay: float | None = None) -> bool:
        """Give messages (default: all that are open) back, to come again after ``delay`` seconds.

        By default the delay of each doubles with its deliveries, from ``backoff`` to ``backoff_max``. Returns as `ack`
        does.
        """
        return await self._settle([(message, self._nak(message, delay)) for message in self._take(messages)])

    def _nak(self, message: Message, delay: float | None) -> bytes:
        if delay is None:
            doublings = min(message.num_delivered - 1, 32)
            delay = min(self.options.backoff * 2**doublings, self.options.backoff_max)
        return b"-NAK " + json.dumps({"delay": int(delay * 1e9)}).encode() if delay > 0 else b"-NAK"

    def _take(self, messages: Iterable[Message] | None) -> list[Message]:
        chosen = self.open if messages is None else list(messages)
        # Taken out at once: an in-progress ack after a negative one would undo its delay.
        return [message for message in chosen if self._open.pop(message.reply, None)]

    async def _settle(self, acks: list[tuple[Message, bytes]]) -> bool:
        try:
            return not acks or await confirm(self._connection, [(message.reply, payload) for message, payload in acks])
        finally:
            if self.settled:
                self._on_settled(self)

    async def extend(self) -> None:
        """Tell the server that the open messages are being worked on. The transport does so itself, up to ``hold``."""
        client = await self._connection.client()
        for reply in tuple(self._open):
            await client.publish(reply, b"+WPI")

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ack what is open, or give it back if the block raised."""
        if error is None:
            await self.ack()
        else:
            await self.nak(delay=0 if isinstance(error, asyncio.CancelledError) else None)
