"""What a new session should know: chosen from memory for an agent, defused, and packed into a budget of tokens."""

from analytics.context.block import Block, build
from analytics.context.candidates import SECTIONS
from analytics.context.gather import gather

__all__ = ["SECTIONS", "Block", "build", "gather"]
