"""How far two readers agree on the sessions that both labelled: F1 and Cohen's kappa of every kind.

    python benchmarks/labels/agreement.py [--part reporting|tuning] [--cases KIND]

It reads the two files of labels only, no texts.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FIRST = Path(__file__).with_name("sessions.jsonl")
SECOND = Path(__file__).with_name("second.jsonl")

DRAWS = 2_000
"""Draws of the bootstrap."""


@dataclass(frozen=True)
class Read:
    """A session as both readers labelled it."""

    name: str
    events: int
    first: frozenset[str]
    second: frozenset[str]

    def labels(self, kind: str) -> tuple[set[str], set[str]]:
        """The labels of one kind: the first reader's, the second's."""
        return {one for one in self.first if _kind(one) == kind}, {one for one in self.second if _kind(one) == kind}

    def counts(self, kind: str) -> list[int]:
        """Events that both labelled, the first alone, the second alone, and neither."""
        one, two = self.labels(kind)
        return [len(one & two), len(one - two), len(two - one), self.events - len(one | two)]

    def shown(self, kind: str) -> list[int]:
        """The same of the session as a whole, wherever in it the labels are: a single 1."""
        one, two = (bool(labels) for labels in self.labels(kind))
        return [int(one and two), int(one > two), int(two > one), int(not one and not two)]


def both_read(part: str = "all") -> list[Read]:
    """The sessions that both readers labelled, in the order of the second's file."""
    known = {(row["set"], row["session"]): frozenset(row["labels"]) for row in _rows(FIRST)}
    return [
        Read(row["session"], row["events"], known[row["set"], row["session"]], frozenset(row["labels"]))
        for row in _rows(SECOND)
        if part in ("all", row["part"])
    ]


def kinds(sessions: Iterable[Read]) -> list[str]:
    """The kinds that either reader labelled."""
    return sorted({_kind(label) for session in sessions for label in session.first | session.second})


def f1(counts: np.ndarray) -> float:
    """F1 of one reader's labels against the other's, the same whichever is taken for the truth; nan without labels."""
    both, first, second, _ = counts
    labels = 2 * both + first + second
    return float(2 * both / labels) if labels else float("nan")


def kappa(counts: np.ndarray) -> float:
    """Agreement beyond chance on all that was read (Cohen 1960); nan where chance alone agrees on everything."""
    both, first, second, neither = counts
    n = counts.sum()
    observed = (both + neither) / n
    chance = ((both + first) * (both + second) + (neither + first) * (neither + second)) / n**2
    return float((observed - chance) / (1 - chance)) if chance < 1 else float("nan")


def interval(counts: np.ndarray, measure: Callable[[np.ndarray], float]) -> tuple[float, float]:
    """The middle 95% of a bootstrap over sessions (Efron 1979); draws without a label are left out.

    ``counts`` is of shape (sessions, 4).
    """
    draws = np.random.default_rng(0).integers(len(counts), size=(DRAWS, len(counts)))
    low, high = np.nanpercentile([measure(counts[drawn].sum(axis=0)) for drawn in draws], [2.5, 97.5])
    return float(low), float(high)


def row(sessions: list[Read], kind: str) -> str:
    """The table's line of a kind."""
    events = np.array([session.counts(kind) for session in sessions])
    whole = np.array([session.shown(kind) for session in sessions])
    both, first, second, _ = events.sum(axis=0)
    cells = [_cell(events, f1), _cell(events, kappa), _cell(whole, f1)]
    return " | ".join([f"| {kind}", f"{both + first}", f"{both + second}", f"{both}", *cells]) + " |"


def cases(sessions: Iterable[Read], kind: str) -> Iterator[str]:
    """The labels of one kind that one reader alone gave, for whoever has the texts."""
    for session in sessions:
        one, two = session.labels(kind)
        yield from (f"first\t{session.name}\t{label}" for label in sorted(one - two))
        yield from (f"second\t{session.name}\t{label}" for label in sorted(two - one))


def _cell(counts: np.ndarray, measure: Callable[[np.ndarray], float]) -> str:
    low, high = interval(counts, measure)
    return f"{measure(counts.sum(axis=0)):.2f} [{round(low, 2) + 0.0:.2f}, {high:.2f}]"  # 0.00, not -0.00


def _kind(label: str) -> str:
    return label.split("@", maxsplit=1)[0]


def _rows(path: Path) -> Iterator[dict]:
    yield from map(json.loads, path.read_text().splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["reporting", "tuning", "all"], default="all")
    parser.add_argument("--cases", default="", help="print the labels of a kind that only one reader gave, instead")
    arguments = parser.parse_args()
    sessions = both_read(arguments.part)
    if arguments.cases:
        print("\n".join(cases(sessions, arguments.cases)))
        return
    print(f"{len(sessions)} sessions, {sum(session.events for session in sessions)} events")
    print("| kind | first | second | both | F1 | kappa | F1 by session |\n|---|---|---|---|---|---|---|")
    print("\n".join(row(sessions, kind) for kind in kinds(sessions)))


if __name__ == "__main__":
    main()
