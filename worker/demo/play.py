"""The main job on the sample workspace: into a log of its own and through the worker to its end."""

import hashlib
import shutil
from collections.abc import Iterator

from analytics import gaps, outcome, patterns, signals, style, topics
from worker.app import run as work
from worker.demo.workspace import event_lines
from worker.embedded import EmbeddedError, EmbeddedServer, running
from worker.lines import Line
from worker.publish import publish
from worker.settings import Settings
from worker.status import log_status
from worker.store import Store

__all__ = ["play", "settings_of"]


def settings_of(settings: Settings) -> Settings:
    """The demo's own: an embedded log and SQLite in the folder ``demo``, whatever else is configured."""
    return Settings.model_construct(home=settings.folder / "demo")


async def play(settings: Settings) -> int:
    """Publish what the demo's log lacks of the workspace, and learn from all of it.

    What an interrupted run left is the beginning, so the rest is what is missing; a complete one left nothing to do.

    Args:
        settings: from :func:`settings_of`.

    Returns:
        How many events the workspace has.

    Raises:
        EmbeddedError: the server does not start, or is in use with the workspace of another version.
        LogError: the server stopped answering.
        RuntimeError: sessions could not be analysed.
    """
    lines = event_lines()
    _keep_version(settings, _edition(lines))
    store = Store(settings.database)
    try:
        async with EmbeddedServer(settings.folder) as server:
            log = settings.log.model_copy(update={"url": server.url})
            held = (await log_status(log)).get("messages", 0)
            await publish(_after(held, lines), log)
            await work([log], store, drain=True)
        if unsettled := store.unsettled():
            raise RuntimeError(f"{len(unsettled)} sessions could not be analysed: {unsettled[0][-1]}")
    finally:
        store.close()
    return len(lines)


def _after(held: int, lines: list[bytes]) -> Iterator[list[Line]]:
    rest = [(number, line, len(line), True) for number, line in enumerate(lines[held:], held + 1)]
    if rest:
        yield rest


def _edition(lines: list[bytes]) -> str:
    """A digest of the workspace and of what it is analysed with."""
    models = (style.load().version, topics.load().version, outcome.load().version)
    versions = " ".join((*models, signals.VERSION, gaps.VERSION, patterns.VERSION))
    return hashlib.sha256(b"\n".join([*lines, versions.encode()])).hexdigest()


def _keep_version(settings: Settings, digest: str) -> None:
    """Clear away what a version with another workspace or other models left."""
    marker = settings.folder / "workspace.sha256"
    if marker.is_file() and marker.read_text() != digest:
        if running(settings.folder):
            raise EmbeddedError(f"the demo of another version runs in {settings.folder}: end it first")
        shutil.rmtree(settings.folder)
    settings.folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(digest)
