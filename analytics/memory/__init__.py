"""What is worth remembering of a session, extracted without a model: sentences as they were said, and why they matter."""

from analytics.memory.items import VERSION, remember
from analytics.memory.links import link

__all__ = ["VERSION", "link", "remember"]
