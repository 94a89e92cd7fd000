"""A text's language, by its function words, or by its script. A light method, for choosing word lists."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.style.lexicon import LANGUAGES, among, lexicon, spellings
from analytics.text import Encoded, hash_phrases, scripts

__all__ = ["OTHERS", "Told", "tell"]

_TOLD = (*LANGUAGES, "und")
"""What words speak for; ``und``: for languages that have no lists."""
OTHERS = ("ru", "ja", "ko", "zh", "und")
"""Languages told by their script alone, and ``und``: not told."""
UNTOLD = len(LANGUAGES) + OTHERS.index("und")
FEW = 4
"""Words up to which a text may have no word that speaks for a language: in Latin letters it is then taken for English."""
LEAST = 0.2
"""The share of a longer text's words that speak for a language, from which on it is told."""
_LETTERS = {"de": "äöüß", "fr": "çœêèù", "es": "ñ¿¡", "pt": "ãõ", "und": "åøæłżźśćńęąščřžěůőűğışțşță"}
"""Letters that speak for a language beside words."""
_HINT = 0.3
"""How much each says."""
_SPACE, _SIGNS, _ASCII, _GREEK, _SYMBOLS, _HAN, _PICTURES = 32, 64, 127, 0x370, 0x2000, 0x2E80, 0x1F000
"""Code points after which, from which on or up to which there are letters: symbols and pictures are none."""


class Told(NamedTuple):
    """Of each text."""

    language: NDArray[np.intp]
    """Its place in ``LANGUAGES + OTHERS``."""
    speech: NDArray[np.intp]
    """Whose phrases to look for, as a place in ``SALTS``; signs without letters mean the same in all."""


@cache
def _words() -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Hashes of words, sorted, and how much each says for each of ``_TOLD``: a word of several says less.

    Words are function words and, for half as much, single words of the style lists.
    """
    found = lexicon()
    function = {name: set(spellings(found.words.get(name, ()), name)) for name in _TOLD}
    style = {
        name: {
            phrase.removeprefix("^")
            for lists in found.phrases.values()
            for phrase in spellings(lists.get(name, ()), name)
            if " " not in phrase
        }
        for name in _TOLD
    }
    written = sorted(set().union(*function.values(), *style.values()))
    hashes = hash_phrases(written)[1]
    member = np.array([[max(word in function[name], (word in style[name]) / 2) for name in _TOLD] for word in written])
    order = np.argsort(hashes)
    return hashes[order], (member / (member > 0).sum(axis=1, keepdims=True))[order]


@cache
def _letters() -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Code points, sorted, and the place of the language that each speaks for."""
    found = sorted({(ord(letter), _TOLD.index(name)) for name, letters in _LETTERS.items() for letter in letters})
    return np.array([code for code, _ in found], dtype=np.uint64), np.array([place for _, place in found])


def tell(encoded: Encoded, text: NDArray[np.intp]) -> Told:
    """The language of each text: the one with most evidence, ties to the earlier.

    Args:
        encoded: the parts of the texts.
        text: the text of each part, in order.
    """
    texts = int(text[-1]) + 1
    owner = text[encoded.char_row]

    def many(chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.bincount(owner[chosen], minlength=texts)

    words = many(np.append(False, (encoded.chars[1:] > _SIGNS) & (encoded.chars[:-1] <= _SPACE)))
    letters = many(_are_letters(encoded.chars))
    foreign = many((encoded.chars >= _GREEK) & (encoded.chars < _SYMBOLS)) > 0
    said, listed = _said(encoded, text, texts)
    best = np.where(said.max(axis=0) > 0, said.argmax(axis=0), len(LANGUAGES))
    few = (words <= FEW) & ~foreign
    told = np.where(few | (listed[best, np.arange(texts)] >= LEAST * words), best, len(LANGUAGES))
    told = np.where(few & (letters > 0) & (said.max(axis=0) == 0), 0, told)
    told[told == len(LANGUAGES)] = UNTOLD
    wide = scripts(encoded)
    for name in ("ru", "ko", "zh", "ja"):  # Japanese last: it is written with Han, too
        whole = np.bincount(text, weights=wide[name], minlength=texts)
        told[whole * (8 if name == "ja" else 2) > letters] = len(LANGUAGES) + OTHERS.index(name)
    return Told(told, np.where(letters == 0, 0, np.minimum(told, len(LANGUAGES))))


def _are_letters(chars: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return np.asarray((chars > _SIGNS) & ((chars < _SYMBOLS) | (chars >= _HAN)) & (chars < _PICTURES))


def _said(encoded: Encoded, text: NDArray[np.intp], texts: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """(``_TOLD``, texts): what words and letters say for each, and how many words are listed for it."""
    keys, weights = _words()
    key, known = among(keys, encoded.token)
    row, weights = text[encoded.row[known]], weights[key[known]]
    said = [np.bincount(row, weights=weights[:, k], minlength=texts) for k in range(len(_TOLD))]
    listed = [np.bincount(row[weights[:, k] > 0], minlength=texts) for k in range(len(_TOLD))]
    codes, place = _letters()
    beyond = np.flatnonzero(encoded.chars > _ASCII)
    letter, known = among(codes, encoded.chars[beyond].astype(np.uint64))
    row, place = text[encoded.char_row[beyond[known]]], place[letter[known]]
    hints = [_HINT * np.bincount(row[place == k], minlength=texts) for k in range(len(_TOLD))]
    return np.asarray(np.stack(said) + np.stack(hints), dtype=np.float64).round(6), np.stack(listed)
