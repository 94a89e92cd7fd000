"""What was said before and matters now: entries, the terms they are found by, and how they are ranked."""

from analytics.recall.entries import entries, speaker_of, text_of

__all__ = ["entries", "speaker_of", "text_of"]
