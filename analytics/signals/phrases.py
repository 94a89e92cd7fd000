"""What people say when something went wrong, in ten languages: phrases read from the packaged list.

The list is written by hand; ``pretrained/signals.md`` says how it was made and how well it does.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

__all__ = ["COMMON", "SPACELESS", "Found", "Phrases", "Said", "load", "read"]

READ = 4000
"""Characters of a message that are read: its first 3,000 and its last 1,000."""

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "…": "."})
_SPACES = re.compile(r"\s+")
_SENTENCE = re.compile(r"[^.!?。！？\n;]+(?:[.!?。！？](?=\S)[^.!?。！？\n;\s]*)*[.!?。！？]*")
_WORD = re.compile(r"[^\W\d_]+")
SPACELESS = frozenset({"zh", "ja", "ko"})
"""Languages whose words, or syllables, are a character or two."""
_SCRIPTS = {
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
}
_LATIN = ("en", "de", "fr", "es", "pt", "it")
_COMMON = {
    "en": "the is you it to and of that i a what for my have do me in on not this can are be was with but",
    "de": "der die das ist nicht ich du sie und ein eine es mir zu den wie mit auf für habe was kann mein war noch",
    "fr": "le la les est pas je tu vous et un une ce que de des pour mon avec il en ne ma à qui c j était",
    "es": "el la los es no yo tú usted y un una que de para mi con en lo por se me está las del al eso era",
    "pt": "o a os é não eu você e um uma que de para meu com em por se me está as do da isso minha ao na no foi",
    "it": "il la è non io tu lei e un una che di da per mio con in lo si mi ho i le del della questo sono ma era",
}
"""Words that tell the languages of Latin letters apart, the commonest of each."""

_KNOWN = {language: frozenset(words.split()) for language, words in _COMMON.items()}
COMMON = frozenset().union(*_KNOWN.values())
"""The commonest words of all of these languages."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text as phrases are looked for in it: normalised, with the languages that it may be in."""

    text: str
    languages: tuple[str, ...]

    def first(self, characters: int) -> "Said":
        """Its beginning."""
        return Said(self.text[:characters], self.languages)

    def sentences(self) -> "list[Said]":
        """Its sentences, each with its closing mark."""
        parts = (found.group().strip() for found in _SENTENCE.finditer(self.text))
        return [Said(part, self.languages) for part in parts if part]

    @property
    def question(self) -> bool:
        return self.text.endswith(("?", "？"))


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase of a family in a text."""

    language: str
    start: int
    end: int


def read(text: str) -> Said:
    """Lower case, one form for quotes and full-width letters, at most :data:`READ` characters; line ends stay."""
    if len(text) > READ:
        text = text[: READ * 3 // 4] + "\n" + text[-READ // 4 :]
    return _read(text)


@lru_cache(2_048)  # signals and outcomes read the same messages
def _read(text: str) -> Said:
    text = unicodedata.normalize("NFKC", text).lower().translate(_QUOTES)
    text = "\n".join(line for line in (_SPACES.sub(" ", part).strip() for part in text.split("\n")) if line)
    return Said(text, _languages(text))


class Phrases:
    """Families of phrases, each an expression a language, compiled when first looked for."""

    def __init__(self, families: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        self._families = families
        self._compiled: dict[tuple[str, str], re.Pattern[str] | None] = {}

    def find(self, family: str, said: Said, language: str = "") -> Found | None:
        """The first phrase of ``family`` in one language, or in any that the text may be in."""
        for name in (language,) if language else said.languages:
            expression = self._expression(family, name)
            if expression and (match := expression.search(said.text)):
                return Found(name, match.start(), match.end())
        return None

    def without(self, family: str, said: Said) -> str:
        """The text with every phrase of ``family`` taken out."""
        text = said.text
        for name in said.languages:
            if expression := self._expression(family, name):
                text = expression.sub(" ", text)
        return text

    def _expression(self, family: str, language: str) -> re.Pattern[str] | None:
        key = family, language
        if key not in self._compiled:
            parts = self._families[family].get(language)
            self._compiled[key] = re.compile(_joined(language, parts)) if parts else None
        return self._compiled[key]


@cache
def load() -> Phrases:
    """The packaged phrases."""
    path = files("analytics").joinpath("pretrained", "signals.json")
    return Phrases(json.loads(path.read_text(encoding="utf-8")))


def _joined(language: str, parts: Sequence[str]) -> str:
    choice = "|".join(f"(?:{part})" for part in parts)
    return choice if language in SPACELESS else rf"(?<!\w)(?:{choice})(?!\w)"


def _languages(text: str) -> tuple[str, ...]:
    """The languages a text may be in: by its letters, and of those written in Latin ones by its commonest words.

    Languages with half as many common words as the best stay; a text without any may be in all.
    """
    others = tuple(name for name, letters in _SCRIPTS.items() if letters.search(text))
    if "ja" in others:
        others = tuple(name for name in others if name != "zh")
    words = set(_WORD.findall(text[:1000]))
    counts = {name: len(words & known) for name, known in _KNOWN.items()}
    best = max(counts.values())
    latin = (name for name in _LATIN if 2 * counts[name] >= best)
    return (*latin, *others)
