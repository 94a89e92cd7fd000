"""Communication style: eight scores of every message."""

from analytics.style.model import EMOTIONS, STYLES, StyleModel, load
from analytics.style.rows import rows

__all__ = ["EMOTIONS", "STYLES", "StyleModel", "load", "rows"]
