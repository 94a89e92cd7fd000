"""A database that dashboards are tried on: the sample workspace, and a session that attacks who reads it."""

import hashlib
import http.client
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import insert, select, update

from models import tables
from models.dialects import decode
from models.events import Event, Kind, Visibility
from worker.dashboard.access import Access
from worker.dashboard.serving import address, beside, listen
from worker.database import writing
from worker.demo.workspace import event_lines
from worker.store import DeadLetter, Store

STREAM = "openclaw-events"
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\" onmouseover=\"x"
EVIL_SESSION = "agent:mallory:<script>alert(1)</script>\"'&amp;"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


def ask(base: str, path: str, *, method: str = "GET", body: str = "", **headers: str) -> Answer:
    """One request, nothing followed."""
    where = urlsplit(base)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body or None, sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return Answer(answer.status, answer.headers, text)


def event(seq: int, kind: Kind, text: str, **more: object) -> Event:
    given = {
        "agent": "mallory",
        "session": EVIL_SESSION,
        "visibility": Visibility.INTERNAL,
        "name": "",
        "error": "",
        "call": "",
    }
    given |= more
    digest = hashlib.sha256(f"{seq} {text}".encode()).hexdigest()
    return Event(
        stream=STREAM, seq=seq, digest=digest, id=f"e{seq}", ts=1_773_500_000_000 + seq, kind=kind, dialect="A",
        text=text, payload="{}", **given,
    )  # fmt: skip


def fill(store: Store) -> None:
    """The sample workspace, the attack, and a message that is no event."""
    store.migrate()
    store.name_stream(STREAM, "2026")
    store.name_durable(STREAM, taken=False)
    lines = event_lines()
    store.record([decode(line, stream=STREAM, seq=seq) for seq, line in enumerate(lines, 1)])
    seq = len(lines) + 1
    attack = [event(seq, Kind.MESSAGE_IN, EVIL)]
    for number in range(3):
        call = {"name": f"<b>{EVIL}", "call": f"c{number}", "arguments": f'{{"x":"{number}"}}'}
        attack.append(event(seq + 1 + 2 * number, Kind.TOOL_CALL, "", **call))
        attack.append(event(seq + 2 + 2 * number, Kind.TOOL_RESULT, EVIL, error=EVIL, **call))
    attack.append(event(seq + 7, Kind.MESSAGE_IN, f"this is wrong, you did not do what I asked {EVIL}"))
    store.record(attack, [DeadLetter(STREAM, seq + 8, EVIL, f"no JSON: {EVIL}", EVIL.encode())])
    store.settle()


def copied(source: Store, server: str) -> str:
    """The same rows in a new PostgreSQL database; returns its address."""
    from conftest import new_postgres_database

    url = new_postgres_database(server)
    target = Store(url)
    target.migrate()
    with source.engine.connect() as there, writing(target.engine) as here:
        for table in tables.metadata.sorted_tables:
            if rows := [dict(row) for row in there.execute(select(table)).mappings()]:
                here.execute(table.insert(), rows)
    target.close()
    return url


def poisoned(file: Path, folder: Path) -> str:
    """The same as SQLite in which every text that a page shows attacks; returns its address."""
    url = f"sqlite:///{shutil.copy(file, folder / 'poisoned.db')}"
    store = Store(url)
    agent, t = f"ops {EVIL}", tables
    with writing(store.engine) as connection:
        for table in (
            t.skill_gaps,
            t.patterns,
            t.agent_days,
            t.session_days,
            t.topic_days,
            t.signal_days,
            t.style_days,
        ):
            connection.execute(update(table).where(table.c.agent == "ops").values(agent=agent))
        connection.execute(update(t.topics).values(label=t.topics.c.label + EVIL, keywords=[EVIL]))
        connection.execute(
            update(t.skill_gaps).values(
                skill=t.skill_gaps.c.skill + EVIL, tool=t.skill_gaps.c.tool + EVIL, model=EVIL, status=EVIL
            )
        )
        connection.execute(update(t.patterns).values(agent=t.patterns.c.agent + EVIL, statement=EVIL, model=EVIL))
        connection.execute(update(t.signals).values(subject=EVIL))
        connection.execute(update(t.signal_days).values(kind=t.signal_days.c.kind + EVIL))
        connection.execute(update(t.sessions).values(models=EVIL, user=EVIL))
        connection.execute(update(t.message_styles).values(language=EVIL))
        connection.execute(update(t.streams).values(durable=EVIL))
        connection.execute(insert(t.pending).values(agent=EVIL, session=EVIL, touched=1, attempts=1, reason=EVIL))
    store.close()
    return url


@contextmanager
def dashboard(url: str, access: Access | None = None) -> Iterator[str]:
    """The dashboard of a database, served; gives its address, without the last slash."""
    access = access or Access("127.0.0.1")
    store = Store(url)
    with listen("127.0.0.1", 0) as listening, beside(url, store, access, list, listening):
        yield address("127.0.0.1", listening).rstrip("/")
    store.close()


def made(folder: Path) -> Path:
    """The database as an SQLite file."""
    file = folder / "insights.db"
    store = Store(f"sqlite:///{file}")
    fill(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return file
