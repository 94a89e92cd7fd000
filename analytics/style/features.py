"""What the style models see of a sentence: its language, counts of strategies, valence and shape."""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.style.language import Told, tell
from analytics.style.lexicon import KINDS, LANGUAGES, SALTS, Table, among, find, lexicon, table
from analytics.style.valence import VALENCES, valences
from analytics.text import LINE, Encoded, hash_phrases, phrases

__all__ = [
    "DENSE",
    "KINDS",
    "SHAPES",
    "STRATEGIES",
    "Counts",
    "Edges",
    "count",
    "dense",
    "edges",
    "shapes",
    "strategies",
]

Floats = NDArray[np.float64]

_RUN = re.compile(r"([^\W\d_])\1{2,}")
_DIGIT = re.compile(r"\d")
_FIRST, _LAST = np.uint64(0x9FB21C651E98DF25), np.uint64(0xA24BAED4963EE407)
_ENDS = f". ! ? ; : … {LINE} ？ 。 ！ -".split()


class Counts(NamedTuple):
    """What was found in each sentence of a batch."""

    language: NDArray[np.intp]
    """Place in ``LANGUAGES + OTHERS``, of its text."""
    speech: NDArray[np.intp]
    """Place in ``SALTS``: whose phrases were looked for."""
    kind: Floats
    """(sentences, ``KINDS``): how often each kind of phrase occurs."""
    valence: Floats
    """(sentences, ``VALENCES``)."""
    words: NDArray[np.intp]
    """Tokens, signs included."""
    place: NDArray[np.intp]
    """Every phrase that was found: the place of its first token ..."""
    column: NDArray[np.intp]
    """... and its kind."""


@cache
def _table() -> Table:
    found = lexicon()
    entries = [
        (phrase, LANGUAGES.index(language), KINDS.index(kind))
        for kind, lists in found.phrases.items()
        for language, written in lists.items()
        for phrase in written
    ]
    entries += [
        (sign, index, KINDS.index(kind))
        for kind, signs in found.signs.items()
        for sign in signs
        for index in range(len(SALTS))
    ]
    return table(entries)


@cache
def _ends() -> NDArray[np.uint64]:
    return np.sort(hash_phrases(_ENDS)[1])


def ends(encoded: Encoded) -> NDArray[np.bool_]:
    """Which tokens are signs that end a sentence."""
    return among(_ends(), encoded.token)[1]


def starts(encoded: Encoded) -> NDArray[np.bool_]:
    """Which tokens begin a sentence."""
    closes = ends(encoded)
    first = np.zeros(len(encoded.token), dtype=np.bool_)
    first[1:] = closes[:-1]
    first[encoded.start[:-1][np.diff(encoded.start) > 0]] = True
    return first & ~closes


class Edges(NamedTuple):
    """The sentences of a batch, and the words that they begin and end with."""

    sentence: NDArray[np.intp]
    """The sentence of every token."""
    inner: Encoded
    """The sentences as texts, without the signs that end them."""
    row: NDArray[np.intp]
    """Of every row of one to four first or one or two last words: its sentence ..."""
    hashes: NDArray[np.uint64]
    """... and its hash."""


def edges(encoded: Encoded) -> Edges:
    """Cut texts at the signs that end a sentence."""
    begins = starts(encoded)
    begins[encoded.start[:-1][np.diff(encoded.start) > 0]] = True
    number = np.cumsum(begins) - 1
    kept = np.flatnonzero(~ends(encoded))
    start = np.searchsorted(number[kept], np.arange(int(begins.sum()) + 1))
    inner = Encoded(start, encoded.token[kept], encoded.chars, encoded.char_row, number[kept])
    rows, hashes = [], []
    for n in range(1, 5):
        place, found = phrases(inner, n)
        row = inner.row[place]
        first = place == start[:-1][row]
        rows.append(row[first])
        hashes.append(found[first] ^ _FIRST)
        if n <= 2:
            last = place + n == start[1:][row]
            rows.append(row[last])
            hashes.append(found[last] ^ _LAST)
    return Edges(number, inner, np.concatenate(rows), np.concatenate(hashes))


