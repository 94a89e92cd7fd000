"""A connection to the log that answers quickly, or says in one line why it cannot."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import nats
from nats.aio.client import Client
from nats.errors import Error, NoServersError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from worker.settings import Log, Settings, masked
from worker.streams import stream_config, takes

__all__ = ["LogError", "connected", "ensure_stream", "serving"]


class LogError(RuntimeError):
    """The log cannot be reached or used; the text says in one line why."""


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The address of the configured server or, where none is, of the embedded one, which runs meanwhile."""
    if settings.nats_url:
        yield settings.nats_url
        return
    from worker.embedded import EmbeddedServer

    with EmbeddedServer(settings.folder, revive=True) as server:
        yield server.url


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """A connection to ``url`` (addresses, comma-separated), given up after a few seconds.

    Raises:
        LogError: nothing answers there, or it turns us away.
    """
    last: list[Exception] = []

    async def remember(error: Exception) -> None:
        last[:] = [error]

    try:
        client = await nats.connect(
            [part.strip() for part in url.split(",")],
            name="eventlore",
            error_cb=remember,
            connect_timeout=3,
            max_reconnect_attempts=3,
            reconnect_time_wait=0.3,
            pending_size=8 << 20,
        )
    except (OSError, Error, TimeoutError) as error:
        cause = last[0] if last and isinstance(error, NoServersError) else error
        raise LogError(f"no connection to {masked(url)}: {_reason(cause)}") from None
    try:
        yield client
    finally:
        with contextlib.suppress(Error, OSError, TimeoutError):
            await client.close()


async def ensure_stream(js: JetStreamContext, log: Log, *, immutable: bool = False) -> bool:
    """Make the log's stream as it is designed, unless it is there; one that is there stays as it is.

    Args:
        js: the server.
        log: the stream.
        immutable: make it so that nobody can delete or purge messages, which cannot be undone. Without a word from
            the user no stream is made so, whatever is configured.

    Returns:
        Whether it was made.

    Raises:
        LogError: the server has no JetStream, or another stream holds these subjects, or the stream holds others.
    """
    try:
        found = await js.stream_info(log.stream)
    except NotFoundError:
        try:
            await js.add_stream(stream_config(log, immutable=immutable))
        except APIError as error:
            raise LogError(f"stream {log.stream} cannot be made: {error.description}") from None
        return True
    except (ServiceUnavailableError, TimeoutError):
        raise LogError("the server has JetStream switched off") from None
    if not takes(found.config, log.prefix):
        held = ", ".join(found.config.subjects or []) or "no subjects"
        raise LogError(f"stream {log.stream} takes {held}, not {log.prefix}.>")
    return False


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError) or "111" in str(error):
        return "nothing listens there"
    return " ".join(str(error).split()) or type(error).__name__
