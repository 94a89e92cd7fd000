"""The worker: a Faust app whose agents ``analyse`` and ``remember`` turn batches of the log into rows."""

import asyncio
import gc
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Literal, cast

import faust
from nats.aio.client import Client
from sqlalchemy.exc import OperationalError

from worker import remember_store
from worker.audit.verify import catch_up_all
from worker.connection import LogError, connected, ensure_stream
from worker.context_service import ContextService, keeping, serving, write_file
from worker.log import extent, has_durable
from worker.pipeline import Pipeline
from worker.remember import MemoryPipeline
from worker.remember_store import MemoryStore
from worker.settings import Log
from worker.store import DURABLE, Store
from worker.transport import Batch, Transport, register, serve, stop_signal

__all__ = ["build", "run"]

ACK_WAIT = 10.0
"""Seconds until other workers get what a dead one had."""
HOLD = 3600.0
"""Seconds that a batch may wait for a database that is away before other workers get it."""
RETRY_AFTER = 5.0
"""Seconds until a server that is away is looked for again."""
CHAIN_EVERY = 5.0
"""Seconds between looks for recorded messages that are not chained, since the log lacks some before them."""
IDLE_AFTER = 0.5
"""Seconds without a new message after which the log counts as quiet."""

_AGENTS = {"": ("analyse", "remember"), "insights": ("analyse",), "context": ("remember",)}

log = logging.getLogger(__name__)


def build(server: str, folder: Path) -> faust.App:
    """The Faust app that reads logs of one server, without agents yet.

    Args:
        server: its addresses, comma-separated.
        folder: where Faust may put files; nothing in it is worth keeping.
    """
    register()
    return faust.App(
        "eventlore",
        broker=[address.strip() for address in server.split(",")],
        autodiscover=False,
        web_enabled=False,
        datadir=folder,
    )


def _add_agent(app: faust.App, name: str, one: Log, durable: str, pipeline: Pipeline) -> None:
    """Let an agent read a log through a durable of its own into a pipeline: it goes on when another agent stops."""
    config = {"stream": one.stream, "durable": durable, "hold": HOLD, "ack_wait": ACK_WAIT}
    topic = app.topic(f"{one.stream}.{durable}", config=config)
    app.agent(topic, name=f"{name} {one.stream}")(_taker(app, pipeline, one))


def _taker(app: faust.App, pipeline: Pipeline, one: Log) -> Any:  # noqa: ANN401 - what app.agent takes
    async def take(stream: faust.Stream[Batch]) -> None:
        async for event in stream.noack().events():
            # Acked only when the block has ended well: after the commit.
            async with cast("Batch", event.value) as batch:
                await pipeline.know_stream(one.stream, created=await _created(app, one.stream), agent=one.agent)
                if spent := batch.spent:
                    reason = f"delivered {spent[0].num_delivered - 1} times and never finished: it may end workers"
                    await pipeline.bury(spent, reason)
                    await batch.term(spent, reason)
                for message in batch.last_try:  # alone, so that what ends workers takes no neighbour along
                    await pipeline.take([message])
                    await batch.ack([message])
                await pipeline.take(batch.open)

    return take


async def _created(app: faust.App, stream: str) -> str:
    client = await cast("Transport", app.transport).connection.client()
    return str((await client.jetstream().stream_info(stream)).created)


def _settler(pipeline: Pipeline) -> Any:  # noqa: ANN401 - what app.task takes
    async def settle() -> None:
        recorded = -1
        while True:
            idle, recorded = pipeline.recorded == recorded, pipeline.recorded
            if not await pipeline.settle_due(idle=idle):
                await asyncio.sleep(IDLE_AFTER)

    return settle


def _chainer(logs: Sequence[Log], store: Store) -> Any:  # noqa: ANN401 - what app.task takes
    async def chain() -> None:
        while True:
            await asyncio.sleep(CHAIN_EVERY)
            await _catch_up(store, logs)

    return chain


async def _catch_up(store: Store, logs: Sequence[Log]) -> None:
    try:
        await catch_up_all(store, logs)
    except (LogError, OperationalError) as error:  # the next time will do
        log.info("the audit chain waits: %s", error)


