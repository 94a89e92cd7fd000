"""A text's language, by its function words, or by its script. A light method, for choosing word lists."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from analytics.style.lexicon import LANGUAGES, among, lexicon, spellings
from analytics.text import Encoded, hash_phrases, scripts

__all__ = ["OTHERS", "UNTOLD", "tell"]

OTHERS = ("ru", "ja", "ko", "zh", "und")
"""Languages told by their script alone, and ``und``: not told."""
UNTOLD = len(LANGUAGES) + OTHERS.index("und")
FEW = 4
"""Words up to which a text in Latin letters, or without any, may have no function word: then it is read as English."""
LEAST = 0.2
"""The share of a longer text's words that speak for a language, from which on it is told."""
_LETTERS = {"de": "äöüß", "fr": "çœêèù", "es": "ñ¿¡", "pt": "ãõ"}
"""Letters that speak for a language where words do not."""
_HINT = 0.01
"""How much each says."""
_SPACE, _SIGNS, _ASCII, _GREEK, _PUNCTUATION = 32, 64, 127, 0x370, 0x2000
"""Code points: the first letters come after signs, those that are not Latin from Greek to punctuation."""


@cache
def _words() -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Hashes of function words, sorted, and how much each says for each language: a word of several says less."""
    lists = {name: set(spellings(words, name)) for name, words in lexicon().words.items()}
    written = sorted(set().union(*lists.values()))
    hashes = hash_phrases(written)[1]
    member = np.array([[word in lists[name] for name in LANGUAGES] for word in written], dtype=np.float64)
    order = np.argsort(hashes)
    return hashes[order], (member / member.sum(axis=1, keepdims=True))[order]


@cache
def _letters() -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Code points, sorted, and the place of the language that each speaks for."""
    found = sorted((ord(letter), LANGUAGES.index(name)) for name, letters in _LETTERS.items() for letter in letters)
    return np.array([code for code, _ in found], dtype=np.uint64), np.array([place for _, place in found])


def tell(encoded: Encoded, text: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The language of each text: the one with most evidence, ties to the earlier.

    Args:
        encoded: the parts of the texts.
        text: the text of each part, in order.

    Returns:
        Its place in ``LANGUAGES + OTHERS``; and, as a place in ``SALTS``, whose phrases to look for.
    """
    texts = int(text[-1]) + 1
    owner = text[encoded.char_row]

    def many(chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.bincount(owner[chosen], minlength=texts)

    words = many(np.append(False, (encoded.chars[1:] > _SIGNS) & (encoded.chars[:-1] <= _SPACE)))
    said, listed = _said(encoded, text, texts)
    best = said.argmax(axis=0)
    short = (words <= FEW) & (2 * many((encoded.chars >= _GREEK) & (encoded.chars < _PUNCTUATION)) <= words)
    enough = short | (listed[best, np.arange(texts)] >= LEAST * words)
    told = np.where(enough & (said.max(axis=0) > 0), best, UNTOLD)
    letters = many(encoded.chars > _SIGNS)
    wide = scripts(encoded)
    for name in ("ru", "ko", "zh", "ja"):  # Japanese last: it is written with Han, too
        whole = np.bincount(text, weights=wide[name], minlength=texts)
        told[whole * (8 if name == "ja" else 2) > letters] = len(LANGUAGES) + OTHERS.index(name)
    return told, np.where((told == UNTOLD) & short, 0, np.minimum(told, len(LANGUAGES)))


def _said(encoded: Encoded, text: NDArray[np.intp], texts: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """(languages, texts): what words and letters say for each, and how many words are among its function words."""
    keys, weights = _words()
    key, known = among(keys, encoded.token)
    row, weights = text[encoded.row[known]], weights[key[known]]
    said = [np.bincount(row, weights=weights[:, k], minlength=texts) for k in range(len(LANGUAGES))]
    listed = [np.bincount(row[weights[:, k] > 0], minlength=texts) for k in range(len(LANGUAGES))]
    codes, place = _letters()
    beyond = np.flatnonzero(encoded.chars > _ASCII)
    letter, known = among(codes, encoded.chars[beyond].astype(np.uint64))
    row, place = text[encoded.char_row[beyond[known]]], place[letter[known]]
    hints = [_HINT * np.bincount(row[place == k], minlength=texts) for k in range(len(LANGUAGES))]
    return np.asarray(np.stack(said) + np.stack(hints), dtype=np.float64).round(6), np.stack(listed)
