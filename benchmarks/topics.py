"""Discovered topics beside BERTopic 0.17, on the same texts and the same vectors.

    python benchmarks/topics.py [--data ../shared/data] [--rounds 3] [--only clinc150]

BERTopic (MIT; Grootendorst 2022) runs with its defaults, English stop words and, a round each, the random states 0, 1, ...;
both are handed texts and make vectors with the packaged embedding, whose time is in neither figure. BERTopic brings
PyTorch, so `make bench` does without it: `pip install -e '.[bertopic]'` adds it; else only our own figures are printed.

Printed for each set: topics; the share without topic; normalised mutual information with the true labels, texts without topic
being a group of their own; coherence, the mean normalised pointwise mutual information of each topic's ten words
in windows of ten words (c_npmi, Röder et al. 2015); processor seconds, of all threads,
of a fit that also gives every text its topic. Then the
share of texts that keep their topic when a model fitted on five sixths of them is updated with the rest. Last,
microseconds of one processor that a message costs: the packaged topics, a taxonomy taught from CLINC150's 150 intents, and
the discovered topics, each on the texts of CLINC150 val.
"""

import argparse
import gc
import gzip
import importlib.util
import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import normalized_mutual_info_score

from analytics import embedding, topics
from analytics.conversation import Conversation, Message
from analytics.topics import finding
from analytics.topics.discovery import Model
from analytics.topics.learning import train
from analytics.topics.stopwords import read
from analytics.topics.tagging import Tagger

Labelled = tuple[list[str], list[str]]
Found = tuple[list[str], list[Sequence[str]], float]
"""The topic of each text, each topic's words, processor seconds."""


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def intents(name: str) -> Callable[[Path], Labelled]:
    def read(data: Path) -> Labelled:
        kept = [row for row in rows(data / "text" / f"{name}.train.jsonl") if row["label"] != "oos"]
        return [row["text"] for row in kept], [row["label"] for row in kept]

    return read


def sgd(whole: bool) -> Callable[[Path], Labelled]:
    """User messages with the service of their session; ``whole``: each session's as one text."""

    def read(data: Path) -> Labelled:
        services = {row["session"]: row["services"][0] for row in rows(data / "sessions" / "sgd.services.jsonl")}
        said: dict[str, list[str]] = {session: [] for session in services}
        for event in rows(data / "sessions" / "sgd.events.jsonl.gz"):
            if event["type"] == "conversation.message.in":
                said[event["session"]].append(event["payload"]["data"]["text"])
        if whole:
            return ["\n".join(texts) for texts in said.values()], [services[session] for session in said]
        return [t for texts in said.values() for t in texts], [services[s] for s, texts in said.items() for _ in texts]

    return read


SETS: dict[str, Callable[[Path], Labelled]] = {
    "clinc150": intents("clinc150"),
    "banking77": intents("banking77"),
    "sgd sessions": sgd(whole=True),
    "sgd messages": sgd(whole=False),
}


def coherence(texts: Sequence[str], topics: Sequence[Sequence[str]]) -> float:
    """Mean c_npmi of topics' words."""
    wanted = {word for words in topics for word in words}
    windows, single, double = 0, Counter[str](), Counter[tuple[str, str]]()
    for text in texts:
        words = re.findall(r"(?u)\b\w\w+\b", text.lower())
        for start in range(max(1, len(words) - 9)):
            windows += 1
            seen = sorted(wanted.intersection(words[start : start + 10]))
            single.update(seen)
            double.update(combinations(seen, 2))
    means = []
    for words in topics:
        scores = []
        for one, two in combinations(sorted(set(words)), 2):
            if single[one] and single[two]:
                both = double[one, two] / windows + 1e-12
                scores.append(log(both * windows * windows / single[one] / single[two]) / -log(both))
        if scores:
            means.append(statistics.fmean(scores))
    return statistics.fmean(means) if means else float("nan")


def ours(texts: list[str], vectors: np.ndarray[Any, Any], _round: int) -> Found:
    messages = [(("log", at), at, text) for at, text in enumerate(texts)]
    known = {" ".join(read(text)): vector for text, vector in zip(texts, vectors, strict=True)}
    embed = embedding.Embedding.embed
    looking = 0.0

    def look_up(_: embedding.Embedding, split: Sequence[Sequence[str]]) -> np.ndarray[Any, Any]:
        nonlocal looking
        begun = time.process_time()
        found = np.stack([known[" ".join(words)] for words in split])
        looking += time.process_time() - begun
        return found

    # Both sides are handed the vectors: ours looks them up where it would make them, which counts as no work of its own.
    embedding.Embedding.embed = look_up  # type: ignore[method-assign, assignment]
    try:
        begun = time.process_time()
        model = finding.fit(messages, mark=len(texts))
        found = model.nearest(texts)
        spent = time.process_time() - begun - looking
        return found, [topic.keywords[:10] for topic in model.record.topics], spent
    finally:
        embedding.Embedding.embed = embed  # type: ignore[method-assign]


