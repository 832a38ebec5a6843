"""What is in production, as a report shows it: a column, a sentence, and a word in the headline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.report import checks, spans
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.champion import Champion, ChampionMetric
    from mlops_ci.model import ModelComparison, Verdict
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line, Tone

LABEL = "In production"


def title(champion: Champion) -> str:
    """Of its column."""
    return f"{champion.stage} {champion.version}"


def addition(model: ModelComparison, verdict: Verdict, rows: Sequence[Check]) -> Line:
    """What follows the headline of a change that is let through and loses against what is in production."""
    if model.champion is None or model.champion.problem or verdict.blocks:
        return ()
    losses = _moved(model.champion, rows, "worse")
    if not losses:
        return ()
    where = () if not _moved(model.champion, rows, "better") else (" in ", *_named(losses[0]))
    return (", but worse than ", Code(title(model.champion)), *where)


def sentence(champion: Champion, rows: Sequence[Check]) -> Line:
    """The largest losses against it, and how many more; else that there is none. First what speaks against it."""
    doubt = f" (perhaps not: {champion.problem})" if champion.problem else ""
    losses = _moved(champion, rows, "worse")
    gains = _moved(champion, rows, "better")
    start: Line = (Code(title(champion)), f"{doubt}: ")
    if not losses and not gains:
        return (*start, "the same in all that is judged.")
    shown = [_change(one, "loss") for one in losses[:2]] or [_change(gains[0], "gain")]
    better = f"; better in {len(gains):,}" if losses and gains else ""
    more = f"; worse in {len(losses) - 2:,} more" if losses[2:] else ""
    return (*start, *spans.joined(shown, "; "), f"{more}{better}.")


def _moved(champion: Champion, rows: Sequence[Check], change: str) -> list[ChampionMetric]:
    """Metrics of the gates, or all where no gate names any: whole sets first, the largest change first."""
    judged = {row.outcome.metric for row in rows} - {""}
    found = [
        one
        for one in champion.metrics
        if one.change == change and one.name in (judged or {one.name})
    ]
    return sorted(found, key=lambda one: (bool(checks.split(one.name)[1]), -abs(one.relative or 0)))


def _named(one: ChampionMetric) -> Line:
    return checks.labelled(*checks.split(one.name))


def _change(one: ChampionMetric, tone: Tone) -> Line:
    delta = spans.delta(one.value, one.candidate, tone)
    sides = spans.sides(one.value, one.candidate)
    return (*_named(one), " ", *(delta or ("changed",)), " (", *sides, ")")
