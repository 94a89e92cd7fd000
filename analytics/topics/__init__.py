"""What conversations are about: topics of the user's own, topics discovered, and how they rise and fall."""

from functools import cache
from importlib.resources import files
from io import BytesIO

from analytics.topics.tagging import About, Tagger, TopicModel
from analytics.topics.taxonomy import Taxonomy

__all__ = ["About", "TopicModel", "load"]


@cache
def load() -> TopicModel:
    """The packaged topics: thirty subjects that people bring to agents, in English and German."""
    data = files("analytics").joinpath("pretrained", "topics.npz").read_bytes()
    return Tagger("general", Taxonomy.load(BytesIO(data)), source="packaged")
