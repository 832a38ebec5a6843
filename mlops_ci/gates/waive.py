"""Waivers on Outcomes. What a valid waiver covers within its cap is `waived`; an expired one leaves the failure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci import waivers
from mlops_ci.gates.rules import ABS_NOISE, REL_NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mlops_ci.model import Outcome
    from mlops_ci.waivers import WaiverConfig

_WAIVABLE = ("fail", "inconclusive", "warn")


def waive(outcome: Outcome, known: Sequence[WaiverConfig], today: date) -> Outcome:
    """The Outcome as the waiver that fits best leaves it: valid within its cap, else beyond it, else expired."""
    if outcome.result not in _WAIVABLE:
        return outcome
    found = None
    for one in waivers.for_gate(known, outcome.gate, outcome.metric, today):
        within = _within(outcome, one)
        found = found or (one, within)
        if within and one.days(today) >= 0:
            found = one, within
            break
    return _waived(outcome, *found, today) if found else outcome


def _waived(outcome: Outcome, one: WaiverConfig, within: bool, today: date) -> Outcome:  # noqa: FBT001
    waiver = waivers.applied(one, today, within=within, cap=_cap_shown(outcome, one))
    if waiver.state == "valid":
        return replace(outcome, result="waived", waiver=waiver)
    words = {"expired": f"waiver expired {waiver.until}", "exceeded": "not covered by its waiver"}
    reason = f"{words[waiver.state]}; {outcome.reason}"
    return replace(outcome, waiver=waiver, reason=reason)


def _within(outcome: Outcome, one: WaiverConfig) -> bool:
    """Without a cap everything is covered; with one, only a loss that is a number."""
    if one.max_regression is None:
        return True
    if outcome.parts:
        return all(_within(part, one) for part in outcome.parts if part.result in _WAIVABLE)
    anchor, cap = _anchor(outcome), None
    if anchor is not None:
        cap = one.cap(anchor)
    if cap is None or anchor is None or not isinstance(outcome.value, (int, float)):
        return False
    loss = max(abs(outcome.value - anchor), _estimated(outcome, anchor))
    return loss <= cap or math.isclose(loss, cap, rel_tol=REL_NOISE, abs_tol=ABS_NOISE)


def _estimated(outcome: Outcome, anchor: float) -> float:
    """What seeds or runs lost, which decided: the one run of the metrics file may be the lucky one."""
    if outcome.estimate is None or outcome.bound is None or not outcome.rule.endswith("worse"):
        return 0.0
    moved = outcome.estimate.change
    if outcome.bound == anchor:  # a limit of 0 does not show which way is worse
        return abs(moved)
    return -moved if outcome.bound < anchor else moved


def _anchor(outcome: Outcome) -> float | None:
    """Where a loss is measured from: the baseline for a change, the bound itself for a threshold."""
    if outcome.bound is None or outcome.rule.endswith("suspicious"):
        return None
    if not outcome.rule.endswith("worse"):
        return outcome.bound
    return outcome.baseline if isinstance(outcome.baseline, (int, float)) else None


def _cap_shown(outcome: Outcome, one: WaiverConfig) -> str:
    """For a change how much, for a threshold up to which value."""
    cap, anchor = one.max_regression, _anchor(outcome)
    if cap is None:
        return ""
    if anchor is None or outcome.bound is None or outcome.rule.endswith("worse"):
        return cap if isinstance(cap, str) else f"{cap:g}"
    sign = -1 if outcome.rule.startswith("at least") else 1
    return f"{outcome.bound + sign * (one.cap(anchor) or 0.0):g}"
