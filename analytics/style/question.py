"""Does a message ask something? By its question mark, or sentence by sentence by its first and last words.

A question is what its writer would end with a question mark: "can you ..." asks, "tell me ..." does not (the form of
the sentence counts, not what it is meant to do; Searle 1975, "Indirect speech acts").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

from analytics.style.features import KINDS, Counts, Edges
from analytics.style.lexicon import LANGUAGES, Table, among, find, lexicon, table
from analytics.style.subjectless import subjectless
from analytics.text import Encoded, hash_phrases, phrases

__all__ = ["CLUES", "Question", "Sentences", "sentences"]

Floats = NDArray[np.float64]

BITS = 15
CLUES = (
    "wh_start",
    "verb_start",
    "ask_inside",
    "can_you",
    "order_start",
    "you_start",
    "i_start",
    "connect_start",
    "want",
)
"""Kinds of phrase that bear on it, the same in every language."""
CLAUSES = ("wh_start", "verb_start", "order_start")
"""Kinds that bear on it where a clause begins, too: "Yes, but could you ..."."""
_PUT = [CLUES.index(clue) for clue in ("wh_start", "verb_start", "can_you")]
_PUT += [len(CLUES) + CLAUSES.index(clause) for clause in ("wh_start", "verb_start")]
"""Columns of what is put as a question."""
_TURNS = (
    *(",", "(", "but", "and", "so", "or", "then", "also", "because", "if", "please", "yes", "yeah", "no", "ok", "okay"),
    *("well", "hi", "hello", "sorry", "thanks", "sure", "great", "aber", "und", "oder", "dann", "denn", "also", "ja"),
    *("nein", "bitte", "danke", "mais", "et", "ou", "pero", "y", "e", "ma"),
)
"""Signs and words after which a clause may begin."""
_INVITATIONS = {
    "en": ("feel free", "let me know", "let us know", "don't hesitate", "do not hesitate"),
    "de": ("melde dich", "melden sie sich", "sag bescheid", "sagen sie bescheid", "zögere nicht", "zögern sie nicht"),
}
"""They speak of questions ("if you have any, feel free to ask") and ask none, unless a clause is put as a question."""
_CLAUSE = np.uint64(0xD1B54A32D192ED03)
_MARKED = 0.98
"""The score of a text with a question mark: a few are quoted or ironic."""
_TOLD = 1 - _MARKED
"""The highest score of a sentence that only invites to ask, or only leaves out its subject."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of a batch: ``text`` is each one's text, ``words`` its hashed features, ``clues`` its ``CLUES``,
    those of its ``CLAUSES``, and its length; ``tells``: it only invites to ask, or only leaves out its subject."""

    text: NDArray[np.intp]
    words: sp.csr_array
    clues: Floats
    tells: NDArray[np.bool_]


def sentences(cut: Edges, counts: Counts, texts: NDArray[np.intp]) -> Sentences:
    """The features of sentences: words and pairs anywhere, up to four first and two last words, three first of a clause.

    Args:
        cut: the sentences of a batch.
        counts: what was found in it.
        texts: the text of every token.
    """
    many = len(cut.inner.start) - 1
    text = np.zeros(many, dtype=np.intp)
    text[cut.sentence] = texts
    begins = _clauses(cut.inner)
    rows, hashes = [cut.row], [cut.hashes]
    for n in (1, 2, 3):
        place, found = phrases(cut.inner, n)
        first = begins[place]
        rows.append(cut.inner.row[place[first]])
        hashes.append(found[first] ^ _CLAUSE)
    for n in (1, 2):
        place, found = phrases(cut.inner, n)
        rows.append(cut.inner.row[place])
        hashes.append(found)
    row, column = np.concatenate(rows), (np.concatenate(hashes) >> np.uint64(64 - BITS)).astype(np.int32)
    words = sp.csr_array((np.ones(len(row)), (row.astype(np.int32), column)), shape=(many, 1 << BITS))
    words.sum_duplicates()
    words.data[:] = 1
    clues = np.zeros((many, len(CLUES) + len(CLAUSES) + 1))
    for index, clue in enumerate(CLUES):
        places = counts.place[counts.column == KINDS.index(clue)]
        clues[:, index] = np.minimum(np.bincount(cut.sentence[places], minlength=many), 1)
    speech = counts.speech[text]
    place, kind = find(_openings(), cut.inner, speech, begins)
    opened = np.bincount(cut.inner.row[place] * len(CLAUSES) + kind, minlength=many * len(CLAUSES))
    clues[:, len(CLUES) : -1] = np.minimum(opened.reshape(many, len(CLAUSES)), 1)
    clues[:, -1] = np.minimum(np.diff(cut.inner.start), 30) / 30
    tells = _invites(cut.inner, speech, clues) | _leaves_out(cut.inner, speech, clues, begins)
    return Sentences(text, words, clues, tells)


def _invites(inner: Encoded, speech: NDArray[np.intp], clues: Floats) -> NDArray[np.bool_]:
    """Which sentences invite to ask, and no clause of theirs is put as a question."""
    said = np.zeros(len(clues), dtype=np.bool_)
    said[inner.row[find(_invitations(), inner, speech)[0]]] = True
    return said & ~clues[:, _PUT].any(axis=1)


def _leaves_out(
    inner: Encoded, speech: NDArray[np.intp], clues: Floats, begins: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which sentences, or a clause of theirs, begin with a verb and no subject, and nothing else in them is put as a question."""
    place = find(subjectless(), inner, speech)[0]
    first = inner.start[inner.row[place]] == place
    at_start, inside = np.zeros((2, len(clues)), dtype=np.bool_)
    at_start[inner.row[place[first]]] = True
    inside[inner.row[place[begins[place]]]] = True
    put = clues[:, _PUT] > 0
    put[:, _PUT.index(CLUES.index("verb_start"))] &= ~at_start
    put[:, _PUT.index(len(CLUES) + CLAUSES.index("verb_start"))] &= ~inside
    return (at_start | inside) & ~put.any(axis=1)


