"""Outcomes that were not judged because the numbers themselves cannot be relied on, or not be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.report import spans
from mlops_ci.report.spans import Strong

if TYPE_CHECKING:
    from mlops_ci.model import Outcome
    from mlops_ci.report.spans import Line

_HEADLINES = {
    "not trusted": " was not judged, its numbers are not its own",
    "not comparable": " was not compared, its evaluation is another",
}


def kind(outcome: Outcome) -> str:
    """`not trusted`, `not comparable`, or "" for an outcome of another reason."""
    first, colon, _ = outcome.reason.partition(": ")
    doubted = colon and first in _HEADLINES and outcome.result in ("inconclusive", "warn")
    return first if doubted else ""


def headline(outcome: Outcome) -> str:
    """What follows the name of the model."""
    return _HEADLINES[kind(outcome)]


def why(outcome: Outcome) -> Line:
    return spans.prose(outcome.reason.partition(": ")[2])


def words(outcome: Outcome) -> Line:
    warned = ", warning only" if outcome.result == "warn" else ""
    return (Strong(kind(outcome)), ": ", *why(outcome), warned)
