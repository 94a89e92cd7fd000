"""The ledger brought up to date with the log."""

import contextlib

from nats.js import JetStreamContext

from worker.importers.ledger import Ledger
from worker.message_ids import message_ids

__all__ = ["catch_up"]


async def catch_up(ledger: Ledger, stream: int, js: JetStreamContext, name: str) -> None:
    """Add the identifiers of what the log holds and the ledger has not seen.

    Raises:
        LogError: the server stopped answering.
    """
    upto = ledger.upto(stream)
    if (await js.stream_info(name)).state.last_seq <= upto:
        return
    async with contextlib.aclosing(message_ids(js, name, upto)) as found:
        async for sequence, identifiers in found:
            for identifier in identifiers:
                ledger.add(stream, identifier)
            ledger.seen(stream, sequence)
            ledger.commit()
