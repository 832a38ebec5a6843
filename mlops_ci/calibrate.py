"""How often the gates of a repository are wrong, from its seeds, the runs of main and the examples of the last two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.diff import diff
from mlops_ci.errors import MlopsCiError
from mlops_ci.gate import trial
from mlops_ci.gates.calibration import calibrate

if TYPE_CHECKING:
    from mlops_ci.diff import Request
    from mlops_ci.gate_trials import Calibration
    from mlops_ci.model import ModelComparison


def calibrations(
    request: Request, policy_rev: str | None = None, *, profile: str | None = None, runs: int = 20
) -> list[Calibration]:
    """Of each model that has gates. Raises UsageError where none has."""
    tried = trial(request, policy_rev, profile=profile, runs=runs)
    return [
        calibrate(model, policy, _before(model, request))
        for model in tried.comparison.models
        if (policy := tried.policies[model.model]).gates
    ]


def _before(model: ModelComparison, request: Request) -> ModelComparison | None:
    """The run before this one beside it, for what their predictions say; None where there is none to be read."""
    if model.predictions is None or model.repeats is None or len(model.repeats.runs) < 2:
        return None
    base = model.repeats.runs[1].commit
    once = replace(request, base=base, exact=True, models=(model.model,), gates=True)
    try:
        (found,) = diff(once).models
    except MlopsCiError:
        return None
    return found
