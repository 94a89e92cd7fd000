"""The labels by hand: what is published of how far two readers agree is what their files say."""

import gzip
import json
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
LABELS = ROOT / "benchmarks" / "labels"
AGREEMENT = runpy.run_path(str(LABELS / "agreement.py"))
"""What the script defines."""


def read(name: str) -> list[dict]:
    return [json.loads(line) for line in (LABELS / name).read_text().splitlines()]


def agreed(measure: str, kind: str) -> float:
    counts = np.sum([session.counts(kind) for session in AGREEMENT["both_read"]()], axis=0)
    return round(AGREEMENT[measure](counts), 2)


def test_agreement_beyond_chance_of_a_table_worked_by_hand():
    both_yes, first_alone, second_alone, both_no = 20, 5, 10, 15  # observed .70, by chance .50
    table = np.array([both_yes, first_alone, second_alone, both_no])
    assert AGREEMENT["kappa"](table) == pytest.approx(0.4)
    assert AGREEMENT["f1"](table) == pytest.approx(40 / 55)


@pytest.mark.parametrize(
    ("kind", "f1", "kappa"),
    [
        ("tool_failure", 1.0, 1.0),
        ("user_correction", 0.62, 0.61),
        ("repeated_request", 0.83, 0.83),
        ("dissatisfaction", 0.89, 0.89),
        ("ungrounded_claim", 0.96, 0.96),
        ("refusal", 0.94, 0.94),
        ("handover", 0.24, 0.23),
    ],
)
def test_two_readers_agree_as_published(kind, f1, kappa):
    assert (agreed("f1", kind), agreed("kappa", kind)) == (f1, kappa)


def test_the_table_of_agreement_is_what_the_files_give():
    sessions = AGREEMENT["both_read"]()
    published = (LABELS / "guidelines.md").read_text()
    rows = [AGREEMENT["row"](sessions, kind) for kind in AGREEMENT["kinds"](sessions)]
    assert [row for row in rows if row not in published] == []


@pytest.mark.parametrize("document", ["docs/insights/signals.md", "analytics/pretrained/signals.md"])
def test_the_agreement_stands_beside_precision_and_recall(document):
    sessions = AGREEMENT["both_read"]()
    lines = {
        line.split("|")[1].strip(" `"): line for line in (ROOT / document).read_text().splitlines() if "] |" in line
    }
    missing = [
        kind
        for kind in AGREEMENT["kinds"](sessions)
        if not lines[kind].endswith(f"| {AGREEMENT['row'](sessions, kind).split(' | ')[4]} |")
    ]
    assert missing == []


def test_the_second_reader_read_fifty_sessions_of_each_part():
    second = read("second.jsonl")
    first = {(row["set"], row["session"], row["part"]) for row in read("sessions.jsonl")}
    assert Counter(row["part"] for row in second) == {"reporting": 50, "tuning": 50}
    assert {(row["set"], row["session"], row["part"]) for row in second} <= first


def test_labels_are_at_events_of_their_sessions(data):
    events: Counter[tuple[str, str]] = Counter()
    for name in {row["set"] for row in read("sessions.jsonl")}:
        with gzip.open(data / "sessions" / f"{name}.events.jsonl.gz", "rt", encoding="utf-8") as lines:
            events.update((name, json.loads(line)["session"]) for line in lines)
    second = read("second.jsonl")
    assert [row["session"] for row in second if row["events"] != events[row["set"], row["session"]]] == []
    beyond = [
        (row["session"], label)
        for row in [*read("sessions.jsonl"), *second]
        for label in row["labels"]
        if int(label.split("@")[1]) >= events[row["set"], row["session"]]
    ]
    assert beyond == []
