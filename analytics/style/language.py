"""Which language a text is in: by its function words, or by its script. A light method, for choosing word lists."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from analytics.style.lexicon import LANGUAGES, among, lexicon
from analytics.text import Encoded, hash_phrases, scripts

__all__ = ["OTHERS", "UNTOLD", "tell"]

OTHERS = ("ru", "ja", "ko", "zh", "und")
"""Languages told by their script alone, and ``und``: not told."""
UNTOLD = len(LANGUAGES) + OTHERS.index("und")


@cache
def _words() -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Hashes of function words, sorted, and how much each says for each language: a word of several says less."""
    lists = lexicon().words
    written = sorted({word for words in lists.values() for word in words})
    hashes = hash_phrases(written)[1]
    member = np.array([[word in set(lists[name]) for name in LANGUAGES] for word in written], dtype=np.float64)
    order = np.argsort(hashes)
    return hashes[order], (member / member.sum(axis=1, keepdims=True))[order]


def tell(encoded: Encoded) -> NDArray[np.intp]:
    """Each text's place in ``LANGUAGES + OTHERS``: the language with most evidence, ties to the earlier."""
    keys, weights = _words()
    key, known = among(keys, encoded.token)
    texts, row = len(encoded.start) - 1, encoded.row[known]
    said = np.stack(
        [np.bincount(row, weights=weights[key[known], k], minlength=texts) for k in range(len(LANGUAGES))], axis=1
    )
    told = np.where(said.max(axis=1) > 0, said.round(6).argmax(axis=1), UNTOLD)
    wide = scripts(encoded)
    letters = np.bincount(encoded.char_row[encoded.chars > 64], minlength=texts)
    for name in ("ru", "ko", "zh", "ja"):  # Japanese last: it is written with Han, too
        many = wide[name] * (8 if name == "ja" else 2) > letters
        told[many] = len(LANGUAGES) + OTHERS.index(name)
    return told
