"""The context builder: what the worker's second durable consumer does with a batch."""

import threading
import time
from collections.abc import Sequence

from worker.context_service import ContextService
from worker.decoding import Encoded
from worker.pipeline import Pipeline
from worker.remember_store import MemoryStore
from worker.store import Store

__all__ = ["MemoryPipeline"]

PATIENCE = 2.0
"""Seconds that a batch waits to be recorded by those who read the log for insights, before it is recorded here."""
_LOOK_EVERY = 0.05
_JUST = 60.0
"""Seconds for which a session counts as just started."""


class MemoryPipeline(Pipeline):
    """Marks the sessions of each batch and settles their memory when it is time.

    The record is shared: whoever reads a message first writes it. Here that is seldom needed, since the insights'
    consumer writes it; when that one has stopped, this one goes on without it, and does not wait for it again until
    it is back.
    """

    def __init__(self, store: Store, service: ContextService | None = None) -> None:
        """``service``: told of sessions that start, and of changes of memory."""
        super().__init__(store)
        self.memory = MemoryStore(store)
        self._service = service
        self._patience = PATIENCE

    def _record(self, messages: Sequence[Encoded]) -> None:
        places = {(self._name(message), message.sequence): message for message in messages}
        missing = self.memory.note(places)
        waited = 0.0
        while missing and waited < self._patience and not self._closing.is_set():
            threading.Event().wait(_LOOK_EVERY)
            waited += _LOOK_EVERY
            missing = self.memory.note(missing)
        self._patience = 0.0 if missing else PATIENCE
        if missing:
            super()._record([places[place] for place in sorted(missing)])
            self.memory.note(missing)
        if self._service:
            since = int((time.time() - _JUST) * 1000)
            self._service.prepare(self.memory.started(places, since))

    def _settle_sessions(self) -> int:
        settled = self.memory.settle_sessions()
        if settled and self._service:
            self._service.changed()
        return settled

    def _settle_overview(self) -> bool:
        return False

    def _pending_sessions(self) -> int:
        return self.memory.pending_sessions()
