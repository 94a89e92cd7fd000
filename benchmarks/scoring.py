"""What scoring a message costs, against VADER, which gives one of our eight styles: sentiment.

    python benchmarks/scoring.py --data ../shared/data [--rounds 5]

The messages are those of 200 sessions of each rated set and of tau-airline. Every round scores all of them with each
part in turn, in one process: the eight styles; satisfaction, signals and outcome of whole sessions, given the styles; and
VADER's sentiment. Printed are messages per processor second (median), their ratio to VADER's in the same round, and its range.
"""

import argparse
import gzip
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from analytics import outcome, signals, style
from analytics.conversation import fold
from models.dialects import decode
from models.events import Event

SETS = ("uss-mwoz", "uss-redial", "uss-ccpe", "tau-airline")
SESSIONS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    events = [session for name in SETS for session in sessions(given.data, name)]
    parts, messages = prepare(events)
    spent: dict[str, list[float]] = {name: [] for name in parts}
    for score in parts.values():
        score()
    for _ in range(given.rounds):
        for name, score in parts.items():
            began = time.process_time()
            score()
            spent[name].append(time.process_time() - began)
    print(
        f"{messages:,} messages of {len(events)} sessions; {given.rounds} rounds; ratio = messages/s to those of VADER"
    )
    for name, seconds in spent.items():
        ratios = [theirs / ours for ours, theirs in zip(seconds, spent["vader"], strict=True)]
        print(
            f"{name:<14}{messages / statistics.median(seconds):>9,.0f} messages/s"
            f"{statistics.median(ratios):>8.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )


def prepare(events: list[list[Event]]) -> tuple[dict[str, Callable[[], object]], int]:
    """What is timed, by name, and how many messages each scores."""
    conversations = [fold(session) for session in events]
    texts = [message.text for each in conversations for message in each.messages]
    rows = style.rows(conversations)
    found = [signals.detect(one, of) for one, of in zip(conversations, rows, strict=True)]
    vader, model = SentimentIntensityAnalyzer(), outcome.load()
    ratings = [model.rate(one, of) for one, of in zip(conversations, rows, strict=True)]
    parts: dict[str, Callable[[], object]] = {
        "vader": lambda: [vader.polarity_scores(text) for text in texts],
        "styles": lambda: style.load().score(texts),
        "satisfaction": lambda: [model.rate(one, of) for one, of in zip(conversations, rows, strict=True)],
        "signals": lambda: [signals.detect(one, of) for one, of in zip(conversations, rows, strict=True)],
        "outcome": lambda: model.estimate(conversations, found, ratings),
    }
    return parts, len(texts)


def sessions(data: Path, name: str) -> list[list[Event]]:
    """The first sessions of a set, each as its events."""
    grouped: dict[str, list[Event]] = {}
    with gzip.open(data / "sessions" / f"{name}.events.jsonl.gz", "rb") as lines:
        for seq, line in enumerate(lines, 1):
            event = decode(line.rstrip(b"\n"), stream=name, seq=seq)
            if event.session in grouped or len(grouped) < SESSIONS:
                grouped.setdefault(event.session, []).append(event)
    return list(grouped.values())


if __name__ == "__main__":
    main()
