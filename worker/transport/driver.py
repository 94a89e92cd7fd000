"""The Faust side: a transport whose topics are durable consumers of JetStream streams.

Faust keeps books on offsets, acks and partitions for Kafka. Here the server keeps them, so each override below either
feeds a batch in or takes one of those books out of use; which pitfall it avoids stands beside it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar, cast

from faust.exceptions import ImproperlyConfigured, ProducerSendError
from faust.sensors import Sensor
from faust.transport import base
from faust.transport.conductor import Conductor as FaustConductor
from faust.types import TP, AppT, ConsumerMessage, EventT, Message, RecordMetadata, StreamT, TopicT
from mode import ServiceT
from yarl import URL

from worker.transport.batch import Batch
from worker.transport.connection import RETRY, Connection
from worker.transport.options import Options
from worker.transport.source import Source, Statistics
from worker.transport.tasks import end

__all__ = ["Conductor", "Consumer", "Producer", "Transport"]

log = logging.getLogger(__name__)


def _is_of_faust(topic: TopicT) -> bool:
    """Whether Faust made the topic for itself: for leader election, or for calls to an agent that has no topic."""
    return topic.internal and (topic.has_prefix or topic.topics[0].endswith("-__assignor-__leader"))


async def _no_sleep(_: float) -> None:
    await asyncio.sleep(0)


class Conductor(FaustConductor):
    """Hands events to streams, as Faust's does, with less waiting and no acks of its own."""

    # Faust's 45 s spare Kafka a rebalance; a topic added late costs nothing here.
    _resubscribe_sleep_lock_seconds = 0.1

    def add(self, topic: TopicT) -> None:
        """Register a topic that is being iterated over."""
        if not _is_of_faust(topic):
            # Faust acks an event also when its handler raised, inside compiled code that no override of `Consumer.ack`
            # sees, and then waits at shutdown for those it did not ack. Without acks it does neither.
            topic.acks = False
            topic.decode = self._decode  # type: ignore[method-assign]
        super().add(topic)

    async def _decode(self, message: Message, *, propagate: bool = False) -> EventT[Any]:  # noqa: ARG002
        """A batch is a Python object already: no codec."""
        return self.app.create_event(None, message.value, {}, message)


class _TakenUp(Sensor):
    """Notes which batches a handler has begun with: the end waits for those, the others are given back at once."""

    def on_stream_event_in(self, tp: TP, offset: int, stream: StreamT[Any], event: EventT[Any]) -> None:  # noqa: ARG002
        if isinstance(event.value, Batch):
            event.value.taken = True


