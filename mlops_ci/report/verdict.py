"""A Verdict in words: the headline, and one line a check. Shared by the renderers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci.report import text

if TYPE_CHECKING:
    from mlops_ci.model import ModelComparison, Outcome, Verdict

MARKS = {"fail": "✗", "inconclusive": "?", "warn": "!", "waived": "~", "pass": "✓", "skipped": "·"}
ICONS = {
    "fail": "❌",
    "inconclusive": "⚠️",
    "warn": "⚠️",
    "waived": "⏳",
    "pass": "✅",
    "skipped": "–",
    "no gates": "⚪",
    "unarmed": "⚪",
}
_ORDER = ("fail", "inconclusive", "warn", "waived", "skipped", "pass")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One check: all text, still to be escaped for its medium."""

    result: str
    gate: str
    metric: str
    sides: str
    reason: str


def headline(model: ModelComparison, verdict: Verdict) -> str:
    """What follows the model's name: `is worse: blocked`. One sentence, the worst first."""
    telling = next((o for o in verdict.outcomes if o.result == verdict.result), None)
    if verdict.result == "no gates":
        return "no gates configured, not judged"
    if verdict.result == "unarmed":
        return _unarmed(verdict)
    if verdict.result == "pass" or telling is None:
        return f"{_better(model)}: {_counted(verdict)}"
    metric = telling.metric or telling.gate
    words = {
        "fail": f"{_failure(telling, metric)}: blocked",
        "inconclusive": f"cannot tell whether {metric} is good enough: blocked",
        "warn": f"{_failure(telling, metric)}: warning only",
        "waived": f"is accepted with a waiver of {telling.gate}",
    }
    return words[verdict.result]


def _unarmed(verdict: Verdict) -> str:
    if any(outcome.reason == "measured for the first time" for outcome in verdict.outcomes):
        return "is measured for the first time: not judged"
    return "not judged, gates unarmed: they are not in force before they are merged"


def _failure(outcome: Outcome, metric: str) -> str:
    if outcome.value is None:
        return f"has no {metric} any more" if "vanished" in outcome.reason else f"has no {metric}"
    if outcome.rule.endswith("worse"):
        return f"is worse in {metric}"
    if outcome.rule.endswith("suspicious"):
        return f"gains suspiciously much in {metric}"
    return f"breaks its bound of {metric}" if outcome.bound is not None else f"fails in {metric}"


def _better(model: ModelComparison) -> str:
    changes = {row.change for row in model.metrics if not row.hidden}
    if not changes - {"same"}:
        return "is unchanged"
    if "worse" not in changes:
        return "is better" if "better" in changes else "is no worse"
    return "gains and loses within the limits" if "better" in changes else "loses within the limits"


def _counted(verdict: Verdict) -> str:
    passed = sum(outcome.result == "pass" for outcome in verdict.outcomes)
    skipped = sum(outcome.result == "skipped" for outcome in verdict.outcomes)
    not_judged = f", {skipped} not judged" if skipped else ""
    return f"{text.plural(passed, 'check')} passed{not_judged}"


def lines(verdict: Verdict) -> list[Line]:
    """Worst first; within one result, the least room first."""
    return [_line(outcome) for outcome in sorted(verdict.outcomes, key=_severity)]


def _severity(outcome: Outcome) -> tuple[int, float, str, str]:
    room = outcome.headroom if outcome.headroom is not None else 0.0
    limit = abs(outcome.bound) if outcome.bound else 1.0
    return _ORDER.index(outcome.result), room / limit, outcome.gate, outcome.metric


def _line(outcome: Outcome) -> Line:
    return Line(
        result=outcome.result,
        gate=outcome.gate,
        metric=outcome.metric,
        sides=_sides(outcome),
        reason=outcome.reason,
    )


def _sides(outcome: Outcome) -> str:
    before, after = outcome.baseline, outcome.value
    if before is None and after is None:
        return ""
    numbers = isinstance(before, (int, float)) and isinstance(after, (int, float))
    decimals = text.decimals_for(before, after) if numbers else None  # type: ignore[arg-type]
    arrow = f"{text.NO_BREAK}→{text.NO_BREAK}"
    return f"{text.value(before, decimals)}{arrow}{text.value(after, decimals)}"
