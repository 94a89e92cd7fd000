"""The identifiers (``Nats-Msg-Id``) of the messages that a stream holds."""

from collections.abc import AsyncGenerator

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext, api

from worker.connection import LogError

__all__ = ["message_ids"]

_BATCH = 1000


async def message_ids(js: JetStreamContext, stream: str, after: int) -> AsyncGenerator[tuple[int, list[str]], None]:
    """The identifiers of messages behind a sequence, as far as they have any; only headers are read.

    Yields:
        Some of them, after the sequence up to which they are all told.

    Raises:
        LogError: the server stopped answering.
    """
    consumer = await js.add_consumer(
        stream,
        api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=api.AckPolicy.NONE,
            headers_only=True,
            inactive_threshold=60,
            mem_storage=True,
        ),
    )
    subscription = await js.pull_subscribe_bind(consumer=consumer.name, stream=stream)
    left = consumer.num_pending or 0
    try:
        while left:
            try:
                messages = await subscription.fetch(_BATCH, timeout=20)
            except NatsTimeoutError:
                raise LogError(f"the server stopped answering while stream {stream} was read") from None
            last = messages[-1].metadata
            left = last.num_pending
            yield last.sequence.stream, [found for m in messages if (found := (m.headers or {}).get("Nats-Msg-Id"))]
    finally:
        await subscription.unsubscribe()
        await js.delete_consumer(stream, consumer.name)
