"""A real OpenClaw gateway on loopback, with a state folder of its own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Gateway", "installed"]

COMPACTION = {"mode": "default", "keepRecentTokens": 50, "qualityGuard": {"enabled": False}}
"""So that a short conversation with a model that knows no headings can be compacted at all."""
VERSION = "2026.9.6"
START_WITHIN = 600.0
TURN_WITHIN = 900.0


def installed(folder: Path) -> Path:
    """The ``openclaw`` program, installed from the npm registry into a folder if it is not there yet."""
    program = folder / VERSION / "node_modules" / ".bin" / "openclaw"
    if not program.exists():
        npm = shutil.which("npm", path=str(Path(sys.executable).parent))
        assert npm, "no npm beside this Python: pip install -e '.[e2e]'"
        command = [npm, "install", "--prefix", str(folder / VERSION), "--ignore-scripts", "--no-audit", "--no-fund"]
        environment = os.environ | {"PATH": f"{Path(npm).parent}:{os.environ['PATH']}"}
        subprocess.run([*command, f"openclaw@{VERSION}"], env=environment, check=True, timeout=900, stdout=sys.stderr)
    return program


class Gateway:
    """OpenClaw's gateway with agents that all use one model.

    Args:
        program: the ``openclaw`` program.
        state: its state folder, new.
        model: the address of an OpenAI-style server.
        agents: the agents' identifiers, the default one first.
    """

    def __init__(self, program: Path, state: Path, model: str, agents: tuple[str, ...]) -> None:
        self._program = program
        self._state = state
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        lab = {"id": "lab", "name": "Lab", "contextWindow": 64000, "maxTokens": 4000, "input": ["text"],
               "reasoning": False, "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}  # fmt: skip
        provider = {"baseUrl": model, "apiKey": "stub", "api": "openai-completions", "models": [lab]}
        entries = {agent: {"workspace": str(state / f"workspace-{agent}")} for agent in agents}
        self._config = {
            "gateway": {
                "mode": "local",
                "port": self._port,
                "bind": "loopback",
                "auth": {"mode": "token", "token": "e2e"},
            },
            "models": {"mode": "replace", "providers": {"stub": provider}},
            "agents": {
                "ownership": "explicit",
                "defaults": {"model": {"primary": "stub/lab"}, "compaction": COMPACTION},
                "entries": entries,
            },
        }
        self._environment = os.environ | {
            "OPENCLAW_STATE_DIR": str(state),
            "OPENCLAW_GATEWAY_TOKEN": "e2e",
            "HOME": str(state.parent),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def __enter__(self) -> Self:
        self._state.mkdir(parents=True, exist_ok=True)
        (self._state / "openclaw.json").write_text(json.dumps(self._config))
        with (self._state.parent / "gateway.log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, "gateway"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the program is a launcher: what it starts has to end with it
            )
        began = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                assert self._process.poll() is None, "the gateway ended: see gateway.log"
                assert time.monotonic() - began < START_WITHIN, "the gateway does not listen: see gateway.log"
                time.sleep(0.3)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def turn(self, agent: str, message: str) -> str:
        """Let an agent answer a message; empty when that fails."""
        done = self._run("agent", "--agent", agent, "--message", message)
        return done.stdout.strip() if done.returncode == 0 else ""

    def compact(self, agent: str) -> str:
        """Compact an agent's main session, which ``/compact`` does only in a channel; what the gateway says."""
        method, wait = "sessions.compact", str(int(TURN_WITHIN * 1000))
        done = self._run("gateway", "call", method, "--params", f'{{"key": "agent:{agent}:main"}}', "--timeout", wait)
        return " ".join(done.stdout.split())

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TURN_WITHIN,
        )
