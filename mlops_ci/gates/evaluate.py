"""One gate on a Comparison: every Outcome says the numbers, the bound, the room to it and the reason."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_ci.config import settings_for
from mlops_ci.directions import RECORDED
from mlops_ci.environment import is_lock_file
from mlops_ci.gates import rules, trust
from mlops_ci.gates.settle import Claims, Settling
from mlops_ci.model import Outcome

if TYPE_CHECKING:
    from mlops_ci.config import MetricConfig
    from mlops_ci.directions import Direction
    from mlops_ci.gate_config import ConditionConfig, GateConfig, SlicesConfig
    from mlops_ci.gates.measured import Evidence
    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import (
        Change,
        ModelComparison,
        Note,
        Result,
    )

NO_RECORD = "no Record of a training tells it: train with mlops-ci train"
NO_OLD_RECORD = "no Record of the baseline is here: git fetch origin 'refs/notes/*:refs/notes/*'"


@dataclass(frozen=True)
class Judge:
    comparison: ModelComparison
    policy: Policy
    gate: GateConfig
    measured_since: bool
    evidence: Evidence
    claims: Claims

    def outcomes(self) -> list[Outcome]:
        level = self.gate.level or self.policy.defaults.level
        if level == "off":
            return [self._outcome("skipped", "this gate is off", metric=self.gate.metric or "")]
        found = self._found()
        return [rules.softened(outcome) for outcome in found] if level == "warn" else found

    def _found(self) -> list[Outcome]:
        if self.gate.all or self.gate.any:
            return self._grouped()
        return self._sliced(self.gate.slices) if self.gate.slices else self._condition(self.gate)

    def _sliced(self, slices: SlicesConfig) -> list[Outcome]:
        name, missing = self.gate.metric or "", self.policy.on_missing_baseline
        found: list[Outcome] = []
        for one in self.evidence.sliced(name, slices, missing):
            row = one.row and self._row(self.gate, name, one.row)
            found += row or [self._outcome(one.result, one.reason, metric=one.name)]
        return found

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
        rows = self._rows(name) or self.evidence.rows(name)
        if not rows:
            return [self._missing(name)]
        found = [outcome for row in rows for outcome in self._row(condition, name, row)]
        return found + self._unseen(condition, name, {row.source for row in rows})

    def _rows(self, name: str) -> list[Change]:
        """The rows that a name, one of its aliases, or a pattern means. Both sides of an alias become one row."""
        rows = self.comparison.metrics
        if rules.is_pattern(name):
            found = [row for row in rows if name == row.name or fnmatch.fnmatchcase(row.name, name)]
            return sorted(found, key=lambda row: (row.name, row.source))
        names = rules.names_of(name, self.policy.metrics)
        return rules.joined([row for row in rows if row.name in names], names)

    def _unseen(
        self, condition: ConditionConfig | GateConfig, name: str, seen: set[str]
    ) -> list[Outcome]:
        """A pattern must not shrink to what could be read. What is the same unread has not changed, at least."""
        if not rules.is_pattern(name):
            return []
        kinds = ("unreadable", "unread-same") if condition.threshold else ("unreadable",)
        notes = [note for note in self._unread(*kinds) if note.path not in seen]
        return [self._unclear(notes[0], name)] if notes else []

    def _unread(self, *kinds: str, side: str = "candidate") -> list[Note]:
        """What a metric may be in that could not be read on one side."""
        return [
            note
            for note in self.comparison.notes
            if note.kind in kinds and note.side in ("", side) and not is_lock_file(note.path)
        ]

    def _unclear(self, note: Note, name: str) -> Outcome:
        return self._outcome("inconclusive", f"cannot be judged: {note.message}", metric=name)

    def _missing(self, name: str) -> Outcome:
        if unread := self._unread("unreadable", "unread-same"):
            return self._unclear(unread[0], name)
        if name in RECORDED:
            return self._absent(NO_RECORD, name)
        if self.evidence.metric_of(name) and (problem := self.evidence.problem):
            return self._outcome("inconclusive", problem, metric=name)
        names = {row.name for row in self.comparison.metrics if row.candidate is not None}
        meant = rules.meant(name, sorted(names))
        proposal = f", did you mean {meant}?" if meant else ""
        return self._absent(f"there is no such metric{proposal}", name)

    def _absent(self, reason: str, name: str) -> Outcome:
        how = self.gate.on_missing_metric or self.policy.defaults.on_missing_metric
        if how != "fail" and (unread := self._unread("unreadable")):
            return self._unclear(unread[0], name)
        return self._outcome("skipped" if how == "skip" else how, reason, metric=name)

    def _row(
        self, condition: ConditionConfig | GateConfig, name: str, row: Change
    ) -> list[Outcome]:
        settings = settings_for(row.name, self.policy.metrics)
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
            found += self._change(base, condition, self._direction(name, row), row)
        how = self.gate.on_untrusted or self.policy.defaults.on_untrusted
        return [trust.weighed(one, self.comparison.notes, how) for one in found]

    def _direction(self, name: str, row: Change) -> Direction:
        return rules.direction(
            [row.name, *rules.names_of(name, self.policy.metrics)], self.policy.metrics
        )

    def _problem(self, row: Change, settings: MetricConfig) -> tuple[Result, str] | None:
        """Why a row cannot be compared with any bound."""
        if unread := self._unread_source(row, "candidate"):
            return "inconclusive", f"cannot be judged: {unread}"
        if row.candidate is None:
            outcome = self._absent(self._vanished(row), row.name)
            return outcome.result, outcome.reason
        if not rules.is_finite(row.candidate):
            how = self.gate.on_nan or self.policy.defaults.on_nan
            return how, f"is not a finite number: {rules.shown(row.candidate)}"
        if outside := rules.out_of_range(row.candidate, settings.range):
            return "fail", outside
        return None

    def _vanished(self, row: Change) -> str:
        if row.name in RECORDED:
            return NO_RECORD
        if moved := self._elsewhere(row):
            return f"has vanished from {row.source}: {moved} has it now"
        return "has vanished: the baseline has it, the candidate does not"

    def _elsewhere(self, row: Change) -> str:
        """The file that has this metric on the other side only: the one that was renamed, or another with that name."""
        others = [
            one.source
            for one in self.comparison.metrics
            if one.name == row.name
            and (one.baseline is None) != (row.baseline is None)
            and (one.candidate is None) != (row.candidate is None)
        ]
        return min(others, default="")

    def _unread_source(self, row: Change, side: str) -> str:
        """Why a row says nothing: its file could not be read, or not without doubt (a name that stands in it twice)."""
        value = row.candidate if side == "candidate" else row.baseline
        if row.change == "unknown" and value is None:
            return row.reason
        notes = self._unread("unreadable", side=side)
        return next((note.message for note in notes if note.path == row.source), "")

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
        if reason := self._incomparable(row, direction):
            return [replace(base, result="inconclusive", reason=reason)]
        better = 1 if direction == "higher_is_better" else -1
        found = rules.change(base, condition.change, better)
        return [self._settled(one, row, better) for one in found]

    def _settled(self, one: Outcome, row: Change, better: int) -> Outcome:
        """Only a loss is weighed against chance: a gain that is too good to believe is one whatever its interval."""
        if one.kind != "regression":
            return one
        can_fail = (self.gate.level or self.policy.defaults.level) == "error"
        claims = self.claims if can_fail else None
        how = self.gate.on_inconclusive or self.policy.defaults.on_inconclusive
        settling = Settling(
            evidence=self.evidence,
            repeats=self.comparison.repeats,
            noise=None if self.gate.slices else self.gate.noise or self.policy.defaults.noise,
            claims=claims,
            trusted=how == "warn",
            alpha=self.policy.defaults.alpha,
        )
        return settling.settle(one, row, better)

    def _incomparable(self, row: Change, direction: Direction) -> str:
        assert row.baseline is not None
        if unread := self._unread_source(row, "baseline"):
            return f"cannot be judged: {unread}"
        if not rules.is_finite(row.baseline):
            return f"the baseline is not a finite number: {rules.shown(row.baseline)}"
        settings = settings_for(row.name, self.policy.metrics)
        if outside := rules.out_of_range(row.baseline, settings.range):
            return f"the baseline of {outside}"
        if direction == "neutral":
            return f"which way is better is not known: set metrics.{row.name}.direction"
        if row.scale_jump:
            return f"{row.baseline} and {row.candidate}: a fraction and a percentage?"
        return ""

    def _without_baseline(self, base: Outcome, row: Change) -> Outcome:
        first = all(one.baseline is None for one in self.comparison.metrics)
        if reason := self._unread_baseline(row):
            return replace(base, result="inconclusive", reason=reason)
        how = self.policy.on_missing_baseline
        if how == "bootstrap" and first and self.measured_since:
            reason = "the baseline has no metrics, its branch has by now: merge it into this change"
            return replace(base, result="inconclusive", reason=reason)
        if how == "bootstrap":
            how = "skip" if first else "fail"
        moved = self._elsewhere(row)
        if row.name in RECORDED and not first:
            return replace(base, result="skipped" if how == "skip" else how, reason=NO_OLD_RECORD)
        where = f", which has it in {moved}" if moved else ""
        when = "measured for the first time" if first else f"is not in the baseline{where}"
        return replace(base, result="skipped" if how == "skip" else how, reason=when)

    def _unread_baseline(self, row: Change) -> str:
        """A baseline that cannot be read is no missing one."""
        notes = self._unread("unreadable", side="baseline")
        reason = row.reason if row.change == "unknown" else notes[0].message if notes else ""
        return f"cannot be judged: {reason}" if reason else ""
