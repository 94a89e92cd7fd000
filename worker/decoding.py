"""A fetched batch of messages told apart: events, and dead letters with their reasons."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from models.dialects import Refusal, decode
from models.events import Event
from worker.store import DeadLetter

__all__ = ["Encoded", "Origin", "decode_all"]


class Encoded(Protocol):
    """A message of the log, not decoded yet."""

    @property
    def stream(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def subject(self) -> str: ...
    @property
    def data(self) -> bytes: ...


class Origin(NamedTuple):
    """What the worker knows of a stream beyond its messages."""

    name: str
    """What it is called in the tables: its name, unless it was deleted and made anew."""
    agent: str = ""
    """Whose stream it is, where an agent has one of its own."""


def decode_all(
    messages: Iterable[Encoded], origins: Mapping[str, Origin] = MappingProxyType({})
) -> tuple[list[Event], list[DeadLetter]]:
    """Decode every message; one that cannot be decoded harms no other.

    Args:
        messages: as the log holds them.
        origins: what is known of their streams, by name.
    """
    events: list[Event] = []
    refused: list[DeadLetter] = []
    for m in messages:
        name, agent = origins.get(m.stream) or Origin(m.stream)
        try:
            events.append(decode(m.data, stream=name, seq=m.sequence, subject=m.subject, agent=agent))
        except Refusal as refusal:
            refused.append(DeadLetter(name, m.sequence, m.subject, str(refusal), m.data))
    return events, refused
