"""The ``eventlore`` command, run as users run it: as a process."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

EVENTLORE = str(Path(sys.executable).parent / "eventlore")

# Each command is a process of its own, forked from one that has loaded the modules: a second less for each.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["worker.cli", "worker.app", "worker.rebuild", "worker.publish", "analytics.analysis"])


def ran(arguments: tuple[str, ...], env: dict[str, str], folder: str) -> None:
    """The command, in a process that was just forked; its input and output are files."""
    os.environ.clear()
    os.environ.update(env)
    for number, (name, flags) in enumerate({"in": os.O_RDONLY, "out": os.O_WRONLY, "err": os.O_WRONLY}.items()):
        os.dup2(os.open(Path(folder) / name, flags), number)
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
    sys.argv = ["eventlore", *arguments]
    from worker.cli import main

    main()


class Eventlore:
    """The command with a configuration."""

    def __init__(self, *, nats: str, database: str, home: Path) -> None:
        self.env = os.environ | {
            "EVENTLORE_NATS_URL": nats,
            "EVENTLORE_DATABASE_URL": database,
            "EVENTLORE_HOME": str(home),
        }

    def __call__(self, *arguments: str, code: int = 0, stdin: bytes = b"") -> str:
        """Run to the end; fails when the exit code is another or anybody would see a traceback."""
        with TemporaryDirectory() as folder:
            files = {name: Path(folder) / name for name in ("in", "out", "err")}
            for file in files.values():
                file.write_bytes(stdin if file.name == "in" else b"")
            process = FORKS.Process(target=ran, args=(arguments, self.env, folder))
            process.start()
            process.join()
            out, errors = files["out"].read_text(), files["err"].read_text()
        assert process.exitcode == code, f"{arguments} ended with {process.exitcode}:\n{errors}\n{out}"
        assert "Traceback" not in errors, errors
        return out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [EVENTLORE, *arguments], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
