"""Events that a migration script makes of a memory workspace: one for each file, one for each section of it."""

from models.dialects.body import Body, whole
from models.dialects.texts import plain
from models.dialects.wire import Data, Envelope, Payload
from models.events import Kind

__all__ = ["read"]


def read(envelope: Envelope, payload: Payload) -> Body:
    """Read a note: its title, where the text does not have it, and its text."""
    data = payload.data if isinstance(payload.data, Data) else Data(text=payload.data)
    parts = (payload.content, payload.text, payload.text_preview, data.content, data.text)
    said = next(filter(None, map(plain, parts)), "").strip()
    title = next(filter(None, map(plain, (payload.title, payload.heading, data.title, data.heading))), "").strip()
    text = f"{title}\n{said}".strip() if title not in said else said
    meta = envelope.meta
    run = payload.run_id if payload.run_id is not None else meta.run_id if meta else None
    return Body(Kind.MEMORY, envelope.type or "", text, run, whole(payload.seq))
