"""What an agent would be told before a session that began now, line by line, and why.

What is told fades. Where a log has been quiet for so long that nothing is told any more, the page shows the end of the log.
"""

import time
from itertools import groupby
from operator import itemgetter

from analytics.context import SECTIONS, Block, build, gather
from analytics.reader import Reader
from worker.dashboard.filters import DAY, whole
from worker.dashboard.view import Ask, MissingError, View

__all__ = ["show"]

BUDGETS = (300, 1_000, 3_000)


def show(ask: Ask) -> View:
    """See the module."""
    reader = ask.queries.reader
    agents = ask.queries.agents()
    agent = ask.filters.agent or reader.viewer or next(iter(agents), "")
    if reader.viewer not in {None, agent}:
        raise MissingError(f"What {agent} is told is not yours to read.")
    about = ask.params.get("about", "").strip() or (ask.topic(ask.filters.topic) if ask.filters.topic else "")
    given = whole(ask.params.get("budget", ""))
    budget = given if given in BUDGETS else BUDGETS[1]

    def told(moment: int) -> Block:
        found = gather(Reader(reader.engine, agent), agent, now=moment, about=about)
        return build(found, agent=agent, now=moment, budget=budget, about=about)

    now, ended = time.time_ns() // 1_000_000, ask.filters.latest + DAY - 1
    block = told(now)
    past = not block.lines and ended < now
    block = told(ended) if past else block
    places = ask.queries.places([line.ref for line in block.lines])
    lines = [
        {"section": line.section, "text": line.text, "who": line.who, "ts": line.ts, "reason": line.reason}
        | {"value": line.value, "stream": line.ref[0], "seq": line.ref[1]}
        | {"link": ask.session_link(*places[line.ref], line.ref) if line.ref in places else ""}
        for line in block.lines
    ]
    shown = {"agent": agent, "about": about, "budget": budget, "budgets": BUDGETS, "block": block, "lines": lines}
    sections = [(SECTIONS[name], list(found)) for name, found in groupby(lines, key=itemgetter("section"))]
    shown |= {"past": past, "ended": ended, "sections": sections}
    table = [{name: value for name, value in line.items() if name != "link"} for line in lines]
    return View("context.html", "Context", shown, {"context": table})
