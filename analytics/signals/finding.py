"""What a detector hands back, and how findings become rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from analytics.conversation import Conversation, Ref
from models.rows import Signal

__all__ = ["EVIDENCE", "Finding", "rows"]

EVIDENCE = 20
"""Events a signal names at most: its first and its last."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong, seen at ``ref``."""

    kind: str
    ref: Ref
    severity: float
    evidence: tuple[Ref, ...]
    subject: str = ""


def rows(conversation: Conversation, findings: Iterable[Finding], version: str) -> list[Signal]:
    """Rows in order of (stream, seq, kind), one for each of these: the most severe, then of the least subject."""
    best: dict[tuple[str, int, str], Finding] = {}
    for finding in findings:
        key = (*finding.ref, finding.kind)
        known = best.get(key)
        if known is None or (-finding.severity, finding.subject) < (-known.severity, known.subject):
            best[key] = finding
    return [
        Signal(
            agent=conversation.agent,
            session=conversation.session,
            stream=stream,
            seq=seq,
            kind=kind,
            subject=finding.subject,
            severity=round(min(1.0, max(0.0, finding.severity)), 6),
            evidence=[list(ref) for ref in _bounded(finding.evidence)],
            model=version,
        )
        for (stream, seq, kind), finding in sorted(best.items())
    ]


def _bounded(evidence: tuple[Ref, ...]) -> tuple[Ref, ...]:
    unique = tuple(dict.fromkeys(evidence))
    if len(unique) <= EVIDENCE:
        return unique
    return unique[: EVIDENCE // 2] + unique[-EVIDENCE // 2 :]
