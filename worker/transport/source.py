"""One durable pull consumer, read batch by batch."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from faust.exceptions import ImproperlyConfigured
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from worker.transport.batch import Batch, Message
from worker.transport.connection import RETRY, ClosedError, Connection
from worker.transport.options import Options
from worker.transport.tasks import alone, end

__all__ = ["Source", "Statistics", "statistics"]

log = logging.getLogger(__name__)

_TICK = 0.5
_PAUSE = 0.05
_SURE = 3


class Statistics(NamedTuple):
    """The state of a durable and its stream, in numbers."""

    stream: str
    durable: str
    lag: int
    """Messages not yet delivered to this durable."""
    ack_pending: int
    """Messages delivered and not yet acked."""
    redelivered: int
    """Of those, messages delivered more than once."""
    delivered: int
    """Highest stream sequence delivered."""
    ack_floor: int
    """All messages up to this stream sequence are settled."""
    first_sequence: int
    last_sequence: int
    messages: int
    """Messages in the stream."""
    bytes: int
    """Bytes of the stream's storage."""

    @property
    def drained(self) -> bool:
        """Whether everything in the stream has been delivered and settled."""
        return self.lag == 0 and self.ack_pending == 0


async def statistics(jetstream: JetStreamContext, stream: str, durable: str) -> Statistics:
    """Ask the server for the state of a durable and its stream.

    Raises:
        nats.js.errors.NotFoundError: There is no such stream or durable.
        nats.errors.Error: The server cannot be asked now.
    """
    # The stream first: what is published in between then shows as lag, never as done.
    state = (await jetstream.stream_info(stream)).state
    info = await jetstream.consumer_info(stream, durable)
    delivered = info.delivered.stream_seq if info.delivered else 0
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    return Statistics(
        stream, durable, info.num_pending or 0, info.num_ack_pending or 0, info.num_redelivered or 0, delivered, floor,
        state.first_seq, state.last_seq, state.messages, state.bytes,
    )  # fmt: skip


class _Answer:
    """What came for one request for messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.status = ""
        self.reason = ""
        self.token = ""
        self.wanted = 0
        self.since = 0.0
        self.done = asyncio.Event()

    def add(self, message: Message, now: float) -> None:
        if not self.messages:
            self.since = now
        self.messages.append(message)
        if len(self.messages) >= self.wanted > 0:
            self.done.set()

    def end(self, status: str, reason: str) -> None:
        if not self.done.is_set():
            self.status, self.reason = status, reason
            self.done.set()

    @property
    def too_large(self) -> bool:
        """The next message alone is larger than a batch may be."""
        return "MaxBytes" in self.reason and not self.messages

    @property
    def ordinary(self) -> bool:
        """Whether asking again is all there is to do."""
        return self.status in {"", "404", "408"} or "MaxBytes" in self.reason or self.reason == "Batch Completed"


class _Hold:
    """Our side of an unsettled batch."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.extended = since
        self.handed = False
        self.event: Handed | None = None

    @property
    def abandoned(self) -> bool:
        return self.event is not None and self.event.acked


class Handed(Protocol):
    """What stands for a handed batch on the other side."""

    acked: bool
    """Whether nobody works on it any more."""


