"""The notebooks run from top to bottom on the sample workspace, and so do the examples of what they use."""

import doctest
import os
import re
import runpy
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from command import EVENTLORE

import analytics.insights
import analytics.intervals
from analytics.insights import Insights
from analytics.intervals import mean_interval, share_interval
from worker.database import migrate, open_engine

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PLOTS = {"first_look": 5, "skill_gaps": 3, "topics_over_time": 4, "which_styles_work": 5, "your_own_analyser": 3}
TIMES = ["started_at", "ended_at"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home in which ``eventlore demo`` ran."""
    folder = tmp_path_factory.mktemp("home")
    environment = os.environ | {"EVENTLORE_HOME": str(folder)}
    subprocess.run([EVENTLORE, "demo", "--no-serve"], check=True, capture_output=True, env=environment)
    return folder


@pytest.fixture
def db(home, monkeypatch):
    monkeypatch.setenv("EVENTLORE_HOME", str(home))
    plt.switch_backend("agg")
    db = Insights.demo()
    yield db
    db.close()
    plt.close("all")


@pytest.fixture
def empty(tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    db = Insights.open(url)
    yield db
    db.close()
    plt.close("all")


def shown(notebook):
    """What each cell shows: the kinds of its outputs."""
    return [
        [sorted(output["data"]) if "data" in output else output.get("name", "error") for output in cell["outputs"]]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Jupyter's own
def test_a_notebook_runs_on_the_sample_workspace_and_shows_what_it_was_saved_with(path, home):
    saved = nbformat.read(path, as_version=4)
    run = runpy.run_path(str(FOLDER / "run.py"))["execute"](path, home)
    assert shown(run) == shown(saved)
    images = [kind for cell in shown(saved) for kind in cell if "image/png" in kind]
    assert len(images) == PLOTS[path.stem]
    assert not [kind for cell in shown(saved) for kind in cell if kind in ("stderr", "error")]
    assert run.metadata == saved.metadata
    assert path.stat().st_size < 300_000


@pytest.mark.parametrize("module", [analytics.insights, analytics.intervals], ids=lambda module: module.__name__)
def test_the_examples_of_docstrings_hold(module, db):
    failed, tried = doctest.testmod(module, extraglobs={"db": db})
    assert (failed, tried > 0) == (0, True)


def test_three_cells_lead_to_a_plot_of_ones_own(db):
    text = (FOLDER.parent / "docs" / "notebooks.md").read_text()
    cells = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names = {}
    for cell in cells:
        exec(cell, names)  # noqa: S102 - as a kernel does
    assert len(cells) == 3
    [dots] = plt.gca().collections
    assert len(dots.get_offsets()) == len(db.sessions(agent="desk"))


def test_tables_have_the_same_dtypes_with_rows_and_without(db, empty):
    names = ["sessions", "tags", "styles", "signals", "gaps", "uses", "patterns", "effects"]
    tables = {name: (getattr(db, name)(), getattr(empty, name)()) for name in names}
    assert {name: len(none) for name, (_, none) in tables.items()} == dict.fromkeys(names, 0)
    kinds = {name: [[str(dtype) for dtype in frame.dtypes] for frame in both] for name, both in tables.items()}
    assert {name: some for name, (some, _) in kinds.items()} == {name: none for name, (_, none) in kinds.items()}
    sessions = db.sessions()
    assert all(isinstance(sessions[name].dtype, pd.DatetimeTZDtype) for name in TIMES)
    assert str(sessions["agent"].dtype) == str(db.styles()["language"].dtype) == "category"


@pytest.mark.parametrize("name", ["activity", "outcomes", "styles", "effects", "gaps", "topics", "trends"])
def test_a_plot_says_so_when_there_is_nothing_to_draw(name, empty):
    plt.switch_backend("agg")
    drawn = getattr(empty.plot, name)()
    [ax] = drawn.figure.axes if hasattr(drawn, "figure") else drawn.axes
    [text] = ax.texts
    assert text.get_text().startswith(("no ", "not enough data yet"))


def test_effects_show_what_is_reported_among_all_that_was_tested(db):
    effects, patterns = db.effects(), db.patterns()
    assert effects.loc[effects["reported"], "statement"].tolist() == patterns["statement"].tolist()
    of_agent = effects.loc[effects["kind"] == "style_effect", "agent"].value_counts()
    assert of_agent[of_agent > 0].to_dict() == {"": 8, "desk": 8}, "an agent is tested by itself from 50 sessions on"
    assert effects.loc[~effects["reported"], "q_value"].min() > 0.05


def test_conversations_come_whole_and_only_those_that_went_on_since_then(db):
    every = {c.session: c for c in db.conversations(agent="desk")}
    late = {c.session: c for c in db.conversations(agent="desk", since="2026-03-10")}
    assert set(late) == set(db.sessions(agent="desk", since="2026-03-10")["session"])
    assert 0 < len(late) < len(every)
    assert all(every[session] == conversation for session, conversation in late.items())


def test_an_agent_reads_the_events_that_it_may_see(home, monkeypatch):
    monkeypatch.setenv("EVENTLORE_HOME", str(home))
    everything, own = Insights.demo(), Insights.demo(viewer="coder")
    seen = list(own.events())
    assert {(event.agent == "coder") or event.visibility == "public" for event in seen} == {True}
    assert 0 < len(seen) < sum(1 for _ in everything.events())
    for db in (everything, own):
        db.close()


def test_a_mean_of_few_values_has_no_interval():
    assert str(mean_interval([0.2, 0.4])) == "Interval(value=0.3, low=nan, high=nan, n=2)"
    assert str(mean_interval([])) == "Interval(value=nan, low=nan, high=nan, n=0)"
    assert mean_interval([1.0] * 5) == (1.0, 1.0, 1.0, 5)


def test_a_share_of_none_or_all_still_has_width():
    assert share_interval(0, 10) == (0.0, 0.0, 0.277533, 10)
    assert share_interval(10, 10) == (1.0, 0.722467, 1.0, 10)
    with pytest.raises(ValueError, match="3 of 2 is no share"):
        share_interval(3, 2)
