"""OpenClaw state folders, written with every record type, archive form and trap, and what they say.

Whoever writes an entry here says in the same breath which events it stands for: the expectation knows nothing of
importers.
"""

import json
import random
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

__all__ = ["Expected", "StateFolder", "Transcript"]

START = 1_760_000_000_000
WORDS = ("plan", "release", "server", "note", "Köln", "check", "friday", "report", "again", "🙂", "please", "backup")


class Expected(NamedTuple):
    """One event, as far as the expectation goes."""

    agent: str
    session: str
    ts: int
    kind: str
    name: str
    text: str
    call: str
    failed: bool


def iso(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Transcript:
    """One session's entries, and the events that they stand for."""

    def __init__(self, folder: "StateFolder", agent: str, key: str, identity: str, *, version: int = 3) -> None:
        self.folder = folder
        self.rng = folder.rng
        self.agent, self.key, self.id, self.version = agent, key, identity, version
        self.lines: list[str] = []
        self.parent: str | None = None
        self.text = lambda: " ".join(self.rng.choices(WORDS, k=self.rng.randrange(3, 12)))

    def tick(self) -> int:
        self.folder.clock += self.rng.randrange(1, 4000)
        return self.folder.clock

    def expect(
        self, ts: int, kind: str, name: str = "", text: str = "", call: str = "", *, failed: bool = False
    ) -> None:
        self.folder.expected[Expected(self.agent, self.key, ts, kind, name, text, call, failed)] += 1

    def header(self, **more: object) -> int:
        ts = self.tick()
        head = {"type": "session", "version": self.version, "id": self.id, "timestamp": iso(ts), "cwd": "/w", **more}
        self.lines.append(json.dumps(head))
        self.expect(ts, "session.start", "session")
        return ts

    def entry(self, kind: str, *, ts: int = 0, parent: str | None = "", **fields: object) -> tuple[str, int]:
        ts = ts or self.tick()
        identity = (
            f"{self.rng.getrandbits(32):08x}" if self.version == 3 else str(uuid.UUID(int=self.rng.getrandbits(128)))
        )
        above = self.parent if parent == "" else parent
        line = {"type": kind, "id": identity, "parentId": above, "timestamp": iso(ts), **fields}
        self.lines.append(json.dumps(line, ensure_ascii=self.rng.random() < 0.5, separators=(",", ":")))
        self.parent = identity
        return identity, ts

    # What was said

    def user(self, text: str = "", *, told: bool = True, said: str = "", **where: Any) -> str:
        text = text or self.text()
        content: object = text if self.version == 4 else [{"type": "text", "text": text}]
        identity, ts = self.entry("message", message={"role": "user", "content": content, "timestamp": 1}, **where)
        if told:
            self.expect(ts, "message.in", "", said or text)
        else:
            self.expect(ts, "other", "repeat", text)
        return identity

    def assistant(self, parts: list[dict[str, Any]], *, stop: str = "stop", **more: Any) -> tuple[str, int]:
        message = {"role": "assistant", "content": parts, "api": "x", "provider": "stub", "model": "lab",
                   "usage": {"input": 1, "output": 2, "totalTokens": 3}, "stopReason": stop}  # fmt: skip
        where = {name: more.pop(name) for name in ("parent", "ts") if name in more}
        return self.entry("message", message=message | more, **where)

    def reply(self, text: str = "", **more: Any) -> str:
        text = text or self.text()
        identity, ts = self.assistant([{"type": "text", "text": text}], **more)
        self.expect(ts, "message.out", "", text)
        return identity

    def calls(self, *names: str, think: bool = False) -> list[str]:
        made = [f"call_{self.rng.getrandbits(40)}" for _ in names]
        parts = [
            {"type": "toolCall", "id": c, "name": n, "arguments": {"x": 1}} for c, n in zip(made, names, strict=True)
        ]
        if think:
            parts.insert(0, {"type": "thinking", "thinking": "hm"})
        _, ts = self.assistant(parts, stop="toolUse")
        if think:
            self.expect(ts, "other", "thinking", "hm")
        for call, name in zip(made, names, strict=True):
            self.expect(ts, "tool.call", name, "", call)
        return made

    def result(
        self, call: str, name: str, text: str, *, failed: bool = False, error: bool = False, **details: Any
    ) -> None:
        message = {"role": "toolResult", "toolCallId": call, "toolName": name, "isError": error, "timestamp": 1,
                   "content": [{"type": "text", "text": text}]}  # fmt: skip
        _, ts = self.entry("message", message=message | ({"details": details} if details else {}))
        self.expect(ts, "tool.result", name, text, call, failed=failed)

    def failure(self, text: str = "400 overloaded", *, again: bool = False, **where: Any) -> None:
        _, ts = self.assistant([], stop="error", errorMessage=text, **where)
        if again:
            self.expect(ts, "other", "retry", text)
        else:
            self.expect(ts, "run.error", "model", text, failed=True)

    # What else there is

    def oddities(self) -> None:
        """Every record that is no message, known or not."""
        for kind, name, fields, text, event in (
            ("model_change", "model_change", {"provider": "stub", "modelId": "lab"}, "", "other"),
            ("thinking_level_change", "thinking_level_change", {"thinkingLevel": "off"}, "", "other"),
            ("custom", "model-snapshot", {"customType": "model-snapshot", "data": {"runId": "r"}}, "", "other"),
            ("custom_message", "ext", {"customType": "ext", "content": "put in", "display": True}, "put in", "other"),
            ("branch_summary", "branch_summary", {"summary": "went on", "fromId": "x"}, "went on", "other"),
            ("label", "label", {"targetId": "x", "label": "here"}, "", "other"),
            ("session_info", "session_info", {"name": "Trip"}, "", "other"),
            ("compaction", "compaction", {"summary": "so far", "firstKeptEntryId": "x", "tokensBefore": 9}, "so far",
             "compaction.end"),
            ("reset", "reset", {"reason": "new"}, "new", "session.reset"),
            ("hologram", "hologram", {"depth": [1, {"a": None}]}, "", "other"),
        ):  # fmt: skip
            _, ts = self.entry(kind, **fields)
            self.expect(ts, event, name, text)
        _, ts = self.entry("message", message={"role": "bashExecution", "command": "ls", "output": "a", "exitCode": 0})
        self.expect(ts, "other", "bashExecution")
        _, ts = self.entry("message", message={"role": 7, "content": {"odd": True}})
        self.expect(ts, "other", "7")
        _, ts = self.assistant([{"type": "audio", "data": "x" * 2000}, {"type": "text", "text": "listen"}])
        self.expect(ts, "other", "audio")
        self.expect(ts, "message.out", "", "listen")

    def turn(self) -> None:
        """A plain turn, with or without tools, fine or not."""
        self.user()
        match self.rng.randrange(8):
            case 0:
                (call,) = self.calls("exec")
                self.result(
                    call, "exec", "boom\n\n(Command exited with code 2)", failed=True, status="completed", exitCode=2
                )
            case 1:
                one, two = self.calls("read", "exec", think=True)
                self.result(two, "exec", "fine", exitCode=0)
                self.result(one, "read", "no such file", failed=True, status="error", error="ENOENT")
            case 2:
                (call,) = self.calls("write")
                self.result(call, "write", "denied", failed=True, error=True)
            case 3:
                (call,) = self.calls("search")
                self.result(call, "search", "three errors are mentioned here", status="completed", exitCode=0)
            case 4:
                self.failure()
                self.failure(again=True)
            case _:
                pass
        self.reply()

    def write(self, path: Path, lines: list[str] | None = None, *, packed: bool = False) -> None:
        data = ("\n".join(self.lines if lines is None else lines) + "\n").encode("utf-8", "surrogatepass")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zstandard.ZstdCompressor().compress(data) if packed else data)


