"""A user's own topics, learned from public sets and measured on what was held back.

    python benchmarks/taxonomy.py [--data ../shared/data] [--only "Banking77"]

CLINC150 is learned from train and measured on val, MultiDoGO from train on dev, Banking77 in five folds, a fifth held
back in turn (its line is their mean, and their least and largest macro-F1 follow). Nothing was chosen on these
figures' held-back texts. Last, how MultiDoGO's mistakes divide: texts without any word, texts of which only words are
left that greet or that a label's examples do not tell apart ("none" likelier than not), and the others; and how many
texts learned from have the words of another, but not the label that is commonest with these words.

Printed for each: macro-F1 of the likeliest label and its bar, AUC of "none", calibration error, share of texts that are
tagged, accuracy of these, processor seconds of learning, megabytes, and texts scored in a processor second.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from analytics.embedding import words
from analytics.topics.evaluation import Measures, evaluate
from analytics.topics.learning import train
from analytics.topics.taxonomy import Taxonomy

Examples = list[tuple[str, str | None]]
FOLDS = 5


class Task(NamedTuple):
    bar: float
    splits: Callable[[Path], Iterator[tuple[Examples, Examples]]]
    """What to learn from and what to measure on, once or fold by fold."""


def read(data: Path, name: str, label: str = "label") -> Examples:
    with (data / "text" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [(row["text"], row[label]) for row in map(json.loads, lines)]


def held(
    name: str, other: str, label: str = "label", *, none: bool = True
) -> Callable[..., Iterator[tuple[Examples, Examples]]]:
    """Learn from train, measure on the other split; ``none``: with the examples of none of the labels."""

    def splits(data: Path) -> Iterator[tuple[Examples, Examples]]:
        rows = read(data, f"{name}.train", label)
        yield [row for row in rows if none or row[1] != "oos"], read(data, f"{name}.{other}", label)

    return splits


def few(each: int) -> Callable[[Path], Iterator[tuple[Examples, Examples]]]:
    """Some examples of each intent of CLINC150, drawn once."""

    def splits(data: Path) -> Iterator[tuple[Examples, Examples]]:
        grouped = defaultdict(list)
        for row in read(data, "clinc150.train"):
            grouped[row[1]].append(row)
        draw = random.Random(0)
        chosen = [row for label, rows in sorted(grouped.items()) if label != "oos" for row in draw.sample(rows, each)]
        yield chosen, read(data, "clinc150.val")

    return splits


def folds(name: str) -> Callable[[Path], Iterator[tuple[Examples, Examples]]]:
    def splits(data: Path) -> Iterator[tuple[Examples, Examples]]:
        rows = read(data, name)
        random.Random(0).shuffle(rows)
        for at in range(FOLDS):
            yield [row for i, row in enumerate(rows) if i % FOLDS != at], rows[at::FOLDS]

    return splits


TASKS = {
    "CLINC150, 150 intents": Task(0.93, held("clinc150", "val")),
    "the same, no example of none": Task(0.93, held("clinc150", "val", none=False)),
    "CLINC150, 10 domains": Task(0.97, held("clinc150", "val", "domain")),
    "CLINC150, 10 an intent": Task(0.80, few(10)),
    "Banking77, five folds": Task(0.915, folds("banking77.train")),
    "MultiDoGO, 6 domains": Task(0.94, held("multidogo", "dev")),
}


def measure(name: str, task: Task, data: Path) -> None:
    """Print a line."""
    found: list[Measures] = []
    learning, scoring, scored, size = 0.0, 0.0, 0, 0
    for learned, rest in task.splits(data):
        began = time.process_time()
        taxonomy = train(learned)
        learning += time.process_time() - began
        began = time.process_time()
        found.append(evaluate(taxonomy, rest))
        scoring += time.process_time() - began
        scored += len(rest)
        size = max(size, len(taxonomy.to_bytes()))
    one = [mean([getattr(each, field) for each in found]) for field in Measures._fields[:7]]
    f1, _, auroc, _, tagged, right, error = one
    print(
        f"{name:30}{f1:>8.3f}{task.bar:>7.3f}{'-' if np.isnan(auroc) else format(auroc, '.3f'):>9}{error:>7.3f}{tagged:>8.3f}"
        f"{right:>9.3f}{learning / len(found):>10.0f}{size / 1e6:>6.1f}{scored / scoring:>9,.0f}",
        flush=True,
    )
    if len(found) > 1:
        print(f"{'':30}{min(each.macro_f1 for each in found):>8.3f} to {max(each.macro_f1 for each in found):.3f}")
    if name.startswith("MultiDoGO"):
        print(mistakes(taxonomy, rest))
        print(repeated(learned))


def mean(values: list[float | None]) -> float:
    return float(np.mean([np.nan if value is None else value for value in values]))


def mistakes(taxonomy: Taxonomy, examples: Examples) -> str:
    """Where a taxonomy's likeliest label is wrong."""
    counts: dict[str, int] = defaultdict(int)
    for (text, label), found in zip(examples, taxonomy.predict([text for text, _ in examples]), strict=True):
        if found.label != label:
            counts[
                "without any word"
                if not text.strip()
                else "taken for none"
                if found.topic is None
                else "tagged wrongly"
            ] += 1
    return f"{'':30}wrong of {len(examples):,}: " + ", ".join(
        f"{count} {kind}" for kind, count in sorted(counts.items())
    )


def repeated(examples: Examples) -> str:
    """How labels of texts with the same words disagree: what any function of the words gets wrong at least."""
    grouped: dict[tuple[str, ...], Counter[str | None]] = defaultdict(Counter)
    for text, label in examples:
        grouped[tuple(words(text))][label] += 1
    shared = [labels for labels in grouped.values() if labels.total() > 1]
    total = sum(labels.total() for labels in shared)
    wrong = sum(labels.total() - max(labels.values()) for labels in shared)
    return f"{'':30}learned {len(examples):,}: {total:,} with another's words, {wrong:,} of them not of the commonest label"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=TASKS, help="one line")
    given = parser.parse_args()
    heads = ("macro-F1", "bar", "AUC none", "error", "tagged", "of these", "learn s", "MB", "texts/s")
    widths = (8, 7, 9, 7, 8, 9, 10, 6, 9)
    print(" " * 30 + "".join(head.rjust(width) for head, width in zip(heads, widths, strict=True)))
    for name, task in TASKS.items():
        if given.only in (None, name):
            measure(name, task, given.data)


if __name__ == "__main__":
    main()
