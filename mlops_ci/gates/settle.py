"""A loss against its limit, settled by what examples, seeds or runs say instead of by two single numbers."""

from __future__ import annotations

import math
from dataclasses import field, replace
from typing import TYPE_CHECKING

from mlops_ci.estimate import Estimate
from mlops_ci.frozen import dataclass
from mlops_ci.gates import repeated
from mlops_ci.gates.measured import NEEDS_STATS
from mlops_ci.gates.noninferiority import confidence, decide, p_of_loss, unreachable

if TYPE_CHECKING:
    from mlops_ci.estimate import Of
    from mlops_ci.gate_config import NoiseConfig
    from mlops_ci.gates.measured import Evidence
    from mlops_ci.gates.noninferiority import Decision
    from mlops_ci.model import Change, Outcome
    from mlops_ci.repeats import Repeats
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


@dataclass(frozen=True, kw_only=True)
class Settling:
    """What one gate is settled by. `claims`: where it can fail. Not `trusted`: what cannot be told blocks."""

    evidence: Evidence
    repeats: Repeats | None
    noise: NoiseConfig | None
    claims: Claims | None
    trusted: bool
    alpha: float

    def settle(self, outcome: Outcome, row: Change, better: int) -> Outcome:
        """As it is where nothing is known of the row. `better`: 1 when higher is."""
        if self.noise is None or self.noise.source == "examples":
            found = self._by_examples(outcome, row, better)
            if found is not None:
                return found
            if self.noise is not None:
                return self._by_limit(outcome, row)
        try:
            found = self._by_repeats(outcome, row, better)
        except ImportError:
            return replace(outcome, result="inconclusive", reason=NEEDS_STATS)
        return self._by_limit(outcome, row) if found == outcome else found

    def _by_limit(self, outcome: Outcome, row: Change) -> Outcome:
        why = self.evidence.passed_over(row)
        reason = f"{outcome.reason}; uncalibrated: {why}" if why else outcome.reason
        return replace(outcome, reason=reason)

    def _by_examples(self, outcome: Outcome, row: Change, better: int) -> Outcome | None:
        """None where predictions say nothing of the row."""
        evidence = self.evidence
        if not evidence.metric_of(row.name):
            return None
        try:
            reason = evidence.problem or (evidence.is_paired and evidence.disagrees(row))
        except ImportError:
            reason = NEEDS_STATS
        if reason:
            return replace(outcome, result="inconclusive", reason=str(reason))
        if reason is not None:
            return None
        change, count, units = evidence.change(row)
        return self._decided(outcome, change, better, (count, units, "examples"))

    def _by_repeats(self, outcome: Outcome, row: Change, better: int) -> Outcome:
        found = repeated.spread(row, self.repeats, self.noise)
        if isinstance(found, repeated.Spread):
            size = found.count, found.count, found.of
            return self._decided(outcome, found.change, better, size)
        if found.blocks:
            return replace(outcome, result="inconclusive", reason=found.reason)
        reason = f"{outcome.reason}; {found.reason}" if found.reason else outcome.reason
        return replace(outcome, reason=reason)

    def _decided(
        self, outcome: Outcome, change: Distribution, better: int, size: tuple[int, int, Of]
    ) -> Outcome:
        """`size`: how many examples, seeds or runs, and how many of them are independent."""
        assert isinstance(outcome.baseline, (int, float))
        if outcome.bound is None:
            return outcome
        gain = change if better > 0 else change.mirrored()
        margin = abs(outcome.bound - outcome.baseline)
        p = p_of_loss(gain, margin)
        adjusted = self._adjusted(outcome, p)
        count, units, of = size
        found = decide(
            gain,
            margin,
            units=units,
            adjusted=adjusted,
            trusted=self.trusted,
            alpha=self.alpha,
            of="independent units" if units != count else of,
        )
        claims = len(self.claims.found) if self.claims else 1
        if found.result == "inconclusive" and (
            never := unreachable(gain, claims, units, self.alpha)
        ):
            found = replace(found, reason=never, blocks=True)
        estimate = self._estimate(change, found, count, units)
        estimate = replace(estimate, p=p, adjusted=adjusted, of=of)
        return replace(outcome, result=found.result, reason=found.reason, estimate=estimate)

    def _adjusted(self, outcome: Outcome, p: float) -> float:
        if self.claims is None:
            return p
        key = (outcome.gate, outcome.metric, outcome.source, str(outcome.limit))
        self.claims.found[key] = p
        return self.claims.adjusted.get(key, p)

    def _estimate(self, change: Distribution, found: Decision, count: int, units: int) -> Estimate:
        low, high = change.interval(confidence(self.alpha))
        return Estimate(
            change=change.point,
            low=low,
            high=high,
            confidence=confidence(self.alpha),
            method=change.method,
            count=count,
            units=units,
            needed=found.needed,
            blocks=found.blocks,
        )
