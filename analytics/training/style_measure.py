"""Measure the style model: the figures of its card, with 95% intervals over a thousand bootstrap samples."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold

from analytics.style.model import EMOTIONS, STYLES, StyleModel
from analytics.style.question import Question
from analytics.training.style_corpora import Corpora
from analytics.training.style_data import GROUPS, lines
from analytics.training.style_heads import Head, stack
from analytics.training.style_polite import Requests, polite_fit
from analytics.training.style_question import cut, question_fit, see

__all__ = ["measure"]

Floats = NDArray[np.float64]
JOINED = 300
"""Texts of joined sentences."""
JUDGED = Path(__file__).parents[2] / "benchmarks/labels/questions.jsonl"
"""Sentences, by the digest of their text, at which sign and model differed, and whether a reader takes them for questions."""


def interval(
    statistic: Callable[[NDArray[np.intp]], float], size: int, rounds: int = 1000
) -> tuple[float, float, float]:
    """A statistic of all rows, and its 2.5% and 97.5% quantiles over resampled rows."""
    rng = np.random.default_rng(0)
    found = [statistic(rng.integers(0, size, size)) for _ in range(rounds)]
    low, high = np.quantile(found, (0.025, 0.975))
    return statistic(np.arange(size)), float(low), float(high)


def politeness(corpora: Corpora, emotional: list[Head]) -> tuple[float, float, float]:
    """Spearman correlation on Wikipedia's requests, mean of five folds; the emotions are learned elsewhere."""
    reading, scores = corpora.requests, corpora.politeness
    said = stack(corpora.idf, emotional)(reading.sentences.buckets, reading.sentences.dense)
    requests = Requests.of(reading, said, scores)
    predicted, folds = np.zeros(len(scores)), []
    for _, test in KFold(5, shuffle=True, random_state=0).split(scores):
        learned = np.ones(len(scores), dtype=np.bool_)
        learned[test] = False
        model = polite_fit(requests, learned, corpora.known)
        found = requests.of_texts(model(reading.buckets, requests.table.dense[: requests.passages])[:, 0])
        predicted[test] = found[test]
        folds.append(float(spearmanr(predicted[test], scores[test])[0]))
    _, low, high = interval(lambda rows: float(spearmanr(predicted[rows], scores[rows])[0]), len(scores))
    return float(np.mean(folds)), low, high


def emotions(model: StyleModel, data: Path) -> tuple[float, float, float]:
    """Macro-F1 of the four groups on GoEmotions' dev split, which nothing was fitted on."""
    rows = lines(data / "text/goemotions.dev.jsonl")
    holds = model.emotions([row["text"] for row in rows]) >= model.thresholds
    truth = np.array([[bool(group.intersection(row["labels"])) for group in GROUPS.values()] for row in rows])
    return interval(
        lambda of: float(np.mean([f1_score(truth[of, k], holds[of, k]) for k in range(len(EMOTIONS))])), len(rows), 200
    )


def lengths(model: StyleModel, data: Path) -> dict[str, tuple[float, float, float]]:
    """How far scores move when sentences of GoEmotions' dev split are joined, twenty at random: means, less those of one."""
    rows = [row["text"] for row in lines(data / "text/goemotions.dev.jsonl")]
    alone = [sentence for text in rows for sentence, _ in cut(text)]
    chosen = np.random.default_rng(0).integers(0, len(alone), (JOINED, 20))
    whole = model.score([" ".join(f"{alone[at]}." for at in row) for row in chosen])
    apart = model.score([f"{alone[at]}." for at in chosen.ravel()]).reshape(JOINED, 20, -1).mean(axis=1)
    moved = whole - apart
    return {
        f"{style} of twenty sentences joined, less that of one": interval(
            lambda of, column=column: float(column[of].mean()),  # type: ignore[misc]
            JOINED,
        )
        for style, column in zip(STYLES, moved.T, strict=True)
        if style not in ("verbosity", "question")
    }


def questions(corpora: Corpora) -> dict[str, tuple[float, float, float]]:
    """F1 on the sentences of sources that were left out: with their last sign, without it, and as a reader judges.

    With it, the sign is the truth and tells every question; what is wrong are sentences without one that are taken for
    questions.
    """
    found = {}
    pairs = {name: [pair for text in texts for pair in cut(text)] for name, texts in corpora.written.items()}
    for name in ("sgd", "uss-mwoz", "tau-airline"):
        model = Question.unpack(question_fit([pair for other in pairs if other != name for pair in pairs[other]]))
        seen = see([text for text, _ in pairs[name]])
        score = np.zeros(len(pairs[name]))
        np.maximum.at(score, seen.text, model.sentence(seen, np.ones(len(score), dtype=np.bool_)))
        truth, asks = np.array([asks for _, asks in pairs[name]]), score >= 0.5
        for signs, holds in (("with their signs", asks | truth), ("signs taken away", asks)):
            found[f"{name} unseen, {signs}, F1"] = interval(
                lambda of, t=truth, a=holds: float(f1_score(t[of], a[of])),  # type: ignore[misc]
                len(truth),
                200,
            )
        found[f"{name}, the same, as a reader judges"] = judged([text for text, _ in pairs[name]], truth, asks, name)
    return found


def judged(
    texts: list[str], signed: NDArray[np.bool_], asks: NDArray[np.bool_], name: str
) -> tuple[float, float, float]:
    """F1 where sign and model agree or, where they differ, a sample of sentences was read without knowing either."""
    labels = {row["sentence"]: row["asks"] for row in lines(JUDGED) if row["set"] == name}

    def read(rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        keys = (hashlib.sha256(texts[at].encode()).hexdigest()[:16] for at in np.flatnonzero(rows))
        return np.array([labels[key] for key in keys if key in labels])

    alone, unsaid = read(asks & ~signed), read(signed & ~asks)
    both, claimed, missed = (int(rows.sum()) for rows in (asks & signed, asks & ~signed, signed & ~asks))

    def f1(of: NDArray[np.intp]) -> float:
        one, two = of[of < len(alone)], of[of >= len(alone)] - len(alone)
        right = both + claimed * alone[one].mean()
        return float(2 * right / (right + both + claimed + missed * unsaid[two].mean()))

    return interval(f1, len(alone) + len(unsaid))


def measure(
    corpora: Corpora,
    emotional: list[Head],
    packaged: StyleModel,
    data: Path,
) -> list[str]:
    """The table of the card, a line each."""
    rows = [("politeness, Wikipedia, five folds, Spearman", politeness(corpora, emotional))]
    rows.append(("emotion groups, GoEmotions dev, macro-F1", emotions(packaged, data)))
    rows += lengths(packaged, data).items()
    rows += [(f"question, {name}", figures) for name, figures in questions(corpora).items()]
    return [f"| {name} | {value:.3f} | {low:.3f}-{high:.3f} |" for name, (value, low, high) in rows]
