"""Nothing of one agent reaches another, on whatever path it is read: agents, visibilities and texts are generated.

Every text has a mark of its own. All paths are read as every agent, and no mark may turn up that this agent may not
see. ``mutations.py`` takes the filter out of each path in turn and shows that these tests notice.
"""

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.applications import Starlette

from analytics.insights import Insights
from analytics.recall.find import recall
from models import tables
from models.dialects import decode
from models.events import Visibility
from worker.cli.history import Format, _export
from worker.context import as_document, build_block
from worker.context_service import Asked, ContextService
from worker.dashboard.access import Access
from worker.dashboard.app import build
from worker.dashboard.operations import Operations
from worker.dashboard.pages import PAGES
from worker.dashboard.report import report
from worker.database import writing
from worker.remember_store import MemoryStore
from worker.store import DeadLetter, Store

NOON = 1_767_268_800_000
HOUR = 3_600_000
AGENTS = ("ada", "bob", "eve")
KINDS = ("message.in", "message.out", "tool.call", "tool.result", "run.error", "memory")
WORDS = "we deploy the {mark} budget on Fridays, please remember: my flight to {mark} must be booked by Monday"
Told = tuple[str, str, str, str]
"""(agent, session, visibility, kind)"""

told = st.tuples(
    st.sampled_from(AGENTS),
    st.sampled_from(("main", "side")),
    st.sampled_from([v.value for v in Visibility]),
    st.sampled_from(KINDS),
)
EVERY: list[Told] = [(a, "main", v.value, k) for a in AGENTS[:2] for v in Visibility for k in KINDS[:4]]
"""Of two agents, each visibility in each kind."""
MIXED: list[Told] = [(a, "main", v, k) for a in AGENTS[:2] for v, k in (("internal", KINDS[2]), ("public", KINDS[3]))]
"""A call that is not public, whose failure is."""
SESSIONS: list[Told] = [
    (a, f"s-{v.value}", v.value, k) for a in AGENTS[:2] for v in Visibility for k in (*KINDS[:4], KINDS[5])
]
"""The same, one session a visibility."""


def mark_of(n: int) -> str:
    return f"zq{n:03d}"


