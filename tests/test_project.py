"""The project as a whole: what it depends on, and what its documents promise."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"analytics", "models", "worker"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


def locked() -> set[str]:
    return {name_of(line) for line in (ROOT / "requirements.lock").read_text().splitlines()}


def imported(folder: str) -> dict[str, str]:
    """Modules that a folder's code imports, each with a file that does."""
    found = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            found |= {name.partition(".")[0]: str(file.relative_to(ROOT)) for name in names}
    return found


@pytest.mark.parametrize("folder", ["models", "analytics", "worker"])
def test_what_is_imported_is_declared(folder):
    about = project()
    declared = {name_of(one) for one in about["dependencies"]}
    declared |= {name_of(one) for extra in about["optional-dependencies"].values() for one in extra}
    owners = packages_distributions()
    missing = {
        module: file
        for module, file in imported(folder).items()
        if module not in OURS
        and module not in sys.stdlib_module_names
        and not declared & {name_of(owner) for owner in owners.get(module, [module])}
    }
    assert missing == {}


def test_the_lock_has_every_dependency_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+-]+", line) for line in text.splitlines())
    about = project()
    extras = about["optional-dependencies"]
    wanted = [*about["dependencies"], *(one for name in extras if name != "bertopic" for one in extras[name])]
    assert {name_of(one) for one in wanted} - {"eventlore"} <= locked()


def test_imports_point_one_way():
    assert not imported("models").keys() & {"analytics", "worker"}
    assert not imported("analytics").keys() & {"worker"}


def test_every_packaged_model_has_a_card():
    folder = ROOT / "analytics" / "pretrained"
    cards = {file.stem for file in folder.glob("*.md")}
    models = {file.stem.partition("_")[0] for file in folder.iterdir() if file.suffix != ".md"}
    assert models == {"embedding", "outcome", "recall", "signals", "style", "topics"}
    assert models - cards == set()
