"""What an import did, or would do."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec

__all__ = ["FileReport", "Refusal", "Report"]

NAMED = 100
"""Refusals that are told one by one."""


class FileReport(msgspec.Struct):
    """What a file became."""

    path: str
    """As the user would write it."""
    format: str = ""
    records: int = 0
    events: int = 0
    new: int = 0
    """Events that were not in the log before."""
    refused: int = 0
    """Records that could not be read, and events that the log did not take."""
    skipped: str = ""
    """Why it was not read."""


class Refusal(msgspec.Struct, frozen=True):
    """One thing that was not imported."""

    origin: str
    """File and line (or number)."""
    reason: str


@dataclass
class Report:
    """What an import did, or would do."""

    dry_run: bool
    files: list[FileReport] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    """The first of them."""
    redacted: Counter[str] = field(default_factory=Counter)
    """Credentials that were masked, by kind."""

    def refuse(self, file: int, place: int, reason: str) -> None:
        """Count something of a file that was not imported."""
        report = self.files[file]
        report.refused += 1
        if len(self.refusals) < NAMED:
            self.refusals.append(Refusal(f"{report.path}:{place}", reason))

    def total(self, what: str) -> int:
        """The sum of a number over all files."""
        return sum(getattr(report, what) for report in self.files)
