"""Dead letters, tried again."""

from models.dialects import Refusal, decode
from worker.store import Store

__all__ = ["replay"]


def replay(store: Store) -> tuple[int, int]:
    """Try every dead letter again and settle what could be read; returns how many could, and could not."""
    events, kept = [], 0
    for letter in store.dead_letters():
        try:
            events.append(decode(letter.data, stream=letter.stream, seq=letter.seq, subject=letter.subject))
        except Refusal:
            kept += 1
    store.revive(events)
    store.settle()
    return len(events), kept
