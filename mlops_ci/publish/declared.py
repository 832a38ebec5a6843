"""Numbers from a job that ran code nobody has looked at: no verdict of theirs counts, it is computed again here.

By the Policy of the base branch, as it is now; read through the API, since nothing of the change is checked out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.compare import compare
from mlops_ci.errors import ConfigError, UsageError
from mlops_ci.gates import judge, policy_of
from mlops_ci.model import Measurement, ModelComparison, Origin, Snapshot
from mlops_ci.profile_config import AT_MERGE, choose
from mlops_ci.publish.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from mlops_ci.config import Config, MetricConfig
    from mlops_ci.gates import Policy
    from mlops_ci.model import Change, Comparison, Note, Value
    from mlops_ci.report.parse import Parsed


def base_config(read: Callable[[str], bytes | None], commit: str) -> Config | None:
    """mlops-ci.yaml of the base. Raises ConfigError, one line that names the commit."""
    try:
        return configuration.load(read)
    except ConfigError as error:
        first, *others = str(error).splitlines()
        more = f" (and {len(others)} more)" if others else ""
        raise ConfigError(
            f"the gates at {commit[:7]} cannot be read: {first}{more}",
            hint="mend them on the base branch",
        ) from error


def judged(
    parsed: Parsed,
    config: Config | None,
    commit: str,
    *,
    is_fork: bool,
    profile: str | None = None,
    has_seeds: bool = False,
    today: date | None = None,
) -> Shown:
    """The same rows with deltas and directions of our own, and Verdicts by `config`, which was read at `commit`.

    `has_seeds`: what several seeds measured is there.
    """
    if not parsed.complete:
        raise UsageError(
            "the report leaves out what did not change, so it cannot be judged",
            hint="write it with: mlops-ci gate --json --all > gate.json",
        )
    today = today or datetime.now(timezone.utc).date()
    models = tuple(_measured(one, config) for one in _with_missing(parsed.comparison, config))
    wanted = choose(
        config.profiles if config else {}, profile, AT_MERGE, f"in the gates at {commit[:7]}"
    )
    policies = {
        one.model: policy_of(config, one.model, rev=commit, profile=wanted) for one in models
    }
    verdicts = {one.model: judge(one, policies[one.model], today=today) for one in models}
    # `how` is free text, in a place where only we speak.
    baseline = replace(parsed.comparison.baseline, how="")
    comparison = replace(parsed.comparison, baseline=baseline, models=models)
    declared = is_fork and not (config is not None and config.forks == "trust")
    # Gates with intervals need more than a report holds: judged by single numbers it is no success.
    declared = declared or has_seeds or any(map(_weighs, policies.values()))
    return Shown(comparison=comparison, verdicts=verdicts, declared=declared)


def _weighs(policy: Policy) -> bool:
    noises = [policy.defaults.noise, *(gate.noise for gate in policy.gates)]
    return policy.predictions is not None or any(noises)


def _with_missing(comparison: Comparison, config: Config | None) -> list[ModelComparison]:
    """A model that the base knows and the report leaves out has no metric: its gates say so."""
    known = {one.model for one in comparison.models}
    missing = sorted(set(config.models if config else ()) - known)
    return [*comparison.models, *(ModelComparison(model=name) for name in missing)]


def _measured(model: ModelComparison, config: Config | None) -> ModelComparison:
    """Which way is better, by how much, and what becomes of the gates, is not for the change to say."""
    own = config.models.get(model.model) if config else None
    settings = {**(config.metrics if config else {}), **(own.metrics if own else {})}
    read = [row for row in model.metrics if row.change != "unknown"]
    fresh = compare(_side(model.model, read, 0), _side(model.model, read, 1), settings).metrics
    unknown = tuple(row for row in model.metrics if row.change == "unknown")
    rows = sorted((*fresh, *unknown), key=lambda row: (row.source, row.name))
    notes = tuple(_remark(one) for one in model.notes if one.kind != "policy-changed")
    params = _params(model, settings)
    # What is in production is not for the change to say either.
    return replace(model, metrics=tuple(rows), params=params, notes=notes, champion=None)


def _remark(note: Note) -> Note:
    """Its words are the change's own, and none of them tells a reader what to type: that would come from us."""
    return replace(note, message=f"declared: {note.message}", fix="")


def _params(model: ModelComparison, settings: Mapping[str, MetricConfig]) -> tuple[Change, ...]:
    del settings  # a param has no better
    name = model.model
    read = [row for row in model.params if row.change != "unknown"]
    old, new = (
        replace(_side(name, read, at), params=_values(read, at), metrics=()) for at in (0, 1)
    )
    unknown = tuple(row for row in model.params if row.change == "unknown")
    return (*compare(old, new).params, *unknown)


def _side(model: str, rows: list[Change], at: int) -> Snapshot:
    origin = Origin(rev="declared", commit=None)
    return Snapshot(model=model, origin=origin, metrics=_values(rows, at))


def _values(rows: list[Change], at: int) -> tuple[Measurement, ...]:
    def value(row: Change) -> Value | None:
        return row.candidate if at else row.baseline

    return tuple(
        Measurement(name=row.name, source=row.source, value=found, where="declared")
        for row in rows
        if (found := value(row)) is not None
    )
