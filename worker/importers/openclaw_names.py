"""Whose an OpenClaw transcript is: the agent and the session key, which its entries do not say."""

import re
import sqlite3
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import orjson

from worker.importers.base import File, Memory, moment, version_of

__all__ = [
    "DATABASE",
    "INDEX",
    "NAME",
    "Header",
    "Session",
    "Sessions",
    "agent_of",
    "connect",
    "first_header",
    "header_of",
    "index_of",
    "keys_in",
    "session_of",
    "text_of",
]

NAME = re.compile(r"(?P<session>.+?)\.jsonl(?:\.(?:reset|deleted|bak)\..+|\.bak-.+)?(?:\.zst|\.gz)?$")
"""What transcripts are called, live ones and archives."""
DATABASE = "openclaw-agent.sqlite"
INDEX = "sessions.json"
"""Names the sessions of the transcripts beside it."""

SETTLED_WITHIN = 3.0
"""Seconds after its last change within which an index that cannot be read may be half written."""
_LOOKS, _LOOK_EVERY = 20, 0.05

_TOPIC = re.compile(r"-topic-[^./]+$")
_STEM = re.compile(r"([^/\\]+?)\.jsonl(?:[./].*)?$")
_NAMELESS = ("agent:", "cron:", "hook:", "global", "unknown")
"""How session keys begin that are whole as they are."""


class Session(NamedTuple):
    """Which session entries belong to."""

    id: str
    """OpenClaw's identifier of the transcript."""
    key: str
    agent: str


class Header(NamedTuple):
    """What a transcript's first entry says."""

    id: str
    ts: int
    """Unix milliseconds; 0: it does not say."""
    parent: str
    """The identifier of the transcript that it was branched off."""
    cwd: str


def text_of(value: object) -> str:
    """An identifier or a name, whatever type a producer gave it."""
    if value is None or isinstance(value, str):
        return value or ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def header_of(value: object) -> Header | None:
    """The header that an entry is, if it is one."""
    if not isinstance(value, dict) or value.get("type") != "session":
        return None
    parent = text_of(value.get("parentSession"))
    stem = _STEM.search(parent)
    return Header(
        id=text_of(value.get("id")),
        ts=moment(value.get("timestamp")),
        parent=stem[1] if stem else parent,
        cwd=text_of(value.get("cwd")),
    )


def first_header(head: bytes) -> Header | None:
    """The header among a transcript's first lines; the first may be broken."""
    for line in head.split(b"\n")[:5]:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if header := header_of(value):
            return header
    return None


def session_of(path: Path, header: Header | None) -> str:
    """The identifier of a transcript's session; a topic's has one of its own.

    The header's where there is one, else what the file is named after: they agree but in copies.
    """
    named = NAME.match(path.name)
    stem = named["session"] if named else path.stem
    topic = _TOPIC.search(stem)
    if header is None or not header.id:
        return stem
    return header.id + (topic[0] if topic and not header.id.endswith(topic[0]) else "")


def agent_of(path: Path, header: Header | None, said: str = "") -> str:
    """Whose transcript it is: by the user's word, by its folder, by the workspace that it worked in."""
    if said:
        return said
    parts = path.absolute().parts
    for at in range(len(parts) - 2, 0, -1):
        if parts[at - 1] == "agents":
            return parts[at]
    workspace = re.search(r"[/\\]workspace-([^/\\]+)", header.cwd) if header else None
    return workspace[1] if workspace else "main"


class _Entry(msgspec.Struct):
    """A session in ``sessions.json``, which holds much more."""

    sessionId: Any = None  # noqa: N815 - the file's names
    sessionFile: Any = None  # noqa: N815
    usageFamilySessionIds: Any = None  # noqa: N815


