"""From a repository and two names to a Comparison and a Verdict on every model."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from mlops_ci import proposed_policy, repeat_runs
from mlops_ci.config import Config
from mlops_ci.diff import Request, branch_of, diff, read_config
from mlops_ci.errors import ConfigError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.gates import Policy, judge, policy_of
from mlops_ci.git import Repository
from mlops_ci.policy_source import Source, is_gated, remeasured, source_of
from mlops_ci.profile_config import AT_MERGE, choose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mlops_ci.model import Comparison, ModelComparison, Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    comparison: Comparison
    verdicts: dict[str, Verdict]

    @property
    def blocked(self) -> bool:
        return any(verdict.blocks for verdict in self.verdicts.values())


def gate(
    request: Request,
    policy_rev: str | None = None,
    *,
    profile: str | None = None,
    usual: Sequence[str] = AT_MERGE,
    today: date | None = None,
) -> Judged:
    """The Policy is read at the tip of the baseline's branch: a change cannot loosen the gate that judges it, and
    an old branch cannot revive one that was weaker. `policy_rev`, or a config that is named, stands before that.
    `profile`: of the Policy; without it the first of the `usual` ones that is there. `today`: by UTC.
    """
    today = today or datetime.now(timezone.utc).date()
    repository = Repository.discover(request.start)
    own = read_config(request, repository)
    branch = branch_of(request, own, repository)
    request = replace(request, branch=branch, gates=True)
    measured = diff(request, repository)
    source = source_of(request, own, repository, policy_rev or measured.baseline.tip, policy_rev)
    comparison = remeasured(measured, source, own, request)
    comparison = repeat_runs.added(comparison, source.config or own, request, repository)
    late = _measured_since(request, comparison)
    alone = _is_only_commit(comparison, repository)
    verdicts = {}
    for model in comparison.models:
        policy = _policy(source, own, model.model, profile, usual)
        seen = _without_baseline(model) if alone else model
        since = model.model in late
        verdicts[model.model] = judge(seen, policy, measured_since=since, today=today)
    if request.config is None and policy_rev is None and own != source.config:
        comparison = proposed_policy.remarked(
            comparison,
            proposed_policy.began_with(repository, comparison),
            own,
            partial(proposed_policy.policy_in, profile=profile, usual=usual),
            seen={model.model: model for model in measured.models},
            today=today,
        )
    return Judged(comparison=comparison, verdicts=verdicts)


def gate_first(
    request: Request,
    policy_rev: str,
    *,
    profile: str | None = None,
    usual: Sequence[str] = AT_MERGE,
) -> Judged:
    """As `gate`, of `request.head` with nothing to compare it with: what a first version is judged by."""
    repository = Repository.discover(request.start)
    own = read_config(request, repository)
    request = replace(request, base=request.head, exact=True, gates=True)
    source = source_of(request, own, repository, policy_rev, policy_rev)
    comparison = remeasured(diff(request, repository), source, own, request)
    today = datetime.now(timezone.utc).date()
    verdicts = {}
    for model in comparison.models:
        policy = _policy(source, own, model.model, profile, usual)
        verdicts[model.model] = judge(_without_baseline(model), policy, today=today)
    return Judged(comparison=comparison, verdicts=verdicts)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One revision beside itself, so that nothing has changed, and the Policy that judges each model."""

    comparison: Comparison
    policies: dict[str, Policy]


def trial(
    request: Request,
    policy_rev: str | None = None,
    *,
    profile: str | None = None,
    runs: int | None = None,
) -> Trial:
    """What gates are tried out on: `request.head`, or the work tree, with the gates that are there.

    `runs`: how many of its history; default: as many as gates ask for. Raises UsageError where nothing is gated.
    """
    repository = Repository.discover(request.start)
    own = read_config(request, repository)
    request = replace(request, base=request.head or "HEAD", exact=True, gates=True)
    comparison = diff(request, repository)
    source = Source(rev="work tree", config=own)
    if rev := policy_rev or request.head:
        source = source_of(request, own, repository, rev, policy_rev)
        comparison = remeasured(comparison, source, own, request)
    config = source.config or Config()
    if not is_gated(source.config):
        raise UsageError(
            "there are no gates to try", hint="write them to mlops-ci.yaml: docs/gate.md"
        )
    comparison = repeat_runs.added(comparison, config, request, repository, runs)
    models = tuple(map(_beside_itself, comparison.models))
    wanted = choose(config.profiles, profile, AT_MERGE, f"in the gates at {source.rev[:7]}")
    policies = {
        model.model: policy_of(config, model.model, rev=source.rev, profile=wanted)
        for model in models
    }
    return Trial(comparison=replace(comparison, models=models), policies=policies)


def _beside_itself(model: ModelComparison) -> ModelComparison:
    rows = (
        replace(row, baseline=row.candidate, delta=None, relative=None, change="same")
        for row in model.metrics
        if row.candidate is not None
    )
    pair, repeats = model.predictions, model.repeats
    return replace(
        model,
        metrics=tuple(rows),
        predictions=pair and replace(pair, baseline=pair.candidate),
        repeats=repeats and replace(repeats, baseline=repeats.candidate),
        notes=(),
    )


def _policy(
    source: Source, own: Config | None, model: str, profile: str | None, usual: Sequence[str]
) -> Policy:
    """Gates that only the change under review has are shown, and decide nothing until they are merged."""
    if not policy_of(source.config, model, rev="").judges:
        known = own.profiles if own else {}
        wanted = choose(known, profile if profile in known else None, usual, "")
        proposed = policy_of(own, model, rev="candidate", armed=False, profile=wanted)
        if proposed.judges:
            return proposed
    known = source.config.profiles if source.config else {}
    wanted = choose(known, profile, usual, f"in the gates at {source.rev[:7]}")
    return policy_of(source.config, model, rev=source.rev, profile=wanted)


def _measured_since(request: Request, comparison: Comparison) -> set[str]:
    """Models without a baseline because the change left its branch before they were measured there."""
    tip = comparison.baseline.tip
    new = {model.model for model in comparison.models if _is_new(model)}
    if not new or tip == comparison.baseline.origin.commit:
        return set()
    try:
        there = diff(replace(request, base=tip, head=tip, exact=True, models=()))
    except ConfigError:
        raise
    except UsageError:
        return set()
    return new & {model.model for model in there.models if model.metrics or model.notes}


def _is_new(model: ModelComparison) -> bool:
    return bool(model.metrics) and all(row.baseline is None for row in model.metrics)


def _is_only_commit(comparison: Comparison, repository: Repository) -> bool:
    """The only commit of a repository is compared with itself, which says nothing."""
    base, new = comparison.baseline.origin, comparison.candidate
    itself = base.rev == "HEAD" and base.commit in (new.commit, new.head)
    return itself and not repository.commit("HEAD").parents


def _without_baseline(model: ModelComparison) -> ModelComparison:
    """As measured for the first time, unless the work tree differs."""
    if any(row.change != "same" for row in model.metrics):
        return model
    rows = (replace(row, baseline=None, change="added") for row in model.metrics)
    pair = model.predictions and replace(model.predictions, baseline=None)
    return replace(model, metrics=tuple(rows), predictions=pair, repeats=None)
