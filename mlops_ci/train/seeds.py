"""The same training with several seeds, each in a work area of its own: what differs then is the noise of training."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import StageError, ToolError, UsageError
from mlops_ci.evidence import models_made
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import store
from mlops_ci.lineage.statement import finite
from mlops_ci.lineage.worktree import WorkTreeFacts
from mlops_ci.train.order import address, downstream, needed
from mlops_ci.train.place import Place
from mlops_ci.train.tracked import tracked_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.train.output import Output
    from mlops_ci.train.perform import Job
    from mlops_ci.train_config import TrainConfig

SCHEMA_VERSION = 1
FOLDER = "seeds"
# Nothing of such a run gets into the cache of runs, where a run with another seed would find it.
_OPTIONS = ("--force", "--no-commit", "--no-run-cache")
# A model's metrics file, then the metric, then a value a seed.
_Metrics = dict[str, dict[str, dict[str, list[Any]]]]


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """How many seeds, and the stages that a seed changes."""

    count: int
    stages: frozenset[str]


def run(
    place: Place, job: Job, first: TrainingRun, seeds: Seeds, output: Output
) -> tuple[int, ...]:
    """Train with each seed, from that of the config on, and keep their metrics. Raises StageError as a run does."""
    affected, count = seeds.stages, seeds.count
    start = job.settings.seed
    chosen = tuple(range(start, start + count))
    ran = {one.name for one in first.stages if one.result == "ran"}
    found: _Metrics = {}
    for seed in chosen:
        output.say(f"seed {seed} ({chosen.index(seed) + 1} of {count})")
        # A model that was there before the run may have been trained with any seed.
        if seed == start and ran >= affected:
            _note(place.root, place.head, found)
            continue
        with _area(place, affected) as root:
            _train(place, root, job, seed, affected, output)
            _note(root, place.head, found)
    _write(place, job, chosen, found)
    return chosen


def plan(place: Place, settings: TrainConfig, count: int) -> Seeds:
    """The stages that make models, or those that are named, and all that read from them. Raises UsageError."""
    project = place.project
    if count == 1:
        return Seeds(count=1, stages=frozenset())
    if settings.command is not None:
        raise UsageError(
            "several seeds need the stages of a dvc.yaml", hint="mlops-ci train --seed"
        )
    made = models_made(project, project.stages)
    makers = {address(one) for one in project.stages if set(one.stage.outs) & made}
    first = set(settings.seed_stages) or makers
    if not first:
        raise UsageError(
            "no stage is known to make a model",
            hint="train: {seed_stages: [NAME]} in mlops-ci.yaml",
        )
    needed(project, first)  # a name that is no stage
    return Seeds(count=count, stages=frozenset(downstream(project, first)))


def _train(
    place: Place, root: Path, job: Job, seed: int, affected: frozenset[str], output: Output
) -> None:
    settings = dataclasses.replace(job.settings, seed=seed)
    once = dataclasses.replace(
        job, settings=settings, stages=tuple(sorted(affected)), options=_OPTIONS
    )
    try:
        tracked_run(Place(root), once, output, home=place.root)
    except StageError as error:
        raise StageError(
            f"with seed {seed}: {error}", hint=f"mlops-ci train --seed {seed}"
        ) from error


@contextmanager
def _area(place: Place, affected: frozenset[str]) -> Iterator[Path]:
    """A second work tree with what the stages read, and the cache of the first. It is gone afterwards."""
    # A model without a name of its own has that of the folder.
    folder = store.make_folder(place.root) / FOLDER / place.root.name
    _remove(place, folder)  # of a run that was killed
    added = place.repository.git("worktree", "add", "--quiet", "--detach", str(folder), place.head)
    if added.returncode:
        raise ToolError(
            f"there is no place for another work tree: {added.last_line}", hint="df -h ."
        )
    try:
        _copy_changes(place, folder)
        _copy_inputs(place, folder, affected)
        _share_cache(place, folder)
        yield folder
    except OSError as error:
        raise ToolError(
            f"the work area of a seed cannot be filled: {error.strerror}", hint="df -h ."
        ) from error
    finally:
        _remove(place, folder)


def _remove(place: Place, folder: Path) -> None:
    shutil.rmtree(folder.parent, ignore_errors=True)
    place.repository.git("worktree", "prune")


def _copy_changes(place: Place, folder: Path) -> None:
    for path in Place(place.root).tree.status:
        source, target = place.root / path, folder / path
        if source.is_file():
            _copy(source, target)
        else:
            target.unlink(missing_ok=True)


def _copy_inputs(place: Place, folder: Path, affected: frozenset[str]) -> None:
    """What Git does not have of what the stages read: data, and what earlier stages made. A copy: a stage may write."""
    stages = [one.stage for one in place.project.stages if address(one) in affected]
    made = {path for one in stages for path in one.all_outs}
    for path in sorted({dep for one in stages for dep in one.deps} - made):
        source, target = place.root / path, folder / path
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, symlinks=False)
        elif source.is_file() and not target.exists():
            _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copymode(source, target)


def _share_cache(place: Place, folder: Path) -> None:
    """DVC looks there for the listings of folders."""
    for root in place.project.roots:
        local = folder / root / ".dvc/config.local"
        if local.parent.is_dir():
            cache = place.project.cache.folders[0]
            local.write_text(f"[cache]\n    dir = {os.fspath(cache)}\n", encoding="utf-8")


def _note(root: Path, head: str, found: _Metrics) -> None:
    for model in WorkTreeFacts(root).models(head):
        own = found.setdefault(model.snapshot.model, {})
        for one in model.snapshot.metrics:
            own.setdefault(one.source, {}).setdefault(one.name, []).append(one.value)


def _write(place: Place, job: Job, chosen: tuple[int, ...], found: _Metrics) -> None:
    content = {"schema_version": SCHEMA_VERSION, "seeds": list(chosen), "models": finite(found)}
    path = place.root / job.settings.seed_metrics
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ToolError(f"{job.settings.seed_metrics}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
