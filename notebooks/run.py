"""Runs the notebooks on the sample workspace and saves them with what they show: ``python notebooks/run.py [NAME ...]``.

What differs from run to run (times, versions, identifiers) is left out, so that a change of a file is a change of what it shows.
"""

import base64
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

__all__ = ["execute"]

FOLDER = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path, home: Path) -> NotebookNode:
    """A notebook, run from top to bottom in a kernel of its own and in an empty folder.

    Args:
        path: the notebook.
        home: the ``EVENTLORE_HOME`` in which ``eventlore demo`` ran.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=100, record_timing=False, coalesce_streams=True, resources=where)
        client.execute(env=os.environ | {"EVENTLORE_HOME": str(home)})
    notebook.metadata = nbformat.from_dict(METADATA)
    for at, cell in enumerate(notebook.cells, start=1):
        cell.id, cell.metadata = f"{at:02}", NotebookNode()
        for output in cell.get("outputs", []):
            output.metadata = NotebookNode()
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
    return notebook


def _smaller(image: str) -> str:
    """A picture of few colours and without a mark of what made it; base64, as it came."""
    saved = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB").quantize(200).save(saved, "png", optimize=True)
    return base64.b64encode(saved.getvalue()).decode() + "\n"


def main(names: list[str]) -> None:
    """Run and save these notebooks, or all."""
    with tempfile.TemporaryDirectory() as home:
        demo = [Path(sys.executable).parent / "eventlore", "demo", "--no-serve"]
        subprocess.run(demo, env=os.environ | {"EVENTLORE_HOME": home}, check=True, stdout=subprocess.DEVNULL)
        for path in sorted(FOLDER.glob("*.ipynb")):
            if not names or path.stem in names:
                nbformat.write(execute(path, Path(home)), path)
                sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