@cache
def _turns() -> NDArray[np.uint64]:
    return np.sort(hash_phrases(_TURNS)[1])


@cache
def _invitations() -> Table:
    lists = _INVITATIONS.items()
    return table((phrase, LANGUAGES.index(language), 0) for language, written in lists for phrase in written)


@cache
def _openings() -> Table:
    return table(
        (phrase, LANGUAGES.index(language), column)
        for column, kind in enumerate(CLAUSES)
        for language, written in lexicon().phrases[kind].items()
        for phrase in written
        if phrase.startswith("^")
    )


def _clauses(inner: Encoded) -> NDArray[np.bool_]:
    """Which tokens may begin a clause inside a sentence: those after a comma or a word of ``_TURNS``."""
    turn = among(_turns(), inner.token)[1]
    begins = np.zeros(len(inner.token), dtype=np.bool_)
    begins[1:] = turn[:-1] & (inner.row[1:] == inner.row[:-1])
    return begins & ~turn


@dataclass(frozen=True, slots=True)
class Question:
    """Logistic models of a sentence: of words and clues for English, of clues alone for any language."""

    words: Floats
    clues: Floats
    """(clues + 1, 2): with words, alone; the last row is the bias."""

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Question":
        """Read the model from the arrays of a file."""
        return cls(np.asarray(arrays["question.words"], np.float64), np.asarray(arrays["question.clues"], np.float64))

    def sentence(self, found: Sentences, english: NDArray[np.bool_]) -> Floats:
        """The probability that each sentence is a question; ``english``: of each text."""
        both = [(found.clues * self.clues[:-1, k]).sum(axis=1) + self.clues[-1, k] for k in range(2)]
        scores = expit(np.where(english[found.text], both[0] + found.words @ self.words, both[1]))
        return np.asarray(np.where(found.tells, np.minimum(scores, _TOLD), scores))

    def __call__(self, found: Sentences, counts: Counts, english: NDArray[np.bool_]) -> Floats:
        """Scores of texts: of the likeliest sentence, or high where there is a question mark."""
        scores = np.zeros(len(english))
        np.maximum.at(scores, found.text, self.sentence(found, english))
        return np.where(counts.kind[:, KINDS.index("ask")] > 0, np.maximum(scores, _MARKED), scores)
