"""The line "real or noise" below a headline: what an interval says, else why nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.report import certainty, spans, verdict
from mlops_ci.report.checks import kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.model import ModelComparison, Verdict
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line


def answer(model: ModelComparison, judged: Verdict, rows: Sequence[Check]) -> Line:
    telling = [row for row in rows if row.result == judged.result]
    if verdict.first(model):
        return ("no answer without a second side.",)
    if judged.result == "fail" and telling and kind(telling[0].outcome) == "none":
        return ("not a question of noise.",)
    if weighed := _weighed(_rules(telling) or telling or rows):
        return weighed
    if doubt := verdict.in_doubt(model):
        return ("no answer: ", *spans.prose(doubt.message), ".")
    if all(one.change == "same" for one in model.metrics if not one.hidden):
        return ("nothing to tell apart.",)
    return ("unknown: one run on each side, so how much of it is chance cannot be told.",)


def _rules(rows: Sequence[Check]) -> list[Check]:
    """Those that reached a rule: that nothing has leaked is not a question of noise."""
    return [row for row in rows if kind(row.outcome) != "none"]


def _weighed(rows: Sequence[Check]) -> Line:
    """Of the worst check that has an interval; nothing where the worst one has none."""
    if not rows or rows[0].outcome.estimate is None:
        return ()
    said = certainty.sentence(rows[0].outcome)
    return (*rows[0].words, *((f"; {said}",) if said else ()), ".")
