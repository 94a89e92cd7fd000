"""The pages, by their address."""

from collections.abc import Callable, Mapping

from worker.dashboard.pages import context, gaps, operations, overview, patterns, sessions, styles, topics
from worker.dashboard.view import Ask, View

__all__ = ["MENU", "PAGES"]

PAGES: Mapping[str, Callable[[Ask], View]] = {
    "": overview.show,
    "topics": topics.show,
    "topic": topics.show_one,
    "styles": styles.show,
    "gaps": gaps.show,
    "gap": gaps.show_one,
    "patterns": patterns.show,
    "sessions": sessions.show,
    "session": sessions.show_one,
    "context": context.show,
    "operations": operations.show,
}
MENU = {
    "": "Overview",
    "gaps": "Skill gaps",
    "patterns": "Patterns",
    "styles": "Styles",
    "topics": "Topics",
    "sessions": "Sessions",
    "context": "Context",
    "operations": "Operations",
}