async def run(
    logs: Sequence[Log],
    store: Store,
    *,
    drain: bool = False,
    only: Literal["insights", "context", ""] = "",
    context_files: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Run the worker until SIGTERM or SIGINT or, with ``drain``, until all that the logs hold now is in the tables.

    Args:
        logs: every log to read, with its server's address.
        store: where insights go; its tables are made or upgraded first.
        drain: stop at the end of the logs; context is not served then.
        only: do one half of the work, where another worker does the other; context is not served with insights only.
        context_files: files in which agents' context is kept current, by agent.

    Raises:
        LogError: with ``drain``, a server cannot be reached; without it the worker waits for its servers.
        sqlalchemy.exc.OperationalError: the database cannot be reached at the start.
    """
    await asyncio.to_thread(store.migrate)
    gc.freeze()  # what is loaded by now stays: collections, and the end of the process, need not walk it
    service = ContextService(store)
    serves = not drain and only != "insights"
    analyse, remember = Pipeline(store), MemoryPipeline(store, service if serves else None)
    halves: dict[str, Pipeline] = {"analyse": analyse, "remember": remember}
    at_work = {agent: halves[agent] for agent in _AGENTS[only]}
    try:
        async with stop_signal() as stop:
            durables = {one: await _durable(one, store, patient=not drain, stop=stop) for one in logs}
            with TemporaryDirectory(prefix="eventlore-") as folder:
                apps = {server: build(server, Path(folder)) for server in sorted({_server(one) for one in logs})}
                for one, names in durables.items():
                    for agent, pipeline in at_work.items():
                        _add_agent(apps[_server(one)], agent, one, names[agent], pipeline)
                first = next(iter(apps.values()))
                for pipeline in at_work.values():
                    first.task(_settler(pipeline))
                first.task(_chainer(logs, store))
                if serves:
                    _hand_over(apps, logs, service, context_files)
                if not stop.is_set():
                    await serve(*apps.values(), stop=stop, drain=drain)
            if drain and not stop.is_set():
                await _catch_up(store, logs)
                for pipeline in at_work.values():
                    while not stop.is_set() and await pipeline.settle_next():
                        pass
                for agent, path in context_files.items():
                    await write_file(service, agent, path)
    finally:
        for each in (service, remember, analyse):
            await asyncio.to_thread(each.close)


def _server(one: Log) -> str:
    return one.url or ""


def _hand_over(
    apps: Mapping[str, faust.App], logs: Sequence[Log], service: ContextService, files: Mapping[str, Path]
) -> None:
    """Let every server's agents ask for context; a server that has only agents' own logs answers for those alone."""
    for server, app in apps.items():
        owners = [one.agent for one in logs if _server(one) == server]
        connection = cast("Transport", app.transport).connection
        app.task(serving(service, connection.client, owners if all(owners) else ()))
    for agent, path in files.items():
        next(iter(apps.values())).task(keeping(service, agent, path))


async def _durable(one: Log, store: Store, *, patient: bool, stop: asyncio.Event) -> dict[str, str]:
    """The durable that each agent reads a log through; makes the log's stream if nobody has.

    A database that is new, or was made anew, must not share the durable of another one: it would get only what that
    one has not read.
    """
    while not stop.is_set():
        try:
            async with connected(one.url or "") as client:
                return await _enter(client, one, store)
        except LogError as error:
            if not patient:
                raise
            log.warning("waiting for the log: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RETRY_AFTER)
    return {"analyse": DURABLE, "remember": remember_store.DURABLE}


async def _enter(client: Client, one: Log, store: Store) -> dict[str, str]:
    await ensure_stream(client.jetstream(), one)
    _, created = await extent(client, one.stream)
    name = await asyncio.to_thread(store.name_stream, one.stream, created)
    taken = await has_durable(client, one.stream, DURABLE)
    durable = await asyncio.to_thread(lambda: store.name_durable(name, taken=taken))
    taken = await has_durable(client, one.stream, remember_store.DURABLE)
    context = await asyncio.to_thread(lambda: MemoryStore(store).name_durable(name, taken=taken))
    return {"analyse": durable, "remember": context}
