"""Names of topics as people read them, one name for one topic."""

from collections import Counter
from collections.abc import Mapping

__all__ = ["UNTAGGED", "topic_names"]

UNTAGGED = "(no topic)"


def topic_names(labels: Mapping[str, str]) -> dict[str, str]:
    """A name for every topic id: its label, followed by the id where several topics have that label.

    >>> topic_names({"t1": "billing", "t2": "deploy", "t3": "billing", "t4": ""})
    {'t1': 'billing [t1]', 't2': 'deploy', 't3': 'billing [t3]', 't4': 't4'}
    """
    shared = Counter(labels.values())
    return {
        topic_id: topic_id if not label else f"{label} [{topic_id}]" if shared[label] > 1 else label
        for topic_id, label in labels.items()
    }
