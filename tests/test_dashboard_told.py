"""What pages tell a reader at a glance, in words that hold: also with little data, much, or none."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_world import STREAM, ask, dashboard, event

from analytics.context.candidates import Candidate
from models.events import Event, Kind
from worker.dashboard.access import Access
from worker.dashboard.pages.sessions import MOST_EVENTS
from worker.store import Store

ARABIC, ARABIC_IN_ADDRESS = "وكيل", "%D9%88%D9%83%D9%8A%D9%84"
LONG = "agent:chatty:main"


def words(text: str) -> str:
    """A page as one reads it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


@pytest.fixture(scope="module")
def base(workspace_file: Path) -> Iterator[str]:
    with dashboard(f"sqlite:///{workspace_file}") as address:
        yield address


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """An empty database, and the address of its dashboard."""
    url = f"sqlite:///{tmp_path / 'insights.db'}"
    store = Store(url)
    store.migrate()
    store.name_stream(STREAM, "2026")
    with dashboard(url) as address:
        yield store, address
    store.close()


def record(store: Store, events: list[Event]) -> None:
    store.record(events)
    store.settle()


def test_the_overview_answers_what_people_ask_first(base):
    text = ask(base, "/").text
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "Act on these first",
        "What they are asked about",
        "How both sides write",
        "Users who got what they wanted",
        "Sessions",
        "Agents",
        "Can this be trusted?",
    ]
    said = words(text)
    assert "1 message of the log could not be read and does not count." in said
    assert "Every session is analysed." in said
    assert re.search(r"[\d,]+ events in the audit chain", said)
    assert "/styles?style=politeness&amp;side=user" in text


def test_an_agent_is_not_told_how_the_log_of_all_stands(workspace_file):
    with dashboard(f"sqlite:///{workspace_file}", Access("127.0.0.1", "all", {"mine": "coder"})) as address:
        said = words(ask(address, "/", Authorization="Bearer mine").text)
        assert "Can this be trusted?" in said
        assert "audit chain" not in said
        mark = ask(address, "/mark", Authorization="Bearer mine").text
        assert re.fullmatch(r'\{"mark":"[0-9a-f]{64}"\}', mark)
        assert mark != ask(address, "/mark", Authorization="Bearer all").text


def test_a_single_event_is_told_of_without_estimates(made):
    store, base = made
    record(store, [event(1, Kind.MESSAGE_IN, "hello?", agent="solo", session="agent:solo:main")])
    text = ask(base, "/").text
    assert "1 agent in 1 session, Mar 14." in words(text)
    assert "1 turn of users" in words(text)
    assert "Not enough data yet." in text
    assert "%</a>" not in text
    assert "beyond chance" not in ask(base, "/styles").text


def test_where_filters_leave_nothing_the_log_is_not_called_empty(base, made):
    assert "No session of this agent, topic and time." in ask(base, "/?since=2020-01-01&until=2020-02-01").text
    assert "No session yet." in ask(made[1], "/").text


def test_every_page_has_the_menu_also_where_there_is_no_such_page(base):
    for path in ("/nowhere", "/?since=soon", "/topic?id=nothing"):
        assert 'href="/gaps"' in ask(base, path).text, path


def test_the_context_of_a_quiet_log_is_that_of_its_end(base, monkeypatch):
    def fading(_reader: object, _agent: str, *, now: int, **_: object) -> list[Candidate]:
        line = Candidate("summary", "“It rained.”", (STREAM, 1), 1_770_000_000_000, "user", "said so", 1.0)
        return [line] if now < 1_773_600_000_000 else []

    monkeypatch.setattr("worker.dashboard.pages.context.gather", fading)
    text = ask(base, "/context?agent=ops").text
    assert "Now it would be told nothing" in text
    assert "<h3>Earlier</h3>" in text
    assert '<q class="told" dir="auto">“It rained.”</q>' in text
    monkeypatch.setattr("worker.dashboard.pages.context.gather", lambda *_, **__: [])
    assert "nothing that this agent should be told yet" in ask(base, "/context?agent=ops").text


def test_a_turn_says_in_which_languages_both_sides_wrote(made):
    store, base = made
    said = [
        (Kind.MESSAGE_IN, "Kannst du mir bitte helfen?"),
        (Kind.MESSAGE_OUT, "Yes, what is it that you need?"),
        (Kind.MESSAGE_OUT, "Ich kann dir gleich helfen."),
        (Kind.MESSAGE_IN, "🎉"),
    ]
    where = {"agent": "solo", "session": "agent:solo:main"}
    record(store, [event(seq, kind, text, **where) for seq, (kind, text) in enumerate(said, 1)])
    text = ask(base, "/session?of=solo&key=agent:solo:main").text
    told = re.findall(r'<th scope="row">language</th><td>(.*?)</td><td>(.*?)</td>', text)
    assert told == [("de", "de, en"), ("–", "–")]


def test_a_session_longer_than_a_page_can_be_read_to_its_beginning(made):
    store, base = made
    many = [
        event(seq, Kind.MESSAGE_IN if seq % 2 else Kind.MESSAGE_OUT, f"number {seq}.", agent="chatty", session=LONG)
        for seq in range(1, MOST_EVENTS + 501)
    ]
    record(store, many)
    text = ask(base, f"/session?of=chatty&key={LONG}").text
    assert "2,000 messages, 0 calls" in words(text)
    assert "number 2000." in text
    assert "number 1." not in text
    earlier = html.unescape(re.search(r'href="([^"#]*)[^"]*">← Earlier', text).group(1))
    assert "Later →" not in text
    first = ask(base, earlier).text
    assert "number 1." in first
    assert "← Earlier" not in first
    assert "Later →" in first


def test_names_keep_their_direction_to_themselves(made):
    store, base = made
    record(store, [event(1, Kind.MESSAGE_OUT, "hello", agent=ARABIC, session=f"agent:{ARABIC}:main")])
    assert f"<b><bdi>{ARABIC}</bdi></b>" in ask(base, "/sessions").text
    page = ask(base, f"/session?of={ARABIC_IN_ADDRESS}&key=agent:{ARABIC_IN_ADDRESS}:main").text
    assert f"<bdi>agent</bdi>:<bdi>{ARABIC}</bdi>:<bdi>main</bdi>" in page
