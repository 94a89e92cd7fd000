"""Draw the sessions to label: half by chance, half among those whose words hint at trouble.

The hints are loose and no part of the detectors, so that what detectors miss is among the drawn sessions too.
Order is that of a hash of the session key: the same data gives the same sample.

    python benchmarks/labels/sample.py --data DIR
"""

import argparse
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

QUOTA = {
    "tau-airline": (30, 12),
    "sgd": (45, 45),
    "uss-mwoz": (45, 45),
    "uss-redial": (35, 30),
    "uss-ccpe": (25, 20),
}
"""Sessions of each set: by chance, by hint."""

_USER = re.compile(r"\b(?:no|not|wrong|already|again|why|still|meant|mean|said|sorry)\b|n't\b", re.IGNORECASE)
_AGENT = re.compile(r"\b(?:can't|cannot|unable|sorry|unfortunately|transfer|contact|afraid|error)\b", re.IGNORECASE)


def sessions(path: Path) -> Iterator[tuple[str, list[dict]]]:
    """Each session of a log with its events in order."""
    found: dict[str, list[dict]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            found.setdefault(event["session"], []).append(event)
    yield from found.items()


def words(event: dict) -> tuple[str, str]:
    """(side, text) of an event, the side being u, a, t or empty."""
    payload = event["payload"]
    if "data" not in payload:
        return ("u" if event["type"] == "msg.in" else "a"), payload["content"]
    data = payload["data"]
    if event["type"].endswith("message.in"):
        return "u", data["text"]
    if event["type"].endswith("message.out"):
        return "a", data["text"]
    return ("t", json.dumps(data.get("result", ""))) if "name" in data else ("", "")


def hints(events: list[dict]) -> int:
    """How much of a session's words hints at trouble."""
    said = [words(event) for event in events]
    user = sum(len(_USER.findall(text)) for side, text in said if side == "u")
    agent = sum(len(_AGENT.findall(text)) for side, text in said if side == "a")
    return user + 2 * agent + 5 * sum('"Error' in text[:8] for side, text in said if side == "t")


def draw(data: Path) -> dict[str, list[tuple[str, str]]]:
    """(session, half) of each set, the half being ``chance`` or ``hint``."""
    drawn = {}
    for name, (chance, hint) in QUOTA.items():
        known = dict(sessions(data / "sessions" / f"{name}.events.jsonl.gz"))
        order = sorted(known, key=lambda key: hashlib.sha256(key.encode()).hexdigest())
        rest = order[chance:]
        marked = sorted(rest, key=lambda key: (-hints(known[key]), key))[: len(rest) // 3]
        picked = [key for key in order if key in set(marked)][:hint]
        drawn[name] = [(key, "chance") for key in order[:chance]] + [(key, "hint") for key in picked]
    return drawn


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    for name, picked in draw(parser.parse_args().data).items():
        for session, half in picked:
            print(f"{name}\t{half}\t{session}")