class Sessions:
    """The sessions of one agent, as its folder and earlier imports know them."""

    def __init__(self, agent: str, keys: dict[str, str], before: dict[str, str], folder: Path, memory: Memory) -> None:
        self.agent = agent
        self.unsettled = False
        """Whether an index cannot be read because, as it seems, it is just being written."""
        self._keys = keys
        self._before = before
        self._folder = folder
        self._memory = memory

    @classmethod
    def beside(cls, path: Path, agent: str, memory: Memory) -> Self:
        """The sessions that the folder of a transcript (or a database) knows."""
        folder = path.absolute().parent
        databases = {path, folder / DATABASE, folder.parent / "agent" / DATABASE}
        indexes = (folder / INDEX, folder.parent / "sessions" / INDEX)
        keys: dict[str, str] = {}
        before: dict[str, str] = {}
        unsettled = False
        for index in indexes:
            found = index_of(index)
            unsettled |= found is None and _is_new(index)
            keys |= found or {}
        for database in sorted(databases):
            if database.suffix == ".sqlite":
                named, previous = keys_in(database, version_of(database) if database.exists() else "")
                keys, before = keys | named, before | previous
        sessions = cls(agent, keys, before, folder, memory)
        sessions.unsettled = unsettled
        return sessions

    @classmethod
    def settled_beside(cls, path: Path, agent: str, memory: Memory) -> Self:
        """The same, once an index that is being written is there; not for long."""
        for _ in range(_LOOKS):
            sessions = cls.beside(path, agent, memory)
            if not sessions.unsettled:
                break
            time.sleep(_LOOK_EVERY)
        return sessions

    def session(self, identity: str) -> Session:
        """The session that a transcript belongs to; one that nothing names gets a key of its own."""
        key = self._keys.get(identity, "")
        remembered = f"openclaw/{self.agent}/{identity}"
        if key:
            self._memory.remember(remembered, key)
        else:
            key = self._memory.recall(remembered) or identity
        if not key.startswith(_NAMELESS):
            key = f"agent:{self.agent}:{key}"
        agent = key.split(":", 2)[1] if key.startswith("agent:") else ""
        return Session(identity, key, agent or self.agent)

    def names(self, identity: str) -> bool:
        """Whether the key of a transcript's session is known."""
        return identity in self._keys or bool(self._memory.recall(f"openclaw/{self.agent}/{identity}"))

    def previous(self, identity: str) -> str:
        """The session that this one follows, as far as the database says; else empty."""
        return self._before.get(identity, "")

    def parent(self, identity: str) -> tuple[str, int] | None:
        """The session that this one was branched off, and when (Unix milliseconds)."""
        path = self._folder / f"{identity}.jsonl"
        header = _header_in(path, _version(path))
        parent = (header.parent if header else "") or self.previous(identity)
        return (parent, header.ts) if header and parent and header.ts else None


def _version(path: Path) -> tuple[int, int]:
    """What changes when the file does; zeros when there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _is_new(path: Path) -> bool:
    return 0 <= time.time() - _version(path)[0] / 1e9 < SETTLED_WITHIN


@lru_cache(maxsize=256)
def _header_in(path: Path, version: tuple[int, int]) -> Header | None:
    return first_header(File(path, path).head) if any(version) else None


def index_of(path: Path) -> dict[str, str] | None:
    """Session keys by the identifiers of their transcripts, from ``sessions.json``; None when it cannot be read."""
    return _index(path, _version(path))


_decode_index = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


def _entry(raw: msgspec.Raw) -> _Entry:
    try:
        return _decode_entry(raw)
    except msgspec.ValidationError:
        return _Entry()  # of a form that is not known


@lru_cache(maxsize=8)
def _index(path: Path, version: tuple[int, int]) -> dict[str, str] | None:
    if not any(version):
        return {}
    try:
        entries = {key: _entry(raw) for key, raw in _decode_index(path.read_bytes()).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError):
        return None
    keys: dict[str, str] = {}
    for key, entry in entries.items():
        family = entry.usageFamilySessionIds
        for identity in family if isinstance(family, list) else []:
            keys.setdefault(text_of(identity), key)
    for key, entry in entries.items():
        keys[text_of(entry.sessionId)] = key
        if isinstance(entry.sessionFile, str) and (stem := _STEM.search(entry.sessionFile)):
            keys[stem[1]] = key
    keys.pop("", None)
    return keys


def connect(path: Path, timeout: float = 10) -> sqlite3.Connection:
    """A read-only connection to somebody else's database.

    It sees what a running gateway has committed and holds no lock between statements. Where SQLite may not keep its own
    files beside the database, as on read-only media, and no write-ahead log is there, the file is all there is.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=timeout)
    connection.text_factory = _decoded
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or path.with_name(path.name + "-wal").exists():
            raise
        connection = sqlite3.connect(f"{address}&immutable=1", uri=True)
        connection.text_factory = _decoded
    return connection


def _decoded(text: bytes) -> str:
    """A text that may be no UTF-8, which must not keep others from being read."""
    return text.decode("utf-8", "replace")


@lru_cache(maxsize=8)
def keys_in(path: Path, version: str) -> tuple[dict[str, str], dict[str, str]]:
    """Of an agent's database: session keys by transcript, and the transcript that each one follows."""
    if not version:
        return {}, {}
    keys: dict[str, str] = {}
    before: dict[str, str] = {}
    try:
        connection = connect(path)
    except sqlite3.Error:
        return {}, {}
    try:
        for table in ("session_entries", "sessions", "session_nodes", "session_windows"):
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            identity = "session_id" if "session_id" in columns else "current_session_id"
            if {identity, "session_key"} <= columns:
                rows = connection.execute(f"SELECT {identity}, session_key FROM {table} ORDER BY 1, 2")
                keys.update((text_of(row[0]), text_of(row[1])) for row in rows if row[1])
            if "previous_session_id" in columns:
                rows = connection.execute(f"SELECT {identity}, previous_session_id FROM {table}")
                before.update((text_of(row[0]), text_of(row[1])) for row in rows if row[1])
    except sqlite3.Error:
        return keys, before
    finally:
        connection.close()
    return keys, before
