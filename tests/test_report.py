"""The report: one page that needs nothing else, with the figures of the pages."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dashboard_world import EVIL
from sqlalchemy import create_engine

from analytics.reader import Reader
from worker.cli import main
from worker.dashboard.app import as_csv
from worker.dashboard.pages import gaps, overview
from worker.dashboard.queries import Queries
from worker.dashboard.view import Ask

OUTSIDE = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}


class Parts(HTMLParser):
    """What a page asks a browser to fetch, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in OUTSIDE]

    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.fixture
def command(monkeypatch, workspace_file: Path, tmp_path: Path):
    def run(*arguments: str) -> int:
        monkeypatch.setenv("EVENTLORE_DATABASE_URL", f"sqlite:///{workspace_file}")
        monkeypatch.setenv("EVENTLORE_HOME", str(tmp_path))
        monkeypatch.setattr("sys.argv", ["eventlore", "report", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


def test_a_report_needs_nothing_else_and_says_what_the_pages_say(command, workspace_file, tmp_path, capsys):
    file = tmp_path / "report.html"
    assert command("--since", "7d", "-o", str(file)) == 0
    assert re.fullmatch(rf"{file}: \d+ kB\n", capsys.readouterr().out)
    text = file.read_text(encoding="utf-8")
    page = Parts()
    page.feed(text)
    assert page.fetched == []
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    assert not re.search(r"url\(|@import", text)
    assert EVIL not in text
    said = " ".join(page.words)
    engine = create_engine(f"sqlite:///{workspace_file}")
    ask = Ask.of(Queries(Reader(engine)), {"since": "7d"})
    agents = list(csv.DictReader(io.StringIO(as_csv(overview.show(ask).tables["agents"]))))
    worst = gaps.show(ask).shown["gaps"][0]
    engine.dispose()
    assert {row["agent"] for row in agents} >= {"coder", "desk", "ops"}
    for row in agents:
        assert f"{row['agent']} {row['sessions']} {row['tool_errors']} of {row['tool_calls']}" in said
    assert f"{worst['agent']}: {worst['name']} Fails {worst['rate']:.0%} of the time" in said
    assert f"{worst['failures']} of {worst['sessions']} sessions" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "soon"], "eventlore: 'soon' is no time: write 7d or 2026-03-01"),
        (["-o", "/no/such/folder/report.html"], "eventlore: /no/such/folder/report.html: No such file or directory"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(command, capsys, arguments, said):
    assert command(*arguments) != 0
    assert capsys.readouterr().err.startswith(said)


def test_a_reader_of_the_report_knows_the_colours_and_the_totals(command, capsys):
    assert command("-o", "-") == 0
    text = capsys.readouterr().out
    assert '<li class="key-0"><bdi>desk</bdi></li>' in text
    assert "Users who got what they wanted" in text
    assert "Tool calls that failed" in text
