"""Topics nobody named: what a model of discovered topics is, and how it tags conversations.

:mod:`analytics.topics.finding` fits such models; :mod:`analytics.topics.schedule` says when, and which one governs.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import NamedTuple, Self

import msgspec
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from analytics import embedding
from analytics.conversation import Conversation, Ref
from analytics.topics.clusters import unit, whole
from analytics.topics.corpus import bags, rows, starts, weighted
from analytics.topics.segments import tagged
from analytics.topics.stopwords import content, read
from analytics.topics.tagging import About
from models.rows import EventTopic

__all__ = ["FOUND", "Described", "Discovered", "Model", "Read", "Record", "pack", "unpack"]

FOUND = "found:"
"""What the ids of discovered topics begin with."""
_BY_WORDS = 0.6
"""Weight of words against vectors: vectors find topics, words tell neighbouring ones apart."""
_BLOCK = 1_000
"""Texts that are read at once."""
_FLOOR = 0.12
"""Score from which a message is of a topic."""
_FLOOR_OF_ONE = 0.25
"""The same of a message with a single word of content."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What people are told of a topic."""

    id: str
    label: str
    keywords: tuple[str, ...]
    example: Ref
    """The message that shows it best; its text stays in the log, where who may read it is known."""
    born: int
    """Mark of the model in which the topic first was."""
    parent: str
    """The topic that it was split from, or empty."""
    size: int
    """Distinct messages that it was found in."""


class Discovered(Described, frozen=True, kw_only=True):
    """One topic of a model."""

    centre: str
    """Mean vector of its messages, packed."""
    words: dict[str, float]
    """Its weightiest words, of length 1 before they were cut."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that a model is: a few hundred kilobytes as JSON."""

    mark: int
    """Unix milliseconds of event time; no later message had a part in it."""
    fitted: int
    """Messages up to the mark at which topics were last found anew (as opposed to added to)."""
    seen: int
    """Messages up to the mark."""
    mean: str
    """Mean vector of the messages, packed."""
    rarity: dict[str, float]
    """Inverse document frequency of words."""
    topics: tuple[Discovered, ...]
    merged: dict[str, str]
    """Topics of earlier models that are part of another now."""
    former: tuple[Described, ...] = ()
    """Topics of earlier models that are not in this one."""


def _about(topic: Described, record: Record) -> About:
    return About(
        label=topic.label,
        keywords=topic.keywords,
        source="discovered",
        example=topic.example,
        parent=topic.parent,
        merged_into=record.merged.get(topic.id, ""),
    )


def pack(vector: NDArray[np.float32]) -> str:
    """A vector as text: base64 of little-endian 16-bit floats."""
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def unpack(text: str) -> NDArray[np.float32]:
    """The vector that :func:`pack` wrote, to three digits."""
    return np.frombuffer(base64.b64decode(text), "<f2").astype(np.float32)


class Read(NamedTuple):
    """Texts as a model reads them."""

    words: Sequence[Sequence[str]]
    content: Sequence[Sequence[str]]
    """Those that can carry a topic."""
    vectors: NDArray[np.float32]
    """(texts, width)."""

    @classmethod
    def of(cls, words: Sequence[Sequence[str]]) -> Self:
        """What a model reads of texts, given as words."""
        return cls(words, [content(said) for said in words], embedding.load().embed(words))

    def some(self, places: Sequence[int]) -> Self:
        """The texts at these places."""
        return type(self)(
            [self.words[at] for at in places], [self.content[at] for at in places], self.vectors[list(places)]
        )


