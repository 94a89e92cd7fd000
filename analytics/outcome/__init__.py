"""Outcome: how content the user is at each turn, and a calibrated probability that they got what they wanted."""

from analytics.outcome.model import OutcomeModel, load, satisfaction

__all__ = ["OutcomeModel", "load", "satisfaction"]