def count(encoded: Encoded, text: NDArray[np.intp], told: Told | None = None) -> Counts:
    """Tell languages, count strategies, weigh words: integer counts and ordered sums, of each text alone.

    Args:
        encoded: sentences.
        text: the text of each, whose language is told from all of its sentences.
        told: what :func:`tell` says of the texts, if it is known.
    """
    sentences, row = len(encoded.start) - 1, encoded.row
    language, spoken = (places[text] for places in told or tell(encoded, text))
    place, column = find(_table(), encoded, spoken, starts(encoded))
    many = np.bincount(row[place] * len(KINDS) + column, minlength=sentences * len(KINDS))
    kind = many.reshape(sentences, len(KINDS)).astype(np.float64)
    return Counts(language, spoken, kind, valences(encoded, spoken), np.diff(encoded.start), place, column)


_CAPITALS = re.compile(r"\b[A-ZÄÖÜ]{2,}\b")
_STRESSED = {
    *("ALL", "ALWAYS", "ANY", "DO", "DON", "EVERY", "NEVER", "NO", "NOT", "NOTHING", "NOW", "PLEASE", "REALLY", "SO"),
    *("STILL", "STOP", "THIS", "VERY", "WHY", "WRONG"),
    *("ALLE", "ENDLICH", "FALSCH", "IMMER", "JETZT", "KEIN", "KEINE", "NEIN", "NICHT", "NICHTS", "NIE", "NIEMALS"),
    *("NOCHMAL", "SEHR", "SOFORT", "WARUM", "WIESO"),
}
"""Words that are stressed by capitals; others in capitals among small letters are names and abbreviations."""
_SPACED = re.compile(r"\w\S*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_QUOTE = re.compile(r"[\"“”„«»]|''")

SHAPES = (*("length", "shout", "many asks", "many exclaims", "lower start", "dots", "quotes", "long run", "digits"),)
"""Columns of :func:`shapes`."""


def shapes(texts: Sequence[str]) -> Floats:
    """What is seen of a text without knowing its language: (texts, ``SHAPES``); texts are cleaned."""
    rows = [
        (
            _length(text),
            0 if text.islower() else _shouted(text),
            text.count("?") > 1,
            "!!" in text or "?!" in text,
            text[:1].islower(),
            "..." in text or "…" in text,
            _QUOTE.search(text) is not None,
            _RUN.search(text) is not None,
            _DIGIT.search(text) is not None,
        )
        for text in texts
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(SHAPES))


def _length(text: str) -> float:
    """Words; Chinese and Japanese are written without spaces, and two of their signs count as one word."""
    if text.isascii() or not (wide := len(_WIDE.findall(text))):
        return len(_SPACED.findall(text))
    return len(_SPACED.findall(_WIDE.sub(" ", text))) + wide / 2


def _shouted(text: str) -> int:
    """Words in capitals where two thirds of all letters are, else only those that are stressed by them."""
    words = _CAPITALS.findall(text)
    if len(words) > 1 and 3 * sum(map(len, words)) > 2 * sum(map(str.isalpha, text)):
        return len(words)
    return sum(word in _STRESSED for word in words)


STRATEGIES = (*KINDS, *(f"log {kind}" for kind in KINDS), *SHAPES)
"""Columns of :func:`strategies`."""
DENSE = (*STRATEGIES, *VALENCES)
"""Columns of :func:`dense`."""


def dense(counts: Counts, shape: Floats) -> Floats:
    """The features that the models share: (sentences, ``DENSE``)."""
    return np.hstack([strategies(counts.kind, shape), counts.valence])


def strategies(kind: Floats, shape: Floats) -> Floats:
    """Those of them that are no valence: (texts, ``STRATEGIES``)."""
    shape = shape.copy()
    for name in ("length", "shout"):
        column = SHAPES.index(name)
        shape[:, column] = np.log1p(shape[:, column])
    return np.hstack([np.minimum(kind, 2), np.log1p(kind), shape])
