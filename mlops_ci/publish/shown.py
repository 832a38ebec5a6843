"""What is published: models of one or of many jobs, as one report."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.errors import UsageError
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_ci.model import Comparison, ModelComparison, Outcome, Verdict

# The worst decides for all models.
WORST = ("fail", "inconclusive", "warn", "waived", "unarmed", "no gates", "pass")
DECLARED = "declared by the pull request, not verified"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """`declared`: the numbers are the word of a pull request whose code nobody has looked at."""

    comparison: Comparison
    verdicts: dict[str, Verdict]
    declared: bool = False

    @property
    def blocked(self) -> bool:
        return any(one.blocks for one in self.verdicts.values())

    @property
    def lets_pass(self) -> bool:
        """Whether there is a model that nothing blocks, by gates that judged it."""
        return any(one.result in ("pass", "warn", "waived") for one in self.verdicts.values())

    @property
    def result(self) -> str:
        found = {one.result for one in self.verdicts.values()}
        return next((one for one in WORST if one in found), "no gates")

    @property
    def counts(self) -> dict[str, int]:
        """Outcomes by result."""
        return dict(Counter(one.result for each in self.verdicts.values() for one in each.outcomes))

    @property
    def changed(self) -> bool:
        """Whether anybody needs to look: a metric moved, a verdict is no plain pass, a note doubts the numbers."""
        models = self.comparison.models
        moved = any(row.change != "same" for one in models for row in one.metrics if not row.hidden)
        noted = any(one.notes for one in models)
        return moved or noted or self.result not in ("pass", "no gates")

    def only(self, names: Iterable[str]) -> Shown:
        wanted = set(names)
        models = tuple(one for one in self.comparison.models if one.model in wanted)
        verdicts = {name: one for name, one in self.verdicts.items() if name in wanted}
        comparison = replace(self.comparison, models=models)
        return replace(self, comparison=comparison, verdicts=verdicts)


def joined(parts: Sequence[Shown]) -> Shown:
    """Of several jobs: all of the same candidate, each model of one job."""
    first = parts[0]
    models: dict[str, ModelComparison] = {}
    verdicts: dict[str, Verdict] = {}
    for part in parts:
        if part.comparison.candidate.commit != first.comparison.candidate.commit:
            raise UsageError(
                "the reports are of different commits",
                hint="publish together what one workflow run has measured",
            )
        for one in part.comparison.models:
            if one.model in models:
                raise UsageError(f"two reports are of the model {one.model!r}")
            models[one.model] = one
        verdicts |= part.verdicts
    ordered = tuple(models[name] for name in sorted(models))
    comparison = replace(first.comparison, models=ordered)
    return Shown(comparison=comparison, verdicts=verdicts, declared=any(p.declared for p in parts))


def baselines(parts: Sequence[Shown]) -> dict[str, list[str]]:
    """Baseline commit -> models, where the jobs did not all compare with the same one."""
    found: dict[str, list[str]] = {}
    for part in parts:
        commit = part.comparison.baseline.origin.commit or ""
        found.setdefault(commit, []).extend(one.model for one in part.comparison.models)
    return found if len(found) > 1 else {}


def telling(verdict: Verdict) -> Outcome | None:
    """The Outcome that the verdict turns on, of those with a number."""
    rank = {result: at for at, result in enumerate(WORST)}
    measured = [
        one
        for one in verdict.outcomes
        if isinstance(one.value, (int, float)) and not isinstance(one.value, bool) and one.metric
    ]
    return min(measured, key=lambda one: rank.get(one.result, len(rank)), default=None)
