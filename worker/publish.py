"""Event lines into the log, as they are: one message a line, byte for byte."""

import asyncio
import contextlib
import functools
import hashlib
import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from worker.connection import LogError, connected, ensure_stream
from worker.lines import Line, lines_of
from worker.settings import Log
from worker.subjects import token

__all__ = ["Published", "Refused", "lines_of", "publish", "subject_of"]

IN_FLIGHT = 1000
"""Messages sent and not yet confirmed."""
IN_FLIGHT_BYTES = 32 << 20
ANSWER_WITHIN = 20.0
"""Seconds that the server has to confirm a message."""


class Refused(msgspec.Struct, frozen=True):
    """A line that the server did not take."""

    line: int
    reason: str


class Published(msgspec.Struct):
    """What became of the lines."""

    stored: int = 0
    duplicates: int = 0
    """Lines that the server knew by their message id and did not store again."""
    refused: int = 0
    bytes: int = 0


class _Address(msgspec.Struct):
    agent: object = None
    type: object = None


_decode_address = msgspec.json.Decoder(_Address).decode


def subject_of(line: bytes, prefix: str) -> str:
    """The subject that the event's producer would have used: ``{prefix}.{agent}.{type, dots as _}``.

    What is missing, or cannot be read because the line is broken, is called ``unknown``.
    """
    try:
        address = _decode_address(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        address = _Address()
    return f"{prefix}.{token(address.agent)}.{token(address.type)}"


async def publish(
    batches: Iterator[list[Line]],
    log: Log,
    *,
    message_ids: bool = False,
    refused: Callable[[Refused], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Published:
    """Send lines to a stream, which is made when it is missing.

    Up to 1,000 messages are on their way at a time, in order. A line that the server refuses is handed to ``refused``
    and the next ones go on. ``progress`` is told the bytes of each line that is done with.

    Args:
        batches: what :func:`lines_of` gives; it is read in a thread.
        log: with its server's address.
        message_ids: give each message its digest as ``Nats-Msg-Id``, so that within the stream's duplicate window
            a line that is published again is not stored again.

    Raises:
        LogError: the server cannot be reached, or stopped answering; the text says how many lines it had confirmed.
    """
    done = Published()
    flight: deque[tuple[int, int, asyncio.Future[_Ack]]] = deque()
    held = 0

    def refuse(number: int, size: int, reason: str) -> None:
        done.refused += 1
        refused(Refused(number, reason))
        progress(size)

    async def settle() -> None:
        nonlocal held
        number, size, answer = flight.popleft()
        held -= size
        try:
            ack = answer.result() if answer.done() else await asyncio.wait_for(answer, ANSWER_WITHIN)
        except (TimeoutError, NoRespondersError):
            confirmed = f"{done.stored + done.duplicates:,} lines were confirmed"
            raise LogError(f"the server stopped answering at line {number}: {confirmed}") from None
        if ack.error:
            refuse(number, size, ack.error.description)
            return
        done.duplicates += ack.duplicate
        done.stored += not ack.duplicate
        done.bytes += size
        progress(size)

    async with connected(log.url or "") as client:
        await ensure_stream(client.jetstream(), log)
        send = await _sender(client)
        async for number, line, size, _ in _each(batches):
            if size > client.max_payload:
                refuse(number, size, f"{size:,} bytes; the server takes up to {client.max_payload:,} a message")
                continue
            while flight and (len(flight) >= IN_FLIGHT or held + size > IN_FLIGHT_BYTES):
                await settle()
            headers = {"Nats-Msg-Id": hashlib.sha256(line).hexdigest()} if message_ids else None
            flight.append((number, size, await send(subject_of(line, log.prefix), line, headers)))
            held += size
        while flight:
            await settle()
    return done


class _Error(msgspec.Struct):
    description: str = "no reason given"


class _Ack(msgspec.Struct):
    """What a stream says to a message."""

    duplicate: bool = False
    error: _Error | None = None


_decode_ack = msgspec.json.Decoder(_Ack).decode

Send = Callable[[str, bytes, dict[str, str] | None], Awaitable["asyncio.Future[_Ack]"]]


async def _sender(client: Client) -> Send:
    """A function that sends a message and gives the answer to come.

    As JetStreamContext.publish_async, whose future never ends when the stream refuses (nats-py 2.16).
    """
    inbox = client.new_inbox()
    waiting: dict[str, asyncio.Future[_Ack]] = {}
    numbers = itertools.count()

    async def answered(message: Msg) -> None:
        answer = waiting.pop(message.subject.rpartition(".")[2], None)
        if answer is None or answer.done():
            return
        if message.headers and message.headers.get("Status") == "503":
            answer.set_exception(NoRespondersError())
        else:
            answer.set_result(_decode_ack(message.data))

    await client.subscribe(f"{inbox}.*", cb=answered)

    async def send(subject: str, data: bytes, headers: dict[str, str] | None) -> asyncio.Future[_Ack]:
        number = str(next(numbers))
        answer: asyncio.Future[_Ack] = asyncio.get_running_loop().create_future()
        waiting[number] = answer
        await client.publish(subject, data, reply=f"{inbox}.{number}", headers=headers)
        return answer

    return send


async def _each(batches: Iterator[list[Line]]) -> AsyncIterator[Line]:
    loop = asyncio.get_running_loop()

    def read(answer: asyncio.Future[list[Line] | None]) -> None:
        try:
            settle = functools.partial(answer.set_result, next(batches, None))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            settle = functools.partial(answer.set_exception, error)
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(lambda: answer.done() or settle())

    while True:
        # No pool: at the end it would wait for a reader that waits for somebody's standard input.
        answer: asyncio.Future[list[Line] | None] = loop.create_future()
        threading.Thread(target=read, args=(answer,), daemon=True).start()
        batch = await answer
        if batch is None:
            return
        for line in batch:
            yield line
