"""From a repository and two names to a Comparison and a Verdict on every model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.diff import Request, diff, read_config
from mlops_ci.gates import Policy, judge, policy_of
from mlops_ci.git import Repository
from mlops_ci.tree import CommitTree

if TYPE_CHECKING:
    from mlops_ci.config import Config
    from mlops_ci.model import Comparison, Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    comparison: Comparison
    verdicts: dict[str, Verdict]

    @property
    def blocked(self) -> bool:
        return any(verdict.blocks for verdict in self.verdicts.values())


def gate(request: Request, policy_rev: str | None = None) -> Judged:
    """The Policy is read at the tip of the baseline's branch: a change cannot loosen the gate that judges it, and
    an old branch cannot revive one that was weaker. `policy_rev`, or a config that is named, stands before that.
    """
    comparison = diff(request)
    base, rev = _policy_config(request, comparison, policy_rev)
    own = read_config(request)
    verdicts = {}
    for model in comparison.models:
        policy = policy_of(base, model.model, rev=rev)
        if not policy.gates:
            policy = _unarmed(own, model.model, policy)
        verdicts[model.model] = judge(model, policy)
    return Judged(comparison=comparison, verdicts=verdicts)


def _policy_config(
    request: Request, comparison: Comparison, policy_rev: str | None
) -> tuple[Config | None, str]:
    if request.config is not None and policy_rev is None:
        return read_config(request), str(request.config)
    repository = Repository.discover(request.start)
    commit = repository.commit(policy_rev or comparison.baseline.tip).oid
    return configuration.load(CommitTree(repository, commit).read), commit


def _unarmed(own: Config | None, model: str, policy: Policy) -> Policy:
    """Gates that only the change under review has are shown, and decide nothing until they are merged."""
    proposed = policy_of(own, model, rev="candidate", armed=False)
    return proposed if proposed.gates else policy
