"""How a log's stream should be, and what it risks where it is not so."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from nats.js import api

from worker.settings import Log

__all__ = ["Difference", "differences", "is_immutable", "stream_config", "takes"]

LARGEST_EVENT = 1_000_000


class Difference(NamedTuple):
    """Something about a stream that is not as configured."""

    setting: str
    configured: str
    found: str
    risk: str


def stream_config(log: Log, *, immutable: bool = False) -> api.StreamConfig:
    """The stream as it is designed: in files, old messages discarded at its limits, if it has any."""
    design = log.design
    return api.StreamConfig(
        name=log.stream,
        subjects=[f"{log.prefix}.>"],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.OLD,
        max_msgs=design.max_messages,
        max_bytes=design.max_bytes,
        max_age=design.max_age,
        num_replicas=design.replicas,
        duplicate_window=min(design.duplicate_window, design.max_age or design.duplicate_window),
        deny_delete=immutable,
        deny_purge=immutable,
    )


def takes(config: api.StreamConfig, prefix: str) -> bool:
    """Whether a stream takes the events of a prefix."""
    return any(_covers(pattern, f"{prefix}.agent.type") for pattern in config.subjects or [])


def is_immutable(config: api.StreamConfig) -> bool:
    """Whether nobody can delete or purge its messages."""
    return bool(config.deny_delete and config.deny_purge)


def differences(log: Log, found: api.StreamConfig) -> list[Difference]:
    """What of a stream is not as configured, the gravest first."""
    return [*_what_it_takes(log, found), *_what_it_keeps(log, found), *_what_it_knows(log, found)]


def _what_it_takes(log: Log, found: api.StreamConfig) -> Iterator[Difference]:
    if not takes(found, log.prefix):
        yield Difference("subjects", f"{log.prefix}.>", ", ".join(found.subjects or []) or "none",
                         "no event of this configuration gets into it")  # fmt: skip
    if found.sealed:
        yield Difference("sealed", "no", "yes", "it takes no more events")
    if found.no_ack:
        yield Difference("acknowledges", "yes", "no", "producers do not learn which events it did not take")
    if found.max_msg_size is not None and 0 < found.max_msg_size < LARGEST_EVENT:
        yield Difference("largest message", "any", _bytes(found.max_msg_size), "larger events are refused")


def _what_it_keeps(log: Log, found: api.StreamConfig) -> Iterator[Difference]:
    design = log.design
    if found.storage == api.StorageType.MEMORY:
        yield Difference("storage", "file", "memory", "when the server restarts, everything is gone")
    if found.retention not in (None, api.RetentionPolicy.LIMITS):
        yield Difference("retention", "limits", str(found.retention),
                         "events vanish once they were read: no rebuild, no audit")  # fmt: skip
    if found.max_msgs_per_subject and found.max_msgs_per_subject > 0:
        yield Difference("messages a subject", "any", f"{found.max_msgs_per_subject:,}",
                         "older events of an agent and type vanish: rebuild and audit find gaps")  # fmt: skip
    for setting, wanted, actual, shown in (
        ("maximum age", design.max_age, found.max_age, _seconds),
        ("maximum bytes", design.max_bytes, found.max_bytes, _bytes),
        ("maximum messages", design.max_messages, found.max_msgs, _number),
    ):
        yield from _limit(setting, wanted, actual or 0, shown)
    if found.discard == api.DiscardPolicy.NEW:
        yield Difference("discard", "old", "new", "once it is full, new events are refused")
    if found.num_replicas is not None and found.num_replicas != design.replicas:
        risk = "fewer servers may fail before events are lost" if found.num_replicas < design.replicas else "more disk"
        yield Difference("replicas", str(design.replicas), str(found.num_replicas), risk)
    if is_immutable(found) != design.immutable:
        risk = "anybody who may manage the server can delete or purge events"
        if not design.immutable:
            risk = "nothing can be erased from it, not even what somebody has a right to have erased"
        yield Difference("immutable", _yes(design.immutable), _yes(is_immutable(found)), risk)


def _limit(setting: str, wanted: float, actual: float, shown: Callable[[float], str]) -> Iterator[Difference]:
    wanted, actual = max(wanted, 0), max(actual, 0)  # 0 and -1 both mean: no limit
    if wanted == actual:
        return
    less = bool(actual) and (not wanted or actual < wanted)
    risk = "older events vanish earlier: rebuild and audit find gaps" if less else "it keeps more than it should"
    yield Difference(setting, shown(wanted), shown(actual), risk)


def _what_it_knows(log: Log, found: api.StreamConfig) -> Iterator[Difference]:
    wanted, actual = stream_config(log).duplicate_window or 0, found.duplicate_window or 0
    if wanted != actual:
        risk = (
            f"an event that is sent again after more than {_seconds(actual)} is stored twice (insights count it once)"
        )
        if actual > wanted:
            risk = "the server needs more memory"
        yield Difference("duplicate window", _seconds(wanted), _seconds(actual), risk)


def _covers(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    for position, word in enumerate(wanted):
        if word == ">":
            return len(given) > position
        if position >= len(given) or word not in {"*", given[position]}:
            return False
    return len(wanted) == len(given)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value else "no limit"


def _bytes(value: float) -> str:
    return f"{value:,.0f} bytes" if value else "no limit"


def _seconds(value: float) -> str:
    if not value:
        return "no limit"
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if value >= 2 * size and value % size == 0:
            return f"{value / size:,.0f} {unit}"
    return f"{value:,g} seconds"
