"""The demo's summary as a picture: ``python -m worker.demo.picture docs/demo.svg``."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from analytics.insights import Insights
from worker.demo.play import play, settings_of
from worker.demo.show import learned
from worker.settings import Settings

__all__ = ["draw"]


def draw(target: Path) -> None:
    """Learn from the sample workspace and draw what the demo prints about it, as SVG without outside fonts."""
    with tempfile.TemporaryDirectory() as home:
        settings = settings_of(Settings.model_construct(home=Path(home)))
        asyncio.run(play(settings))
        db = Insights.open(settings.database)
        with Path(home, "screen").open("w", encoding="utf-8") as screen:
            console = Console(record=True, width=110, file=screen, force_terminal=True)
            console.print(learned(db))
        db.close()
    svg = console.export_svg(title="eventlore demo", unique_id="demo")
    target.write_text(re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
