"""Several taxonomies as one topic model."""

from collections.abc import Mapping, Sequence

from analytics.conversation import Conversation
from analytics.topics.tagging import About, TopicModel
from models.rows import EventTopic

__all__ = ["Several"]


class Several:
    """Tags with each of some models; a message may carry a topic of each.

    Args:
        models: what tags.
        former: models that no longer tag, whose topics rows that were not computed again may still carry.
    """

    def __init__(self, models: Sequence[TopicModel], former: Sequence[TopicModel] = ()) -> None:
        self._models = models
        self.version = "+".join(model.version for model in models)
        self.topics: Mapping[str, About] = {
            topic: about for model in (*former, *models) for topic, about in model.topics.items()
        }

    def tag(self, conversations: Sequence[Conversation]) -> list[list[EventTopic]]:
        """See :class:`analytics.topics.tagging.TopicModel`."""
        tagged = [model.tag(conversations) for model in self._models]
        return [
            sorted((row for rows in one for row in rows), key=lambda row: (row.ts, row.stream, row.seq, row.topic_id))
            for one in zip(*tagged, strict=True)
        ]
