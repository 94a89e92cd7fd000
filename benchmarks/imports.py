"""Importing transcripts into the embedded stream, against bare ``publish_async`` of the same bytes.

    python benchmarks/imports.py [--records 40000] [--rounds 5]

A record is one line of a transcript; here each becomes one event. Each round imports a state folder into a fresh
stream (reading, masking, ledger, the process that reads and all), then publishes the same messages bare, in processes
of their own and against the same server; neither clock runs while Python loads its modules. Printed are records/s and,
as the figure that machines agree on, the ratio of the two of the same round, with the processor time of an event in
the process that publishes, in the one that reads for it, and in the server; then what masking costs, and the peak
memory of importing one folder and one four times as large. About two minutes.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import psutil

WORDS = (
    "build",
    "config",
    "loader",
    "server",
    "reads",
    "twice",
    "check",
    "again",
    "tomorrow",
    "deploy",
    "session",
    "Köln",
)
IN_FLIGHT = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=4, metavar=("WHAT", "FOLDER", "NATS", "HOME"), help=argparse.SUPPRESS)
    parser.add_argument("--server", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        what, folder, nats, home = arguments.child
        server = psutil.Process(arguments.server)
        asyncio.run({"import": import_, "bare": bare}[what](Path(folder), nats, Path(home), server))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_speed(Path(folder), arguments.records, arguments.rounds)
        measure_masking(Path(folder) / "state")
        measure_memory(Path(folder), arguments.records)


def write_folder(folder: Path, records: int, seed: int = 1) -> None:
    """Transcripts of 200 turns each: a question, a tool call, its result, an answer."""
    rng = random.Random(seed)
    sessions = folder / "agents" / "main" / "sessions"
    sessions.mkdir(parents=True)
    clock = 1_760_000_000_000
    usage = {"input": 100, "output": 5, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 105, "cost": {"total": 0}}

    def say(length: int) -> str:
        return " ".join(rng.choices(WORDS, k=length))

    for _ in range(records // 800):
        identity = str(uuid.UUID(int=rng.getrandbits(128)))
        lines: list[dict[str, object]] = [{"type": "session", "version": 3, "id": identity, "cwd": "/w"}]
        parent = None
        for turn in range(200):
            call = f"call_{identity[:8]}_{turn}"
            calls = [{"type": "toolCall", "id": call, "name": "exec", "arguments": {"command": say(10)}}]
            model = {"api": "openai-completions", "provider": "stub", "model": "lab", "usage": usage}
            result = {"toolCallId": call, "toolName": "exec", "details": {"exitCode": 0}, "isError": False}
            for message in (
                {"role": "user", "content": [{"type": "text", "text": say(20)}]},
                {"role": "assistant", "content": calls, "stopReason": "toolUse", **model},
                {"role": "toolResult", "content": [{"type": "text", "text": say(60)}], **result},
                {"role": "assistant", "content": [{"type": "text", "text": say(40)}], "stopReason": "stop", **model},
            ):
                entry = f"{rng.getrandbits(32):08x}"
                lines.append({"type": "message", "id": entry, "parentId": parent, "message": message})
                parent = entry
        with (sessions / f"{identity}.jsonl").open("w") as file:
            for line in lines:
                clock += 1500
                stamp = datetime.fromtimestamp(clock / 1000, UTC).isoformat(timespec="milliseconds")
                file.write(json.dumps(line | {"timestamp": stamp.replace("+00:00", "Z")}) + "\n")


def child(what: str, folder: Path, nats: str, home: Path, server: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--server", str(server), "--child", what, str(folder), nats, str(home)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def peak_megabytes() -> float:
    """Of this process and, side by side with it, the largest of its children."""
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024


def pid_of(home: Path) -> int:
    """The process of a home's server."""
    from worker.embedded import running

    server = running(home)
    if server is None:
        raise SystemExit(f"no server runs in {home}")
    return server.pid


