"""Comparison x Policy -> Verdict. Pure: no file is read, no clock is asked."""

from mlops_ci.gates.evaluate import judge
from mlops_ci.gates.policy import Policy, policy_of

__all__ = ["Policy", "judge", "policy_of"]