def theirs(texts: list[str], vectors: np.ndarray[Any, Any], round_: int) -> Found:
    from bertopic import BERTopic
    from sklearn.feature_extraction.text import CountVectorizer
    from umap import UMAP

    umap = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=round_)
    model = BERTopic(umap_model=umap, vectorizer_model=CountVectorizer(stop_words="english"), embedding_model=None)
    begun = time.process_time()
    found, _ = model.fit_transform(texts, vectors)
    spent = time.process_time() - begun
    topics = sorted(set(found) - {-1})
    named = [[word for word, _ in model.get_topic(topic) if word] for topic in topics]
    return ["" if topic == -1 else str(topic) for topic in found], named, spent


def kept(texts: list[str]) -> float:
    """Share of the first five sixths that keep their topic, or stay without, when the rest comes."""
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    messages = [(("log", at), place, texts[at]) for place, at in enumerate(order)]
    first = len(texts) * 5 // 6
    before = finding.fit(messages, mark=first - 1)
    after: Model = finding.fit(messages, mark=len(texts), previous=before)
    mine = [text for _, ts, text in messages if ts < first]
    return statistics.fmean(a == b for a, b in zip(before.nearest(mine), after.nearest(mine), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=SETS)
    arguments = parser.parse_args()
    sides = {"eventlore": ours}
    if importlib.util.find_spec("bertopic"):
        sides["bertopic"] = theirs
        theirs(*warm_up(), 0)  # numba compiles
        gc.freeze()  # what BERTopic imports is not looked through again while ours runs
    else:
        print("BERTopic is not installed: only our own figures follow.")
    print(f"{'set':14}{'':12}{'topics':>7}{'without':>9}{'NMI':>8}{'c_npmi':>8}{'seconds':>9}")
    for name in [arguments.only] if arguments.only else SETS:
        texts, labels = SETS[name](arguments.data)
        vectors = embedding.load().embed([embedding.words(text) for text in texts])
        medians = {}
        for side, run in sides.items():
            figures = []
            for round_ in range(arguments.rounds):
                found, named, spent = run(texts, vectors, round_)
                nmi = normalized_mutual_info_score(labels, found)
                without = statistics.fmean(not topic for topic in found)
                figures.append((len(named), without, nmi, coherence(texts, named), spent))
            middle = [statistics.median(column) for column in zip(*figures, strict=True)]
            medians[side] = middle[-1]
            print(
                f"{name:14}{side:12}{middle[0]:7.0f}{middle[1]:9.3f}{middle[2]:8.4f}{middle[3]:8.4f}{middle[4]:9.2f}",
                flush=True,
            )
        if "bertopic" in medians:
            print(f"{name:14}{'times as fast':32}{medians['bertopic'] / medians['eventlore']:8.1f}")
        print(f"{name:14}{'keep their topic':32}{kept(texts):8.4f}", flush=True)
    if not arguments.only:
        cost(arguments.data)


def cost(data: Path) -> None:
    """Print what scoring a message costs."""
    texts = [row["text"] for row in rows(data / "text" / "clinc150.val.jsonl")]
    learned = train((row["text"], row["label"]) for row in rows(data / "text" / "clinc150.train.jsonl"))
    found = finding.fit([(("log", at), at, text) for at, text in enumerate(intents("clinc150")(data)[0])], 20_000)
    talks = [
        Conversation("a", str(at), 0, 0, (Message(("log", at), 0, "user", text),)) for at, text in enumerate(texts)
    ]
    for name, model in (
        ("packaged", topics.load()),
        ("own, 150 labels", Tagger("own", learned)),
        ("discovered", found),
    ):
        model.tag(talks[:100])
        begun = time.process_time()
        for start in range(0, len(talks), 500):
            model.tag(talks[start : start + 500])
        each = (time.process_time() - begun) / len(talks)
        print(f"{name:26}{each * 1e6:7.0f} µs a message{1 / each:9,.0f} messages a second")


def warm_up() -> tuple[list[str], np.ndarray[Any, Any]]:
    """More than the 4,096 texts from which UMAP's neighbours are approximate, by code that is compiled at first use."""
    texts = [
        f"{verb} the {thing} {n}" for n in range(1_100) for verb in ("book", "fix") for thing in ("flight", "printer")
    ]
    return texts, embedding.load().embed([embedding.words(text) for text in texts])


if __name__ == "__main__":
    main()
