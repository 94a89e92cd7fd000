"""Words as the index has them: stems in English and German, without words that say nothing."""

import hashlib
import re
from functools import lru_cache

import snowballstemmer

__all__ = ["LONGEST", "PUBLIC", "Word", "own", "query_words", "split", "stems", "terms"]

PUBLIC = "_public"
"""The term of the index that all entries have which everybody may read. No word begins with ``_``."""
LONGEST = 4_000
"""Characters of a text that are indexed: of a longer one the first three quarters of as many, and the last."""
_LONGEST_WORD = 40

Word = tuple[str, ...]
"""A word as its stems: an entry that has any of them has the word."""

_WORD = re.compile(r"[^\W_]+")
_SILENT_WORDS = """
a about after again all also am an and any are aren as at be because been before being but by can could couldn d did
didn do does doesn doing don done down during each even ever few for from further get got had hadn has hasn have
haven having he her here hers him his how i if in into is isn it its just ll m me might more most must my no nor not
of off on once only or other our ours out over own re s same shall she should shouldn so some such t than that the
their theirs them then there these they this those through to too under until up us ve very was wasn we were weren
what when where which while who whom whose why will with won would wouldn you your yours
aber als am an auch auf aus bei bin bis da damit dann das dass dein deine dem den denn der des die dies diese diesem
diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch euer für gegen hab habe
haben hat hatte hatten hier ich ihm ihn ihnen ihr ihre im in ins ist ja jetzt kann kannst kein keine können man mein
meine mich mir mit nach nicht noch nun nur ob oder ohne schon sehr sein seine sich sie sind so um und uns unser vom
von vor wann war waren warum was weil welche welcher wenn wer werden wie wieder will wir wird wo wurde wurden zu zum
zur über
"""
_SILENT = frozenset(_SILENT_WORDS.split())
_english = snowballstemmer.stemmer("english")
_german = snowballstemmer.stemmer("german")


@lru_cache(maxsize=100_000)
def stems(word: str) -> Word:
    """The stems of a word in lower case, English and German, each once; none of one that says nothing.

    No language is told, so each word has both.
    """
    if word in _SILENT:
        return ()
    if word.isdigit():
        return (word[:_LONGEST_WORD],)
    word = word[:_LONGEST_WORD]
    return tuple(dict.fromkeys((_english.stemWord(word), _german.stemWord(word))))


def split(text: str) -> list[str]:
    """The text's words in lower case, in order."""
    return _WORD.findall(text.lower())


def terms(text: str) -> list[str]:
    """The stems of a text in order; a word whose English and German stems differ has both, the English one first.

    >>> terms("We deployed the bookings again: die Buchungen")
    ['deploy', 'deployed', 'book', 'booking', 'buchungen', 'buchung']
    """
    if len(text) > LONGEST:
        text = f"{text[: 3 * LONGEST // 4]} {text[-LONGEST // 4 :]}"
    return [stem for word in split(text) for stem in stems(word)]


def query_words(text: str) -> dict[Word, str]:
    """The words of a question, each once, with how they were written."""
    return {word: written for written in split(text[:LONGEST]) if (word := stems(written))}


def own(agent: str) -> str:
    """The term of the index that all entries of an agent have."""
    return "_" + hashlib.sha256(agent.encode()).hexdigest()[:16]
