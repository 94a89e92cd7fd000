"""The files of a folder that is followed, and how far each was read."""

import contextlib
import re
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from worker.importers.base import File, Importer, Memory, Record, version_of
from worker.importers.discovery import examine, may_be_read, walk
from worker.importers.openclaw_names import DATABASE
from worker.importers.tailing import Skipping, Tail, tail_of

__all__ = ["Sources"]

TAILS = 1000
"""Files that can go on where they were; of more, those that were quiet longest are read again from their beginning."""
_LOG = re.compile(r"\.(?:jsonl|ndjson|sqlite)")
TICK = 0.05
"""Seconds, more than the times of files are apart."""
_DATABASES = frozenset({".sqlite", ".db"})
_BESIDE = ("-wal", "-journal")
"""What SQLite writes beside a database."""


class Sources:
    """The files under a path.

    Args:
        root: the folder, or one file.
        importers: the formats to look for.
        agent: whose files they are, where they do not say.
        memory: what importers remember.
    """

    def __init__(self, root: Path, importers: Sequence[Importer], agent: str, memory: Memory) -> None:
        self.root = root
        self.folders: list[Path] = []
        """Where changes matter, as of the last look."""
        self._within: set[Path] = set()
        self._fresh: set[Path] = set()
        """Files that were read within a tick of being written: what was written since may not show in their times."""
        self._importers = importers
        self._agent = agent
        self._memory = memory
        self._versions: dict[Path, str] = {}
        self._tails: OrderedDict[Path, Tail] = OrderedDict()
        self._strangers: dict[Path, tuple[int, int, int]] = {}
        """Files that nobody reads, as they were when that was found."""

    def look(self) -> tuple[list[Path], list[Path]]:
        """Walk through the folder: the files that changed since they were read, and the folders that are gone with logs."""
        files = self._walk()
        gone = self._versions.keys() - files
        missing = {_missing(path.parent) for path in gone if _LOG.search(path.name) and not path.parent.exists()}
        for path in gone:
            del self._versions[path]
            self._tails.pop(path, None)
            self._strangers.pop(path, None)
            self._fresh.discard(path)
        return [path for path in sorted(files) if self.has_changed(path)], sorted(missing)

    def _walk(self) -> set[Path]:
        if self.root.is_dir():
            found = list(walk(self.root))
            self._within = {folder for folder, _ in found}
            self.folders = [*self._within, self.root.parent]
            return {path for _, paths in found for path in paths}
        self._within = set()
        self.folders = [self.root.parent]
        return {self.root} if self.root.is_file() else set()

    def skip(self) -> None:
        """Take everything that is there for read."""
        for path in self._walk():
            self._versions[path] = version_of(path)
            with contextlib.suppress(OSError):
                if path.suffix in _DATABASES and isinstance(tail := self._tail(path), Skipping):
                    tail.skip()

    def unread(self, path: Path) -> None:
        """Read a file from its beginning at the next look."""
        self._versions.pop(path, None)
        self._tails.pop(path, None)

    def file_of(self, changed: Path) -> Path | None:
        """The file that a change concerns; None: none that is followed."""
        path = changed
        for ending in _BESIDE:
            if path.name.endswith(ending):
                path = path.with_name(path.name.removesuffix(ending))
        if path == self.root:
            return path
        return path if may_be_read(path.name) and path.parent in self._within else None

    def is_within(self, folder: Path) -> bool:
        """Whether a folder is this one or one in it."""
        return folder == self.root or self.root in folder.parents

    def records(self, path: Path) -> Iterator[Record]:
        """What is new in a file.

        Raises:
            OSError: it cannot be read.
        """
        version = version_of(path)
        self._fresh.discard(path)
        tail = self._tail(path)
        if tail is not None:
            if _written_within(TICK, path):
                self._fresh.add(path)
            yield from tail.read()
        self._versions[path] = version

    def has_changed(self, path: Path) -> bool:
        """Whether a file changed since it was read: that it was opened is told as a change, too."""
        return self._versions.get(path) != version_of(path)

    def again(self, path: Path) -> float:
        """Seconds after which to read a file again although nothing changes; 0: there is no need."""
        tail = self._tails.get(path)
        if tail and tail.again:
            return tail.again
        return 2 * TICK if path in self._fresh else 0.0

    def forget(self, path: Path) -> None:
        """Read a file from its beginning when it changes the next time."""
        self._versions[path] = version_of(path)
        self._tails.pop(path, None)

    def _tail(self, path: Path) -> Tail | None:
        """The tail of a file, None when nobody reads it."""
        tail = self._tails.pop(path, None)
        if tail is None:
            status = path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._strangers.get(path) == seen:
                return None
            file = File(path, self.root, self._agent)
            found = examine(file, self._importers)
            if found.importer is None:
                # A new agent's database gets its tables in the log beside it: that one is looked into again.
                if path.name != DATABASE:
                    self._strangers[path] = seen
                return None
            self._strangers.pop(path, None)
            tail = tail_of(found.importer, file, self._memory)
        self._tails[path] = tail
        if len(self._tails) > TAILS:
            self._tails.popitem(last=False)
        return tail


def _missing(folder: Path) -> Path:
    """The outermost folder that is gone with this one."""
    while not folder.parent.exists():
        folder = folder.parent
    return folder


def _written_within(seconds: float, path: Path) -> bool:
    """Whether a file, or what SQLite writes beside it, was written just now."""
    now = time.time()
    for one in (path, path.with_name(path.name + _BESIDE[0])):
        with contextlib.suppress(OSError):
            if 0 <= now - one.stat().st_mtime < seconds:
                return True
    return False
