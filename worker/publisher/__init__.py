"""The event store for agents that are written in Python: what happens goes into the log.

    async with EventStore("openclaw.json") as store:        # or a plain ``with``
        store.message_in(session="agent:ada:main", text="Is the build green?")
        call = store.tool_call(session="agent:ada:main", name="ci", arguments={"branch": "main"})
        store.tool_result(session="agent:ada:main", name="ci", call=call, text="green")
        store.message_out(session="agent:ada:main", text="It is.")

Telling an event costs some microseconds, never waits and never raises: a thread of its own masks credentials and
sends. While the server is away, events wait in a bounded buffer or, where a folder is configured, in a spool that the
next process finds. What is lost is counted by reason and logged, once a minute at most.
"""

from worker.publisher.queue import Tally
from worker.publisher.store import EventStore

__all__ = ["EventStore", "Tally"]
