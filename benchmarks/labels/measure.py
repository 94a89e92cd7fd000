"""Precision and recall of every failure signal on the sessions labelled by hand.

python benchmarks/labels/measure.py --data DIR [--part reporting|tuning] [--misses KIND] [--labels FILE]
"""

import argparse
import gzip
import json
import math
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from analytics.conversation import Conversation, fold
from analytics.signals import KINDS, detect
from models.dialects import decode

LABELS = Path(__file__).with_name("sessions.jsonl")


def conversations(data: Path, name: str, wanted: set[str]) -> dict[str, tuple[Conversation, list[int]]]:
    """The wanted sessions of a set, each with the sequences of its events in order."""
    events: dict[str, list] = {}
    with gzip.open(data / "sessions" / f"{name}.events.jsonl.gz", "rb") as lines:
        for seq, line in enumerate(lines, 1):
            event = decode(line.rstrip(b"\n"), stream=name, seq=seq)
            if event.session in wanted:
                events.setdefault(event.session, []).append(event)
    return {session: (fold(found), [event.seq for event in found]) for session, found in events.items()}


def wilson(hits: int, n: int) -> str:
    """A share with its 95% interval (Wilson 1927)."""
    if not n:
        return "    -            "
    z, share = 1.96, hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{share:.2f} [{max(0.0, centre - half):.2f}, {min(1.0, centre + half):.2f}]"


def compare(data: Path, labels: Path, part: str, misses: str) -> dict[str, Counter]:
    """Of each kind: events and sessions that label and signal agree on, and those that only one has."""
    rows = [json.loads(line) for line in labels.read_text().splitlines()]
    rows = [row for row in rows if part in ("all", row["part"])]
    counts: dict[str, Counter] = {kind: Counter() for kind in KINDS}
    for name in dict.fromkeys(row["set"] for row in rows):
        chosen = {row["session"]: row["labels"] for row in rows if row["set"] == name}
        for session, (conversation, seqs) in conversations(data, name, set(chosen)).items():
            said = {(label.split("@")[0], seqs[int(label.split("@")[1])]) for label in chosen[session]}
            seen = {(signal.kind, signal.seq) for signal in detect(conversation, {})}
            for kind in KINDS:
                one = {seq for known, seq in said if known == kind}
                two = {seq for known, seq in seen if known == kind}
                counts[kind].update(both=len(one & two), label=len(one - two), signal=len(two - one))
                counts[kind].update(
                    sessions_both=bool(one and two), sessions_label=bool(one > two or (one and not two)) and not two
                )
                counts[kind].update(sessions_signal=bool(two) and not one)
                if kind == misses:
                    show(conversation, one - two, "missed")
                    show(conversation, two - one, "false")
    return counts


def show(conversation: Conversation, seqs: set[int], why: str) -> None:
    """Print what was said at events, for whoever has the data."""
    for item in (*conversation.messages, *conversation.calls):
        at = item.ref if not hasattr(item, "tool") else (item.result or item.ref)
        if at[1] in seqs or item.ref[1] in seqs:
            print(f"{why}\t{conversation.session}\t{getattr(item, 'text', '') or item}"[:600].replace("\n", " "))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--labels", type=Path, default=LABELS, help="second.jsonl beside it: the second reader's")
    parser.add_argument("--part", choices=["reporting", "tuning", "all"], default="reporting")
    parser.add_argument("--misses", default="", help="also print what a kind missed or wrongly found")
    arguments = parser.parse_args()
    counts = compare(arguments.data, arguments.labels, arguments.part, arguments.misses)
    print(f"{'signal':26}{'labels':>7}  {'precision':19}{'recall':19}{'by session: precision':23}recall")
    for kind, count in counts.items():
        if not sum(count.values()):
            continue
        both, sessions = count["both"], count["sessions_both"]
        print(
            f"{kind:26}{both + count['label']:7}  {wilson(both, both + count['signal']):19}"
            f"{wilson(both, both + count['label']):19}{wilson(sessions, sessions + count['sessions_signal']):23}"
            f"{wilson(sessions, sessions + count['sessions_label'])}"
        )


if __name__ == "__main__":
    main()
