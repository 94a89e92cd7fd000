"""Screenplays: the readable form in which the sample workspace is written.

A file holds the scenes of one agent::

    === 2026-02-02 09:41 | agent:coder:slack:direct:mira | A      a session: when, its key, its dialect on the wire
    mira: pytest is red, can you fix it                           somebody else speaks
      -> exec {"command": "pytest -q"}                            the agent calls a tool; calls in a row are parallel
      <- 142 passed                                               the result of the first call that is open
      <-2 exit 1: 3 failed                                        of the second one: a command that failed
      <- error: File not found                                    a tool that failed
    coder: All green.                                             the agent speaks
    -- later 2d | reset new | compaction | run error: why         what happens beside the talk

Lines indented further go on with the line before; after ``|`` they are a line of their own.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["Call", "Mark", "Result", "Say", "Scene", "Step", "read"]


@dataclass(frozen=True, slots=True)
class Say:
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    number: int
    """Counted from 0 within the scene."""
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    call: Call
    text: str
    exit_code: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    kind: str
    """``later``, ``reset``, ``compaction`` or ``run error``."""
    detail: str = ""


Step = Say | Call | Result | Mark


@dataclass(slots=True)
class Scene:
    at: int
    """Unix milliseconds."""
    session: str
    dialect: str
    steps: list[Step] = field(default_factory=list)

    @property
    def agent(self) -> str:
        return self.session.split(":")[1]


_HEAD = re.compile(r"=== (\S+ \S+) \| (\S+) \| ([ACD])")
_CALL = re.compile(r"  -> (\w+) (.*)", re.DOTALL)
_RESULT = re.compile(r"  <-(\d*) (?:exit (\d+): |(error): )?(.*)", re.DOTALL)
_MARK = re.compile(r"-- (later|reset|compaction|run error)(?:: | |$)(.*)")
_SAY = re.compile(r"([\w-]+): (.*)", re.DOTALL)


def read(text: str) -> list[Scene]:
    """The scenes of a screenplay.

    Raises:
        ValueError: a line is none of the above; the text names it.
    """
    scenes: list[Scene] = []
    open_calls: list[Call] = []
    calls = 0
    for line in _joined(text):
        if head := _HEAD.fullmatch(line):
            at = datetime.strptime(head[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
            scenes.append(Scene(int(at.timestamp() * 1000), head[2], head[3]))
            open_calls, calls = [], 0
            continue
        if not scenes:
            raise ValueError(f"before the first scene: {line!r}")
        if call := _CALL.fullmatch(line):
            open_calls.append(Call(calls, call[1], json.loads(call[2])))
            scenes[-1].steps.append(open_calls[-1])
            calls += 1
        elif result := _RESULT.fullmatch(line):
            answered = open_calls.pop(int(result[1] or 1) - 1)
            error = result[4] if result[3] else ""
            scenes[-1].steps.append(Result(answered, result[4], int(result[2] or 0), error))
        elif mark := _MARK.fullmatch(line):
            scenes[-1].steps.append(Mark(mark[1], mark[2]))
        elif said := _SAY.fullmatch(line):
            scenes[-1].steps.append(Say(said[1], said[2]))
        else:
            raise ValueError(f"neither talk nor tool nor mark: {line!r}")
    return scenes


def _joined(text: str) -> Iterator[str]:
    """The lines with their continuations; without comments and empty lines."""
    current = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("    | "):
            current += "\n" + line[6:]
        elif line.startswith("    "):
            current += " " + line.strip()
        else:
            if current:
                yield current
            current = line
    if current:
        yield current
