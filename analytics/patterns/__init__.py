"""What many sessions show together: which styles work, what comes together, when sessions go wrong."""

from analytics.patterns.blind import REACTION, blind
from analytics.patterns.early import early_styles
from analytics.patterns.learn import VERSION, learn, reportable, tested

__all__ = ["REACTION", "VERSION", "blind", "early_styles", "learn", "reportable", "tested"]
