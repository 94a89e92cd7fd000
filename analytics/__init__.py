"""What events mean. Pure: events in, rows out; no input or output."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from analytics.offline import Line

__all__ = ["analyse"]


def analyse(events: "Iterable[Line]", *, stream: str = "events") -> "dict[str, pd.DataFrame]":
    """Every insight table at once, from events alone: no stream, no database.

    Args:
        events: :class:`models.events.Event` objects, or messages as producers wrote them (JSON lines as bytes or
            text, or parsed objects) of any dialect; messages count from sequence 1.
        stream: the name that messages get as their stream.

    Returns:
        The tables by name, with the columns, units and order of rows (by primary key) of :mod:`models.tables`.
        Messages that no decoder understands are in ``dead_letters``, with the reason. Credentials are masked.

    Example:
        >>> line = (
        ...     '{"id": "1", "timestamp": 1767225600000, "agent": "agent", "session": "agent:cook:main",'
        ...     ' "type": "conversation.message.in", "visibility": "internal",'
        ...     ' "payload": {"runId": "r", "seq": 1, "stream": "user", "ts": 1767225600000,'
        ...     ' "data": {"text": "Could you find a soup recipe, please?"}},'
        ...     ' "meta": {"runId": "r", "seq": 1, "stream": "user"}}'
        ... )
        >>> analyse([line])["sessions"][["agent", "session", "messages"]].to_dict("records")
        [{'agent': 'cook', 'session': 'agent:cook:main', 'messages': 1}]
    """
    from analytics.offline import analyse as analyse_offline

    return analyse_offline(events, stream=stream)
