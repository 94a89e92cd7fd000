"""Files read and masked, in this process or in one of its own, which :mod:`worker.importers.apart` starts."""

import gc
import importlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import msgspec

from models.redaction import Redactor
from worker.importers.base import File, Importer, Memory, version_of
from worker.importers.discovery import Found
from worker.importers.ledger import Ledger

__all__ = ["Batch", "Finished", "Refused", "Task", "Told", "child", "read_here", "task_for"]

_EVENTS = 500
_BYTES = 2 << 20


class Told(msgspec.Struct, array_like=True, gc=False):
    """An event, and the file and record that it comes from."""

    file: int
    place: int
    id: str
    agent: str
    type: str
    data: bytes


class Refused(msgspec.Struct, array_like=True, gc=False):
    """A record that could not be read."""

    file: int
    place: int
    reason: str


class Finished(msgspec.Struct, array_like=True):
    """A file that was read to its end, or not read because it has not changed."""

    file: int
    version: str
    records: int = 0
    events: int = 0
    unchanged: bool = False


class Batch(msgspec.Struct):
    """Some of what was read; a file is finished after its events."""

    events: list[Told] = []
    refused: list[Refused] = []
    finished: list[Finished] = []
    redacted: dict[str, int] = {}
    names: dict[str, str] = {}
    """What is to be remembered."""


class _File(msgspec.Struct):
    path: str
    importer: str
    """The module that reads it."""


class Task(msgspec.Struct):
    """What to read."""

    root: str
    agent: str
    home: str
    """The folder of the ledger."""
    marks: str
    """What an import depends on beside the files."""
    files: list[_File]
    patterns: dict[str, str]
    redact: bool


def task_for(
    found: Sequence[Found], *, root: Path, agent: str, home: Path, marks: str, patterns: dict[str, str], redact: bool
) -> Task:
    """The task of reading files; those that nobody reads are left out, their numbers stay free."""
    files = [_File(str(one.file.path), getattr(one.importer, "__name__", "")) for one in found]
    return Task(str(root), agent, str(home), marks, files, patterns, redact)


class _Kept(Protocol):
    """What earlier imports left: of the ledger, what reading needs."""

    def recall(self, what: str) -> str: ...
    def report(self, path: str, version: str) -> bytes | None: ...


class _Names(Memory):
    """Names that were remembered before, and those that are learned now."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept
        self._all: dict[str, str] = {}
        self.new: dict[str, str] = {}

    def recall(self, what: str) -> str:
        return self._all.get(what) or self._kept.recall(what)

    def remember(self, what: str, value: str) -> None:
        if self.recall(what) != value:
            self._all[what] = self.new[what] = value


class _Unchanged(msgspec.Struct):
    """What is taken over from the report of a file that has not changed."""

    records: int
    events: int


def read_here(task: Task, kept: _Kept) -> Iterator[Batch]:
    """Read in this process."""
    redactor = Redactor(task.patterns, enabled=task.redact)
    names = _Names(kept)
    batch, size = Batch(), 0
    for item in _items(task, kept, names):
        if isinstance(item, Told):
            item.data, masked = redactor.message(item.data)
            if masked:
                batch.redacted = dict(Counter(batch.redacted) + Counter(masked))
            batch.events.append(item)
            size += len(item.data)
        elif isinstance(item, Refused):
            batch.refused.append(item)
            size += 100
        else:
            batch.finished.append(item)
            size += 1000
        if len(batch.events) >= _EVENTS or size >= _BYTES:
            batch.names, names.new = names.new, {}
            yield batch
            batch, size = Batch(), 0
    batch.names = names.new
    yield batch


def _items(task: Task, kept: _Kept, names: Memory) -> Iterator[Told | Refused | Finished]:
    for number, one in enumerate(task.files):
        path = Path(one.path)
        if not one.importer:
            yield Finished(number, "")
            continue
        version = f"{version_of(path)} {task.marks}"
        if known := kept.report(str(path.absolute()), version):
            before = msgspec.json.decode(known, type=_Unchanged)
            yield Finished(number, version, before.records, before.events, unchanged=True)
            continue
        importer = cast("Importer", importlib.import_module(one.importer))
        records = events = 0
        try:
            for record in importer.read(File(path, Path(task.root), task.agent), names):
                records += 1
                if record.refused:
                    yield Refused(number, record.place, record.refused)
                for event in record.events:
                    events += 1
                    yield Told(number, record.place, event.id, event.agent, event.type, event.data)
        except OSError as error:
            yield Refused(number, 0, error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - whatever a file makes an importer raise concerns that file
            yield Refused(number, 0, f"it cannot be read any further: {type(error).__name__}: {error}")
        yield Finished(number, version, records, events)


def child() -> None:
    """Read the task on standard input, write batches, then an empty one."""
    gc.set_threshold(100_000)  # what is read makes no circles, and little of it is kept
    stdout = sys.stdout.buffer
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    ledger = Ledger.open(Path(task.home))
    try:
        for batch in read_here(task, ledger):
            data = msgspec.msgpack.encode(batch)
            stdout.write(len(data).to_bytes(4))
            stdout.write(data)
            stdout.flush()
        stdout.write(bytes(4))
        stdout.flush()
    except BrokenPipeError:
        os._exit(1)  # nobody reads any more, nor would what is left in the buffer be read
    finally:
        ledger.close()