class StateFolder:
    """A state folder and its expectation."""

    def __init__(self, path: Path, seed: int, *, turns: int = 30) -> None:
        self.path = path
        self.rng = random.Random(seed)
        self.turns = turns
        self.clock = START + seed * 10**9
        self.expected: Counter[Expected] = Counter()
        self.refused: Counter[str] = Counter()
        """How many lines of each file cannot be read."""
        self.skipped: set[str] = set()
        self.records = 0

    def new(self, agent: str, key: str = "", **more: Any) -> Transcript:
        identity = str(uuid.UUID(int=self.rng.getrandbits(128)))
        return Transcript(self, agent, key or f"agent:{agent}:{identity}", identity, **more)

    def sessions(self, agent: str) -> Path:
        return self.path / "agents" / agent / "sessions"

    def write(self) -> None:
        """Write everything."""
        for step in (
            self.indexed,
            self.archives,
            self.branches,
            self.forks,
            self.damage,
            self.database,
            self.workspaces,
        ):
            step()

    def _filled(self, transcript: Transcript, turns: int = 0) -> Transcript:
        transcript.header()
        for _ in range(turns or self.turns):
            transcript.turn()
        return transcript

    def indexed(self) -> None:
        """Live transcripts that ``sessions.json`` names, one of them with a family, and a topic."""
        index: dict[str, object] = {}
        for key in ("agent:concierge:main", "agent:concierge:telegram:direct:42", "cron:nightly"):
            one = self._filled(self.new("concierge", key))
            one.oddities()
            one.write(self.sessions("concierge") / f"{one.id}.jsonl")
            index[key] = {"sessionId": one.id, "skillsSnapshot": {"prompt": "x" * 500}}
        before = self._filled(self.new("concierge", "agent:concierge:main"))
        before.write(self.sessions("concierge") / f"{before.id}.jsonl.reset.2026-03-08T10-00-00.000Z")
        index["agent:concierge:main"]["usageFamilySessionIds"] = [before.id]  # type: ignore[index]
        topic = self.new("concierge", "agent:concierge:telegram:group:-100:topic:7")
        topic.header()
        topic.turn()
        topic.write(self.sessions("concierge") / f"{topic.id}-topic-7.jsonl")
        index[topic.key] = {"sessionId": "elsewhere", "sessionFile": f"/home/claw/{topic.id}-topic-7.jsonl"}
        index["broken"] = None
        (self.sessions("concierge") / "sessions.json").write_text(json.dumps(index))
        for name, reason in (
            (f"{before.id}.checkpoint.{before.id}.jsonl", "checkpoint"),
            ("x.trajectory.jsonl", "trajectory"),
        ):
            before.write(self.sessions("concierge") / name)
            self.skipped.add(f"agents/concierge/sessions/{name}")
            assert reason

    def archives(self) -> None:
        """Every form of archive, alone and as a copy of what is live."""
        folder = self.sessions("travel")
        suffixes = (".reset.2026-03-08T10-00-00.000Z", ".deleted.2026-03-09T10-00-00.000Z",
                    ".bak.2026-03-10T10-00-00Z", ".bak-4711-1772964000000")  # fmt: skip
        for suffix in suffixes:
            one = self._filled(self.new("travel"))
            one.write(folder / f"{one.id}.jsonl{suffix}")
            packed = self._filled(self.new("travel"))
            packed.write(folder / f"{packed.id}.jsonl{suffix}.zst", packed=True)
        live = self._filled(self.new("travel"))
        live.write(folder / f"{live.id}.jsonl")
        live.write(folder / f"{live.id}.jsonl.bak-1-1772964000000", live.lines[: len(live.lines) // 2])
        live.write(folder / f"{live.id}.jsonl.reset.2026-03-08T11-00-00.000Z.zst", packed=True)

    def branches(self) -> None:
        """Branches that were left, retries, messages that were written twice."""
        one = self.new("coder")
        one.header()
        top = one.user()
        point = one.reply()
        # Rewound: what was answered there is no part of the conversation any more.
        text = one.text()
        left, ts = one.entry("message", message={"role": "user", "content": text})
        one.expect(ts, "other", "abandoned", text)
        text = one.text()
        _, ts = one.assistant([{"type": "text", "text": text}], parent=left)
        one.expect(ts, "other", "abandoned", text)
        one.user(parent=point)
        last = one.reply()
        # A message that nobody answered was said all the same.
        one.user(parent=last)
        one.user(parent=last)
        one.reply()
        # Another model takes over: the message is written again.
        base = one.reply()
        text = one.text() + " now"
        one.user(text, parent=base)
        one.failure()
        one.failure(again=True)
        one.user(text, told=False, parent=base)
        one.reply()
        # The same words after an answer are another message.
        one.user(text)
        response = one.reply(responseId="resp-1")
        said = json.loads(one.lines[-1])["message"]["content"][0]["text"]
        _, ts = one.assistant([{"type": "text", "text": said}], responseId="resp-1")
        one.expect(ts, "other", "repeat", said)
        _, ts = one.assistant([{"type": "text", "text": said}], model="delivery-mirror", provider="openclaw")
        one.expect(ts, "other", "repeat", said)
        assert top != response
        one.write(self.sessions("coder") / f"{one.id}.jsonl")
        pointed = self.new("coder")
        pointed.header()
        pointed.user()
        end = pointed.reply()
        text = pointed.text()
        _, ts = pointed.entry("message", message={"role": "user", "content": text})
        pointed.expect(ts, "other", "abandoned", text)
        text = pointed.text()
        _, ts = pointed.assistant([{"type": "text", "text": text}])
        pointed.expect(ts, "other", "abandoned", text)
        _, ts = pointed.entry("leaf", targetId=end)
        pointed.expect(ts, "other", "abandoned")
        pointed.write(self.sessions("coder") / f"{pointed.id}.jsonl")

    def forks(self) -> None:
        """A transcript that begins with a copy of another's entries, and one forked from that."""
        folder = self.sessions("coder")
        parent = self._filled(self.new("coder"), 4)
        parent.write(folder / f"{parent.id}.jsonl")
        child = self.new("coder")
        child.header(parentSession=f"/home/claw/.openclaw/agents/coder/sessions/{parent.id}.jsonl")
        child.lines += parent.lines[1:]
        child.parent = parent.parent
        child.turn()
        child.write(folder / f"{child.id}.jsonl")
        grandchild = self.new("coder")
        grandchild.header(parentSession=f"{child.id}.jsonl")
        grandchild.lines += child.lines[1:]
        grandchild.parent = child.parent
        grandchild.turn()
        grandchild.write(folder / f"{grandchild.id}.jsonl")

    def damage(self) -> None:
        """Lines that cannot be read cost themselves; what can be read for all that is."""
        one = self.new("home", version=4)
        one.header()
        one.turn()
        good = len(one.lines)
        one.turn()
        del one.parent
        one.parent = None
        lines = [
            *one.lines[:good],
            '{"type":"message","id":"cut',
            "\x00" * 40,
            "[1,2]",
            '"text"',
            "",
            "   ",
            *one.lines[good:],
        ]
        text = "half an emoji: "
        _, ts = one.entry("message", message={"role": "user", "content": text + "?"})
        lines.append(one.lines[-1].replace(text + "?", text + r"\ud83d"))
        one.expect(ts, "message.in", "", text + "\ufffd")
        secret = "the password is hunter2x!"
        one.user(secret, said="the password is [redacted-password]!")
        lines += [one.lines[-1], '{"type":"message","id":"torn","timest']
        name = f"{one.id}.jsonl"
        one.write(self.sessions("home") / name, lines)
        self.refused[f"agents/home/sessions/{name}"] = 5
        headless = self.new("home")
        headless.entry("message", message={"role": "user", "content": "no header"})
        headless.expect(self.clock, "message.in", "", "no header")
        headless.write(self.sessions("home") / f"{headless.id}.jsonl", ["{broken", *headless.lines])
        self.refused[f"agents/home/sessions/{headless.id}.jsonl"] = 1
        (self.sessions("home") / "empty.jsonl").write_bytes(b"")
        self.skipped.add("agents/home/sessions/empty.jsonl")

    def database(self) -> None:
        """Transcripts in SQLite, large entries packed, one also left beside it as a file, and packed archives."""
        path = self.path / "agents" / "research" / "agent" / "openclaw-agent.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path)
        database.executescript(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT);
            CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, previous_session_id TEXT,
                                          reason TEXT);
            CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER,
                                            event_zstd BLOB, event_utf8_bytes INTEGER, navigation_json TEXT,
                                            PRIMARY KEY (session_id, seq));
            CREATE TABLE session_transcript_archives (session_id TEXT, generation TEXT, session_key TEXT, reason TEXT,
                                                      encoding TEXT, archive_blob BLOB);
            """
        )
        before = ""
        for number in range(4):
            key = ("agent:research:main", "agent:research:essay")[number % 2]
            one = self._filled(self.new("research", key, version=4))
            one.oddities()
            one.reply(("long " * 3000).strip())
            if number == 3:
                packed = zstandard.ZstdCompressor().compress("\n".join(one.lines).encode())
                database.execute("INSERT INTO session_windows VALUES (?, ?, NULL, 'reset')", (one.id, key))
                database.execute(
                    "INSERT INTO session_transcript_archives VALUES (?, 'g', ?, 'reset', 'zstd', ?)",
                    (one.id, key, packed),
                )
                continue
            database.execute("INSERT INTO session_windows VALUES (?, ?, ?, 'initial')", (one.id, key, before or None))
            database.execute("INSERT OR REPLACE INTO session_nodes VALUES (?, ?, '{}')", (key, one.id))
            before = one.id
            for seq, line in enumerate(one.lines):
                large = len(line) > 2000
                row = (
                    one.id,
                    seq,
                    None if large else line,
                    0,
                    zstandard.ZstdCompressor().compress(line.encode()) if large else None,
                )
                database.execute("INSERT INTO transcript_events VALUES (?, ?, ?, ?, ?, NULL, NULL)", row)
            if number == 0:
                one.write(self.sessions("research") / f"{one.id}.jsonl", one.lines[:20])
        database.commit()
        database.close()

    def workspaces(self) -> None:
        """Notes of two agents."""
        for folder, agent in (("workspace", "main"), ("workspace-travel", "travel")):
            self._notes(self.path / folder, agent)

    def _notes(self, workspace: Path, agent: str) -> None:
        def note(name: str, kind: str, text: str, ts: Callable[[Path], int], sections: tuple[str, ...]) -> None:
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            session = f"agent:{agent}:memory"
            self.expected[Expected(agent, session, ts(path), "memory", kind, text.strip(), "", False)] += 1
            for section in sections:
                self.expected[Expected(agent, session, ts(path), "memory", "section", section, "", False)] += 1

        def changed(path: Path) -> int:
            return int(path.stat().st_mtime * 1000)

        day = int(datetime(2026, 3, 8, tzinfo=UTC).timestamp() * 1000)
        note("MEMORY.md", "long-term-memory", "# Memory\n\n## Ada\nlikes tea\n", changed, ("Ada\nlikes tea",))
        sunday = "# Sunday\n\n## Morning\nran\n\n```\n## no heading\n```\n\n## Evening ##\nread\n"
        morning = "Morning\nran\n\n```\n## no heading\n```"
        note("memory/2026-03-08.md", "daily-note", sunday, lambda _: day, (morning, "Evening\nread"))
        note("memory/trips/2026-03-08-1430-cologne.md", "daily-note", "Cologne", lambda _: day + 52_200_000, ())
        note("life/areas/people/ada.md", "person", "Ada is kind.", changed, ())
        note("life/areas/companies/acme.md", "company", "Acme sells.", changed, ())
        note("life/areas/projects/lore.md", "project", "Lore learns.", changed, ())
        note("life/areas/health.md", "memory", "Sleep.", changed, ())
        (workspace / "AGENTS.md").write_text("## not a note\n")
