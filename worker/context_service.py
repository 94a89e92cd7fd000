"""Handing context over: a NATS micro service that answers for each agent, and files kept current in workspaces."""

import asyncio
import json
import logging
import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import nats.micro
from nats.aio.client import Client
from nats.errors import Error
from nats.micro.request import Request, ServiceError
from sqlalchemy.exc import OperationalError

from analytics.context import Block
from analytics.context.block import LEAST
from worker.context import BUDGET, as_document, build_block, note
from worker.store import Session, Store

__all__ = ["MOST", "SUBJECT", "Asked", "ContextService", "keep_file", "keeping", "serving", "write_file"]

log = logging.getLogger(__name__)

SUBJECT = "eventlore.context"
"""Requests go to this subject, a dot, and the agent's name (percent-encoded where a subject could not hold it)."""
MOST = 32_000
"""Tokens that may be asked for."""
FRESH = 10.0
"""Seconds for which a block that was built counts as current, unless memory changed."""
_KEPT = 256
_LOOK_EVERY = 1.0
_FILE_EVERY = 600.0
"""Seconds after which a file is written again although memory did not change: its ages do."""


class Asked(NamedTuple):
    """What somebody wants to be told."""

    agent: str
    session: str = ""
    about: str = ""
    budget: int = BUDGET


class ContextService:
    """Builds blocks in a thread of its own, keeps the latest, and answers requests with them."""

    def __init__(self, store: Store) -> None:
        self.changes = 0
        """How often memory changed, as far as this process knows."""
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="context")
        self._built: OrderedDict[Asked, tuple[float, Block]] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, sessions: Iterable[Session]) -> None:
        """Build the blocks of sessions that have just started, so that they are ready when they are asked for."""
        for agent, session in sessions:
            with suppress(RuntimeError):  # closing
                self._thread.submit(self._prepared, Asked(agent, session))

    def changed(self) -> None:
        """Memory changed: what was built is out of date."""
        with self._lock:
            self.changes += 1
            self._built.clear()

    async def hand_over(self, asked: Asked, way: str) -> Block:
        """The block that was asked for, noted in ``context_log``."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._hand_over, asked, way)

    async def serve(self, client: Client, agents: Collection[str] = ()) -> None:
        """Answer requests on a connection until it is closed or this is cancelled.

        Args:
            client: the connection.
            agents: the only ones that are answered for there; none: every agent.
        """

        async def answer(request: Request) -> None:
            asked, wants_markdown = _read(request)
            if agents and asked.agent not in agents:
                raise ServiceError("404", f"agent {asked.agent} is not served here")
            try:
                block = await self.hand_over(asked, "service")
            except OperationalError as error:
                raise ServiceError("503", f"the database is away: {error.orig}".splitlines()[0]) from None
            await request.respond(
                block.markdown.encode()
                if wants_markdown
                else json.dumps(as_document(block), ensure_ascii=False).encode()
            )

        service = await nats.micro.add_service(
            client, name="eventlore-context", version="1.0.0", description="What an agent should know before a session."
        )
        try:
            await service.add_endpoint(name="context", subject=f"{SUBJECT}.*", handler=answer)
            while not client.is_closed:  # noqa: ASYNC110 - nats-py has no event for it
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            with suppress(Error, OSError, TimeoutError):
                await asyncio.shield(service.stop())

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def _prepared(self, asked: Asked) -> Block:
        with self._lock:
            built = self._built.get(asked)
            changes = self.changes
        if built and time.monotonic() - built[0] < FRESH:
            return built[1]
        block = build_block(self._store, **asked._asdict())
        with self._lock:
            if changes == self.changes:
                self._built[asked] = (time.monotonic(), block)
                while len(self._built) > _KEPT:
                    self._built.popitem(last=False)
        return block

    def _hand_over(self, asked: Asked, way: str) -> Block:
        block = self._prepared(asked)
        note(self._store, block, way)
        return block


def _read(request: Request) -> tuple[Asked, bool]:
    """What a request asks for, and whether it wants Markdown instead of JSON."""
    agent = unquote(request.subject.rpartition(".")[2])
    try:
        wanted = json.loads(request.data) if request.data.strip() else {}
    except (ValueError, RecursionError):
        raise ServiceError("400", "the request should be empty or JSON") from None
    if not isinstance(wanted, dict):
        raise ServiceError("400", "the request should be a JSON object")
    session, about, budget = (
        wanted.get(name) or default for name, default in (("session", ""), ("about", ""), ("budget", BUDGET))
    )
    if not (isinstance(session, str) and isinstance(about, str)):
        raise ServiceError("400", "session and about should be text")
    if not (_is_unicode(session) and _is_unicode(about)):
        raise ServiceError("400", "session and about should be Unicode")
    if not isinstance(budget, int) or isinstance(budget, bool) or not LEAST <= budget <= MOST:
        raise ServiceError("400", f"budget should be a number from {LEAST} to {MOST}")
    return Asked(agent, session, about[:4_000], budget), wanted.get("format") == "markdown"


def _is_unicode(text: str) -> bool:
    """Whether a text can be stored: JSON may hold halves of surrogate pairs."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


async def write_file(service: ContextService, agent: str, path: Path) -> None:
    """Write an agent's block to a file, whole or not at all."""
    try:
        block = await service.hand_over(Asked(agent), "file")
        await asyncio.to_thread(_replace, path, block.markdown)
    except (OSError, OperationalError) as error:
        log.warning("the context of %s cannot be written to %s: %s", agent, path, error)


async def keep_file(service: ContextService, agent: str, path: Path) -> None:
    """Write the file whenever memory changes, until cancelled."""
    changes, when = -1, 0.0
    while True:
        if service.changes != changes or time.monotonic() - when > _FILE_EVERY:
            changes, when = service.changes, time.monotonic()
            await write_file(service, agent, path)
        await asyncio.sleep(_LOOK_EVERY)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


Connect = Callable[[], Awaitable[Client]]


def serving(service: ContextService, connect: Connect, agents: Collection[str]) -> Any:  # noqa: ANN401 - what app.task takes
    """A task that serves on whatever connection there is, also after it was closed and made anew."""

    async def serve_context() -> None:
        while True:
            try:
                await service.serve(await connect(), agents)
            except (Error, OSError, TimeoutError) as error:
                log.warning("context is not served: %r", error)
                await asyncio.sleep(_LOOK_EVERY)

    return serve_context


def keeping(service: ContextService, agent: str, path: Path) -> Any:  # noqa: ANN401 - what app.task takes
    """A task that keeps a file."""

    async def keep_context() -> None:
        await keep_file(service, agent, path)

    return keep_context
