"""Checks, metric diffs, gates and promotion for machine-learning repositories."""

__version__ = "0.1.0"
