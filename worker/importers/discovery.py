"""Which files of a folder are imported, by which importer, and in which order."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from worker.importers.base import File, Importer
from worker.importers.openclaw_names import INDEX, index_of

__all__ = ["Found", "discover", "examine", "may_be_read", "walk"]


class Found(NamedTuple):
    """A file and who reads it."""

    file: File
    importer: Importer | None
    skipped: str = ""
    """Why nobody does."""


_COPIES = (
    (re.compile(r"\.checkpoint\.[^/]*\.jsonl(?:\.|$)"), "a copy of a transcript (checkpoint)"),
    (re.compile(r"\.trajectory(?:\.jsonl|-path\.json)"), "a trace of the runtime (trajectory)"),
)
_IGNORED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "venv"})
_IGNORED_FILES = frozenset({INDEX, "package.json", "package-lock.json", "tsconfig.json"})
_NAMELESS = "it cannot be read: sessions that it names are named after their transcripts"
_LOCKS = re.compile(r"[.-](?:lock|writer)\.sqlite$")
"""Databases that a gateway uses as locks: to look into one is to hold it."""
_CANDIDATES = re.compile(r"\.(?:jsonl|ndjson|json|sqlite|db|md)(?:\.|$)")
_ARCHIVE = re.compile(r"\.jsonl\.(?:reset|deleted|bak)\b|\.jsonl\.bak-")
_EXPECTED = re.compile(r"\.jsonl|\.ndjson|\.sqlite$")


def discover(path: Path, importers: Sequence[Importer], agent: str = "") -> list[Found]:
    """The files to import: databases and live files first, archives of them after, else by their names.

    A file that is given itself is always in the list; of a folder, files that might have been meant and are not read
    are in it with the reason.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    if not path.is_dir():
        path.stat()
        return [examine(File(path, path, agent), importers)]
    walked = list(walk(path))
    indexes = (folder / INDEX for folder, _ in walked)
    found = [Found(File(index, path), None, _NAMELESS) for index in indexes if index_of(index) is None]
    for candidate in sorted((file for _, files in walked for file in files), key=_order):
        one = examine(File(candidate, path, agent), importers)
        if one.importer or _EXPECTED.search(candidate.name):
            found.append(one)
    return found


def _order(path: Path) -> tuple[bool, bool, str]:
    return bool(_ARCHIVE.search(path.name)), path.suffix != ".sqlite", str(path)


def walk(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and those in it, each once whatever links lead to it, with the files that an importer might read.

    What cannot be read, or disappears meanwhile, is left out.
    """
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        here = Path(folder)
        try:
            status = here.stat()
        except OSError:
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS and not name.startswith(".")]
        yield here, [here / name for name in names if may_be_read(name) and (here / name).is_file()]


def may_be_read(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return name not in _IGNORED_FILES and bool(_CANDIDATES.search(name)) and not _LOCKS.search(name)


def examine(file: File, importers: Sequence[Importer]) -> Found:
    """Who reads a file, or why nobody does."""
    for pattern, reason in _COPIES:
        if pattern.search(file.name):
            return Found(file, None, reason)
    try:
        if not file.path.stat().st_size:
            return Found(file, None, "empty")
        file.path.open("rb").close()  # so that it is said when it may not be read
        if not file.head:
            return Found(file, None, "nothing in it can be unpacked")
        for importer in importers:
            if importer.recognises(file):
                return Found(file, importer)
    except OSError as error:
        return Found(file, None, str(error.strerror or error))
    is_zip = file.head.startswith(b"PK\x03\x04")
    return Found(file, None, "a ZIP archive: unpack it first" if is_zip else "no format that is known")
