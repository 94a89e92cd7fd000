"""Text as analysis reads it: cleaned, cut into tokens, its language told, hashed in bulk.

Everything here is a pure function of one text: no result depends on what else is in the batch. Hashes are integers
computed with numpy over the whole batch at once, so a thousand short messages cost a few milliseconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LINE",
    "LONGEST",
    "TOKEN",
    "Encoded",
    "clean",
    "encode",
    "grams",
    "hash_phrases",
    "phrases",
    "scripts",
    "tokens",
]

LONGEST = 8_000
"""Characters of a text that are read; of a longer one the first and the last half of as many."""

LINE = "¶"
"""The token that stands for the end of a line."""

_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_INLINE = re.compile(r"`[^`\n]+`")
_URL = re.compile(r"<url>|(?:https?://|www\.)[^\s<>\"')\]]+")
_LONG_RUN = re.compile(r"(\S)\1{3,}")
_NEWLINE = re.compile(r"\s*\n\s*")
_DIGITS = re.compile(r"\d+")
TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]")
"""A word or a single sign."""

_STEP = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_POWERS = np.cumprod(np.full(LONGEST + 2, _STEP, dtype=np.uint64), dtype=np.uint64)
_SPACE, _BREAK = 32, 10


def clean(text: str) -> str:
    """The prose of a message in NFC: code becomes `CODE_`, addresses `URL_`; at most ``LONGEST`` characters are kept."""
    if len(text) > 8 * LONGEST:
        text = text[: 4 * LONGEST] + " " + text[-4 * LONGEST :]
    text = normalize("NFC", text)
    if "```" in text or "~~~" in text:
        text = _FENCE.sub(" CODE_ ", text)
    if "`" in text:
        text = _INLINE.sub(" CODE_ ", text)
    if "://" in text or "www." in text or "<url>" in text:
        text = _URL.sub(" URL_ ", text)
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]
    return text


def tokens(text: str) -> list[str]:
    """Words and single signs of a cleaned text, in lower case; numbers as 0, four equal letters or more as three."""
    text = text.strip().lower().replace("’", "'")
    if "\n" in text:
        text = _NEWLINE.sub(f" {LINE} ", text)
    text = _LONG_RUN.sub(r"\1\1\1", text)
    return TOKEN.findall(_DIGITS.sub("0", text))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A batch of texts as hashes of their tokens.

    ``start[i]:start[i + 1]`` are text i's places in ``token``; ``chars`` are the code points of the tokens with a space
    around each and a line break after each text, ``char_row`` whose text each belongs to.
    """

    start: NDArray[np.intp]
    token: NDArray[np.uint64]
    chars: NDArray[np.uint32]
    char_row: NDArray[np.intp]
    row: NDArray[np.intp]
    """The text of each token."""


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = hashes * _MIX
    return hashes ^ (hashes >> np.uint64(29))


def encode(batch: Sequence[Sequence[str]]) -> Encoded:
    """Hash the tokens of every text of a batch (as :func:`tokens` gives them)."""
    start = np.zeros(len(batch) + 1, dtype=np.intp)
    np.cumsum([len(words) for words in batch], out=start[1:])
    lines = [f" {' '.join(words)} \n" if words else "\n" for words in batch]
    chars = np.frombuffer("".join(lines).encode("utf-32-le", "replace"), dtype=np.uint32)
    char_row = np.repeat(np.arange(len(batch)), [len(line) for line in lines])
    row = np.repeat(np.arange(len(batch)), np.diff(start))
    inside = (chars != _SPACE) & (chars != _BREAK)
    edge = np.diff(inside.astype(np.int8), prepend=0)
    first = np.flatnonzero(edge == 1)
    if not len(first):
        return Encoded(start, np.zeros(0, dtype=np.uint64), chars, char_row, row)
    length = np.flatnonzero(edge == -1) - first
    places = np.flatnonzero(inside)
    begin = np.cumsum(length) - length
    within = np.arange(len(places)) - np.repeat(begin, length)
    summed = np.add.reduceat(chars[places].astype(np.uint64) * _POWERS[within], begin)
    return Encoded(start, _mixed(summed), chars, char_row, row)


def phrases(encoded: Encoded, n: int) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Every run of n tokens within a text: the place of its first token, and its hash."""
    total = len(encoded.token)
    if total < n:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.uint64)
    hashes = encoded.token[: total - n + 1]
    for k in range(1, n):
        hashes = _mixed(hashes * _STEP + encoded.token[k : total - n + 1 + k])
    if n == 1:
        return np.arange(total), hashes
    row = encoded.row
    whole = np.flatnonzero(row[: total - n + 1] == row[n - 1 :])
    return whole, hashes[whole]


def hash_phrases(written: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Of each phrase: the number of its tokens, and its hash, as :func:`phrases` gives it."""
    encoded = encode([tokens(phrase) for phrase in written])
    length = np.diff(encoded.start)
    hashes = np.zeros(len(written), dtype=np.uint64)
    for n in np.unique(length[length > 0]):
        place, found = phrases(encoded, int(n))
        whole = np.isin(place, encoded.start[:-1][length == n])
        hashes[length == n] = found[whole]
    return length, hashes


def grams(encoded: Encoded, n: int) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Every run of n characters of a text, spaces between its tokens included: its text, and its hash."""
    total = len(encoded.chars) - n + 1
    if total <= 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.uint64)
    wide = encoded.chars.astype(np.uint64)
    hashes = wide[:total]
    for k in range(1, n):
        hashes = hashes * _STEP + wide[k : k + total]
    row = encoded.char_row
    breaks = np.cumsum(encoded.chars == _BREAK)
    whole = (row[:total] == row[n - 1 :]) & (breaks[n - 1 :] == row[:total])
    return row[:total][whole], _mixed(hashes[whole] + np.uint64(n))


_RANGES = {
    "ru": ((0x400, 0x530),),
    "ja": ((0x3040, 0x3100),),
    "ko": ((0xAC00, 0xD7B0), (0x1100, 0x1200)),
    "zh": ((0x4E00, 0xA000),),
}


def scripts(encoded: Encoded) -> dict[str, NDArray[np.intp]]:
    """How many characters of each text are Cyrillic (ru), Kana (ja), Hangul (ko) and Han (zh)."""
    texts = len(encoded.start) - 1
    found = {name: np.zeros(texts, dtype=np.intp) for name in _RANGES}
    wide = np.flatnonzero(encoded.chars >= 0x400)
    if len(wide):
        code, row = encoded.chars[wide], encoded.char_row[wide]
        for name, ranges in _RANGES.items():
            for low, high in ranges:
                found[name] += np.bincount(row[(code >= low) & (code < high)], minlength=texts)
    return found