class Consumer(base.Consumer):
    """Runs a `Source` for each topic and passes its batches on as Faust events."""

    transport: "Transport"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """See `faust.transport.base.Consumer`."""
        super().__init__(*args, **kwargs)
        self.sources: dict[TP, Source] = {}
        self.subscribed = asyncio.Event()
        self._changed = asyncio.Event()
        self._offset = 0

    # Life

    async def on_start(self) -> None:
        """Nothing is opened yet: the worker may start before the server."""
        self.transport.connection.hold()
        self.app.sensors.add(_TakenUp())
        if not self.app.tables:
            self.app.tables.sleep = _no_sleep  # type: ignore[attr-defined] # its only sleep: a second at the start, for tables to be declared

    async def on_stop(self) -> None:
        """Called after the agents have been cancelled: nobody will settle what is left."""
        for source in self.sources.values():
            await source.give_back()
        await self.transport.connection.release()

    async def wait_empty(self) -> None:
        """Wait for handlers to settle their batches, but never for longer than ``drain``.

        Faust's own waits for ever for an event that was not acked.
        """
        await asyncio.gather(*(source.settled(source.options.drain) for source in self.sources.values()))

    # Subscription

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Read these topics from now on. Faust passes a mapping from names to what is iterating over them."""
        if self.app.tables:
            tables = ", ".join(sorted(self.app.tables))
            raise ImproperlyConfigured(
                f"Faust recovers tables from Kafka only, so {tables} would lose their state: keep it in a database"
            )
        for name, channels in cast("Mapping[str, set[TopicT]]", topics).items():
            if TP(name, 0) not in self.sources and not any(_is_of_faust(channel) for channel in channels):
                self.sources[TP(name, 0)] = self._source(name, channels)
        # Faust's answer to an assignment waits for this call to return.
        self.add_future(self._assign())

    def _source(self, name: str, channels: set[TopicT]) -> Source:
        if len(channels) > 1:
            raise ImproperlyConfigured(
                f"topic {name!r} has {len(channels)} readers: give each a topic with a durable of its own"
            )
        options = Options.read(name, self.app.conf.id, self.transport.defaults, next(iter(channels)).config or {})
        for tp, other in self.sources.items():
            if (other.options.stream, other.options.durable) == (options.stream, options.durable):
                raise ImproperlyConfigured(
                    f"topics {tp.topic!r} and {name!r} read one durable, {options.durable!r}: give each its own"
                )
        hands = sum(agent.concurrency for agent in self.app.agents.values() if name in agent.get_topic_names())
        return Source(
            self.transport.connection, options, lambda batch: self._hand_over(TP(name, 0), batch), max(hands, 1)
        )

    async def _assign(self) -> None:
        assigned = self.assignment()
        self.app.on_rebalance_start()
        # Nothing is ever taken away from a reader, and while Faust thinks so it ignores topics that are added.
        self.app.rebalancing = False
        await self.on_partitions_assigned(assigned, self.app.consumer_generation_id)
        self.subscribed.set()
        self._changed.set()

    # Reading

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Read all topics until the fetcher is stopped.

        Faust's own starts tasks for each message, and drops what comes a second time because its offset is not new.
        """
        tasks: dict[TP, asyncio.Task[None]] = {}
        changed: asyncio.Task[Any] | None = None
        try:
            while not (self.should_stop or fetcher.should_stop):
                self._changed.clear()
                tasks |= {
                    tp: asyncio.create_task(source.run()) for tp, source in self.sources.items() if tp not in tasks
                }
                changed = asyncio.create_task(self._changed.wait())
                done, _ = await asyncio.wait({changed, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # raises what a source cannot go on with: the app ends with it
        finally:
            await end(task for task in (changed, *tasks.values()) if task)

    async def _hand_over(self, tp: TP, batch: Batch) -> ConsumerMessage:
        # Stream sequences come again with redeliveries; Faust wants offsets that grow.
        self._offset += 1
        message = ConsumerMessage(
            tp.topic, tp.partition, self._offset, batch[-1].timestamp, 0, None, None, cast("bytes", batch), None, 0,
            sum(len(item.data) for item in batch), tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip
        await self.callback(message)
        return message

    # Books that the server keeps

    def assignment(self) -> set[TP]:
        """Every topic, as a partition: workers share a durable, nobody owns a part of it."""
        return set(self.sources)

    async def commit(self, topics: object = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        """Nothing to do: a batch is acked by `Batch.ack`."""
        return False

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """The server knows where to go on."""
        return {}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:  # noqa: ARG002
        return False

    async def _seek(self, partition: TP, offset: int) -> None:
        pass

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """The server knows where to go on."""

    async def position(self, tp: TP) -> int | None:  # noqa: ARG002
        """No offsets: see `Transport.statistics`."""
        return None

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """No offsets: see `Transport.statistics`."""
        return dict.fromkeys(partitions, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """No offsets: see `Transport.statistics`."""
        return dict.fromkeys(partitions, 0)

    def highwater(self, tp: TP) -> int:  # noqa: ARG002
        """No offsets: see `Transport.statistics`."""
        return 0

    def topic_partitions(self, topic: str) -> int | None:  # noqa: ARG002
        """A stream has no partitions; as many workers as wanted share it."""
        return 1

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:  # noqa: ARG002
        """A stream has no partitions."""
        return 0

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:  # noqa: ARG002, ASYNC109
        return {}  # sources fetch; see `_drain_messages`

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:  # noqa: ANN401, ARG002
        return cast("ConsumerMessage", record)

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: object) -> None:
        """Streams are made by whoever owns the log."""


class Producer(base.Producer):
    """Publishes to JetStream: a topic's name is a subject here."""

    transport: "Transport"

    async def on_start(self) -> None:
        """Count as a user of the connection."""
        self.transport.connection.hold()
        await super().on_start()

    async def on_stop(self) -> None:
        """The last to stop: closes the connection."""
        await super().on_stop()
        await self.transport.connection.release()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,  # noqa: ANN401
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Begin to publish; the result comes when a stream has stored the message."""
        sent = self.send_and_wait(topic, key, value, partition, timestamp, headers, transactional_id=transactional_id)
        return asyncio.ensure_future(sent)

    async def send_and_wait(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,  # noqa: ARG002
        timestamp: float | None,
        headers: Any,  # noqa: ANN401
        *,
        transactional_id: str | None = None,  # noqa: ARG002
    ) -> RecordMetadata:
        """Publish and wait until a stream has stored the message; waits while the server is away.

        The key goes into the header ``Faust-Key``. A header ``Nats-Msg-Id`` makes repetition harmless.

        Raises:
            ProducerSendError: No stream has the subject, or the server refused the message.
        """
        pairs = dict(headers or {})
        lines = {name: item.decode() if isinstance(item, bytes) else str(item) for name, item in pairs.items()}
        if key is not None:
            lines["Faust-Key"] = key.decode("latin-1")
        client = await self.transport.connection.client()
        try:
            stored = await client.jetstream().publish(topic, value or b"", headers=lines or None)
        except RETRY as error:
            raise ProducerSendError(f"{topic}: {error!r}") from error
        return RecordMetadata(stored.stream, 0, TP(stored.stream, 0), stored.seq, timestamp, 0)

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: object) -> None:
        """Streams are made by whoever owns the log."""

    def key_partition(self, topic: str, key: bytes) -> TP:  # noqa: ARG002
        """A stream has no partitions."""
        return TP(topic, 0)

    async def flush(self) -> None:
        """Wait until all that `send_soon` was given is published."""
        await self.buffer.flush()

    def supports_headers(self) -> bool:
        """NATS messages have headers."""
        return True


class Transport(base.Transport):
    """``nats://`` for Faust: see docs/transport.md."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
    Conductor: ClassVar[type[Conductor]] = Conductor

    default_port = 4222
    driver_version = f"nats-py={version('nats-py')}"

    def __init__(self, url: list[URL], app: AppT, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Faust makes one for the app's ``broker``; nothing is opened yet."""
        super().__init__(url, app, loop)
        query: dict[str, str] = {}
        for item in url:
            query |= item.query
        self.connection = Connection(
            [str(item.with_query(None)) for item in url],
            app.conf.id,
            tls=app.conf.ssl_context,
            credentials=query.pop("credentials", ""),
            server_name=query.pop("server_name", ""),
        )
        self.defaults: Mapping[str, str] = query

    @property
    def _sources(self) -> dict[str, Source]:
        return {tp.topic: source for tp, source in cast("Consumer", self.app.consumer).sources.items()}

    async def statistics(self) -> dict[str, Statistics]:
        """The state of each topic's durable and stream, in numbers.

        Raises:
            nats.js.errors.NotFoundError: A stream or durable does not exist (yet).
            nats.errors.Error: The server cannot be asked now.
        """
        return {topic: await source.statistics() for topic, source in self._sources.items()}

    async def drained(self) -> None:
        """Wait until every topic has been read to the end that its stream has now, and all of it is settled."""
        await cast("Consumer", self.app.consumer).subscribed.wait()
        await asyncio.gather(*(source.drained() for source in self._sources.values()))
