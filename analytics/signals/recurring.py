"""The same failure in several sessions of an agent."""

import re
from collections.abc import Iterable

from analytics.signals.finding import EVIDENCE
from models.rows import Signal

__all__ = ["recurring"]

_SOURCES = frozenset({"tool_failure", "run_error"})
_NO_SUBSTANCE = re.compile(
    r": (?:failed|error|exception|http #|(?:\(no output\) ?)?\W*(?:(?:command )?exit(?:ed with)? (?:code|status):? #\W*)?)$"
)


def recurring(signals: Iterable[Signal]) -> list[Signal]:
    """One signal for each failure (agent and subject) that several sessions show.

    A failure of which nothing is known but that it happened, its exit code or its status, is not the same as another.
    It stands at the first failure of the second session, where it became visible. Evidence is the first
    failure of each session, at most the first twenty. Severity is .5 with two sessions, .6 with three, to 1.
    """
    firsts: dict[tuple[str, str], dict[str, Signal]] = {}
    for signal in signals:
        if signal.kind in _SOURCES and signal.subject and not _NO_SUBSTANCE.search(signal.subject):
            sessions = firsts.setdefault((signal.agent, signal.subject), {})
            known = sessions.get(signal.session)
            if known is None or (signal.stream, signal.seq) < (known.stream, known.seq):
                sessions[signal.session] = signal
    result = []
    for (agent, subject), sessions in firsts.items():
        if len(sessions) < 2:
            continue
        seen = sorted(sessions.values(), key=lambda signal: (signal.stream, signal.seq))
        result.append(
            Signal(
                agent=agent,
                session=seen[1].session,
                stream=seen[1].stream,
                seq=seen[1].seq,
                kind="recurring_failure",
                subject=subject,
                severity=round(min(1.0, 0.5 + 0.1 * (len(sessions) - 2)), 6),
                evidence=[[signal.stream, signal.seq] for signal in seen[:EVIDENCE]],
                model=seen[1].model,
            )
        )
    return sorted(result, key=lambda signal: (signal.stream, signal.seq, signal.agent, signal.subject))
