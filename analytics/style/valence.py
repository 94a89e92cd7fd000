"""How good or bad a text's words are: the lexicon and rules of VADER, as features.

Hutto and Gilbert 2014, "VADER: a parsimonious rule-based model for sentiment analysis of social media text", ICWSM. In
English its 7,500 rated words and emoticons (MIT licence); our lists, at +2 and -2, give what it lacks. A word is
turned round by a negation and made stronger or weaker by an adverb among the three tokens before it; after "but" counts
more than before.
"""

import io
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from analytics.style.lexicon import LANGUAGES, SALTS, Table, among, find, lexicon, table
from analytics.text import Encoded, hash_phrases, phrases, tokens

__all__ = ["VALENCES", "valences"]

Floats = NDArray[np.float64]

VALENCES = (
    *("good", "bad", "sum", "compound", "strength", "best", "worst", "first", "last", "goods", "bads"),
    *("good share", "bad share"),
)
"""Columns of :func:`valences`."""
_GERMAN = LANGUAGES.index("de")
_FOLLOWS, _STOPS = ("nicht", "nich", "nie", "niemals"), (",", ";", ":", "-", "–", "(", ")")
"""German negations that often follow what they turn round, and signs over which they do not reach back."""
_LISTED = 2.0
"""The valence of a word of our lists; VADER's run from -4 to 4."""
_TURN, _BOOST, _BUT = -0.74, 0.293, 0.5
"""VADER's: a negation's factor, an adverb's effect, and how much "but" takes from before it and adds after."""
_REACH = (1.0, 0.95, 0.9)
"""How much of an adverb's effect arrives over one, two and three tokens."""
_PLUS, _MINUS, _NOT, _MORE, _LESS, _CONTRAST = range(6)
_ROLES = {"positive": _PLUS, "negative": _MINUS, "negation": _NOT, "booster": _MORE, "damper": _LESS, "but": _CONTRAST}


@cache
def _rated() -> tuple[NDArray[np.uint64], Floats, int]:
    """English words and emoticons: sorted hashes, valence, tokens of the longest."""
    raw = files("analytics").joinpath("pretrained/style_valence.npz").read_bytes()
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        return file["keys"], file["valence"].astype(np.float64), int(file["longest"])


@cache
def _listed() -> Table:
    """What words of our lists do to valence."""
    found = lexicon()
    entries = [
        (phrase, LANGUAGES.index(language), role)
        for kind, role in _ROLES.items()
        for language, words in found.phrases[kind].items()
        for phrase in words
        if role not in (_PLUS, _MINUS) or not _negates(phrase, language)
    ]
    signs = {"smile": _PLUS, "frown": _MINUS}
    entries += [
        (sign, index, role) for kind, role in signs.items() for sign in found.signs[kind] for index in range(len(SALTS))
    ]
    return table(entries)


@cache
def _idioms() -> Table:
    """Phrases that are good or bad with the negation in them ("not bad"): twice the number of tokens, and 1 if it is bad."""
    kinds = (lexicon().phrases["positive"], lexicon().phrases["negative"])
    return table(
        (phrase, LANGUAGES.index(language), 2 * len(tokens(phrase)) + bad)
        for bad, lists in enumerate(kinds)
        for language, words in lists.items()
        for phrase in words
        if _negates(phrase, language)
    )


def _negates(phrase: str, language: str) -> bool:
    return not set(lexicon().phrases["negation"].get(language, ())).isdisjoint(tokens(phrase))


@cache
def _hashes(written: tuple[str, ...]) -> NDArray[np.uint64]:
    return np.sort(hash_phrases(written)[1])


def _of_tokens(encoded: Encoded, speech: NDArray[np.intp]) -> Floats:
    """The valence of every token in its context; ``speech`` is each text's place in ``LANGUAGES``."""
    row = encoded.row
    total = len(row)
    value, role, lists = np.zeros(total), np.zeros((6, total), dtype=np.bool_), _listed()
    keys, rating, longest = _rated()
    at, does = find(lists, encoded, speech)
    role[does, at] = True
    for n in range(1, longest + 1):
        place, hashes = phrases(encoded, n)
        key, known = among(keys, hashes)
        known &= speech[row[place]] == 0
        value[place[known]] = rating[key[known]]
    value = np.where(value == 0, _LISTED * role[_PLUS] - _LISTED * role[_MINUS], value)
    value[role[_NOT]] = 0
    at, does = find(_idioms(), encoded, speech)
    within = np.repeat(at, does // 2) + _counting(does // 2)
    role[_NOT][within], value[within], value[at] = False, 0, np.where(does % 2, -_LISTED, _LISTED)
    turned, boost = np.zeros(total, dtype=np.bool_), np.zeros(total)
    follows = role[_NOT] & among(_hashes(_FOLLOWS), encoded.token)[1] & (speech[row] == _GERMAN)
    clause = np.cumsum(among(_hashes(_STOPS), encoded.token)[1])
    for distance, reach in enumerate(_REACH, start=1):
        same = row[distance:] == row[:-distance]
        turned[distance:] |= role[_NOT][:-distance] & same
        turned[:-distance] |= follows[distance:] & same & (clause[distance:] == clause[:-distance])
        boost[distance:] += reach * _BOOST * (role[_MORE][:-distance].astype(float) - role[_LESS][:-distance]) * same
    value = np.where(value != 0, value + np.sign(value) * boost, 0)
    value = np.where(turned, value * _TURN, value)
    return _contrasted(value, role[_CONTRAST], row)


def _counting(many: NDArray[np.intp]) -> NDArray[np.intp]:
    """0, 1, ... for each of these numbers."""
    return np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)


def _contrasted(value: Floats, contrast: NDArray[np.bool_], row: NDArray[np.intp]) -> Floats:
    """Less weight before a text's last "but", more after it."""
    places = np.flatnonzero(contrast)
    if not len(places):
        return value
    last = np.full(int(row[-1]) + 1, -1)
    last[row[places]] = places
    border = last[row]
    here = np.arange(len(row))
    return np.where(border < 0, value, np.where(here < border, value * (1 - _BUT), value * (1 + _BUT)))


def valences(encoded: Encoded, speech: NDArray[np.intp]) -> Floats:
    """How good and bad the words of each text are: (texts, ``VALENCES``)."""
    texts = len(encoded.start) - 1
    out = np.zeros((texts, len(VALENCES)))
    if not len(encoded.token):
        return out
    value = _of_tokens(encoded, speech)
    rated = np.flatnonzero(value)
    if not len(rated):
        return out
    row, value = encoded.row[rated], value[rated]
    good = np.bincount(row, weights=np.maximum(value, 0), minlength=texts)
    bad = np.bincount(row, weights=np.maximum(-value, 0), minlength=texts)
    total = good - bad
    compound = total / np.sqrt(total**2 + 15)
    goods, bads = np.bincount(row[value > 0], minlength=texts), np.bincount(row[value < 0], minlength=texts)
    present, first = np.unique(row, return_index=True)
    best, worst = np.zeros(texts), np.zeros(texts)
    best[present], worst[present] = np.maximum.reduceat(value, first), np.minimum.reduceat(value, first)
    begin, end = np.zeros(texts), np.zeros(texts)
    begin[present], end[present] = value[first], value[np.append(first[1:], len(value)) - 1]
    mass = good + goods + bad + bads + np.maximum(np.diff(encoded.start) - goods - bads, 1)
    columns = (good, bad, total, compound, abs(compound), best, worst, begin, end, goods, bads)
    return np.stack([*columns, (good + goods) / mass, (bad + bads) / mass], axis=1)