class Model:
    """Discovered topics, ready to tag with."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.ids = [topic.id for topic in record.topics]
        self.topics: Mapping[str, About] = {
            topic.id: _about(topic, record) for topic in (*record.former, *record.topics)
        }
        """Its topics and those of the models before it."""
        self._mean = unpack(record.mean)
        centres = [unpack(topic.centre) - self._mean for topic in record.topics]
        self._centres = whole(unit(np.stack(centres))) if centres else np.zeros((0, len(self._mean)), np.float32)
        self._lengths = np.sqrt((self._centres.astype(np.float64) ** 2).sum(axis=1)).clip(min=1)
        self._columns = {word: at for at, word in enumerate(record.rarity)}
        self._rarity = np.array([*record.rarity.values(), max(record.rarity.values(), default=1.0)])
        self._words = self._by_words()

    @cached_property
    def version(self) -> str:
        """Names what the model tags with; not its examples, whose places in the log say nothing of it."""
        shown = [msgspec.structs.replace(topic, example=("", 0)) for topic in self.record.topics]
        said = msgspec.structs.replace(self.record, topics=tuple(shown), former=())
        return "found-" + hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:12]

    def _by_words(self) -> NDArray[np.float64]:
        """(words, topics): the weight of each word, unknown ones last, for each topic."""
        found = np.zeros((len(self._columns) + 1, len(self.ids)))
        for at, topic in enumerate(self.record.topics):
            found[[self._columns[word] for word in topic.words], at] = list(topic.words.values())
        return found

    def to_json(self) -> str:
        """The model as JSON, the same text for the same model."""
        return msgspec.json.encode(self.record, order="deterministic").decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "Model":
        """Read what :meth:`to_json` wrote.

        Raises:
            msgspec.DecodeError: it is not a model.
        """
        return cls(msgspec.json.decode(text, type=Record))

    def scores(self, texts: Read) -> NDArray[np.float64]:
        """How near each text is to each topic, (texts, topics), 0..1: two fifths cosine by vector, the rest by words.

        A text without words of content is near to none.
        """
        vectors, lengths = self._placed(texts)
        scores = (vectors @ self._centres.T).astype(np.float64)
        scores /= lengths[:, None]
        scores /= self._lengths
        scores *= 1 - _BY_WORDS
        scores += _BY_WORDS * (self._bags(texts.content) @ self._words)
        scores[[at for at, words in enumerate(texts.content) if not words]] = 0
        return scores.clip(0, 1, out=scores).round(6, out=scores)

    def scores_of(self, texts: Read, topics: NDArray[np.intp]) -> NDArray[np.float64]:
        """The same of each text and one topic, (texts,), the topic given by its place among the ids, (texts,)."""
        vectors, lengths = self._placed(texts)
        scores: NDArray[np.float64] = np.einsum("ij,ij->i", vectors, self._centres[topics]).astype(np.float64)
        scores /= lengths
        scores /= self._lengths[topics]
        said = self._bags(texts.content)
        shared = said.data * self._words[said.indices, topics[rows(said)]]
        scores *= 1 - _BY_WORDS
        scores += _BY_WORDS * np.bincount(rows(said), weights=shared, minlength=len(topics))
        scores[[at for at, words in enumerate(texts.content) if not words]] = 0
        return scores.clip(0, 1, out=scores).round(6, out=scores)

    def _placed(self, texts: Read) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Vectors in whole numbers, seen from their mean, and their lengths."""
        vectors = whole(unit(texts.vectors - self._mean))
        return vectors, np.sqrt(np.einsum("ij,ij->i", vectors, vectors).astype(np.float64)).clip(min=1)

    def _bags(self, content: Sequence[Sequence[str]]) -> sp.csr_matrix:
        """Words of content weighted by rarity, each text's of length 1; unknown ones count once."""
        unknown = len(self._columns)
        begin = starts(content)
        words = chain.from_iterable(content)
        columns = np.fromiter(map(self._columns.get, words, repeat(unknown)), np.intp, int(begin[-1]))
        return weighted(bags(columns, begin, unknown + 1), self._rarity)

    def _likeliest(self, texts: Read) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.bool_], list[int]]:
        """Scores; the best topic of each text, whether it is good enough, and the different words of content of each.

        A single word is enough only where the topic is told by it: "I hope this helps" is of no topic in which some
        message has "helps", too.
        """
        scores = self.scores(texts)
        said = [len(set(words)) for words in texts.content]
        best = scores.argmax(axis=1)
        least = np.where(np.array(said) > 1, _FLOOR, _FLOOR_OF_ONE)
        sure = scores[np.arange(len(best)), best] >= least
        for at in np.flatnonzero(sure & (np.array(said) == 1)).tolist():
            sure[at] = texts.content[at][0] in self.record.topics[best[at]].keywords
        return scores, best, sure, said

    def nearest(self, texts: Sequence[str]) -> list[str]:
        """Topic id of each text by itself; empty: it has none."""
        blocks = (texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK))
        return [topic for block in blocks for topic in self.nearest_of(Read.of([read(text) for text in block]))]

    def nearest_of(self, texts: Read) -> list[str]:
        """The same of texts that were read before."""
        if not self.ids or not texts.content:
            return [""] * len(texts.content)
        _, best, sure, _ = self._likeliest(texts)
        return [self.ids[at] if good else "" for at, good in zip(best.tolist(), sure.tolist(), strict=True)]

    def tag(self, conversations: Sequence[Conversation]) -> list[list[EventTopic]]:
        """Topics of each conversation's messages, by time; each conversation is tagged by itself."""
        texts = [message.text for conversation in conversations for message in conversation.messages]
        if not self.ids or not texts:
            return [[] for _ in conversations]
        scores, best, sure, said = self._likeliest(Read.of([read(text) for text in texts]))
        return tagged(conversations, best, scores, sure, said, ids=self.ids, model=self.version)
