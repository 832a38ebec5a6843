"""Gates that a change brings along are shown beside those that judge it, with what they would say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.config import Config
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.gates import judge, policy_of
from mlops_ci.gates.loosened_config import in_config
from mlops_ci.gates.proposed import remark
from mlops_ci.git.tree import CommitTree
from mlops_ci.profile_config import AT_MERGE, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from mlops_ci.gates import Policy
    from mlops_ci.git import Repository
    from mlops_ci.model import Comparison, ModelComparison

    PolicyOf = Callable[[Config | None, str], Policy]


def policy_in(
    config: Config | None, model: str, profile: str | None = None, usual: Sequence[str] = AT_MERGE
) -> Policy:
    """The Policy of a model in `profile`, where the config has that, else in the first of the `usual` ones."""
    known = config.profiles if config else {}
    wanted = choose(known, profile if profile in known else None, usual, "")
    return policy_of(config, model, rev="candidate", profile=wanted)


def remarked(
    comparison: Comparison,
    before: Config | None,
    own: Config | None,
    policy: PolicyOf,
    *,
    seen: Mapping[str, ModelComparison],
    today: date,
) -> Comparison:
    """A note on each model whose gates are others in `own`, of the change, than in `before`, where it began.

    `seen`: the models as `own` measures them.
    """
    if before == own:
        return comparison

    def noted(model: ModelComparison) -> ModelComparison:
        after = policy(own, model.model)
        verdict = judge(seen.get(model.model, model), after, today=today)
        elsewhere = in_config(before or Config(), own or Config(), model.model)
        note = remark(policy(before, model.model), after, verdict, elsewhere)
        return replace(model, notes=(*model.notes, note)) if note else model

    return replace(comparison, models=tuple(map(noted, comparison.models)))


def began_with(repository: Repository, comparison: Comparison) -> Config | None:
    """The config where the change left the branch that it is compared with: what is newer there is not its own."""
    tip = repository.commit(comparison.baseline.tip)
    head = comparison.candidate.commit or comparison.candidate.head or tip.oid
    start = repository.merge_base(tip, repository.commit(head)) or tip.oid
    try:
        return configuration.load(CommitTree(repository, start).read)
    except (ConfigError, UnreadableError):
        return None  # it judged nothing
