"""The dashboard in a real Chromium: every page, both themes, a phone; and what people do with it."""

import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from dashboard_world import EVIL, EVIL_SESSION, copied, dashboard, event, poisoned
from playwright.sync_api import Browser, Page, expect, sync_playwright

from models.events import Kind
from worker.dashboard.access import Access
from worker.store import Store

PAGES = {
    "overview": "/",
    "gaps": "/gaps",
    "patterns": "/patterns",
    "styles": "/styles",
    "topics": "/topics",
    "topic": "/topic?id=general:software",
    "sessions": "/sessions",
    "session": "/session?of=ops&key=agent:ops:slack:direct:dana:thread:3",
    "gap": "/gap?of=ops&about=general:operations&tool=renew_certificate",
    "context": "/context?agent=ops",
    "operations": "/operations",
    "nothing": "/sessions?q=nothing-is-called-so",
    "missing": "/nowhere",
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NEW = "Could you knit me a jumper, please?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program, "no Chromium: apt-get install chromium"
    expect.set_options(timeout=60_000)  # a busy machine needs more than the usual five seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with sync_playwright() as playwright:
            running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
            yield running
            running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages in which nothing may go wrong."""
    contexts, complaints = [], []

    def opened(**wishes: object) -> Page:
        context = browser.new_context(**wishes)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    expected = "Failed to load resource: the server responded with a status of 40"
    assert [one for one in complaints if not one.startswith(expected)] == []


@pytest.fixture(scope="module")
def sqlite(workspace_file: Path) -> str:
    return f"sqlite:///{workspace_file}"


@pytest.fixture(scope="module")
def base(sqlite: str) -> Iterator[str]:
    with dashboard(sqlite) as address:
        yield address


def look(page: Page, address: str) -> None:
    """Go there and see that it is whole: a heading, and nothing wider than the screen."""
    page.goto(address)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is too wide"


def grave(page: Page, *rules: str) -> list[str]:
    """What keeps people from using a page: findings of axe that are not minor, by all its rules or by these."""
    options = {"resultTypes": ["violations"]}  # what is well it need not describe
    options |= {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] != "minor"]


def test_everybody_can_use_every_page_in_both_themes_and_on_a_phone(open_page, base):
    page = open_page(color_scheme="light")
    for name, address in PAGES.items():
        page.set_viewport_size({"width": 1280, "height": 720})
        look(page, base + address)
        assert grave(page) == [], name
        page.emulate_media(color_scheme="dark")
        assert grave(page, "color-contrast") == [], f"{name}, dark"
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide for a phone"


def test_postgresql_shows_the_same(open_page, sqlite, postgres):
    store = Store(sqlite)
    url = copied(store, postgres)
    store.close()
    page = open_page()
    with dashboard(url) as address:
        for path in PAGES.values():
            look(page, address + path)
        page.goto(f"{address}/gaps")
        expect(page.locator("tbody tr").first).to_contain_text("issue_refund")
        page.close()


def test_the_worst_skill_gap_and_the_turn_that_proves_it_are_three_clicks_away(open_page, base):
    page = open_page()
    page.goto(base)
    page.get_by_role("link", name="Skill gaps").click()
    page.locator("tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("desk fails at issue_refund")
    page.locator("a.quote").first.click()
    expect(page.locator("h1")).to_have_text("Session of desk")
    turn = page.locator(".sought")
    expect(turn).to_be_in_viewport()
    expect(turn).to_contain_text("issue_refund")
    expect(turn).to_contain_text("failed:")


def test_numbers_lead_to_what_they_were_made_of(open_page, base):
    page = open_page()
    page.goto(base)
    count = page.locator(".tiles dd a").nth(1).inner_text()
    page.locator(".tiles dd a").nth(1).click()
    expect(page.locator(".lead")).to_contain_text(f"{count} sessions")
    page.locator("tbody a").first.click()
    expect(page.locator(".message").first).to_be_visible()
    page.goto(f"{base}/topics")
    page.locator("tbody a").first.click()
    page.locator("a.quote").first.click()
    expect(page.locator(".sought")).to_be_in_viewport()
    page.goto(base)
    page.locator(".chart .dots a").first.click()
    expect(page).to_have_url(re.compile(r"/sessions\?since=2026-\d\d-\d\d&until=2026"))


def test_choosing_narrows_and_stays_in_the_address(open_page, base):
    page = open_page()
    page.goto(base)
    page.locator("select[name=agent]").select_option("coder")
    expect(page).to_have_url(re.compile(r"\?agent=coder$"))
    expect(page.locator(".lead")).to_contain_text("1 agent in 20 sessions")
    page.locator("select[name=since]").select_option("7d")
    expect(page).to_have_url(re.compile(r"agent=coder&since=7d"))
    page.get_by_role("link", name="Sessions", exact=True).click()
    expect(page).to_have_url(re.compile(r"/sessions\?agent=coder&since=7d"))
    for row in page.locator("tbody tr b").all_inner_texts():
        assert row == "coder"
    page.locator("select[name=topic]").select_option("general:weather")
    expect(page.locator(".nothing")).to_contain_text("No session is like that.")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".lead")).to_contain_text("sessions, latest first")


def test_the_theme_can_be_chosen_and_stays(open_page, base):
    page = open_page(color_scheme="light")
    page.goto(base)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    page.goto(f"{base}/gaps")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper


def test_times_are_the_readers(open_page, base):
    shown = set()
    for zone in ("America/New_York", "Asia/Tokyo"):
        page = open_page(timezone_id=zone, locale="en-GB")
        page.goto(f"{base}/session?of=ops&key=agent:ops:slack:direct:dana:thread:3")
        shown.add(page.locator(".message time").first.inner_text())
    assert shown == {"11 Mar 2026, 06:56", "11 Mar 2026, 19:56"}


def test_what_an_event_says_is_never_run(open_page, base, workspace_file, tmp_path):
    page = open_page()
    page.goto(f"{base}/sessions?agent=mallory")
    page.locator("tbody a").first.click()
    expect(page.locator(".key")).to_have_text(EVIL_SESSION)
    expect(page.locator(".message .text").first).to_have_text(EVIL)
    page.get_by_text("Output").first.click()
    with dashboard(poisoned(workspace_file, tmp_path)) as address:
        for path in (*PAGES.values(), "/sessions?q=<script>document.title='owned'</script>"):
            page.goto(address + path)
            assert page.locator("main img").count() == 0, path
            assert page.title() != "owned", path
        page.goto(f"{address}/gaps")
        expect(page.locator("tbody")).to_contain_text(EVIL)
        page.close()


def test_a_keyboard_reaches_everything_in_order(open_page, base):
    page = open_page()
    page.goto(base)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("select[name=agent]")).to_be_focused()
    page.keyboard.press("c")  # coder; nothing is sent before it is asked for
    expect(page.locator("select[name=agent]")).to_have_value("coder")
    expect(page).to_have_url(re.compile(r"#main$"))
    page.get_by_role("button", name="Apply").press("Enter")
    expect(page).to_have_url(re.compile(r"\?agent=coder#main$"))


def test_tokens_open_and_agents_see_their_own(open_page, sqlite):
    with dashboard(sqlite, Access("127.0.0.1", "all", {"mine": "coder"})) as address:
        page = open_page()
        page.goto(f"{address}/sessions")
        page.get_by_label("Token").fill("nonsense")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("This token is not known.")
        page.get_by_label("Token").fill("mine")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".lead")).to_contain_text("1 agent in")
        expect(page.get_by_text("Seen as coder")).to_be_visible()
        assert page.get_by_role("link", name="Operations").count() == 0
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("Sign in")
        page.close()  # else it asks for news of a server that is gone


def test_new_data_appears_without_a_reload_and_dead_letters_are_tried_again(open_page, workspace_file, tmp_path):
    url = f"sqlite:///{shutil.copy(workspace_file, tmp_path)}"
    store = Store(url)
    with dashboard(url) as address:
        page = open_page()
        with page.expect_response("**/mark"):  # from then on it knows what is new
            page.goto(f"{address}/sessions")
        page.evaluate("window.still = true")
        store.record([event(90_000, Kind.MESSAGE_IN, NEW, agent="knitter", session="agent:knitter:main")])
        store.settle()
        expect(page.locator("main")).to_contain_text("knitter", timeout=20_000)
        assert page.evaluate("window.still")
        page.goto(f"{address}/operations")
        page.get_by_role("button", name="Try all again").click()
        expect(page.get_by_role("status").first).to_have_text("0 revived, 1 still cannot be read.")
        page.close()
    store.close()


def test_new_data_leaves_a_reader_where_they_are(open_page, workspace_file, tmp_path):
    url = f"sqlite:///{shutil.copy(workspace_file, tmp_path)}"
    store = Store(url)
    with dashboard(url) as address:
        page = open_page(viewport={"width": 390, "height": 700})
        with page.expect_response("**/mark"):
            page.goto(f"{address}/styles")
        page.locator("table.means a").first.focus()
        page.evaluate("document.querySelector('table.means').closest('.scroll').scrollLeft = 150")
        page.evaluate("scrollTo(0, 900)")
        height = page.evaluate("scrollY")
        store.record([event(90_001, Kind.MESSAGE_IN, NEW, agent="weaver", session="agent:weaver:main")])
        store.settle()
        expect(page.locator("#news")).to_have_text("New data has arrived.", timeout=20_000)
        assert page.evaluate("scrollY") == height
        assert page.evaluate("document.querySelector('table.means').closest('.scroll').scrollLeft") == 150
        expect(page.locator("table.means a").first).to_be_focused()
        page.close()
    store.close()


def test_on_a_phone_the_menu_and_the_failure_rates_are_in_view(open_page, base):
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(f"{base}/gaps")
    for name in ("Overview", "Operations"):
        expect(page.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    for part in page.locator("tbody tr").first.locator(".interval .strip, .interval .figure").all():
        expect(part).to_be_in_viewport(ratio=1)


def test_going_back_after_choosing_leaves_every_filter_usable(open_page, base):
    page = open_page()
    page.goto(base)
    page.locator("select[name=agent]").select_option("coder")
    expect(page).to_have_url(re.compile(r"\?agent=coder$"))
    page.go_back()
    expect(page.locator("select[name=since]")).to_be_enabled()
    page.go_forward()
    expect(page.locator("select[name=topic]")).to_be_enabled()
