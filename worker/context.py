"""Building an agent's context block from the database, and noting that it was handed over."""

import time
from typing import Any

from analytics.context import Block, build, gather
from analytics.context.tokens import TOKENIZER
from analytics.reader import Reader
from worker.remember_store import MemoryStore
from worker.store import Store

__all__ = ["BUDGET", "as_document", "build_block", "hand_over", "note"]

BUDGET = 1_000
"""Tokens of a block, where nobody says."""


def build_block(
    store: Store, *, agent: str, session: str = "", about: str = "", budget: int = BUDGET, now: int | None = None
) -> Block:
    """The block for an agent, read as that agent; a pure function of the tables and ``now`` (Unix milliseconds)."""
    at = time.time_ns() // 1_000_000 if now is None else now
    candidates = gather(Reader(store.engine, agent), agent, now=at, session=session, about=about)
    return build(candidates, agent=agent, now=at, budget=budget, session=session, about=about)


def hand_over(
    store: Store,
    *,
    agent: str,
    session: str = "",
    about: str = "",
    budget: int = BUDGET,
    now: int | None = None,
    way: str,
) -> Block:
    """Build a block and note in ``context_log`` that it was handed over, in what way."""
    block = build_block(store, agent=agent, session=session, about=about, budget=budget, now=now)
    note(store, block, way)
    return block


def note(store: Store, block: Block, way: str) -> None:
    """Note in ``context_log`` what was handed to whom."""
    MemoryStore(store).log_context(
        agent=block.agent,
        session=block.session,
        budget=block.budget,
        tokens=block.tokens,
        about=block.about,
        way=way,
        items=block.refs,
    )


def as_document(block: Block) -> dict[str, Any]:
    """A block as JSON has it."""
    return {
        "agent": block.agent,
        "session": block.session,
        "about": block.about,
        "built_at": block.built_at,
        "budget": block.budget,
        "tokens": block.tokens,
        "tokenizer": TOKENIZER,
        "markdown": block.markdown,
        "items": [
            {
                "section": line.section,
                "text": line.text,
                "who": line.who,
                "ts": line.ts,
                "event": f"{line.ref[0]}:{line.ref[1]}",
                "also": [f"{stream}:{seq}" for stream, seq in line.also],
                "reason": line.reason,
                "value": line.value,
            }
            for line in block.lines
        ],
    }
