"""Skill gaps: what an agent is bad at, measured against itself and against its fleet.

A skill is a topic crossed with a capability: a tool, or none when the conversation itself is what is judged.
"""

from analytics.gaps.gaps import VERSION, estimate
from analytics.gaps.uses import skill_uses

__all__ = ["VERSION", "estimate", "skill_uses"]
