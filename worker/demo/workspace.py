"""The sample workspace as event lines: ``python -m worker.demo.workspace`` prints it."""

import json
import sys
from collections import Counter
from importlib.resources import files

from worker.demo.screenplay import Scene, read
from worker.demo.wire import gateway, wire_of

__all__ = ["event_lines", "scenes"]

UPGRADED_AT = 1_771_570_800_000
"""2026-02-20 07:00: the gateway of the agent ``ops`` came back with the newer plugin."""


def scenes() -> list[Scene]:
    """Every session of every agent, in the order of their files."""
    folder = files("worker.demo") / "scripts"
    scripts = sorted((one for one in folder.iterdir() if one.name.endswith(".txt")), key=lambda one: one.name)
    return [scene for script in scripts for scene in read(script.read_text(encoding="utf-8"))]


def event_lines() -> list[bytes]:
    """The events of all sessions as their producers wrote them, one JSON line each, in order of time."""
    timed = list(gateway(UPGRADED_AT))
    met: Counter[str] = Counter()
    for scene in scenes():
        met[scene.session] += 1
        timed += wire_of(scene, f"{scene.session}:thread:{met[scene.session]}").tell()
    timed.sort(key=lambda one: one[0])
    return [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for _, event in timed]


if __name__ == "__main__":
    sys.stdout.buffer.writelines(line + b"\n" for line in event_lines())
