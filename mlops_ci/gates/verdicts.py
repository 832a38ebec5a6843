"""All gates of a Policy on a Comparison, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.gates import leak
from mlops_ci.gates.evaluate import Judge
from mlops_ci.gates.measured import Evidence
from mlops_ci.gates.settle import Claims
from mlops_ci.gates.waive import waive
from mlops_ci.model import Verdict

if TYPE_CHECKING:
    from datetime import date

    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import ModelComparison, Outcome, VerdictResult

# The worst decides.
_WORST: tuple[VerdictResult, ...] = ("fail", "inconclusive", "warn", "waived", "pass")


def judge(
    comparison: ModelComparison,
    policy: Policy,
    *,
    measured_since: bool = False,
    today: date | None = None,
) -> Verdict:
    """The Verdict on one model. `no gates` and `unarmed` (not in force, or none could judge) are never a pass.

    `measured_since`: the baseline's branch has measured the model after the baseline. `today`: the day by which
    waivers expire; without one none counts.
    """
    outcomes = _outcomes(comparison, policy, measured_since=measured_since)
    if today is not None:
        outcomes = tuple(waive(outcome, policy.waivers, today) for outcome in outcomes)
    return Verdict(
        model=comparison.model,
        result=_overall(policy, outcomes),
        outcomes=outcomes,
        policy_digest=policy.digest,
        policy_rev=policy.rev,
        profile=policy.profile,
    )


def _outcomes(
    comparison: ModelComparison, policy: Policy, *, measured_since: bool
) -> tuple[Outcome, ...]:
    """Twice where losses have p-values: each is corrected for how many there are."""
    slices = {name for gate in policy.gates if gate.slices for name in gate.slices.by}
    evidence, claims = Evidence(comparison.predictions, tuple(sorted(slices))), Claims()
    found: list[Outcome] = []
    for _ in range(2):
        judges = (
            Judge(comparison, policy, gate, measured_since, evidence, claims)
            for gate in policy.gates
        )
        found = [outcome for one in judges for outcome in one.outcomes()]
        if not claims.found:
            break
        claims.correct()
    return (*found, *leak.outcomes(policy, comparison.predictions))


def _overall(policy: Policy, outcomes: tuple[Outcome, ...]) -> VerdictResult:
    if not outcomes:
        return "no gates"
    if not policy.armed:
        return "unarmed"
    found = {outcome.result for outcome in outcomes}
    return next((result for result in _WORST if result in found), "unarmed")
