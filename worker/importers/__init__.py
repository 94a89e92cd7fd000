"""The ways in from files: transcripts, memory workspaces, event lines and chats, each format in a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from worker.importers import event_lines, memory_workspace, openai_chat, openclaw, openclaw_sqlite
from worker.importers.base import Importer
from worker.importers.report import FileReport, Refusal, Report

if TYPE_CHECKING:
    from worker.settings import Settings

__all__ = ["IMPORTERS", "FileReport", "Refusal", "Report", "import_path", "plan"]

IMPORTERS: tuple[Importer, ...] = (openclaw_sqlite, openclaw, event_lines, memory_workspace, openai_chat)
"""Every format; the first that recognises a file reads it."""


async def import_path(
    path: Path,
    settings: "Settings",
    url: str,
    *,
    agent: str = "",
    unfinished: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Import a file or all of a folder into the log; see :func:`worker.importers.run.import_path`."""
    from worker.importers import run  # it speaks to servers, which reading need not

    return await run.import_path(path, settings, url, IMPORTERS, agent=agent, unfinished=unfinished, progress=progress)


async def plan(
    path: Path,
    settings: "Settings",
    *,
    agent: str = "",
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """What :func:`import_path` would report; nothing is written and no server is needed."""
    from worker.importers import run

    return await run.import_path(path, settings, "", IMPORTERS, agent=agent, progress=progress, dry_run=True)
