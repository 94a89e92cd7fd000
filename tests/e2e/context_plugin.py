"""The OpenClaw plugin in deploy/openclaw in the real OpenClaw, against a real worker.

    python tests/e2e/context_plugin.py [FOLDER]

needs ``pip install -e '.[e2e]'`` (Node) and the npm registry the first time; OpenClaw is installed into the folder, by default
``.openclaw`` in the current one. What its model is asked has to hold the context that the worker builds, and the session has
to go on when worker and server are away.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway import Gateway, installed
from stub_model import Answer, StubModel

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from log_server import NatsServer  # noqa: E402

ASK = """
// Evaluated twice, as OpenClaw does: both copies share a connection.
const copies = [await import("./index.js"), await import("./index.js?again")];
const hooks = [];
for (const copy of copies)
  copy.default.register({ pluginConfig: JSON.parse(process.argv[2]), on: (name, hook) => hooks.push([name, hook]) });
const results = [];
for (const [name, hook] of hooks) {
  const began = Date.now();
  results.push({ name, given: await hook({}, { sessionKey: "agent:cook:main", agentId: "agent" }), ms: Date.now() - began });
}
console.log(JSON.stringify(results));
process.exit(0);
"""
LINE = {
    "id": "e1", "ts": 1_767_225_600_000, "agent": "agent", "session": "agent:cook:main", "type": "msg.in",
    "payload": {"content": "I'm vegetarian.", "from": "u", "channel": "irc"},
}  # fmt: skip


HEADING = "## Event-Sourced Context"
SAID = "“I'm vegetarian.”"


class Listening(StubModel):
    """The stub model, which keeps what it is asked."""

    def __init__(self, script: Mapping[str, Sequence[Answer]]) -> None:
        super().__init__(script)
        self.asked: list[str] = []

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> Answer:
        self.asked.append(json.dumps(messages, ensure_ascii=False))
        return super().answer(messages)


class WithPlugin(Gateway):
    """OpenClaw with the plugin, set up as its README says."""

    def __init__(self, program: Path, state: Path, model: str, plugin: Path, settings: dict[str, object]) -> None:
        super().__init__(program, state, model, ("cook",))
        entry = {"hooks": {"allowConversationAccess": True}, "config": settings}
        self._config |= {"plugins": {"load": {"paths": [str(plugin)]}, "entries": {"eventlore-context": entry}}}


def main(openclaw: Path) -> None:
    program = installed(openclaw.absolute())
    node = str(Path(sys.executable).parent)
    os.environ["PATH"] = f"{node}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="eventlore-plugin-") as name:
        folder = Path(name)
        plugin = shutil.copytree(ROOT / "deploy" / "openclaw", folder / "plugin")
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=plugin, check=True)
        (plugin / "ask.mjs").write_text(ASK)
        server = NatsServer(folder / "nats")
        server.start()
        environment = os.environ | {"EVENTLORE_NATS_URL": server.url, "EVENTLORE_HOME": str(folder / "home")}
        environment["EVENTLORE_DATABASE_URL"] = f"sqlite:///{folder / 'insights.db'}"
        eventlore = str(Path(sys.executable).parent / "eventlore")
        subprocess.run([eventlore, "publish", "-"], input=json.dumps(LINE).encode(), env=environment, check=True)
        file = folder / "CONTEXT.md"
        worker = subprocess.Popen([eventlore, "run", "--context-file", f"cook={file}"], env=environment)
        with Listening({"Are you ready?": (Answer("Ready."),), "Still there?": (Answer("Still here."),)}) as model:
            settings: dict[str, object] = {"url": server.url, "timeoutMs": 5_000, "budget": 200}
            with WithPlugin(program, folder / "openclaw" / "state", model.url, plugin, settings) as gateway:
                try:
                    deadline = time.monotonic() + 120
                    while not (file.is_file() and "vegetarian" in file.read_text()):
                        assert time.monotonic() < deadline, "the worker does not remember"
                        time.sleep(0.2)
                    there = ask(plugin, settings)
                    deadline = time.monotonic() + 600
                    while "Ready." not in gateway.turn("cook", "Are you ready?"):
                        assert time.monotonic() < deadline, "OpenClaw does not answer"
                    told = model.asked[-1]
                finally:
                    worker.terminate()
                    worker.wait(30)
                    alone = ask(plugin, {"url": server.url, "timeoutMs": 200})
                    server.stop()
                away = ask(plugin, {"url": server.url, "timeoutMs": 200})
                said = gateway.turn("cook", "Still there?")
        with closing(sqlite3.connect(folder / "insights.db")) as database:
            handed = database.execute("SELECT agent, session, way, items FROM context_log").fetchall()
    assert [one["name"] for one in there] == ["before_prompt_build"] * 2
    for one in there:
        assert one["given"]["prependContext"].startswith(f"{HEADING}\n"), one
        assert SAID in one["given"]["prependContext"]
    for one in (*alone, *away):
        assert "given" not in one, one
        assert one["ms"] < 2_000, one
    assert HEADING in told, told
    assert SAID in told, told
    assert told.index(SAID) < told.rindex("Are you ready?"), "the context stands before the prompt"
    assert ("cook", "agent:cook:main", "service", '[["openclaw-events", 1]]') in handed, handed
    assert "Still here." in said, said
    assert "Still there?" in model.asked[-1]
    print("OpenClaw's model is told the context; a session goes on when the worker or the server is away")


def ask(plugin: Path, settings: dict[str, object]) -> list[dict[str, object]]:
    done = subprocess.run(
        ["node", "ask.mjs", json.dumps(settings)], cwd=plugin, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".openclaw"))
