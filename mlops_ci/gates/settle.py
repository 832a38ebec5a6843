"""A loss against its limit, settled by what the predictions say instead of by two single numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlops_ci.estimate import Estimate
from mlops_ci.gates.measured import NEEDS_STATS
from mlops_ci.gates.noninferiority import confidence, decide, p_of_loss

if TYPE_CHECKING:
    from mlops_ci.gates.measured import Evidence
    from mlops_ci.gates.noninferiority import Decision
    from mlops_ci.model import Change, Outcome
    from mlops_ci.stats.distribution import Distribution

_Key = tuple[str, str, str, str]


@dataclass
class Claims:
    """The p-values of all losses that could fail a gate, and what they are once corrected for their number."""

    found: dict[_Key, float] = field(default_factory=dict)
    adjusted: dict[_Key, float] = field(default_factory=dict)

    def correct(self) -> None:
        from mlops_ci.stats.hypothesis import holm

        # A distribution that could not be made proves no loss.
        known = [1.0 if math.isnan(p) else p for p in self.found.values()]
        self.adjusted = dict(zip(self.found, holm(known), strict=True))


def settle(
    outcome: Outcome,
    row: Change,
    evidence: Evidence,
    better: int,
    *,
    claims: Claims | None,
    trusted: bool,
    alpha: float,
) -> Outcome:
    """As it is where predictions say nothing of the row. `better`: 1 when higher is. `claims`: of gates that can fail.

    Not `trusted`: what cannot be told blocks.
    """
    if not evidence.metric_of(row.name):
        return outcome
    try:
        reason = evidence.problem or (evidence.is_paired and evidence.disagrees(row))
    except ImportError:
        reason = NEEDS_STATS
    if reason:
        return replace(outcome, result="inconclusive", reason=str(reason))
    return (
        outcome
        if reason is not None
        else _decided(outcome, row, evidence, better, claims, trusted, alpha)
    )


def _decided(
    outcome: Outcome,
    row: Change,
    evidence: Evidence,
    better: int,
    claims: Claims | None,
    trusted: bool,  # noqa: FBT001
    alpha: float,
) -> Outcome:
    assert isinstance(outcome.baseline, (int, float))
    if outcome.bound is None:
        return outcome
    change, count, units = evidence.change(row)
    gain = change if better > 0 else change.mirrored()
    margin = abs(outcome.bound - outcome.baseline)
    p = p_of_loss(gain, margin)
    key = (outcome.gate, outcome.metric, outcome.source, str(outcome.limit))
    if claims is not None:
        claims.found[key] = p
    adjusted = claims.adjusted.get(key, p) if claims is not None else p
    found = decide(gain, margin, units=units, adjusted=adjusted, trusted=trusted, alpha=alpha)
    estimate = replace(_estimate(change, found, count, units, alpha), p=p, adjusted=adjusted)
    return replace(outcome, result=found.result, reason=found.reason, estimate=estimate)


def _estimate(
    change: Distribution, found: Decision, count: int, units: int, alpha: float
) -> Estimate:
    low, high = change.interval(confidence(alpha))
    return Estimate(
        change=change.point,
        low=low,
        high=high,
        confidence=confidence(alpha),
        method=change.method,
        count=count,
        units=units,
        needed=found.needed,
        blocks=found.blocks,
    )
