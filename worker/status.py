"""How the log stands, as numbers."""

from typing import Any

from nats.errors import Error
from nats.js.errors import APIError, NotFoundError

from worker.connection import LogError, connected
from worker.settings import Log, masked

__all__ = ["log_status"]


async def log_status(log: Log) -> dict[str, Any]:
    """Messages and bytes of the stream, and what its consumers still have to do; or what is wrong as ``error``."""
    try:
        return await _ask(log)
    except LogError as error:
        return {"address": masked(log.url or ""), "stream": log.stream, "error": str(error)}


async def _ask(log: Log) -> dict[str, Any]:
    url = log.url or ""
    found: dict[str, Any] = {"address": masked(url), "stream": log.stream, "messages": 0, "bytes": 0}
    found |= {"first_seq": 0, "last_seq": 0, "consumers": []}
    async with connected(url) as client:
        js = client.jetstream(timeout=3)
        try:
            state = (await js.stream_info(log.stream)).state
            found |= {"messages": state.messages, "bytes": state.bytes}
            found |= {"first_seq": state.first_seq, "last_seq": state.last_seq}
            found["consumers"] = [
                {
                    "name": one.name,
                    "waiting": one.num_pending,
                    "unacknowledged": one.num_ack_pending,
                    "redelivered": one.num_redelivered,
                }
                for one in sorted(await js.consumers_info(log.stream), key=lambda one: one.name)
            ]
        except NotFoundError:
            return found  # nothing was published yet
        except (APIError, Error, TimeoutError) as error:
            raise LogError(f"{masked(url)} does not answer about {log.stream}: {error}") from None
    return found
