"""How well the rules of memory tell what a sentence is: ``python benchmarks/memory.py --data ../shared/data``.

``labels/memory.jsonl``: sentences in English and German with the kind that a reader gave them before any rule was run on
them; those that were not written for this are named by file, line and sentence. Every other sentence may be looked at when
rules are changed (``dev``); the others are for measuring (``test``).
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from analytics.conversation import fold
from analytics.memory.sentences import sentences
from analytics.memory.statements import statements
from analytics.memory.threads import open_thread
from models.dialects import decode
from models.events import Event, Kind, Visibility

LABELS = Path(__file__).parent / "labels" / "memory.jsonl"
KINDS = ("decision", "commitment", "pending", "fact", "preference", "question")
NOON = 1_772_539_200_000
Labelled = tuple[str, str, str]
"""(text, speaker, kind)"""


def labelled(data: Path) -> Iterator[Labelled]:
    @cache
    def lines(name: str) -> list[bytes]:
        return gzip.decompress((data / f"{name}.events.jsonl.gz").read_bytes()).splitlines()

    for line in LABELS.read_text("utf-8").splitlines():
        one: dict[str, Any] = json.loads(line)
        text = one.get("text")
        if text is None:
            said = decode(lines(one["file"])[one["line"] - 1].strip(), stream="s", seq=1).text
            text = sentences(said)[one["sentence"]]
        yield text, one["speaker"], one["kind"]


def found(text: str, speaker: str) -> str:
    """The kind that memory gives a sentence; ``question``: a user's that is left open if nobody answers."""
    kinds = [one.kind for one in statements(text, speaker, NOON) if one.kind != "done"]
    if kinds:
        return kinds[0]
    kind = Kind.MESSAGE_IN if speaker == "user" else Kind.MESSAGE_OUT
    said = {"id": "e", "digest": "0" * 64, "visibility": Visibility.INTERNAL, "dialect": "C"}
    event = Event(stream="s", seq=1, ts=NOON, agent="a", session="agent:a:s", kind=kind, text=text, **said)
    return "question" if speaker == "user" and open_thread(fold([event])) else "none"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--wrong", action="store_true", help="show what is wrong in the half that may be looked at")
    asked = options.parse_args()
    every = [(*one, found(*one[:2])) for one in labelled(asked.data)]
    print(
        "| | dev: sentences | precision | recall | test: sentences | precision | recall |\n|---|---|---|---|---|---|---|"
    )
    for kind in (*KINDS, "any of them"):
        cells = [kind]
        for half in (every[::2], every[1::2]):
            told = [(truth, said) for _, _, truth, said in half]
            if kind == "any of them":
                told = [(kind if t != "none" else t, kind if s != "none" else s) for t, s in told]
            right = sum(t == s == kind for t, s in told)
            there, named = sum(t == kind for t, _ in told), sum(s == kind for _, s in told)
            cells += [str(there), f"{right / max(1, named):.2f}", f"{right / max(1, there):.2f}"]
        print(f"| {' | '.join(cells)} |")
    if asked.wrong:
        for text, speaker, truth, said in every[::2]:
            if truth != said:
                print(f"{truth} taken for {said} ({speaker}): {text}")


if __name__ == "__main__":
    main()
