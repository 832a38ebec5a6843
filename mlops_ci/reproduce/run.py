"""`mlops-ci reproduce` from beginning to end."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Literal

from mlops_ci.errors import StoppedError
from mlops_ci.frozen import dataclass
from mlops_ci.git import Repository
from mlops_ci.git.tree import CommitTree
from mlops_ci.models import inside
from mlops_ci.reproduce import causes, data, judge, observed, records
from mlops_ci.reproduce.clone import (
    active_environment,
    clone,
    isolate,
    temporary_folder,
    used,
    variables,
)
from mlops_ci.reproduce.outputs import facts_of
from mlops_ci.reproduction import Cause, Reproduction
from mlops_ci.stack.data import dvc
from mlops_ci.text import shell_word, size
from mlops_ci.train import locks
from mlops_ci.train.perform import Job, perform
from mlops_ci.train.place import Place
from mlops_ci.train.run import open_environments

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_ci.config import Config, MetricConfig
    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.record import Provenance
    from mlops_ci.reproduce.observed import Observed
    from mlops_ci.reproduction import ReproducedMetric, ReproducedOutput
    from mlops_ci.train.output import Output
    from mlops_ci.train_config import TrainConfig


Environment = Literal["", "locked", "current"]
NO_LOCK = "no lock file that can be installed from: the active environment was used"


@dataclass(frozen=True, kw_only=True)
class Request:
    """`environment`: "" is locked, where there is a lock that can be installed, else current.

    `times`: how often the whole pipeline runs. `diagnose`: run stages again to find out why they differ.
    """

    start: Path
    rev: str
    record: Path | None = None
    environment: Environment = ""
    times: int = 1
    diagnose: bool = True
    keep: bool = False


def reproduce(request: Request, output: Output) -> Reproduction:
    """Raises ToolError when it cannot be run here, StageError when a stage fails."""
    started = time.monotonic()
    try:
        done = _in_folder(request, output)
    except StoppedError as error:
        folder = "left for a look" if request.keep else "removed"
        what = f"stopped by {error.signal}: the temporary folder is {folder}, and nothing is known"
        hint = f"mlops-ci reproduce {shell_word(request.rev)}"
        raise StoppedError(what, signal=error.signal, hint=hint) from error
    return dataclasses.replace(done, seconds=time.monotonic() - started)


def _in_folder(request: Request, output: Output) -> Reproduction:
    repository = Repository.discover(request.start)
    commit = repository.commit(request.rev).oid
    source = repository.root or repository.git_dir
    with (
        active_environment(source, repository.is_tracked),
        temporary_folder(keep=request.keep) as folder,
    ):
        output.say(f"a clean clone of {commit[:7]} in {folder}")
        done = _Attempt(request, repository, commit, folder, output).reproduction()
        disk = used(folder)
    output.say(
        f"{size(disk)} on the disk {'kept in ' + str(folder) if request.keep else 'removed'}"
    )
    return dataclasses.replace(done, disk=disk)


@dataclass
class _Runs:
    training: TrainingRun
    found: list[Observed] = field(default_factory=list)


def clean_room(repository: Repository, commit: str, folder: Path) -> Place:
    """A clone of the commit that shares nothing with the repository, and its pipeline in it."""
    target = clone(repository, commit, folder)
    source = repository.root or repository.git_dir
    isolate(Place(target).project, source, target, folder)
    return Place(target)


def settings_in(place: Place, environment: Environment) -> TrainConfig:
    """How the pipeline is run there. `environment`: as in Request."""
    settings = place.config.train
    if not environment:
        lock = locks.find(place.root, settings.lock)
        environment = "locked" if lock and locks.can_install(place.root, lock) else "current"
    return dataclasses.replace(settings, environment=environment, persist="none", on_dirty="record")


def metric_settings(config: Config, path: str) -> dict[str, MetricConfig]:
    """Those of the model that the file belongs to stand before those of all."""
    own = [one for one in config.models.values() if inside(path, one.path)]
    found = dict(config.metrics)
    for one in sorted(own, key=lambda model: len(model.path)):
        found |= one.metrics
    return found


class _Attempt:
    def __init__(
        self, request: Request, repository: Repository, commit: str, folder: Path, output: Output
    ) -> None:
        self.request, self.repository, self.commit = request, repository, commit
        self.folder, self.output = folder, output
        self.remarks: list[str] = []
        self.place = clean_room(repository, commit, folder)
        self.settings = settings_in(self.place, request.environment)
        if not request.environment and self.settings.environment == "current":
            self.remarks.append(NO_LOCK)

    def reproduction(self) -> Reproduction:
        data.fetch(self.place, self.place.dvc, self.folder, self.output, self.settings)
        known = records.find(self.repository, self.place, self.commit, self.request.record)
        if not known.provenances:
            self.remarks.append("no Record of this revision: how it was trained is not known")
        before = observed.recorded(self.place, self.settings, known.provenances)
        environments = open_environments(self.place, self.settings, self.output)
        extra = variables(self.folder)
        job = Job(settings=self.settings, environments=environments, options=_FORCE, extra=extra)
        runs = self._run(job, self.request.times)
        metrics = judge.metrics(before, runs.found, self._metric_settings)
        outputs = self._outputs(before, runs.found[0], metrics)
        why = self._causes(job, runs, before, outputs, known.provenances)
        if len(runs.found) == 1 and any(one.kind in _UNSTABLE and one.measured for one in why):
            self.output.say("once more as a whole: how far do the metrics differ?")
            runs.found += self._run(job, 1).found
            metrics = judge.metrics(before, runs.found, self._metric_settings)
        return Reproduction(
            rev=self.request.rev,
            commit=self.commit,
            outputs=tuple(outputs),
            metrics=tuple(metrics),
            causes=tuple(why),
            # What was made from something else says nothing of noise.
            tolerances={}
            if any(one.kind in _OTHER_INPUTS for one in why)
            else judge.tolerances(metrics),
            remarks=tuple(self.remarks),
            record=known.where,
            runs=len(runs.found),
        )

    def _run(self, job: Job, times: int) -> _Runs:
        training = perform(self.place, job, self.output)
        runs = _Runs(training, [observed.found(self.place, self.settings)])
        for _ in range(times - 1):
            perform(self.place, job, self.output)
            runs.found.append(observed.found(self.place, self.settings))
        return runs

    def _metric_settings(self, path: str) -> dict[str, MetricConfig]:
        return metric_settings(self.place.config, path)

    def _outputs(
        self, before: Observed, found: Observed, metrics: list[ReproducedMetric]
    ) -> list[ReproducedOutput]:
        facts, left_out = facts_of(self.place.project, self.settings)
        if left_out:
            names = ", ".join(left_out)
            self.remarks.append(f"not compared, as each run has an id of its own: {names}")
        return judge.outputs(facts, before, found, metrics, self._both)

    def _both(self, path: str) -> tuple[bytes | None, bytes | None]:
        from mlops_ci.errors import UnreadableError

        try:
            return self._original.read(path), self.place.tree.read(path)
        except UnreadableError:
            return None, None

    @property
    def _original(self) -> dvc.Project:
        """The revision as the repository has it, with its cache and its remotes."""
        source = self.repository.root or self.repository.git_dir
        tool = self.place.dvc
        fetch = partial(_fetched, tool, source, self.commit) if tool else None
        bases = [source, self.repository.git_dir.parent]
        return dvc.Project(CommitTree(self.repository, self.commit), bases, fetch)

    def _causes(
        self,
        job: Job,
        runs: _Runs,
        before: Observed,
        outputs: list[ReproducedOutput],
        known: list[Provenance],
    ) -> list[Cause]:
        if all(one.level == "bytes" for one in outputs):
            return []
        first = causes.first_different(self.place, outputs)
        found = [*causes.inputs(self.place, first), *causes.params(self.place, first)]
        around = list(causes.circumstances(known[0] if known else None, runs.training))
        if self.request.diagnose and not found:
            lab = causes.Lab(place=self.place, job=job, output=self.output)
            seeds = any(self.settings.seed in one.seeds for one in known)
            compared = {one.path for one in outputs}
            hashes = {p: md5 for p, md5 in runs.found[-1].hashes.items() if p in compared}
            found += causes.experiments(lab, first, before.hashes, hashes, seed_known=seeds)
        unknown = Cause(kind="unknown", message=_UNKNOWN if self.request.diagnose else _NOT_TRIED)
        return [*found, *around] or [unknown]


_OTHER_INPUTS = ("code", "data", "params")
_NOT_TRIED = "nothing is known to differ; with --diagnose the stage runs again to find out"
_FORCE = ("--force",)
_UNSTABLE = ("nondeterminism", "threads")
_UNKNOWN = "nothing is known to differ: it gives the same result each time here, and gave another one elsewhere"


def _fetched(tool: str, source: Path, commit: str, root: str, path: str) -> bytes | None:
    return dvc.fetch(tool, source, root, path, commit)
