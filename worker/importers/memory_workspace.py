"""Memory workspaces: an agent's notes in Markdown, one event for each file and one for each ``## `` section.

Read are ``MEMORY.md``, ``memory/**/*.md`` and ``life/areas/**/*.md``. A daily note's time is the date in its name or
its folders' names; a file without one has the time of its last change. What a note says is part of its identity: a section that
was rewritten is a new event, one that stayed is the one it was.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath

from models.dialects.own import VERSION, Own, Source
from models.events import Kind
from worker.importers.base import File, Memory, Record, identifier, made

__all__ = ["FORMAT", "read", "recognises"]

FORMAT = "memory workspace"

_SOURCE = "memory-workspace"
_LARGEST_FILE = 16 << 20
_DATED = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_./]?)([01]\d)\2([0-3]\d)(?!\d)(?:[-_T](\d\d)[-:]?(\d\d)(?=$|[-_.]))?")
"""``2026-03-08``, ``20260308``, ``2026_03_08``, or folders ``2026/03/08``; perhaps a time behind it."""
_SECTION = re.compile(r"^##[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_AREAS = {"people": "person", "companies": "company", "projects": "project"}


def recognises(file: File) -> bool:
    """Whether it is a note, by its place in a workspace."""
    return file.path.suffix == ".md" and _place(file) is not None


def read(file: File, memory: Memory) -> Iterator[Record]:  # noqa: ARG001 - a note says all
    """The events of a note."""
    place = _place(file)
    data = file.path.read_bytes()
    if place is None or len(data) > _LARGEST_FILE:
        yield Record(1, [], f"{len(data):,} bytes: too long for a note")
        return
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        yield Record(data.count(b"\n", 0, error.start) + 1, [], f"no UTF-8: byte {data[error.start]:#04x}")
        return
    workspace, kind = place
    agent = file.agent or _agent_of(workspace)
    ts = _time_of(file, workspace, kind)
    relative = file.path.absolute().relative_to(workspace).as_posix()

    def event(name: str, heading: str, said: str, order: int, times: int) -> Own:
        return Own(
            eventlore=VERSION,
            id=identifier(_SOURCE, agent, relative, name, heading, said, str(times)),
            ts=ts,
            agent=agent,
            session=f"agent:{agent}:memory",
            type=Kind.MEMORY.value,
            name=name,
            text=f"{heading}\n{said}".strip() if heading else said,
            order=order,
            source=Source(_SOURCE, relative, heading[:200]),
        )

    if text.strip():
        yield Record(1, [made(event(kind, "", text.strip(), 0, 0))])
    seen: dict[tuple[str, str], int] = {}
    for order, (line, heading, said) in enumerate(_sections(text), 1):
        times = seen[heading, said] = seen.get((heading, said), -1) + 1
        yield Record(line, [made(event("section", heading, said, order, times))])


def _sections(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, heading and text of each section; headings in code are none."""
    code = [match.span() for match in _FENCE.finditer(text)]
    found = [
        match
        for match in _SECTION.finditer(text)
        if not any(start <= match.start() < end for start, end in code)
    ]  # fmt: skip
    for at, match in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        yield text.count("\n", 0, match.start()) + 1, match[1], text[match.end() : end].strip()


def _place(file: File) -> tuple[PurePath, str] | None:
    """The workspace that a note is in, and what kind of note it is."""
    path = file.path.absolute()
    if path.name == "MEMORY.md":
        return path.parent, "long-term-memory"
    for parent in path.parents:
        if parent.name == "areas" and parent.parent.name == "life":
            area = path.relative_to(parent).parts
            return parent.parent.parent, _AREAS.get(area[0], "memory") if len(area) > 1 else "memory"
        if parent.name == "memory":
            return parent.parent, "daily-note" if _date_of(path, parent.parent) else "memory"
    return None


def _agent_of(workspace: PurePath) -> str:
    """OpenClaw calls workspaces ``workspace`` (the main agent's) and ``workspace-<agent>``."""
    name = workspace.name
    return name.removeprefix("workspace-") if name.startswith("workspace-") and len(name) > 10 else "main"


def _date_of(path: PurePath, workspace: PurePath) -> re.Match[str] | None:
    """The date that the name of a note, or the folders that it is in, give it."""
    return _DATED.search(path.relative_to(workspace / "memory").as_posix())


def _time_of(file: File, workspace: PurePath, kind: str) -> int:
    dated = _date_of(file.path.absolute(), workspace) if kind == "daily-note" else None
    if dated:
        year, _, *rest = dated.groups()
        try:
            moment = datetime(int(year), *(int(part or 0) for part in rest), tzinfo=UTC)  # type: ignore[misc,arg-type]
        except ValueError:
            pass  # such as the 31st of February
        else:
            return int(moment.timestamp() * 1000)
    return int(file.path.stat().st_mtime * 1000)
