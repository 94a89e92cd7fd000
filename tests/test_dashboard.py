"""The dashboard over HTTP: who is let in, what is counted, what can be taken away. On SQLite and PostgreSQL."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
from dashboard_world import EVIL, EVIL_SESSION, ask, copied, dashboard
from sqlalchemy import delete, insert, select

from models import tables
from worker.dashboard.access import Access, DeniedError, ThrottledError, Tries, is_loopback
from worker.dashboard.app import as_csv
from worker.dashboard.figures import Mean, change
from worker.dashboard.filters import DAY, FilterError, Filters
from worker.database import open_engine
from worker.store import Store

ADMIN = {"Authorization": "Bearer all-of-it"}
CODER = {"Authorization": "Bearer only-coder"}


@pytest.fixture(scope="module")
def sqlite(workspace_file: Path) -> str:
    return f"sqlite:///{workspace_file}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, sqlite: str) -> str:
    if request.param == "sqlite":
        return sqlite
    store = Store(sqlite)
    url = copied(store, request.getfixturevalue("postgres"))
    store.close()
    return url


@pytest.fixture(scope="module")
def base(database: str) -> Iterator[str]:
    with dashboard(database) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(sqlite: str) -> Iterator[str]:
    """A dashboard that asks for tokens."""
    with dashboard(sqlite, Access("127.0.0.1", "all-of-it", {"only-coder": "coder"}, "X-User")) as address:
        yield address


def rows(base: str, path: str) -> list[dict[str, str]]:
    answer = ask(base, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="eventlore-')
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_figures_are_those_of_the_tables(base, database):
    engine = open_engine(database)
    with engine.connect() as connection:
        sessions = connection.execute(select(tables.sessions)).mappings().all()
        gaps = connection.execute(select(tables.skill_gaps.c.agent, tables.skill_gaps.c.failures)).all()
    engine.dispose()
    agents = {row["agent"]: row for row in rows(base, "/overview.csv?what=agents")}
    assert set(agents) == {"coder", "desk", "home", "mallory", "ops"}
    for agent, row in agents.items():
        own = [one for one in sessions if one["agent"] == agent]
        assert int(row["sessions"]) == len(own)
        assert int(row["tool_errors"]) == sum(one["tool_errors"] for one in own)
        mean = sum(one["outcome"] for one in own) / len(own)
        assert float(row["outcome_value"]) == pytest.approx(mean, abs=1e-6)
    assert sorted((r["agent"], int(r["failures"])) for r in rows(base, "/gaps.csv")) == sorted(map(tuple, gaps))
    drawn = rows(base, "/overview.csv?what=volume")
    assert sum(int(row["value"]) for row in drawn) == len(sessions)


def test_filters_narrow_every_page(base):
    assert {row["agent"] for row in rows(base, "/sessions.csv?agent=coder")} == {"coder"}
    assert {row["agent"] for row in rows(base, "/gaps.csv?agent=ops")} == {"ops"}
    assert {row["agent"] for row in rows(base, "/styles.csv?agent=desk")} == {"desk"}
    assert {row["topic_id"] for row in rows(base, "/sessions.csv?topic=general:software")} == {"general:software"}
    whole = sum(int(row["messages"]) for row in rows(base, "/topics.csv"))
    week = sum(int(row["messages"]) for row in rows(base, "/topics.csv?since=7d"))
    day = rows(base, "/overview.csv?what=agents&since=2026-02-02&until=2026-02-02")
    assert 0 < week < whole
    assert sum(int(row["sessions"]) for row in day) == 6
    worst = [float(row["outcome"]) for row in rows(base, "/sessions.csv?sort=worst")]
    assert worst == sorted(worst)
    assert [row["session"] for row in rows(base, "/sessions.csv?q=%3Cscript%3E")] == [EVIL_SESSION]
    with_loops = rows(base, "/sessions.csv?signal=doom_loop")
    assert 0 < len(with_loops) < 20
    assert all(int(row["tool_errors"]) >= 3 for row in with_loops)


def test_a_point_that_stands_for_too_few_days_is_not_drawn(base):
    first, second, *_ = rows(base, "/topics.csv?what=trend&since=2026-02-07&until=2026-03-14")
    assert (first["at"], first["value"]) == ("Feb 1", "")
    assert first["said"].endswith("in 1 days: too few of them to compare")
    assert (second["at"], int(second["value"]) > 0) == ("Feb 8", True)


def test_the_sessions_of_a_topic_are_those_in_which_it_comes_up(base):
    found = [topic for topic in rows(base, "/topics.csv") if int(topic["sessions"]) < 50]
    assert any(topic["topic_id"].startswith("found:") for topic in found)
    for topic in found:
        listed = rows(base, f"/sessions.csv?with={quote(topic['topic_id'])}")
        assert len(listed) == int(topic["sessions"]), topic
        assert f">{topic['sessions']}</a>" in ask(base, f"/topic?id={quote(topic['topic_id'])}").text
    emptied = ask(base, f"/?topic={quote(found[0]['topic_id'])}")
    assert emptied.status == 200


def test_what_is_wrong_is_said_in_words(base):
    for path, status, said in (
        ("/sessions?since=soon", 400, "&#39;soon&#39; is no time: write 7d or 2026-03-01"),
        ("/session?of=coder&key=nothing", 404, "There is no session nothing of coder"),
        ("/gap?of=coder&about=&tool=nothing", 404, "coder has no such skill gap"),
        ("/topic?id=nothing", 404, "There is no such topic"),
        ("/nowhere", 404, "There is no such page"),
        ("/gaps.svg", 404, "No such file"),
    ):
        answer = ask(base, path)
        assert (answer.status, said in answer.text) == (status, True), path


def test_charts_are_files_of_their_own(base):
    answer = ask(base, "/overview.svg?what=outcome")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg ')
    assert "<style>" in answer.text
    assert "<script" not in answer.text


def test_what_events_say_is_text_everywhere(base):
    key = quote(EVIL_SESSION, safe="")
    for path in (
        "/",
        "/sessions",
        f"/session?of=mallory&key={key}",
        "/gaps",
        "/operations",
        "/sessions?q=%3Cscript%3E",
    ):
        answer = ask(base, path)
        assert answer.status == 200, path
        assert "<script>" not in answer.text, path
        assert "<img src=x" not in answer.text, path


def test_spreadsheets_get_no_formulas():
    assert as_csv([{"text": "=1+1", "n": -2, "list": ["a"]}]) == 'text,n,list\n\'=1+1,-2,"[""a""]"\n'


def test_every_answer_is_strict_with_browsers(base):
    for path in ("/", "/static/page.js", "/nowhere"):
        headers = ask(base, path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_another_name_is_refused(base):
    port = urlsplit(base).port
    assert ask(base, "/", Host=f"evil.example:{port}").status == 421
    assert ask(base, "/mark", Host="evil.example").status == 421
    for name in (f"127.0.0.1:{port}", "localhost", f"[::1]:{port}"):
        assert ask(base, "/", Host=name).status == 200


def test_without_a_token_nothing_is_told(guarded):
    for path in ("/", "/sessions", "/sessions.csv", "/mark", "/session?of=coder&key=x", "/nowhere"):
        answer = ask(guarded, path)
        assert answer.status == 401, path
        assert "agent:" not in answer.text
    assert ask(guarded, "/", Authorization="Bearer wrong").status == 401
    assert ask(guarded, "/", **ADMIN).status == 200
    assert ask(guarded, "/", X_User="somebody whom the proxy knows").status == 200


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(guarded):
    wrong = ask(guarded, "/sign-in", method="POST", body="token=wrong")
    assert (wrong.status, "Set-Cookie" in wrong.headers) == (401, False)
    right = ask(guarded, "/sign-in", method="POST", body="token=all-of-it")
    cookie = right.headers["Set-Cookie"]
    assert right.status == 303
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ask(guarded, "/sessions", Cookie=cookie.partition(";")[0]).status == 200


def test_an_agent_sees_its_own(guarded):
    others = re.compile(r"agent:(?:desk|home|ops|mallory):|issue_refund|renew_certificate")
    for path in (
        "/",
        "/sessions",
        "/gaps",
        "/styles",
        "/topics",
        "/patterns",
        "/context",
        "/topic?id=general:software",
    ):
        answer = ask(guarded, path, **CODER)
        assert answer.status == 200, path
        assert not others.search(answer.text), path
    assert ask(guarded, "/operations", **CODER).status == 404
    assert ask(guarded, "/operations.csv", **CODER).status == 404
    key = "agent:ops:slack:direct:dana:thread:3"
    assert ask(guarded, f"/session?of=ops&key={key}", **CODER).status == 404
    assert ask(guarded, "/gap?of=ops&about=general:operations&tool=renew_certificate", **CODER).status == 404
    assert ask(guarded, f"/session?of=ops&key={key}", **ADMIN).status == 200


def test_an_agent_takes_away_its_own_alone(guarded):
    others = re.compile(r"desk|home\b|ops|mallory|issue_refund|renew_certificate")
    tables = (
        "overview.csv?what=agents",
        "gaps.csv",
        "styles.csv",
        "sessions.csv",
        "context.csv",
        "overview.csv?what=volume",
    )
    for path in (*tables, "topic.csv?id=general:software", "overview.svg?what=volume"):
        answer = ask(guarded, f"/{path}", **CODER)
        assert (answer.status, "coder" in answer.text or path == "context.csv") == (200, True), path
        assert not others.search(answer.text), path
    for path in (
        "gap.csv?of=ops&about=general:operations&tool=renew_certificate",
        "context.csv?agent=ops",
        "operations.csv",
    ):
        assert ask(guarded, f"/{path}", **CODER).status == 404, path
    for path in ("sessions.csv?agent=ops", "styles.csv?agent=ops", "gaps.csv?agent=ops"):
        assert ask(guarded, f"/{path}", **CODER).text == "", path


def test_a_token_in_an_address_opens_nothing(guarded):
    assert ask(guarded, "/?token=all-of-it").status == 401
    assert ask(guarded, "/sign-in?token=all-of-it").status == 401


def test_large_forms_are_not_read(guarded):
    body = "token=" + "x" * 20_000
    assert ask(guarded, "/sign-in", method="POST", body=body).status == 413


def test_guessing_is_slowed_down(sqlite):
    with dashboard(sqlite, Access("127.0.0.1", "all-of-it")) as address:
        found = [ask(address, "/", Authorization=f"Bearer guess-{number}").status for number in range(21)]
        assert found == [401] * 20 + [429]
        assert ask(address, "/sign-in", method="POST", body="token=all-of-it").status == 429
        assert ask(address, "/").status == 401  # without a token nothing is guessed


def test_tries_are_forgiven_after_a_minute():
    clock = [0.0]
    tries = Tries(lambda: clock[0])
    for _ in range(20):
        tries.wrong("10.0.0.1")
    tries.check("10.0.0.2")
    with pytest.raises(ThrottledError):
        tries.check("10.0.0.1")
    clock[0] = 60.0
    tries.check("10.0.0.1")


def stamp_of(text: str) -> str:
    return re.search(r'name="stamp" value="([0-9a-f]+)"', text)[1]


def test_only_a_form_of_ours_replays(base, guarded):
    stamp = stamp_of(ask(base, "/operations").text)

    def post(stamp: str, **headers: str) -> int:
        return ask(base, "/operations/replay", method="POST", body=urlencode({"stamp": stamp}), **headers).status

    assert post("") == 403
    assert post("0" * 64) == 403
    assert post(stamp, Origin="https://evil.example") == 403
    assert post(stamp, Sec_Fetch_Site="cross-site") == 403
    assert post(stamp, Origin=base) == 303
    theirs = stamp_of(ask(guarded, "/", **CODER).text)
    assert ask(guarded, "/operations/replay", method="POST", body=f"stamp={theirs}", **CODER).status == 403
    assert ask(base, "/operations/replay").status == 404


def test_a_database_that_is_away_is_no_bug(tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    with dashboard(url) as address:
        answer = ask(address, "/")
        assert (answer.status, "The database does not answer" in answer.text) == (503, True)
        assert json.loads(ask(address, "/mark").text) == {"mark": "away"}


def test_a_file_that_is_no_database_is_no_bug(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    with dashboard(f"sqlite:///{tmp_path / 'broken.db'}") as address:
        assert ask(address, "/").status == 503
        assert json.loads(ask(address, "/mark").text) == {"mark": "away"}


def test_an_empty_database_says_what_to_do(tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    store = Store(url)
    store.migrate()
    store.close()
    with dashboard(url) as address:
        for path in ("/", "/topics", "/styles", "/gaps", "/patterns", "/sessions", "/context", "/operations"):
            assert ask(address, path).status == 200, path
        assert "<code>eventlore publish FILE</code>" in ask(address, "/").text


def test_of_many_patterns_the_surest_come_first(workspace_file, tmp_path):
    file = tmp_path / "many.db"
    shutil.copy(workspace_file, file)
    store = Store(f"sqlite:///{file}")
    with store.engine.begin() as connection:
        one = dict(connection.execute(select(tables.patterns)).mappings().first())
        connection.execute(delete(tables.patterns))
        for number in range(15):
            row = one | {"kind": "topic_pair", "subject": f"a {number}", "q_value": number / 1000}
            connection.execute(insert(tables.patterns).values(row | {"statement": f"pair number {number}."}))
    store.close()
    with dashboard(f"sqlite:///{file}") as base:
        page = ask(base, "/patterns").text
        assert re.findall(r"pair number (\d+)", page) == [str(number) for number in range(12)]
        assert re.search(r'<a href="(.*)">All 15 of this kind', page).group(1) == "/patterns?kind=topic_pair"
        assert len(re.findall("pair number", ask(base, "/patterns?kind=topic_pair").text)) == 15
        assert "pair number" not in ask(base, "/patterns?kind=hour").text


def test_who_may_look():
    guarded = Access("0.0.0.0", "secret", {"s2": "coder"}, names=("lore.example",))  # noqa: S104
    assert (guarded.viewer_of("secret"), guarded.viewer_of("s2")) == (None, "coder")
    with pytest.raises(DeniedError):
        guarded.viewer_of("")
    assert guarded.knows("lore.example:8420")
    assert not guarded.knows("lore.example.evil:8420")
    assert (is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost")) == (True, True, True)
    assert not is_loopback("0.0.0.0")  # noqa: S104


def test_filters_read_spans_and_days():
    latest = 1_772_323_200_000
    week = Filters.of({"since": "7d"}, latest)
    assert (week.first, week.end) == (latest - 6 * DAY, None)
    month = Filters.of({"since": "2026-02-01", "until": "2026-02-28", "agent": "coder"}, latest)
    assert (month.first, month.end) == (1_769_904_000_000, 1_772_323_200_000)
    assert month.query(agent="", page=2) == "?since=2026-02-01&until=2026-02-28&page=2"
    with pytest.raises(FilterError, match="'yesterday' is no time"):
        Filters.of({"until": "yesterday"}, latest)


def test_means_have_the_intervals_of_students_t():
    mean = Mean.of([0.2, 0.4, 0.4, 0.6, 0.9, 0.5])
    assert mean.value == pytest.approx(0.5, abs=1e-6)
    assert (mean.low, mean.high) == (pytest.approx(0.2491, abs=0.003), pytest.approx(0.7509, abs=0.003))
    assert not Mean.of([0.5] * 4).enough
    assert Mean.of([0.0, 1.0, 1.0, 1.0, 1.0]).high == 1.0


def test_changes_have_limits():
    ratio, low, high = change(20, 10, 1.0, 1)
    assert ratio == pytest.approx(1.952, abs=0.001)
    assert (low < 1, high > 2) == (True, True)
    assert change(40, 5, 1.0, 10)[1] > 1
    assert change(6, 0, 1.0, 1)[2] == float("inf")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "everybody could read along on 0.0.0.0: give --token"),  # noqa: S104
        (["--agent-token", "nobody"], "--agent-token 'nobody': write AGENT=TOKEN"),
        (["--token", "x", "--agent-token", "a=x"], "--token and --agent-token must differ"),
    ],
)
def test_an_open_door_is_refused(monkeypatch, capsys, tmp_path, arguments, said):
    from worker.cli import main

    monkeypatch.setenv("EVENTLORE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["eventlore", "dashboard", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"eventlore: {said}")


def test_the_attack_is_in_the_tables(sqlite):
    engine = open_engine(sqlite)
    with engine.connect() as connection:
        found = connection.scalars(select(tables.events.c.text).where(tables.events.c.agent == "mallory")).all()
    engine.dispose()
    assert EVIL in found