def line(n: int, one: Told) -> bytes:
    agent, session, visibility, kind = one
    event: dict[str, Any] = {"eventlore": 1, "id": f"e{n}", "ts": NOON + n * 60_000, "type": kind}
    event |= {"agent": agent, "session": key_of(agent, session), "visibility": visibility}
    text = WORDS.format(mark=mark_of(n))
    if kind.startswith("tool"):
        event |= {"name": "exec", "call": f"c{n // 2}"}
    if kind == "tool.call":
        return msgspec.json.encode(event | {"arguments": {"command": text}})
    return msgspec.json.encode(event | {"text": text, "error": text if kind in {"tool.result", "run.error"} else ""})


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows, to copy."""
    file = tmp_path_factory.mktemp("isolation") / "empty.db"
    store = Store(f"sqlite:///{file}")
    store.migrate()
    store.close()
    return file


def fill(store: Store, events: list[Told]) -> None:
    """Record events, learn from them, and add what only many events would bring about."""
    decoded = [decode(line(n, one), stream="log", seq=n + 1) for n, one in enumerate(events)]
    store.record(decoded, [DeadLetter("log", 900, "events.ada", "no JSON", b"zq-letter")])
    memory = MemoryStore(store)
    memory.note([(e.stream, e.seq) for e in decoded])
    memory.settle()
    store.settle()
    hidden = [mark_of(n) for n, one in enumerate(events) if one[2] != "public"]
    topic = {"topic_id": "found:1", "label": " ".join(hidden[:3]), "keywords": [mark_of(n) for n in range(len(events))]}
    with writing(store.engine) as connection:
        connection.execute(tables.topics.insert(), topic | {"messages": 9, "first_seen": NOON, "last_seen": NOON})
        for event in decoded:
            row = {name: getattr(event, name) for name in ("agent", "session", "stream", "seq", "ts")}
            insert = tables.event_topics.insert()
            connection.execute(insert, row | {"topic_id": "found:1", "score": 1.0, "model": "found-1"})
        for agent in AGENTS:
            connection.execute(tables.skill_gaps.insert(), gap(agent, topic["label"]))
            connection.execute(tables.patterns.insert(), pattern("style_effect", agent, "politeness", f"zq-{agent}"))
            connection.execute(tables.patterns.insert(), pattern("tool_pair", "", f"zq-{agent}", f"zq-{agent}"))


def gap(agent: str, label: str) -> dict[str, Any]:
    row = {column.name: 0 for column in tables.skill_gaps.columns}
    names = {"agent": agent, "skill": f"{label} × zq-{agent}", "tool": f"zq-{agent}", "topic_id": "found:1"}
    return row | names | {"status": "open", "evidence": [f"zq-{agent}"], "model": "m", "last_seen": NOON}


def pattern(kind: str, agent: str, subject: str, statement: str) -> dict[str, Any]:
    row = {column.name: 0 for column in tables.patterns.columns}
    return row | {"kind": kind, "agent": agent, "subject": subject, "statement": statement, "model": "m"}


def marks_hidden_from(viewer: str, events: list[Told]) -> list[str]:
    """What must not turn up when this agent reads."""
    foreign = [mark_of(n) for n, (agent, _, v, _) in enumerate(events) if agent != viewer and v != "public"]
    return [*foreign, *(f"zq-{agent}" for agent in AGENTS if agent != viewer), "zq-letter"]


def sessions_hidden_from(viewer: str, events: list[Told]) -> list[str]:
    """The sessions of others that are not public throughout: nothing that was learned of them may turn up."""
    return sorted({key_of(agent, s) for agent, s, v, _ in events if agent != viewer and v != "public"})


def key_of(agent: str, session: str) -> str:
    return f"agent:{agent}:{session}"


def exported(db: Insights, form: Format, folder: Path) -> str:
    if form is Format.PARQUET:
        import pyarrow.parquet as pq

        file = folder / "history.parquet"
        _export(db.history_rows(), form, file)
        return str(pq.read_table(file).to_pylist())
    with redirect_stdout(io.StringIO()) as out:
        _export(db.history_rows(), form, None)
    return out.getvalue()


def pages(store: Store, viewer: str, events: list[Told]) -> Iterator[str]:
    operations = Operations(store.engine, list, lambda: (0, 0))
    app = build(store.engine, Access(host="testserver", token="operator", agent_tokens={viewer: viewer}), operations)
    asked = [("topic", "topic=found:1"), *(("gap", f"of={a}&topic=found:1&tool=zq-{a}") for a in AGENTS)]
    asked += [("session", f"of={a}&key=agent:{a}:{session}") for a, session in sorted({one[:2] for one in events})]
    for name, query in [*((name, "") for name in PAGES), *asked]:
        yield ask(app, f"/{name}", query, viewer)
    for name in PAGES:
        if name not in {"topic", "gap", "session"}:
            yield ask(app, f"/{name or 'overview'}.csv", "", viewer)
    yield from (ask(app, "/context", f"of={a}&agent={a}&about=budget", viewer) for a in AGENTS)


def served(store: Store, viewer: str, about: str) -> object:
    """What the context service answers for an agent: at once, and from what it has prepared."""
    service = ContextService(store)
    try:
        service.prepare([(viewer, "")])
        block = asyncio.run(service.hand_over(Asked(viewer, about=about, budget=20_000), "service"))
        return as_document(block), block.markdown
    finally:
        service.close()


def ask(app: Starlette, path: str, query: str, token: str) -> str:
    """The body of the answer to a GET."""
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode()}
    scope |= {
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("testserver", 80),
        "root_path": "",
    }
    body: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        body.append(message.get("body", b""))

    asyncio.run(app(scope, receive, send))
    return b"".join(body).decode()


PATHS: dict[str, Callable[[Store, str, list[Told], Path], object]] = {
    "events": lambda s, v, _, __: read(s, v).reader.fetch(read(s, v).reader.events()),
    "tables": lambda s, v, _, __: [
        read(s, v).reader.fetch(read(s, v).reader.rows(t)) for t in tables.metadata.sorted_tables
    ],
    "sessions": lambda s, v, _, __: read(s, v).sessions().to_dict("records"),
    "topics": lambda s, v, _, __: read(s, v).topics().to_dict("records"),
    "styles": lambda s, v, _, __: read(s, v).styles().to_dict("records"),
    "signals": lambda s, v, _, __: read(s, v).signals().to_dict("records"),
    "gaps": lambda s, v, _, __: read(s, v).gaps().to_dict("records"),
    "patterns": lambda s, v, _, __: read(s, v).patterns().to_dict("records"),
    "conversation": lambda s, v, told, __: [
        read(s, v).conversation(f"agent:{a}:{session}").to_dict("records") for a, session in {t[:2] for t in told}
    ],
    "recall": lambda s, v, _, __: [
        [one.passage.text, one.why] for a in AGENTS for one in recall(read(s, v).reader, a, "deploy budget flight", 99)
    ],
    "recall of a time": lambda s, v, _, __: [read(s, v).recall(a, "today", 99).to_dict("records") for a in AGENTS],
    "history": lambda s, v, _, __: read(s, v).history(limit=999).to_dict("records"),
    "history, words": lambda s, v, _, __: read(s, v).history("deploy the budget", limit=99).to_dict("records"),
    "history, latest": lambda s, v, _, __: read(s, v).history("budget", order="latest").to_dict("records"),
    "history, topic": lambda s, v, _, __: read(s, v).history(topic="found:1").to_dict("records"),
    "history, around": lambda s, v, _, __: read(s, v).history(limit=99, around=2).to_dict("records"),
    "history, event": lambda s, v, told, __: [read(s, v).event("log", n + 1, 1) for n in range(len(told))],
    "export, jsonl": lambda s, v, _, folder: exported(read(s, v), Format.JSONL, folder),
    "export, csv": lambda s, v, _, folder: exported(read(s, v), Format.CSV, folder),
    "export, parquet": lambda s, v, _, folder: exported(read(s, v), Format.PARQUET, folder),
    "context": lambda s, v, _, __: [
        as_document(build_block(s, agent=v, about=about, budget=20_000, now=NOON + HOUR)) for about in ("", "budget")
    ],
    "service": lambda s, v, _, __: [served(s, v, about) for about in ("", "flight")],
    "dashboard": lambda s, v, told, __: list(pages(s, v, told)),
    "report": lambda s, v, _, __: [report(s.engine, v), *(report(s.engine, v, agent=a) for a in AGENTS)],
    "log": lambda s, v, _, __: list(read(s, v).events()),
    "conversations": lambda s, v, _, __: list(read(s, v).conversations()),
    "tags": lambda s, v, _, __: read(s, v).tags().to_dict("records"),
    "uses": lambda s, v, _, __: read(s, v).uses().to_dict("records"),
    "effects": lambda s, v, _, __: read(s, v).effects().to_dict("records"),
    "trends": lambda s, v, _, __: read(s, v).trends().to_dict("records"),
}


OF_SESSIONS = ("sessions", "styles", "signals", "tags", "uses", "effects")
"""Paths whose rows were learned of whole sessions."""


def read(store: Store, viewer: str | None) -> Insights:
    return Insights(store.engine, viewer)


def assert_isolated(store: Store, events: list[Told], folder: Path) -> None:
    for viewer in AGENTS:
        hidden = marks_hidden_from(viewer, events)
        for name, path in PATHS.items():
            shown = str(path(store, viewer, events, folder))
            sessions = sessions_hidden_from(viewer, events) if name in OF_SESSIONS else []
            assert [mark for mark in (*hidden, *sessions) if mark in shown] == [], f"{name}, read by {viewer}"
    with store.engine.connect() as connection:
        indexed = " ".join(connection.scalars(select(tables.entries.c.terms)))
        remembered = " ".join(connection.scalars(select(tables.memory_items.c.text)))
    secret = [mark_of(n) for n, one in enumerate(events) if one[2] == "secret"]
    assert [mark for mark in secret if mark in indexed or mark in remembered] == []


@settings(
    max_examples=1,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(told, min_size=4, max_size=24))
@example(events=[*SESSIONS, *EVERY, *MIXED])
def test_no_path_shows_an_agent_what_is_not_its_to_see(events, empty, tmp_path):
    file = tmp_path / "insights.db"
    shutil.copy(empty, file)
    store = Store(f"sqlite:///{file}")
    try:
        fill(store, events)
        assert_isolated(store, events, tmp_path)
    finally:
        store.close()


def test_every_path_shows_an_agent_its_own_and_what_is_public(empty, tmp_path):
    """What shows nothing would hide everything."""
    file = tmp_path / "insights.db"
    shutil.copy(empty, file)
    store = Store(f"sqlite:///{file}")
    fill(store, SESSIONS)
    own = mark_of(5)  # ada's internal message
    public = mark_of(20)  # bob's public message
    blind = {
        "sessions",
        "styles",
        "signals",
        "patterns",
        "gaps",
        "topics",
        "tags",
        "uses",
        "effects",
        "trends",
        "report",
    }
    for name, path in PATHS.items():
        shown = str(path(store, "ada", SESSIONS, tmp_path))
        if name not in blind:
            assert own in shown, name
        if name not in blind:
            assert public in shown, name
        if name in {"gaps", "patterns", "tables"}:
            assert "zq-ada" in shown, name
    assert "s-public" in json.dumps(read(store, "ada").sessions()["session"].tolist())
    store.close()


def test_postgresql_isolates_the_same(postgres, tmp_path):
    from conftest import new_postgres_database

    store = Store(new_postgres_database(postgres))
    store.migrate()
    fill(store, EVERY)
    assert_isolated(store, EVERY, tmp_path)
    store.close()
