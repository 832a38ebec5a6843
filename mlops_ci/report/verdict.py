"""A Verdict in one sentence: the headline. Shared by the renderers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import certainty, checks, doubt
from mlops_ci.report.rows import is_odd
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.model import Change, ModelComparison, Note, Verdict
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line

MARKS = {
    "fail": "✗", "inconclusive": "?", "warn": "!", "waived": "~", "pass": "✓", "skipped": "·",
    "no gates": "○", "unarmed": "○",
}  # fmt: skip
ICONS = {
    "fail": "❌", "inconclusive": "⚠️", "warn": "⚠️", "waived": "⏳", "pass": "✅", "skipped": "–",
    "no gates": "⚪", "unarmed": "⚪",
}  # fmt: skip
_DOUBTS = ("unreadable", "nothing-retrained", "lock-mismatch", "evaluation-differs")


def headline(model: ModelComparison, verdict: Verdict, rows: Sequence[Check]) -> Line:
    """The model and what is to be said of it: `churn is worse in recall: blocked`. The worst first."""
    telling = next((row for row in rows if row.result == verdict.result), None)
    if telling and doubt.kind(telling.outcome):
        ends = ": blocked" if verdict.blocks else ": warning only"
        return (Code(model.model), doubt.headline(telling.outcome), ends)
    return (Code(model.model), *_words(model, verdict, rows, telling))


def _words(
    model: ModelComparison, verdict: Verdict, rows: Sequence[Check], telling: Check | None
) -> Line:
    if verdict.result == "no gates":
        return (": no gates configured, not judged",)
    if verdict.result == "unarmed":
        return (_unarmed(verdict),)
    if verdict.result == "pass" or telling is None:
        doubted = ", its numbers are in doubt" if in_doubt(model) else ""
        return (*_moved(model, rows), f": {passed(verdict)}{doubted}")
    if verdict.result == "inconclusive" or certainty.is_unclear(telling.outcome):
        what = "worse" if telling.outcome.estimate else "good enough"
        warned = ": warning only" if verdict.result == "warn" else ""
        blocked = ": blocked" if verdict.blocks else warned
        return (": cannot tell whether ", *telling.label, f" is {what}{blocked}")
    if verdict.result == "waived":
        return (
            f" is accepted with {text.plural(_count(verdict, 'waived'), 'waiver')}{_expiry(verdict)}",
        )
    blocked = "blocked" if verdict.result == "fail" else "warning only"
    return (*_failure(model, telling, rows), f": {blocked}")


def _expiry(verdict: Verdict) -> str:
    days = [one.waiver.until for one in verdict.outcomes if one.result == "waived" and one.waiver]
    return f", next expiry {min(days)}" if days else ""


def _unarmed(verdict: Verdict) -> str:
    if any(outcome.reason == "measured for the first time" for outcome in verdict.outcomes):
        return " is measured for the first time: not judged"
    if all(outcome.result == "skipped" for outcome in verdict.outcomes):
        return ": not judged, no gate could judge it"
    return ": not judged, gates unarmed until they are merged"


def _failure(model: ModelComparison, row: Check, rows: Sequence[Check]) -> Line:
    if is_odd(row.outcome.value):
        return (": ", *row.label, f" is {text.value(row.outcome.value)}")
    return (" ", *_broken(model, row, rows))


def _broken(model: ModelComparison, row: Check, rows: Sequence[Check]) -> Line:
    found = checks.kind(row.outcome)
    if row.outcome.value is None and found != "group":
        if checks.moved_to(row.outcome):
            return ("has ", *row.label, " in another file now")
        more = " any more" if row.outcome.baseline is not None else ""
        return ("has no ", *row.label, more)
    if found == "regression":
        where = checks.slice_words(row.slice) if row.slice else (Code(row.name),)
        overall = "better overall but " if better_overall(model, rows) else ""
        return (f"is {overall}worse in ", *where)
    if found == "improvement":
        return ("gains suspiciously much in ", *row.label)
    if found == "group":
        return ("fails ", Code(row.gate))
    return ("breaks its bound of " if found != "none" else "fails in ", *row.label)


def better_overall(model: ModelComparison, rows: Sequence[Check]) -> bool:
    """Only slices fail, and of the whole set something is better and nothing that a gate compares is worse."""
    whole = [row.ratio for row in rows if not row.slice and row.ratio]
    if not all(row.slice for row in rows if row.result == "fail") or any(r < 0 for r in whole):
        return False
    return bool(whole) or not largest(model, "worse", rows, whole=True)


def largest(
    model: ModelComparison, change: str, rows: Sequence[Check], *, whole: bool = False
) -> list[Change]:
    """Metrics that changed this way: the whole set before its slices, or alone; judged ones first; by relative size."""
    judged = {row.outcome.metric for row in rows}
    found = [one for one in model.metrics if one.change == change and not one.hidden]
    ranked = [
        (bool(checks.split(one.name)[1]), one.name not in judged, -abs(one.relative or 0.0), one)
        for one in found
    ]
    ranked.sort(key=lambda entry: entry[:3])
    return [one for part, *_, one in ranked if not (whole and part)]


def _moved(model: ModelComparison, rows: Sequence[Check]) -> Line:
    """A loss is named even where no gate looks at it, but not if it is noise. Without a baseline nothing is better."""
    if first(model):
        return (" is measured for the first time",)
    noise = {row.outcome.metric for row in rows if certainty.is_noise(row.outcome)}
    gains, losses = (
        [one for one in largest(model, word, rows) if one.name not in noise]
        for word in ("better", "worse")
    )
    if gains and losses:
        return (" gains in ", *_named(gains[0]), " and loses in ", *_named(losses[0]))
    if losses:
        return (" is worse in ", *_named(losses[0]))
    moved = any(one.change != "same" for one in model.metrics if not one.hidden)
    return (" is better" if gains else " is no worse" if moved else " is unchanged",)


def first(model: ModelComparison) -> bool:
    """No metric has a value to be compared with."""
    return bool(model.metrics) and all(one.baseline is None for one in model.metrics)


def in_doubt(model: ModelComparison) -> Note | None:
    """Why the numbers themselves may not be what they seem; what blocks first."""
    found = [one for one in model.notes if one.kind in _DOUBTS]
    return next((one for one in found if one.untrusted), found[0] if found else None)


def _named(one: Change) -> Line:
    return checks.labelled(*checks.split(one.name))


def passed(verdict: Verdict) -> str:
    skipped = _count(verdict, "skipped")
    not_judged = f", {skipped:,} not judged" if skipped else ""
    return f"{text.plural(_count(verdict, 'pass'), 'check')} passed{not_judged}"


def _count(verdict: Verdict, result: str) -> int:
    return sum(outcome.result == result for outcome in verdict.outcomes)
