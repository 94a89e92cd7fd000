"""The public logs, and what they hold by a count of our own that knows nothing of decoders."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

NAMES = ("sgd", "uss-mwoz", "uss-redial", "uss-ccpe", "tau-airline")


def lines(data: Path, *names: str) -> Iterator[bytes]:
    """Event lines of these logs (all, when none is named), without line ends."""
    for name in names or NAMES:
        with gzip.open(data / "sessions" / f"{name}.events.jsonl.gz") as file:
            for line in file:
                yield line.rstrip(b"\n")


def sample(data: Path, *, sessions: int = 8) -> list[bytes]:
    """Some whole sessions of every log, the same at every call."""
    chosen: list[bytes] = []
    for name in NAMES:
        every = list(lines(data, name))
        keys = sorted({json.loads(line)["session"] for line in every})
        wanted = set(random.Random(name).sample(keys, sessions))
        chosen += [line for line in every if json.loads(line)["session"] in wanted]
    return chosen


class Counts(NamedTuple):
    """Figures of an agent."""

    sessions: int
    messages: int
    tool_calls: int
    tool_errors: int


def count(events: Iterable[bytes]) -> dict[str, Counts]:
    """Each agent's figures, by name."""
    sessions: dict[str, set[str]] = {}
    found: dict[str, Counter[str]] = {}
    for line in events:
        event = json.loads(line)
        agent = event["session"].split(":")[1]
        sessions.setdefault(agent, set()).add(event["session"])
        found.setdefault(agent, Counter())[_what(event)] += 1
    return {
        agent: Counts(
            sessions=len(sessions[agent]),
            messages=counter["message"],
            tool_calls=counter["call"],
            tool_errors=counter["error"],
        )
        for agent, counter in found.items()
    }


def _what(event: dict) -> str:
    match event["type"]:
        case "msg.in" | "msg.out" | "conversation.message.in" | "conversation.message.out":
            return "message"
        case "conversation.tool_call":
            return "call"
        case "conversation.tool_result":
            result = event["payload"]["data"]["result"]
            failed = isinstance(result, str) and result.startswith("Error")
            return "error" if failed or event["payload"]["data"]["isError"] else "result"
        case _:
            return "other"
