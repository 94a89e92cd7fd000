"""One connection to NATS, shared by everything in the app, that never gives up."""

import asyncio
import logging
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

import nats
from nats.aio.client import Client

__all__ = ["RETRY", "ClosedError", "Connection"]

log = logging.getLogger(__name__)

RETRY: tuple[type[Exception], ...] = (nats.errors.Error, OSError, TimeoutError)
"""What a lost, absent or not yet ready server raises: try again."""

_MOST_COMPLAINTS = 100
"""Different errors of an outage that are remembered as said."""


class ClosedError(ConnectionError):
    """The connection was closed for good: the app stops."""


class Connection:
    """A NATS connection that is made on first use and made again for ever."""

    def __init__(
        self,
        servers: list[str],
        name: str,
        *,
        tls: SSLContext | None = None,
        credentials: str = "",
        server_name: str = "",
    ) -> None:
        """Describe a connection; nothing is opened yet.

        Args:
            servers: URLs, tried in turn. User and password, or a token, stand in the URL.
            name: Shown by the server's monitoring.
            tls: For servers that ask for TLS.
            credentials: Path of a ``.creds`` file.
            server_name: Talk to the server of this name only: a port can be somebody else's after a restart.
        """
        self._settings: dict[str, Any] = {
            "servers": servers,
            "name": name,
            "tls": tls,
            "user_credentials": credentials or None,
        }
        self._server_name = server_name
        self._client: Client | None = None
        self._connecting: asyncio.Lock | None = None
        self._up: asyncio.Event | None = None
        self._closed = False
        self._users = 0
        self._complaints: set[str] = set()
        self.on_lost: list[Callable[[], None]] = []
        """Called, without arguments, whenever the connection is lost."""

    async def client(self) -> Client:
        """The connected client; waits for ever until there is one.

        Raises:
            ClosedError: `close` was called.
        """
        if self._connecting is None or self._up is None:
            self._connecting, self._up = asyncio.Lock(), asyncio.Event()
        while not self._closed:
            async with self._connecting:
                # nats-py reconnects by itself, but closes for good on some errors that the server reports.
                if self._client is None or self._client.is_closed:
                    self._client = await self._connect()
            if self._client.is_connected:
                return self._client
            if not self._client.is_closed:
                self._up.clear()
                await self._up.wait()
        raise ClosedError("the connection was closed")

    @property
    def up(self) -> bool:
        """Whether there is a connection just now."""
        return self._client is not None and self._client.is_connected

    async def _connect(self) -> Client:
        client = await nats.connect(
            **self._settings,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            connect_timeout=2,
            ping_interval=5,  # a server that hangs is noticed within 15 s
            max_outstanding_pings=2,
            flush_timeout=5,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            closed_cb=self._on_lost,
            reconnected_cb=self._on_back,
        )
        if not self._is_ours(client):
            await client.close()
            await asyncio.sleep(1)
        self._complaints.clear()
        return client

    def _is_ours(self, client: Client) -> bool:
        name = client._server_info.get("server_name")
        if self._server_name and name != self._server_name:
            log.warning("a server named %r is not used: it should be %r", name, self._server_name)
            return False
        return True

    async def _on_error(self, error: Exception) -> None:
        complaint = repr(error)
        # Said once an outage: a server that is away, or a wrong password, gives the same errors four times a second.
        log.log(logging.INFO if complaint in self._complaints else logging.WARNING, "nats: %s", complaint)
        if len(self._complaints) < _MOST_COMPLAINTS:
            self._complaints.add(complaint)

    async def _on_lost(self) -> None:
        for callback in self.on_lost:
            callback()
        if self._up:
            self._up.set()  # whoever waits looks again: lost and closed need different answers

    async def _on_back(self) -> None:
        self._complaints.clear()
        if self._client and not self._is_ours(self._client):
            await self._client.close()
        if self._up:
            self._up.set()

    def hold(self) -> None:
        """Count one more user."""
        self._users += 1

    async def release(self) -> None:
        """Close the connection after its last user."""
        self._users -= 1
        if self._users <= 0:
            await self.close()

    async def close(self) -> None:
        """Close for good. What was written before is flushed."""
        self._closed = True
        if self._up:
            self._up.set()
        if self._client and not self._client.is_closed:
            await self._client.close()
