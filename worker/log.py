"""Reading a log from its beginning, beside the workers and without a trace on the server."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import api
from nats.js.errors import NotFoundError

from worker.connection import LogError

__all__ = ["Message", "extent", "has_durable", "read_log"]

BATCH = 500


class Message(NamedTuple):
    """A message as the log holds it."""

    stream: str
    sequence: int
    subject: str
    data: bytes


async def extent(client: Client, stream: str) -> tuple[int, str]:
    """A stream's first sequence, and when it was made: what tells it from a deleted one of the same name.

    Raises:
        LogError: there is no such stream.
    """
    try:
        info = await client.jetstream().stream_info(stream)
    except NotFoundError:
        raise LogError(f"there is no stream {stream}") from None
    return info.state.first_seq, str(info.created)


async def has_durable(client: Client, stream: str, durable: str) -> bool:
    """Whether a stream has a durable consumer of this name."""
    try:
        await client.jetstream().consumer_info(stream, durable)
    except NotFoundError:
        return False
    return True


async def read_log(client: Client, stream: str) -> AsyncIterator[list[Message]]:
    """The messages that a stream holds when the call is made, in order, a batch at a time.

    Raises:
        LogError: there is no such stream, or the server stopped answering.
    """
    js = client.jetstream()
    try:
        last = (await js.stream_info(stream)).state.last_seq
        consumer = await js.add_consumer(
            stream,
            api.ConsumerConfig(ack_policy=api.AckPolicy.NONE, mem_storage=True, inactive_threshold=60),
        )
    except NotFoundError:
        raise LogError(f"there is no stream {stream}") from None
    subscription = await js.pull_subscribe_bind(consumer=consumer.name, stream=stream)
    # Deleted messages leave gaps: what the consumer has pending tells the end, not a count.
    left = consumer.num_pending or 0
    try:
        while left:
            try:
                fetched = await subscription.fetch(BATCH, timeout=10)
            except NatsTimeoutError:
                raise LogError(f"the server stopped answering while stream {stream} was read") from None
            batch = [Message(stream, m.metadata.sequence.stream, m.subject, m.data) for m in fetched]
            left = fetched[-1].metadata.num_pending
            yield [m for m in batch if m.sequence <= last]
            if batch[-1].sequence >= last:
                return
    finally:
        await subscription.unsubscribe()
        await js.delete_consumer(stream, consumer.name)
