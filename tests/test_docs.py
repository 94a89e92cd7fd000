"""What the documents show: commands that run, every command described, links that lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import COMMANDS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown(document: Path) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


WITH_COMMANDS = [document for document in DOCUMENTS if shown(document)]


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda document: document.name)
def test_the_commands_shown_run(document, tmp_path):
    bin_folder = str(Path(sys.executable).parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVENTLORE_")}
    environment |= {"EVENTLORE_HOME": str(tmp_path / "home"), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    for command in shown(document):
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: PLW1510
        assert (done.returncode, done.stderr) == (0, ""), command
        assert ">" in command or done.stdout or "run --drain" in command, command


def test_every_command_is_described():
    text = (ROOT / "docs" / "commands.md").read_text()
    assert [" ".join(command) for command in COMMANDS if f"eventlore {' '.join(command)}" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
