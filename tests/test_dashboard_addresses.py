"""Whatever an address asks for, the dashboard answers: never with an error of its own."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from dashboard_world import ask, copied, dashboard

from worker.dashboard.filters import FilterError, Filters, whole
from worker.dashboard.pages import PAGES
from worker.store import Store

SESSION = {"of": "ops", "key": "agent:ops:slack:direct:dana:thread:3"}
NAMED = {"topic": {"id": "general:software"}, "session": SESSION}
NINES = "9" * 5_000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def base(request: pytest.FixtureRequest, workspace_file: Path) -> Iterator[str]:
    url = f"sqlite:///{workspace_file}"
    if request.param == "postgresql":
        store = Store(url)
        url = copied(store, request.getfixturevalue("postgres"))
        store.close()
    with dashboard(url) as address:
        yield address


def test_numbers_beyond_all_bounds_are_left_aside(base):
    for path in (
        f"/sessions?page={NINES}",
        f"/context?budget={NINES}",
        f"/session?{urlencode(SESSION)}&at=openclaw-events:{NINES}",
        f"/session?{urlencode(SESSION)}&at=openclaw-events:99999999999999999999",
        "/sessions?page=-1",
        "/sessions?page=%C2%B2",
    ):
        assert ask(base, path).status == 200, path[:100]
    assert (whole("12"), whole("x", 7), whole("1" * 10, 7)) == (12, 7, 7)


def test_days_beyond_all_bounds_are_the_first_and_the_last(base):
    for name in PAGES:
        for narrowed in (
            {"since": "0001-01-01"},
            {"since": "99999d"},
            {"until": "9999-12-31"},
            {"since": "9999-12-31"},
        ):
            path = f"/{name}?{urlencode(NAMED.get(name, {}) | narrowed)}"
            assert ask(base, path).status in {200, 404}, path
    assert Filters.of({"since": "0001-01-01"}, 0).first == 0
    assert Filters.of({"since": "9d"}, 0).first == 0


def test_a_character_that_no_database_keeps_is_refused(base):
    for name in PAGES:
        for field in ("agent", "topic", "since", "of", "key", "id", "q", "signal", "about"):
            path = f"/{name}?{urlencode(NAMED.get(name, {}) | {field: 'x' + chr(0)})}"
            assert ask(base, path).status == 400, path
    with pytest.raises(FilterError, match="NUL"):
        Filters.of({"q": "\0"}, 0)


def test_asking_only_for_headers_gets_those_of_the_page(base):
    for path in ("/", "/gaps.csv", "/sign-in", "/nowhere"):
        head, whole_page = ask(base, path, method="HEAD"), ask(base, path)
        assert (head.status, head.text) == (whole_page.status, ""), path


def test_no_path_leaves_the_folder_of_static_files(base):
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2e%2e%2f%2e%2e%2f/etc/passwd", quote("/etc/passwd")):
        assert ask(base, f"/static/{path}").status == 404, path
