"""Train a taxonomy from labelled examples, with probabilities that can be believed.

Labels are told apart by linear support vector machines, one against the rest (Fan et al. 2008), to whose margins the
multinomial logistic regression of the embedding alone is added, when that helps: both are linear, so the model stays so.
What the margins are worth, and when none of the labels applies, is learned from models that have not seen what they judge:
in each of three folds a third of the labels is left out whole, and plays the part of what the user has not named.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from analytics import embedding
from analytics.embedding import words
from analytics.topics.clusters import whole
from analytics.topics.corpus import Corpus
from analytics.topics.features import Features, Lexicon
from analytics.topics.stopwords import read
from analytics.topics.taxonomy import Taxonomy, Weights, evidence, nearness
from analytics.topics.wording import describe

__all__ = ["MOST", "NONE", "label_of", "train"]

NONE = frozenset({"", "none", "null", "oos", "out_of_scope", "out-of-scope", "none of these"})
"""Labels, in lower case, that mean: none of the labels applies."""
MOST = 20_000
"""Examples of a training, at most."""

_SIZE = 13_000_000
"""Weights of a model, at most; a byte each."""
_FOLDS = 3
_ANCHORS = 4_096
"""Examples that a model keeps the vectors of, to tell how near a text is to any of them."""
_BLEND = 0.06
"""Weight of the embedding's logistic regression beside the margins."""
_USUAL = np.array([-2.0, -0.5, -4.0, 2.6])
"""Weights of evidence for "none" and bias, as learned on CLINC150; few examples leave them nearly as they are."""
_FIRMNESS = 0.2
"""How strongly, in examples."""
_COOL = 0.2
"""Temperature of margins when there are too few examples to learn it."""


class _Data(NamedTuple):
    texts: list[str]
    split: list[list[str]]
    target: NDArray[np.intp]
    """Number of the label; the number of labels: none of them."""
    vectors: NDArray[np.float32]


class _Linear(NamedTuple):
    """Weights (features, labels) and bias (labels,) of the margins, and of the embedding's logistic regression."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    extra: NDArray[np.float64]
    extra_bias: NDArray[np.float64]

    def blended(self, blend: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weights = self.weights.copy()
        weights[-len(self.extra) :] += blend * self.extra
        return weights, self.bias + blend * self.extra_bias


def train(examples: Iterable[tuple[str, str | None]]) -> Taxonomy:
    """A taxonomy from (text, label) pairs; a label of :data:`NONE`, or None, says that no label applies.

    The order of examples does not matter.

    Raises:
        ValueError: fewer than five examples or two labels, or more than 20,000 examples; labels that differ in case
            only; a label none of whose examples has a word.
    """
    rows = sorted((text, label_of(label)) for text, label in examples)
    labels = sorted({label for _, label in rows} - {""})
    _differ(labels)
    if len(labels) < 2:
        raise ValueError(f"a taxonomy needs examples of at least two labels, found {len(labels)}")
    if not 5 <= len(rows) <= MOST:
        raise ValueError(f"a taxonomy needs 5 to {MOST:,} examples, found {len(rows):,}")
    numbers = {label: at for at, label in enumerate(labels)}
    split = [words(text) for text, _ in rows]
    spoken = {label for (_, label), said in zip(rows, split, strict=True) if said}
    if silent := [label for label in labels if label not in spoken]:
        raise ValueError(f"no example of {silent[0]} has a word")
    target = np.array([numbers.get(label, len(labels)) for _, label in rows], np.intp)
    data = _Data([text for text, _ in rows], split, target, embedding.load().embed(split))
    blend, temperature, none = _calibrate(data, len(labels))
    lexicon = Lexicon.learn(split, _SIZE // len(labels))
    weights, bias = _fit(lexicon.transform(split), target, len(labels)).blended(blend)
    named = describe(
        Corpus.of([read(text) for text in data.texts]),
        [np.flatnonzero(target == at).tolist() for at in range(len(labels))],
        least=1,
    )
    return Taxonomy(
        labels=labels,
        about={label: (label, keywords) for label, (_, keywords) in zip(labels, named, strict=True)},
        lexicon=lexicon,
        weights=Weights.pack(weights, bias),
        anchors=_anchors(data, target < len(labels)),
        temperature=temperature,
        none=none,
    )


def label_of(label: str | None) -> str:
    """A label as it is told from others: without spaces around it, in composed letters; empty: none applies."""
    label = unicodedata.normalize("NFC", label or "").strip()
    return "" if label.lower() in NONE else label


def _differ(labels: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(label.casefold(), label)
        if other != label:
            raise ValueError(f"the labels {other} and {label} differ in case only: write them alike")


def _fit(features: Features, target: NDArray[np.intp], labels: int) -> _Linear:
    """Margins of the labels below ``labels`` that ``target`` has, in order; other targets are of none of them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=1.0, tol=1e-2, dual=True, random_state=0).fit(features, target)
    weights, bias = machine.coef_.T, machine.intercept_
    if len(machine.classes_) == 2:
        weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
    own = machine.classes_ < labels
    named = target < labels
    dense = features[named][:, -embedding.load().width :].toarray()
    if own.sum() == 1:
        return _Linear(weights[:, own], bias[own], np.zeros((dense.shape[1], 1)), np.zeros(1))
    logistic = LogisticRegression(C=30.0, max_iter=100, tol=1e-3).fit(dense, target[named])
    extra, extra_bias = logistic.coef_.T, logistic.intercept_
    if own.sum() == 2:
        extra, extra_bias = np.hstack([-extra, extra]) / 2, np.concatenate([-extra_bias, extra_bias]) / 2
    return _Linear(weights[:, own], bias[own], extra, extra_bias)


