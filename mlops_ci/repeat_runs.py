"""Seeds at both origins, and the last runs of main, added to a Comparison for the gates that ask for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import Config
from mlops_ci.diff import diff
from mlops_ci.errors import MlopsCiError, UnreadableError
from mlops_ci.git.tree import CommitTree, WorkTree
from mlops_ci.repeats import Repeats, Run, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.diff import Request
    from mlops_ci.git import Repository
    from mlops_ci.git.tree import Tree
    from mlops_ci.model import Comparison, ModelComparison

# Commits of main that are looked at for runs: most train nothing.
_COMMITS = 200


def added(
    comparison: Comparison,
    config: Config | None,
    request: Request,
    repository: Repository,
    runs: int | None = None,
) -> Comparison:
    """By the config that judges: it says where seeds are, and how many runs gates ask for, unless `runs` does."""
    config = config or Config()
    base = CommitTree(repository, comparison.baseline.origin.commit or "")
    head = _head(comparison, repository)
    path, wanted = config.train.seed_metrics, _runs_wanted(config) if runs is None else runs
    last = _last_runs(comparison, wanted, request, repository) if wanted else {}
    models = (
        replace(one, repeats=_repeats(one, path, base, head, last.get(one.model, ())))
        for one in comparison.models
    )
    return replace(comparison, models=tuple(models))


def _head(comparison: Comparison, repository: Repository) -> Tree:
    commit = comparison.candidate.commit
    if commit is not None or repository.root is None:
        return CommitTree(repository, commit or "")
    return WorkTree(repository, repository.root)


def _runs_wanted(config: Config) -> int:
    """The most that any gate asks for."""
    noises = [config.defaults.noise, *(gate.noise for gate in config.every_gate)]
    return max((one.runs for one in noises if one and one.source == "history"), default=0)


def _repeats(
    model: ModelComparison, path: str, base: Tree, head: Tree, runs: tuple[Run, ...]
) -> Repeats | None:
    sides, reasons = [], []
    for side, tree in (("baseline", base), ("candidate", head)):
        try:
            content = tree.read(path)
            sides.append(None if content is None else parse(path, content, model.model))
        except UnreadableError as error:
            sides.append(None)
            reasons.append(f"the {side}'s {error}{f': {error.hint}' if error.hint else ''}")
    if not (any(sides) or reasons or runs):
        return None
    old, new = sides
    reason = "; ".join(reasons)
    return Repeats(path=path, baseline=old, candidate=new, reason=reason, runs=runs)


def _last_runs(
    comparison: Comparison, count: int, request: Request, repository: Repository
) -> dict[str, tuple[Run, ...]]:
    """Of each model, the newest first, from the baseline back. A commit is a run when its metrics are not those of
    the one before it: a training that gives the very same numbers says nothing of noise.
    """
    found: dict[str, list[Run]] = {one.model: [] for one in comparison.models}
    for run_of in _measured(comparison, request, repository):
        for model, run in run_of.items():
            known = found.get(model)
            if known is None or not run.values:
                continue
            if known and known[-1].values == run.values:
                known[-1] = run  # the commit that trained is the oldest that has these numbers
            elif len(known) < count:
                known.append(run)
        if all(len(known) >= count for known in found.values()):
            break
    return {model: tuple(known) for model, known in found.items()}


def _measured(
    comparison: Comparison, request: Request, repository: Repository
) -> Iterator[dict[str, Run]]:
    start = comparison.baseline.origin.commit or ""
    for commit in _candidates(comparison, start, repository):
        once = replace(
            request, base=commit, head=commit, exact=True, models=(), plots=False, gates=False
        )
        try:
            there = diff(once, repository)
        except MlopsCiError:
            continue  # a commit whose config or metrics cannot be read is no run
        yield {one.model: Run(commit=commit, values=_values(one)) for one in there.models}


def _candidates(comparison: Comparison, start: str, repository: Repository) -> list[str]:
    """The commits that may have trained: those that touch a metrics file or a dvc.lock."""
    files = sorted({row.source for one in comparison.models for row in one.metrics})
    named = [f":(literal,top){path}" for path in files]
    paths = [*named, ":(top,glob)**/dvc.lock", ":(top,glob)**/*.dvc"]
    log = ("rev-list", "--first-parent", f"--max-count={_COMMITS}", start)
    return repository.lines(*log, "--", *paths)


def _values(model: ModelComparison) -> dict[tuple[str, str], object]:
    return {
        (row.source, row.name): row.candidate
        for row in model.metrics
        if row.candidate is not None and not row.hidden
    }
