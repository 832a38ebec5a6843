"""Gates on a Comparison: every Outcome says the numbers, the bound, the room to it and the reason."""

from __future__ import annotations

import difflib
import fnmatch
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_ci.directions import direction_of
from mlops_ci.gates import rules
from mlops_ci.model import Outcome, Verdict

if TYPE_CHECKING:
    from mlops_ci.config import MetricConfig
    from mlops_ci.gate_config import ConditionConfig, GateConfig
    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import Change, Direction, ModelComparison, Result, VerdictResult

# The worst decides.
_WORST: tuple[VerdictResult, ...] = ("fail", "inconclusive", "warn", "waived", "pass")


def judge(comparison: ModelComparison, policy: Policy) -> Verdict:
    """The Verdict on one model. `no gates` and `unarmed` (not in force, or none could judge) are never a pass."""
    outcomes = tuple(
        outcome for gate in policy.gates for outcome in _Judge(comparison, policy, gate).outcomes()
    )
    return Verdict(
        model=comparison.model,
        result=_overall(policy, outcomes),
        outcomes=outcomes,
        policy_digest=policy.digest,
        policy_rev=policy.rev,
    )


def _overall(policy: Policy, outcomes: tuple[Outcome, ...]) -> VerdictResult:
    if not policy.gates:
        return "no gates"
    if not policy.armed:
        return "unarmed"
    found = {outcome.result for outcome in outcomes}
    return next((result for result in _WORST if result in found), "unarmed")


@dataclass(frozen=True)
class _Judge:
    comparison: ModelComparison
    policy: Policy
    gate: GateConfig

    def outcomes(self) -> list[Outcome]:
        level = self.gate.level or self.policy.defaults.level
        if level == "off":
            return [self._outcome("skipped", "this gate is off", metric=self.gate.metric or "")]
        found = self._grouped() if self.gate.all or self.gate.any else self._condition(self.gate)
        return [_softened(outcome) for outcome in found] if level == "warn" else found

    def _outcome(self, result: Result, reason: str, *, metric: str = "") -> Outcome:
        return Outcome(gate=self.gate.id, result=result, reason=reason, metric=metric)

    def _grouped(self) -> list[Outcome]:
        conditions = self.gate.all or self.gate.any
        groups = [self._condition(one) for one in conditions]
        combine = rules.all_of if self.gate.all else rules.any_of
        result = combine([rules.all_of([part.result for part in group]) for group in groups])
        parts = tuple(part for group in groups for part in group)
        telling = [part for part in parts if part.result == result] or list(parts)
        word = "all of" if self.gate.all else "one of"
        reason = "; ".join(f"{part.metric}: {part.reason}" for part in telling[:3])
        rule = f"{word} {len(conditions)} conditions"
        return [replace(self._outcome(result, reason), rule=rule, parts=parts)]

    def _condition(self, condition: ConditionConfig | GateConfig) -> list[Outcome]:
        name = condition.metric or ""
        rows = self._rows(name)
        if not rows:
            return [self._missing(name)]
        return [outcome for row in rows for outcome in self._row(condition, name, row)]

    def _rows(self, name: str) -> list[Change]:
        """The rows that a name, one of its aliases, or a pattern means. Both sides of an alias become one row."""
        rows = self.comparison.metrics
        if any(mark in name for mark in "*?["):
            return [row for row in rows if fnmatch.fnmatchcase(row.name, name)]
        names = (name, *rules.settings_for(name, self.policy.metrics).aliases)
        return rules.joined([row for row in rows if row.name in names], names)

    def _missing(self, name: str) -> Outcome:
        unread = [
            note
            for note in self.comparison.notes
            if note.kind == "unreadable" and note.side != "baseline"
        ]
        if unread:
            reason = f"cannot be judged: {unread[0].message}"
            return self._outcome("inconclusive", reason, metric=name)
        names = [row.name for row in self.comparison.metrics]
        close = difflib.get_close_matches(name, names, n=1)
        meant = f", did you mean {close[0]}?" if close else ""
        return self._absent(f"there is no such metric{meant}", name)

    def _absent(self, reason: str, name: str) -> Outcome:
        how = self.gate.on_missing_metric or self.policy.defaults.on_missing_metric
        return self._outcome("skipped" if how == "skip" else how, reason, metric=name)

    def _row(
        self, condition: ConditionConfig | GateConfig, name: str, row: Change
    ) -> list[Outcome]:
        settings = rules.settings_for(row.name, self.policy.metrics)
        base = Outcome(
            gate=self.gate.id,
            result="pass",
            reason="",
            metric=row.name,
            source=row.source,
            value=row.candidate,
            baseline=row.baseline,
        )
        if problem := self._problem(row, settings):
            return [replace(base, result=problem[0], reason=problem[1])]
        found: list[Outcome] = []
        if condition.threshold:
            found += rules.threshold(base, condition.threshold)
        if condition.change:
            direction = (
                settings.direction or rules.settings_for(name, self.policy.metrics).direction
            )
            found += self._change(base, condition, direction or direction_of(row.name), row)
        return found

    def _problem(self, row: Change, settings: MetricConfig) -> tuple[Result, str] | None:
        """Why a row cannot be compared with any bound."""
        if row.candidate is None:
            if row.change == "unknown":
                return "inconclusive", f"cannot be judged: {row.reason}"
            outcome = self._absent(
                "has vanished: the baseline has it, the candidate does not", row.name
            )
            return outcome.result, outcome.reason
        if not rules.is_finite(row.candidate):
            how = self.gate.on_nan or self.policy.defaults.on_nan
            return how, f"is not a finite number: {rules.shown(row.candidate)}"
        if outside := rules.out_of_range(row.candidate, settings.range):
            return "fail", outside
        return None

    def _change(
        self,
        base: Outcome,
        condition: ConditionConfig | GateConfig,
        direction: Direction,
        row: Change,
    ) -> list[Outcome]:
        assert condition.change
        if row.baseline is None:
            return [self._without_baseline(base, row)]
        if not rules.is_finite(row.baseline):
            reason = f"the baseline is not a finite number: {rules.shown(row.baseline)}"
            return [replace(base, result="inconclusive", reason=reason)]
        if direction == "neutral":
            reason = f"which way is better is not known: set metrics.{row.name}.direction"
            return [replace(base, result="inconclusive", reason=reason)]
        return list(
            rules.change(base, condition.change, 1 if direction == "higher_is_better" else -1)
        )

    def _without_baseline(self, base: Outcome, row: Change) -> Outcome:
        if row.change == "unknown":
            reason = f"cannot be judged: {row.reason}"
            return replace(base, result="inconclusive", reason=reason)
        how = self.policy.on_missing_baseline
        first = all(one.baseline is None for one in self.comparison.metrics)
        if how == "bootstrap":
            how = "skip" if first else "fail"
        when = "measured for the first time" if first else "is not in the baseline"
        return replace(base, result="skipped" if how == "skip" else how, reason=when)


def _softened(outcome: Outcome) -> Outcome:
    return (
        replace(outcome, result="warn") if outcome.result in ("fail", "inconclusive") else outcome
    )
