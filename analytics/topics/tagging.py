"""Tag the messages of conversations with a taxonomy's topics."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from analytics.conversation import Conversation, Ref
from analytics.topics.segments import VERSION, tagged
from analytics.topics.stopwords import content, read
from analytics.topics.taxonomy import SURE, Taxonomy
from models.rows import EventTopic

__all__ = ["About", "Tagger", "TopicModel"]


class About(NamedTuple):
    """What a person is shown of a topic."""

    label: str
    keywords: tuple[str, ...]
    source: str = "packaged"
    """``packaged``, ``own`` or ``discovered``."""
    example: Ref = ("", 0)
    """A message that shows a discovered topic."""
    parent: str = ""
    """The discovered topic that it was split from."""
    merged_into: str = ""
    """The discovered topic that it is part of now."""


class TopicModel(Protocol):
    """What the worker tags with."""

    @property
    def version(self) -> str:
        """Names the model on every row it makes; equal versions tag equally."""

    @property
    def topics(self) -> Mapping[str, About]:
        """All topics by id."""

    def tag(self, conversations: Sequence[Conversation]) -> list[list[EventTopic]]:
        """The topics of each conversation's messages, by time; each conversation is tagged by itself."""


class Tagger:
    """A taxonomy as a topic model: topic ids are ``name:label``."""

    def __init__(self, name: str, taxonomy: Taxonomy, source: str = "own") -> None:
        self._taxonomy = taxonomy
        self.version = f"{name}-{taxonomy.version}-{VERSION}"
        self._ids = [f"{name}:{label}" for label in taxonomy.labels]
        self.topics: Mapping[str, About] = {
            topic: About(*taxonomy.about[label], source=source)
            for topic, label in zip(self._ids, taxonomy.labels, strict=True)
        }

    def tag(self, conversations: Sequence[Conversation]) -> list[list[EventTopic]]:
        """See :class:`TopicModel`."""
        texts = [message.text for conversation in conversations for message in conversation.messages]
        shares, none = self._taxonomy.probabilities(texts)
        scores = shares * (1 - none[:, None])
        best = scores.argmax(axis=1) if texts else np.zeros(0, np.intp)
        sure = scores[np.arange(len(texts)), best] >= SURE
        said = [len(content(read(text))) for text in texts]
        return tagged(conversations, best, scores, sure, said, ids=self._ids, model=self.version)
