"""Examples that a model was trained on prove nothing of it: none may be among those that it is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.model import Outcome
from mlops_ci.predictions import LEAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import Result
    from mlops_ci.predictions import PredictionPair

_SHOWN = 3


def outcomes(policy: Policy, pair: PredictionPair | None) -> Iterator[Outcome]:
    """One, where the policy names what the model was trained on."""
    if policy.predictions is None or policy.predictions.train is None:
        return
    how: Result = policy.predictions.on_leak
    found = pair.leak if pair else None
    if found is None or found.reason:
        reason = found.reason if found else "predictions are not at hand"
        unclear: Result = "inconclusive" if how == "fail" else "warn"
        what = f"whether it was trained on what evaluates it cannot be told: {reason}"
        yield Outcome(gate=LEAK, result=unclear, reason=what)
        return
    count = len(found.ids)
    of = f"of {text.plural(found.count, 'evaluation example')}"
    if not count:
        reason = f"none {of} is in {found.path}"
        yield Outcome(gate=LEAK, result="pass", reason=reason, source=found.path, value=0)
        return
    named = ", ".join(map(repr, found.ids[:_SHOWN]))
    more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
    reason = f"{count:,} {of} {'is' if count == 1 else 'are'} in {found.path} too: {named}{more}"
    yield Outcome(gate=LEAK, result=how, reason=reason, source=found.path, value=count)
