"""Outcomes that say nothing of how much a metric moved: its numbers cannot be relied on, or prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.predictions import LEAK
from mlops_ci.report import spans
from mlops_ci.report.spans import Strong

if TYPE_CHECKING:
    from mlops_ci.model import Outcome
    from mlops_ci.report.spans import Line

_HEADLINES = {
    "not trusted": " was not judged, its numbers are not its own",
    "not comparable": " was not compared, its evaluation is another",
    "leak": " was trained on examples that evaluate it",
    "leak unknown": ": cannot tell whether it was trained on what evaluates it",
}
_WORDS = {"leak": "trained on", "leak unknown": "cannot tell"}


def kind(outcome: Outcome) -> str:
    """A key of `_HEADLINES`, or "" for an outcome of another reason."""
    if outcome.result not in ("fail", "inconclusive", "warn"):
        return ""
    if outcome.gate == LEAK and not outcome.metric:
        return "leak" if outcome.value else "leak unknown"
    first, colon, _ = outcome.reason.partition(": ")
    return first if colon and first in _HEADLINES and outcome.result != "fail" else ""


def headline(outcome: Outcome) -> str:
    """What follows the name of the model."""
    return _HEADLINES[kind(outcome)]


def why(outcome: Outcome) -> Line:
    said = outcome.reason if outcome.gate == LEAK else outcome.reason.partition(": ")[2]
    return spans.prose(said)


def counts_against(outcome: Outcome) -> str:
    """Why it blocks although it was not judged."""
    return (
        ""
        if outcome.gate == LEAK
        else " This change did it, so a missing answer counts against it."
    )


def how_much(outcome: Outcome, measured: Line) -> Line:
    """`measured`: what the files say of the metric."""
    return why(outcome) if outcome.gate == LEAK else ("unknown: the files say ", *measured)


def fix(outcome: Outcome) -> Line:
    """What to do, without a command; nothing where a note says it."""
    if kind(outcome) == "leak":
        return ("evaluate on examples that training has not seen",)
    return ("mend predictions.train, or the file that it names",) if outcome.gate == LEAK else ()


def words(outcome: Outcome) -> Line:
    found = kind(outcome)
    warned = ", warning only" if outcome.result == "warn" else ""
    tone: spans.Tone = "loss" if outcome.result == "fail" else ""
    return (Strong(_WORDS.get(found, found), tone), ": ", *why(outcome), warned)
