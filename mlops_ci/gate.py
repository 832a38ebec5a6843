"""From a repository and two names to a Comparison and a Verdict on every model."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci import config as configuration
from mlops_ci.config import Config
from mlops_ci.diff import Request, branch_of, diff, read_config
from mlops_ci.errors import ConfigError, UnreadableError, UsageError
from mlops_ci.gates import Policy, judge, policy_of
from mlops_ci.git import Repository
from mlops_ci.tree import CommitTree

if TYPE_CHECKING:
    from datetime import date

    from mlops_ci.model import Comparison, ModelComparison, Verdict


@dataclass(frozen=True, kw_only=True)
class Judged:
    comparison: Comparison
    verdicts: dict[str, Verdict]

    @property
    def blocked(self) -> bool:
        return any(verdict.blocks for verdict in self.verdicts.values())


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where the Policy is read. `files`: what it was read from, by path from the root of the repository."""

    rev: str
    config: Config | None
    path: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


def gate(request: Request, policy_rev: str | None = None, *, today: date | None = None) -> Judged:
    """The Policy is read at the tip of the baseline's branch: a change cannot loosen the gate that judges it, and
    an old branch cannot revive one that was weaker. `policy_rev`, or a config that is named, stands before that.
    `today`: instead of this day in UTC.
    """
    today = today or datetime.now(timezone.utc).date()
    repository = Repository.discover(request.start)
    own = read_config(request, repository)
    branch = branch_of(request, own, repository)
    request = replace(request, branch=branch, predictions=True)
    comparison = diff(request, repository)
    source = _source(request, own, repository, policy_rev or comparison.baseline.tip, policy_rev)
    comparison = _remeasured(comparison, source, own, request)
    late = _measured_since(request, comparison)
    alone = _is_only_commit(comparison, repository)
    verdicts = {}
    for model in comparison.models:
        policy = _policy(source, own, model.model)
        seen = _without_baseline(model) if alone else model
        since = model.model in late
        verdicts[model.model] = judge(seen, policy, measured_since=since, today=today)
    return Judged(comparison=comparison, verdicts=verdicts)


def gate_first(request: Request, policy_rev: str) -> Judged:
    """As `gate`, of `request.head` with nothing to compare it with: what a first version is judged by."""
    repository = Repository.discover(request.start)
    own = read_config(request, repository)
    request = replace(request, base=request.head, exact=True)
    source = _source(request, own, repository, policy_rev, policy_rev)
    comparison = _remeasured(diff(request, repository), source, own, request)
    today = datetime.now(timezone.utc).date()
    verdicts = {
        model.model: judge(_without_baseline(model), _policy(source, own, model.model), today=today)
        for model in comparison.models
    }
    return Judged(comparison=comparison, verdicts=verdicts)


def _policy(source: _Source, own: Config | None, model: str) -> Policy:
    """Gates that only the change under review has are shown, and decide nothing until they are merged."""
    policy = policy_of(source.config, model, rev=source.rev)
    proposed = policy_of(own, model, rev="candidate", armed=False)
    return proposed if proposed.gates and not policy.gates else policy


def _source(
    request: Request, own: Config | None, repository: Repository, rev: str, policy_rev: str | None
) -> _Source:
    if request.config is None:
        return _read(repository, rev, configuration.FILE)
    if policy_rev is None:
        return _Source(rev=str(request.config), config=own)
    root = repository.root or repository.git_dir
    try:
        path = request.config.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise UsageError(
            f"{request.config} is outside of this repository: there is none at {policy_rev}",
            hint="give --config or --policy, not both",
        ) from None
    return _read(repository, rev, path)


def _read(repository: Repository, rev: str, path: str) -> _Source:
    """Raises ConfigError, one line that names the revision."""
    commit = repository.commit(rev).oid
    tree = CommitTree(repository, commit)
    folder, name = posixpath.split(path)
    files: dict[str, bytes] = {}

    def read(below: str) -> bytes | None:
        place = posixpath.normpath(posixpath.join(folder, below))
        content = tree.read(place)
        if content is not None:
            files[place] = content
        return content

    try:
        config = configuration.load(read, name)
    except (ConfigError, UnreadableError) as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 2} more)" if lines[2:] else ""
        raise ConfigError(
            f"the gates at {commit[:7]} cannot be read: {'; '.join(lines[:2])}{more}",
            hint="mend them there; --policy REV reads them elsewhere",
        ) from error
    return _Source(rev=commit, config=config, path=path, files=files)


def _gated(config: Config | None) -> bool:
    return config is not None and (
        bool(config.gates) or any(model.gates for model in config.models.values())
    )


def _measuring(config: Config | None) -> tuple[Any, ...]:
    """What of a config decides which numbers are compared, and which way is better."""
    config = config or Config()
    models = {name: replace(model, gates=[]) for name, model in config.models.items()}
    return models, config.metrics, config.mlflow, config.slice_columns


def _remeasured(
    comparison: Comparison, source: _Source, own: Config | None, request: Request
) -> Comparison:
    """The comparison by the Policy's config, where that measures otherwise than the change's own."""
    if source.files and _gated(source.config) and _measuring(own) != _measuring(source.config):
        return _with(_measured_as(source, request), comparison, request.models)
    return comparison


def _measured_as(source: _Source, request: Request) -> Comparison | None:
    """The comparison as the Policy's config says: else a change could point a gate at better numbers.

    None: by that config there is nothing to compare.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for path, content in source.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        config = Path(folder, source.path)
        try:
            return diff(replace(request, config=config, models=()))
        except ConfigError:
            raise
        except UsageError:
            return None


def _with(found: Comparison | None, own: Comparison, wanted: tuple[str, ...]) -> Comparison:
    """The models that only the change knows are shown, and judged, beside those that its base knows."""
    if found is None:
        return own
    known = {model.model for model in found.models}
    models = [*found.models, *(model for model in own.models if model.model not in known)]
    chosen = [model for model in models if not wanted or model.model in wanted]
    return replace(found, models=tuple(sorted(chosen, key=lambda model: model.model)))


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
    return replace(model, metrics=tuple(rows), predictions=pair)
