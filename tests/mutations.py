"""Take the filter out of each path in turn, and see the tests of isolation notice: ``python tests/mutations.py``.

Each mutant is a copy of the code with one change. Exit code 1: a mutant passed the tests.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
HISTORY, FIND, INSIGHTS = "analytics/history.py", "analytics/recall/find.py", "analytics/insights.py"
READER, QUERIES, GATHER = "analytics/reader.py", "worker/dashboard/queries.py", "analytics/context/gather.py"
ANY = "Reader(self.reader.engine)"
ALL = f"{ANY}.rows("

ALL_ROWS = "ALL(t), t, agent)"
OWN_ROWS = "self.reader.rows(t), t, agent)"

STRICTEST = "max(visibility[call.ref], visibility[call.result], key=_STRICTNESS.index)"

MUTANTS = {
    "the filter itself": (READER, "if self.viewer is None:\n            return true()", "return true()"),
    "events": (READER, "return or_(table.c.agent == self.viewer, table.c.visibility", "return or_(true(), table.c.visibility"),
    "rows of sessions": (READER, "return or_(table.c.agent == self.viewer, _of_public_session(table))", "return true()"),
    "tables without a rule": (READER, 'or "agent" not in table.c:\n            return false()', "and False:\n            pass"),
    "words of topics": (READER, "if self.viewer is None or not found:", "if True:"),
    "skills": (READER, "if self.viewer is None or column is not t.c.skill:", "if True:"),
    "insights: sessions": (INSIGHTS, f"{OWN_ROWS}.order_by(t.c.started_at", f"{ALL_ROWS}.order_by(t.c.started_at"),
    "insights: styles": (INSIGHTS, f"t = tables.message_styles\n        query = _of({OWN_ROWS}",
                         f"t = tables.message_styles\n        query = _of({ALL_ROWS}"),
    "insights: gaps": (INSIGHTS, f"{OWN_ROWS}.order_by(*worst_first", f"{ALL_ROWS}.order_by(*worst_first"),
    "insights: patterns": (INSIGHTS, "query = self.reader.rows(t)\n", "query = ALL(t)\n"),
    "insights: conversation": (INSIGHTS, f"{OWN_ROWS}.where(t.c.session", f"{ALL_ROWS}.where(t.c.session"),
    "recall": (FIND, "reader.rows(n, *_READ", "Reader(reader.engine).rows(n, *_READ"),
    "history": (HISTORY, "return reader.rows(_entries, *_SHOWN)", "return Reader(reader.engine).rows(_entries, *_SHOWN)"),
    "history, one event": (HISTORY, "query = reader.events().where(", "query = Reader(reader.engine).events().where("),
    "context": (GATHER, "query = reader.rows(t).where(where)", "query = Reader(reader.engine).rows(t).where(where)",
                "t.c.visibility == Visibility.PUBLIC.value, ", ""),  # which asks for what is public besides
    "dashboard": (QUERIES, "return self.reader.rows(table, *columns)", "return Reader(self.reader.engine).rows(table, *columns)"),
    "dashboard, events": (QUERIES, "self.reader.events(*_EVENT)", "Reader(self.reader.engine).events(*_EVENT)"),
    "insights: log": (INSIGHTS, "query = _of(self.reader.events(), t, agent)\n        yield",
                      f"query = _of({ANY}.events(), t, agent)\n        yield"),
    "insights: conversations": (INSIGHTS, "_of(self.reader.events(), e, agent)", f"_of({ANY}.events(), e, agent)"),
    "insights: tags": (INSIGHTS, f"{OWN_ROWS}.order_by(t.c.ts, t.c.stream, t.c.seq, t.c.topic_id",
                       f"{ALL_ROWS}.order_by(t.c.ts, t.c.stream, t.c.seq, t.c.topic_id"),
    "insights: uses": (INSIGHTS, f"{OWN_ROWS}.order_by(t.c.at", f"{ALL_ROWS}.order_by(t.c.at"),
    "whose context, on the page": ("worker/dashboard/pages/context.py", "if reader.viewer not in {None, agent}:", "if False:"),
    "whose dashboard": ("worker/dashboard/app.py", "Queries(Reader(engine, request.state.viewer))", "Queries(Reader(engine))"),
    "whose report": ("worker/dashboard/report.py", "Queries(Reader(engine, viewer))", "Queries(Reader(engine))"),
    "index of what is secret": ("analytics/recall/entries.py", 'terms="" if secret else ', "terms="),
    "memory of what is secret": ("analytics/memory/items.py", "if event.visibility is not Visibility.SECRET]", "]"),
    "failures of internal calls": ("analytics/memory/items.py", STRICTEST, "visibility[call.result]"),
}  # fmt: skip


def survives(file: str, *changes: str) -> bool:
    """Whether the test passes in spite of the changes: what to replace, by what."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("analytics", "models", "worker", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        code = (folder / file).read_text("utf-8")
        for text, instead in zip(changes[::2], changes[1::2], strict=True):
            if code.count(text) != 1:
                raise SystemExit(f"{file}: {text!r} is there {code.count(text)} times, not once")
            code = code.replace(text, instead.replace("ALL(", ALL))
        (folder / file).write_text(code, "utf-8")
        tests = ["tests/test_isolation.py", "-x", "-q", "--timeout", "600", "-p", "no:cacheprovider", "-k", "no_path"]
        done = subprocess.run(  # noqa: PLW1510
            [sys.executable, "-m", "pytest", *tests],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1) or "error during collection" in done.stdout:
            raise SystemExit(done.stdout + done.stderr)
        return done.returncode == 0


def main() -> None:
    chosen = sys.argv[1:] or list(MUTANTS)
    if survives("analytics/__init__.py") is False:
        raise SystemExit("the test fails without any change")
    left = []
    with ThreadPoolExecutor(os.cpu_count()) as at_once:
        for name, lives in zip(chosen, at_once.map(lambda name: survives(*MUTANTS[name]), chosen), strict=True):
            print(f"{'SURVIVES' if lives else 'found   '}  {name}", flush=True)
            left += [name] if lives else []
    print(f"{len(chosen) - len(left)} of {len(chosen)} found")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