class Clock:
    """Takes the time, also of processors, from now on."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self._began = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        server = self._server.cpu_times()
        reading = usage.ru_utime + usage.ru_stime
        return time.perf_counter(), time.process_time(), reading, server.user + server.system

    def figures(self, records: int) -> dict[str, float]:
        """Records/s, and microseconds of processor time a record."""
        seconds, cpu, reading, server = (now - then for now, then in zip(self._now(), self._began, strict=True))
        each = 1e6 / records
        return {"rate": records / seconds, "cpu": cpu * each, "reading": reading * each, "server": server * each}


async def import_(folder: Path, nats: str, home: Path, server: psutil.Process) -> None:
    from worker.importers import import_path, run  # noqa: F401 - what import_path would load only now
    from worker.settings import Settings

    settings = Settings(home=home, nats_url=nats)
    clock = Clock(server)
    report = await import_path(folder, settings, nats)
    print(json.dumps({**clock.figures(report.total("records")), "peak": peak_megabytes()}))


async def bare(folder: Path, nats: str, home: Path, server: psutil.Process) -> None:  # noqa: ARG001 - as the other
    """Publish the messages of the last import again, under other subjects and as other messages."""
    import nats as client
    from nats.js import api

    connection = await client.connect(nats)
    js = connection.jetstream(publish_async_max_pending=IN_FLIGHT + 1)
    config = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE)
    reading = await js.pull_subscribe("openclaw.events.>", config=config, stream="openclaw-events")
    left = (await js.stream_info("openclaw-events")).state.messages
    messages = []
    while len(messages) < left:
        messages += [(m.subject, m.data) for m in await reading.fetch(1000, timeout=20)]
    await js.add_stream(name="bare", subjects=["bare.>"], storage=api.StorageType.FILE, duplicate_window=120)
    clock = Clock(server)
    flight: deque[asyncio.Future[api.PubAck]] = deque()
    for subject, data in messages:
        if len(flight) >= IN_FLIGHT:
            await flight.popleft()
        flight.append(await js.publish_async(f"bare.{subject}", data))
    while flight:
        await flight.popleft()
    figures = clock.figures(len(messages))
    for name in ("bare", "openclaw-events"):
        await js.delete_stream(name)
    await connection.close()
    print(json.dumps(figures))


def compare_speed(folder: Path, records: int, rounds: int) -> None:
    from worker.embedded import EmbeddedServer

    write_folder(folder / "state", records)
    size = sum(path.stat().st_size for path in folder.rglob("*.jsonl"))
    print(f"{records:,} records of {size // records} bytes, {rounds} rounds; ratio = import / bare publish_async")
    with EmbeddedServer(folder / "nats") as nats:
        server = pid_of(folder / "nats")
        imports, bares = [], []
        for number in range(rounds):
            for what, found in (("import", imports), ("bare", bares)):
                found.append(child(what, folder / "state", nats.url, folder / f"home-{number}", server))
    ratios = [one["rate"] / other["rate"] for one, other in zip(imports, bares, strict=True)]
    print("             records/s (least-most)     us of processor time an event: publishing + reading, server")
    for name, found in (("import", imports), ("bare", bares)):
        rates = [one["rate"] for one in found]
        spread = f"({min(rates):,.0f}-{max(rates):,.0f})"
        cpu, reading, server = (statistics.median(one[what] for one in found) for what in ("cpu", "reading", "server"))
        print(f"  {name:<7} {statistics.median(rates):>12,.0f} {spread:<18} {cpu:10.0f} + {reading:.0f}, {server:.0f}")
    print(f"  ratio   {statistics.median(ratios):>12.2f} ({min(ratios):.2f}-{max(ratios):.2f}); aims: 10,000 and 0.5")


def measure_masking(folder: Path) -> None:
    from models.redaction import Redactor
    from worker.importers import openclaw
    from worker.importers.base import File

    class Nothing:
        def recall(self, what: str) -> str:  # noqa: ARG002
            return ""

        def remember(self, what: str, value: str) -> None:
            """Forget it."""

    path = next(folder.rglob("*.jsonl"))
    events = [event.data for record in openclaw.read(File(path, path), Nothing()) for event in record.events]
    redactor = Redactor()
    best = min(timed(redactor, events) for _ in range(5))
    size = sum(map(len, events)) // len(events)
    print(f"masking: {best:.1f} us an event of {size} bytes without credentials")


def timed(redactor: object, events: list[bytes]) -> float:
    start = time.process_time()
    for data in events:
        redactor.message(data)  # type: ignore[attr-defined]
    return (time.process_time() - start) / len(events) * 1e6


def measure_memory(folder: Path, records: int) -> None:
    from worker.embedded import EmbeddedServer

    peaks = []
    for times in (1, 4):
        write_folder(folder / f"large-{times}", records * times, seed=times + 1)
        with EmbeddedServer(folder / f"nats-{times}") as nats:
            server = pid_of(folder / f"nats-{times}")
            done = child("import", folder / f"large-{times}", nats.url, folder / f"large-home-{times}", server)
        peaks.append(f"{done['peak']:.0f} MB at {records * times:,} records")
    print(f"peak memory of the importing processes: {', '.join(peaks)}")


if __name__ == "__main__":
    main()
