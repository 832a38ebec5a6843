"""Comparison x Policy -> Verdict. Pure: no file is read, no clock is asked."""

from mlops_ci.gates.policy import Policy, policy_of
from mlops_ci.gates.verdicts import judge

__all__ = ["Policy", "judge", "policy_of"]
