"""What can be set for a topic: in the topic's ``config``, or for all topics in the broker URL's query."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from faust.exceptions import ImproperlyConfigured

__all__ = ["Options"]

_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one topic is read. Times are seconds."""

    stream: str = ""
    """The JetStream stream. Default: the topic's name."""
    durable: str = ""
    """The durable consumer that all workers of this topic share. Default: the app's id."""
    filter: str = ""
    """Read only these subjects: one, or several separated by commas."""
    batch: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    """Messages in a batch, at most."""
    max_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 8 * 1024 * 1024
    """Bytes in a batch, at most; a single larger message comes alone."""
    fetch_wait: Annotated[float, msgspec.Meta(ge=0.1)] = 5.0
    """How long one request for messages waits on the server before it is renewed."""
    ack_wait: Annotated[float, msgspec.Meta(ge=0.5)] = 30.0
    """How long after a worker's death its messages go to another one."""
    hold: _Seconds = 600.0
    """How long a batch may take: so long is it kept from others with in-progress acks."""
    max_deliver: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Deliveries of a message until it is for the dead letters (`Batch.last_try`). The server itself never stops."""
    backoff: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """Delay of the first redelivery after `Batch.nak`; it doubles each time."""
    backoff_max: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """The longest such delay."""
    max_ack_pending: Annotated[int, msgspec.Meta(ge=1)] = 65_536
    """Messages in the hands of all workers of the durable together, at most."""
    drain: _Seconds = 3.0
    """How long handlers may go on with their batch when the app stops."""

    @classmethod
    def read(cls, topic: str, app_id: str, *layers: Mapping[str, Any]) -> "Options":
        """The options of a topic: defaults, then each layer over the ones before it.

        Raises:
            ImproperlyConfigured: An unknown option, or a value out of range; the text names it.
        """
        merged = {"stream": topic, "durable": app_id}
        for layer in layers:
            merged |= layer
        try:
            return msgspec.convert(merged, cls, strict=False)
        except msgspec.ValidationError as error:
            names = ", ".join(cls.__struct_fields__)
            raise ImproperlyConfigured(f"topic {topic!r}: {error} (options: {names})") from error

    @property
    def filters(self) -> list[str]:
        """The subjects of `filter`."""
        return [part.strip() for part in self.filter.split(",") if part.strip()]