class Source:
    """Reads one durable and hands over batches, never more than the handlers can take plus one in waiting.

    So at most ``(hands + 1) * batch`` messages and ``(hands + 1) * max_bytes`` bytes are held, and all of them are kept
    from redelivery by in-progress acks, for at most ``hold`` seconds.
    """

    def __init__(
        self, connection: Connection, options: Options, hand_over: Callable[[Batch], Awaitable[Handed]], hands: int = 1
    ) -> None:
        """``hand_over`` gets each batch; ``hands`` is how many of them may be unsettled at once."""
        self.options = options
        self._connection = connection
        self._hand_over = hand_over
        self._hands = asyncio.Semaphore(hands)
        self._held: dict[Batch, _Hold] = {}
        self._answer = _Answer()
        self._requests = 0
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled or the connection is closed; then give back what no handler has.

        Raises:
            ImproperlyConfigured: The durable cannot be had as the options say.
        """
        keeper = asyncio.create_task(self._keep())
        self._connection.on_lost.append(self._on_lost)
        complaint = ""
        try:
            while True:
                reason = ""
                try:
                    await self._read(await self._connection.client())
                except NotFoundError as error:
                    reason = f"waiting for stream {self.options.stream!r}: {error.description}"
                except RETRY as error:
                    self._check(error)
                    reason = f"reading {self.options.stream!r} again soon: {error!r}"
                if reason and reason != complaint:
                    log.warning("%s", reason)
                complaint = reason
                await asyncio.sleep(_TICK)
        except ClosedError:
            pass
        finally:
            await end([keeper])
            self._connection.on_lost.remove(self._on_lost)
            await self.give_back(only_waiting=True)

    async def _read(self, client: Client) -> None:
        await self._ensure_durable(client.jetstream(timeout=2))
        inbox = client.new_inbox()
        # Limits on what the client may buffer would drop messages; requests bound what comes.
        subscription = await client.subscribe(f"{inbox}.*", cb=self._on_message, pending_bytes_limit=0)
        single = False
        self._ready.set()
        try:
            while client.is_connected:
                answer = await self._request(client, inbox, single=single)
                single = answer.too_large
                if answer.messages:
                    await self._deliver(answer)
                if not answer.ordinary:
                    raise ConnectionError(f"{answer.status} {answer.reason}")
        finally:
            self._ready.clear()
            with contextlib.suppress(*RETRY):
                await subscription.unsubscribe()

    async def _ensure_durable(self, jetstream: JetStreamContext) -> None:
        options, filters = self.options, self.options.filters
        config = api.ConsumerConfig(
            name=options.durable,
            durable_name=options.durable,
            ack_policy=api.AckPolicy.EXPLICIT,  # the only policy under which workers can share a durable
            ack_wait=options.ack_wait,
            max_ack_pending=options.max_ack_pending,
            # With a limit here the server forgets a message after its last delivery, also when that worker died.
            max_deliver=-1,
            filter_subject=filters[0] if len(filters) == 1 else None,
            filter_subjects=filters if len(filters) > 1 else None,
        )
        await alone(jetstream.add_consumer(options.stream, config))

    def _check(self, error: Exception) -> None:
        """Raise if trying again is of no use."""
        if isinstance(error, APIError) and (error.code == 400 or "can not" in (error.description or "")):
            text = f"durable {self.options.durable!r} of {self.options.stream!r}: {error.description}"
            raise ImproperlyConfigured(text) from error

    async def _request(self, client: Client, inbox: str, *, single: bool) -> _Answer:
        options, loop = self.options, asyncio.get_running_loop()
        self._requests += 1
        self._answer.token = str(self._requests)
        # No wait and an expiry together: answered as soon as there is anything, with all there is.
        ask = {"batch": 1 if single else options.batch, "expires": int(options.fetch_wait * 1e9), "no_wait": True}
        if not single:
            ask["max_bytes"] = options.max_bytes
        self._answer.wanted = ask["batch"]
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{options.stream}.{options.durable}"
        begin = loop.time()
        await client.publish(subject, json.dumps(ask).encode(), reply=f"{inbox}.{self._requests}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.fetch_wait + 1):
                await self._answer.done.wait()
        # What comes from now on, even for this request, has been delivered to us: it belongs to the next batch.
        answer, self._answer = self._answer, _Answer()
        if not answer.messages and loop.time() - begin < _PAUSE:
            await asyncio.sleep(_PAUSE)  # "requests pending": other workers wait too
        return answer

    async def _on_message(self, msg: Msg) -> None:
        if msg.reply.startswith("$JS.ACK."):
            message = Message.read(msg.subject, msg.reply, msg.data, msg.headers)
            self._answer.add(message, asyncio.get_running_loop().time())
        elif msg.headers and msg.subject.endswith(f".{self._answer.token}"):
            self._answer.end(msg.headers.get("Status", ""), msg.headers.get("Description", ""))

    def _on_lost(self) -> None:
        self._answer.done.set()
        for hold in self._held.values():
            hold.extended = 0.0  # extend at once when the connection is back

    async def _deliver(self, answer: _Answer) -> None:
        batch = Batch(answer.messages, self.options, self._connection, self._on_settled)
        hold = self._held[batch] = _Hold(answer.since)
        await self._hands.acquire()
        hold.handed = True
        hold.event = await self._hand_over(batch)

    def _on_settled(self, batch: Batch) -> None:
        hold = self._held.pop(batch, None)
        if hold and hold.handed:
            self._hands.release()

    async def _keep(self) -> None:
        """Keep what is held from being delivered again, and give back what handlers left."""
        options, loop = self.options, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK)
            for batch, hold in list(self._held.items()):
                with contextlib.suppress(*RETRY):
                    if hold.abandoned and not batch.settled:
                        log.warning("a handler ended without settling %r: it comes again", batch)
                        await batch.nak()
                    elif loop.time() - hold.since > options.hold:
                        log.error("%r took more than %s s: it goes to others", batch, options.hold)
                        self._on_settled(batch)
                    elif loop.time() - hold.extended > options.ack_wait / 3:
                        hold.extended = loop.time()
                        await batch.extend()

    async def give_back(self, *, only_waiting: bool = False) -> None:
        """Let others have what is unsettled at once, so far as the server can be reached."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK):
                for batch in list(self._held):
                    if not (only_waiting and batch.taken):
                        await batch.nak(delay=0)

    async def settled(self, seconds: float) -> bool:
        """Wait at most so many seconds for the handlers; whether they settled all they have.

        Those that only wait for a server that is away, to tell it what they did, are not waited for.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while any(batch.taken and (self._connection.up or not batch.settled) for batch in self._held):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    async def statistics(self) -> Statistics:
        """See `statistics`."""
        client = await self._connection.client()
        return await alone(statistics(client.jetstream(timeout=2), self.options.stream, self.options.durable))

    async def drained(self) -> None:
        """Wait until all that is in the stream now has been delivered and settled, by whichever worker."""
        end, quiet = None, 0
        while True:
            # A server that is just making or recovering a durable says that nothing is pending, for a moment.
            await self._ready.wait()
            try:
                now = await self.statistics()
            except RETRY:
                quiet = 0
            else:
                end = now.last_sequence if end is None else end
                quiet = quiet + 1 if now.drained else 0
                if now.ack_floor >= end or quiet == _SURE:
                    return
            await asyncio.sleep(_PAUSE)
