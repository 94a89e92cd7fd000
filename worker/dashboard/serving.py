"""The dashboard on an address: by itself, or beside the worker."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from sqlalchemy import Engine, create_engine, make_url

from worker.dashboard.access import Access
from worker.dashboard.app import build
from worker.dashboard.operations import Operations
from worker.settings import Log

if TYPE_CHECKING:
    from worker.store import Store

__all__ = ["address", "beside", "listen", "read_only", "serve"]

STOP_AFTER = 3
"""Seconds that answers on their way get when the dashboard ends."""


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address.

    Raises:
        OSError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def address(host: str, listening: socket.socket) -> str:
    """What to type into a browser."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}/"


def serve(
    database: str, store: "Store", access: Access, logs: Callable[[], Sequence[Log]], listening: socket.socket
) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    engine = read_only(database)
    try:
        _server(engine, store, access, logs).run(sockets=[listening])
    finally:
        engine.dispose()


@contextlib.contextmanager
def beside(
    database: str, store: "Store", access: Access, logs: Callable[[], Sequence[Log]], listening: socket.socket
) -> Iterator[None]:
    """Serve in a thread for as long as the block runs."""
    engine = read_only(database)
    server = _server(engine, store, access, logs)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="dashboard", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STOP_AFTER + 2)
        engine.dispose()


def _server(engine: Engine, store: "Store", access: Access, logs: Callable[[], Sequence[Log]]) -> uvicorn.Server:
    app = build(engine, access, Operations(engine, logs, partial(_replay, store)))
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=STOP_AFTER,
        ws="none",
        proxy_headers=False,
    )
    return uvicorn.Server(config)


def _replay(store: "Store") -> tuple[int, int]:
    from worker.replay import replay  # brings the analysis along

    return replay(store)


def read_only(database: str) -> Engine:
    """An engine through which nothing can be written."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "").absolute().as_posix()
        return create_engine(f"sqlite:///file:{file}?mode=ro&uri=true", connect_args={"timeout": 30})
    options = {"options": "-c default_transaction_read_only=on"}
    return create_engine(database, connect_args=options, pool_pre_ping=True, pool_size=4)
