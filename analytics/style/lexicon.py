"""Words and phrases that carry style, by what they do and in which language: ``pretrained/style_lexicon.json``.

The kinds of politeness follow the strategies of Danescu-Niculescu-Mizil et al. 2013 ("A computational approach to
politeness with application to social factors", ACL), hedges Hyland 2005 ("Metadiscourse"), directness the levels of
Blum-Kulka, House and Kasper 1989 ("Cross-cultural pragmatics"), contractions and slang against learned words Pavlick
and Tetreault 2016 ("An empirical analysis of formality in online communication", TACL). The lists are our own, written
for messages to and from an agent.

A phrase is a row of tokens as :func:`analytics.text.tokens` gives them; ``^`` before it means: only where a sentence
begins.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.style.passages import bind
from analytics.text import Encoded, hash_phrases, phrases

__all__ = ["KINDS", "LANGUAGES", "SALTS", "Lexicon", "Table", "among", "find", "lexicon", "spellings", "table"]

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
"""Languages of the lists; English and German are complete, the rest know the plainest phrases only."""

START = np.uint64(0x5851F42D4C957F2D)
"""Marks, by exclusive or, the hash of a phrase that counts where a sentence begins."""


class Lexicon(NamedTuple):
    """``words``: language -> function words; ``phrases``: kind -> language -> phrases; ``signs``: kind -> signs."""

    words: dict[str, list[str]]
    phrases: dict[str, dict[str, list[str]]]
    signs: dict[str, list[str]]


@cache
def lexicon() -> Lexicon:
    """The packaged lists."""
    found = json.loads(files("analytics").joinpath("pretrained/style_lexicon.json").read_text("utf-8"))
    return Lexicon(found["words"], found["phrases"], found["signs"])


KINDS: tuple[str, ...] = (*lexicon().phrases, *lexicon().signs)
"""What phrases and signs do, in the order of their columns."""


class Table(NamedTuple):
    """Phrases as sorted hashes.

    ``entry[first[i]:first[i + 1]]`` are the columns (or values) of key i.
    """

    keys: NDArray[np.uint64]
    first: NDArray[np.intp]
    entry: NDArray[np.intp]
    longest: int
    """Tokens of the longest phrase."""


SALTS: NDArray[np.uint64] = np.array(
    [(index + 1) * 0xD6E8FEB86659FD93 % 2**64 for index in range(len(LANGUAGES) + 1)], dtype=np.uint64
)
"""What tells a phrase of one language from the same letters in another; the last: languages without lists."""


_PLAIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def spellings(phrases: Iterable[str], language: str) -> Iterator[str]:
    """Phrases as they are written: in German without its own letters, too."""
    for phrase in phrases:
        yield phrase
        if language == "de" and (plain := phrase.translate(_PLAIN)) != phrase:
            yield plain


def table(entries: Iterable[tuple[str, int, int]]) -> Table:
    """A table of (phrase, place in ``LANGUAGES``, column)."""
    spelled = {(way, at, column) for phrase, at, column in entries for way in spellings([phrase], (*LANGUAGES, "")[at])}
    written, languages, columns = zip(*sorted(spelled), strict=True)
    length, hashes = hash_phrases([bind(phrase.removeprefix("^")) for phrase in written])
    hashes = hashes ^ SALTS[np.array(languages)]
    hashes = np.where([phrase.startswith("^") for phrase in written], hashes ^ START, hashes)
    order = np.lexsort((columns, hashes))
    keys, first = np.unique(hashes[order], return_index=True)
    return Table(keys, np.append(first, len(order)), np.array(columns, dtype=np.intp)[order], int(length.max()))


def among(keys: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each hash stands among sorted keys, and whether it does."""
    place = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    return place, keys[place] == hashes


def find(
    found_in: Table, encoded: Encoded, speech: NDArray[np.intp], begins: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every phrase of a table in a batch: the place of its first token, and its column.

    Args:
        found_in: the table.
        encoded: the texts.
        speech: each text's place in ``SALTS``.
        begins: which tokens begin a sentence; without it phrases marked ``^`` are not looked for.
    """
    salts = SALTS[speech[encoded.row]]
    places, keys = [], []
    for n in range(1, found_in.longest + 1):
        place, hashes = phrases(encoded, n)
        hashes = hashes ^ salts[place]
        key, known = among(found_in.keys, hashes)
        places.append(place[known])
        keys.append(key[known])
        if begins is not None:
            at_start = begins[place]
            key, known = among(found_in.keys, hashes[at_start] ^ START)
            places.append(place[at_start][known])
            keys.append(key[known])
    place, key = np.concatenate(places), np.concatenate(keys)
    many = found_in.first[key + 1] - found_in.first[key]
    offset = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return np.repeat(place, many), found_in.entry[np.repeat(found_in.first[key], many) + offset]