def _anchors(data: _Data, named: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Vectors of labelled examples in whole numbers: of every label as many, those of the lowest digests first."""
    order = sorted(np.flatnonzero(named).tolist(), key=lambda at: (crc32(data.texts[at].encode()), at))
    seen: dict[int, int] = {}
    ranked = []
    for at in order:
        label = int(data.target[at])
        ranked.append((seen.get(label, 0), at))
        seen[label] = seen.get(label, 0) + 1
    chosen = sorted(at for _, at in sorted(ranked)[:_ANCHORS])
    return whole(data.vectors[chosen]).astype(np.int8)


def _calibrate(data: _Data, labels: int) -> tuple[float, float, NDArray[np.float64]]:
    """The blend, the temperature and the weights of evidence for "none"."""
    sizes = np.bincount(data.target, minlength=labels)[:labels]
    if labels < _FOLDS or np.median(sizes) < _FOLDS:
        return _BLEND, _COOL, _USUAL
    fold = np.array([crc32(text.encode()) for text in data.texts]) % _FOLDS
    judged = [_judge(data, labels, fold, at) for at in range(_FOLDS)]
    hits = [sum(float((scores[good].argmax(axis=1) == truth[good]).sum()) for scores, good, truth in by) for by in
            zip(*[j.scores for j in judged], strict=True)]  # fmt: skip
    best = int(np.argmax(hits))
    temperature = _temperature([j.scores[best] for j in judged])
    facts = np.vstack([evidence(j.scores[best][0], j.near) for j in judged])
    return (0.0, _BLEND)[best], temperature, _none(facts, np.concatenate([j.weight for j in judged]))


class _Judged(NamedTuple):
    """What a fold's model says of examples it has not seen."""

    scores: tuple[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]], ...]
    """For each blend: margins, which examples have one of the fold's labels, and its column."""
    near: NDArray[np.float64]
    weight: NDArray[np.int_]
    """1: has a label; 2: has a label that was left out; 3: the user says that none applies."""


def _judge(data: _Data, labels: int, fold: NDArray[np.int_], at: int) -> _Judged:
    inside = (data.target < labels) & (data.target % _FOLDS != at)
    none = data.target == labels
    learn = np.flatnonzero((inside | none) & (fold != at))
    judge = np.flatnonzero((fold == at) | ~(inside | none))
    lexicon = Lexicon.learn([data.split[i] for i in learn], _SIZE // labels)
    fitted = _fit(lexicon.transform([data.split[i] for i in learn]), data.target[learn], labels)
    known = np.unique(data.target[learn])
    known = known[known < labels]
    features = lexicon.transform([data.split[i] for i in judge])
    column = np.searchsorted(known, data.target[judge]).clip(max=len(known) - 1)
    good = inside[judge] & (known[column] == data.target[judge])
    scores = []
    for blend in (0.0, _BLEND):
        weights, bias = fitted.blended(blend)
        scores.append((np.asarray(features @ weights + bias), good, column))
    named = np.zeros(len(data.texts), bool)
    named[learn[data.target[learn] < labels]] = True
    near = nearness(data.vectors[judge], _anchors(data, named).astype(np.float32))
    return _Judged(tuple(scores), near, np.where(none[judge], 3, np.where(good, 1, 2)))


def _temperature(scores: list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]]) -> float:
    """The divisor of margins that makes their softmax likeliest (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    def loss(log: float) -> float:
        total = 0.0
        for margins, good, truth in scores:
            scaled = margins[good] / np.exp(log)
            top = scaled.max(axis=1)
            right = scaled[np.arange(len(scaled)), truth[good]]
            total += float((np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top - right).sum())
        return total

    return round(float(np.exp(minimize_scalar(loss, bounds=(-4.0, 1.0), method="bounded").x)), 6)


def _none(facts: NDArray[np.float64], kind: NDArray[np.int_]) -> NDArray[np.float64]:
    """Logistic regression of "none" on the evidence, drawn to the usual weights; with and without a label weigh the same.

    Where the user gave examples of none, they weigh as much as the labels left out.
    """
    from scipy.optimize import minimize

    share = {1: 0.5, 2: 0.25 if (kind == 3).any() else 0.5, 3: 0.25}
    weight = np.array([share[k] / (kind == k).sum() for k in kind.tolist()])
    sign = np.where(kind == 1, -1.0, 1.0)
    full = np.column_stack([facts, np.ones(len(facts))])

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = sign * (full @ w)
        pull = _FIRMNESS / len(facts) * (w - _USUAL)
        gradient = -((weight * sign / (1 + np.exp(z)))[:, None] * full).sum(axis=0) + pull
        return float((weight * np.logaddexp(0, -z)).sum() + (pull * (w - _USUAL)).sum() / 2), gradient

    found: NDArray[np.float64] = minimize(loss, _USUAL, jac=True, method="L-BFGS-B").x
    return found.round(6)
