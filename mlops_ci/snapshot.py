"""What was measured at an origin: one Snapshot per model, read without a checkout."""

from __future__ import annotations

import fnmatch
import math
import posixpath
from typing import TYPE_CHECKING, Any

from mlops_ci import environment, evidence, formats
from mlops_ci.errors import UnreadableError
from mlops_ci.model import (
    CodeFile,
    Fact,
    Measurement,
    Origin,
    Package,
    Plot,
    Snapshot,
    Unknown,
)
from mlops_ci.models import ModelFiles, inside
from mlops_ci.stack.data import dvc
from mlops_ci.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.stack.data.dvc import Locked, Pipeline, Project
    from mlops_ci.tracking import Tracking


def take(
    project: Project, models: list[ModelFiles], origin: Origin, tracking: Tracking
) -> list[Snapshot]:
    """A Snapshot of each model. It never fails: what cannot be read is listed in `unknown`."""
    shared = _Shared(project, tracking)
    return [_Snapshooter(project, shared, model, origin).snapshot() for model in models]


class _Shared:
    """What is looked up once for all models of a repository."""

    def __init__(self, project: Project, tracking: Tracking) -> None:
        self.tracking = tracking
        self.pipelines: dict[str, list[Pipeline]] = {}
        self.stages: dict[str, list[Locked]] = {}
        for pipeline in project.pipelines:
            self.pipelines.setdefault(pipeline.folder, []).append(pipeline)
        for locked in project.stages:
            self.stages.setdefault(locked.pipeline.folder, []).append(locked)
        self.lock_files = sorted(filter(environment.is_lock_file, project.tree.entries))
        project.tree.expect([path for locked in project.stages for path in locked.stage.metrics])


class _Snapshooter:
    def __init__(
        self, project: Project, shared: _Shared, model: ModelFiles, origin: Origin
    ) -> None:
        self.project = project
        self.shared = shared
        self.model = model
        self.origin = origin
        self.tree = project.tree
        self.unknown: list[Unknown] = []
        self.facts: list[Fact] = []
        folders = sorted(model.folders)
        self.pipelines = [one for folder in folders for one in shared.pipelines.get(folder, ())]
        self.stages = [one for folder in folders for one in shared.stages.get(folder, ())]

    def snapshot(self) -> Snapshot:
        digest = self._lock_digest()
        tracked = self.shared.tracking.read(
            self.project, self.model, self.stages, self.origin, digest
        )
        self.unknown += tracked.unknown
        metrics = (*self._metrics(), *tracked.metrics)
        params = (*self._params(), *tracked.params)
        data, code = evidence.data_and_code(self.project, self.model, self.stages)
        packages = tuple(self._environment())
        self._problems()
        self._dirty(code)
        return Snapshot(
            model=self.model.name,
            origin=self.origin,
            metrics=metrics,
            params=params,
            data=data,
            evaluation=evidence.evaluation_data(
                self.project, self.stages, {m.source for m in metrics}
            ),
            environment=packages,
            code=code,
            plots=tuple(self._plots()),
            artifacts=tuple(one for pipeline in self.pipelines for one in pipeline.artifacts),
            unknown=tuple(self.unknown),
            facts=tuple(self.facts),
            lock_digest=digest,
        )

    def _metrics(self) -> Iterable[Measurement]:
        for path in self._expanded(self._metrics_files(), "metrics"):
            content = self._content(path, "metrics")
            if content is None:
                continue
            values = self._values(path, content, "metrics")
            if fact := evidence.lock_mismatch(self.project, path, content):
                self.facts.append(fact)
            for name, value in formats.flatten(values, _stem(path, values)):
                if isinstance(value, float) and not math.isfinite(value):
                    self.facts.append(_not_a_number(path, name, value))
                yield self._measurement(path, name, value)

    def _metrics_files(self) -> list[str]:
        declared = [path for pipeline in self.pipelines for path in pipeline.metrics]
        staged = [path for locked in self.stages for path in locked.stage.metrics]
        pointed = [
            path
            for path, out in self.project.pointers.items()
            if out.metric and inside(path, self.model.root)
        ]
        extra = self.model.config.metrics_files if self.model.config else []
        return [*staged, *declared, *pointed, *self._configured(extra)]

    def _configured(self, patterns: list[str]) -> Iterable[str]:
        for pattern in patterns:
            path = posixpath.normpath(posixpath.join(self.model.root, pattern))
            if any(mark in pattern for mark in "*?["):
                yield from fnmatch.filter(self.tree.below(self.model.root), path)
            else:
                yield path

    def _expanded(self, paths: Iterable[str], kind: Any) -> list[str]:
        found: dict[str, None] = {}
        for path in dict.fromkeys(paths):
            try:
                found |= dict.fromkeys(self.project.expand(path))
            except UnreadableError as error:
                self._not_read(kind, path, error)
        return list(found)

    def _content(self, path: str, kind: Any) -> bytes | None:
        try:
            return self.project.read(path)
        except UnreadableError as error:
            self._not_read(kind, path, error)
            return None

    def _values(self, path: str, content: bytes, kind: Any) -> Any:
        try:
            return formats.parse(path, content)
        except UnreadableError as error:
            self._not_read(kind, path, error)
            return {}

    def _measurement(self, path: str, name: str, value: Any) -> Measurement:
        where = f"{path}:{name}@{self.origin.label}"
        return Measurement(name=name, source=path, value=value, where=where)

    def _params(self) -> Iterable[Measurement]:
        wanted: dict[str, list[str] | None] = {}
        for locked in self.stages:
            for file, keys in locked.stage.params.items():
                dvc.add_params(wanted, file, keys)
        whole = [path for pipeline in self.pipelines for path in pipeline.params]
        extra = self.model.config.params_files if self.model.config else []
        for file in [*whole, *self.model.defaults, *self._configured(extra)]:
            dvc.add_params(wanted, file, None)
        for file, keys in wanted.items():
            yield from self._params_of(file, keys)
        yield from self._variables(set(wanted))

    def _params_of(self, file: str, keys: list[str] | None) -> Iterable[Measurement]:
        for path in self._expanded([file], "params"):
            content = self._content(path, "params")
            if content is None:
                continue
            values = self._values(path, content, "params")
            chosen = values if keys is None else formats.select(values, keys)
            for name, value in formats.flatten(chosen, _stem(path, chosen)):
                yield self._measurement(path, name, value)

    def _variables(self, files: set[str]) -> Iterable[Measurement]:
        """Values that `${…}` took from a file that is no params file of a stage: they shape the run as well."""
        used: dict[str, dict[str, Any]] = {}
        for locked in self.stages:
            for file, values in locked.stage.variables.items():
                if file not in files:
                    used.setdefault(file, {}).update(values)
        for file, values in used.items():
            for name, value in formats.flatten(values):
                yield self._measurement(file, name, value)

    def _plots(self) -> Iterable[Plot]:
        for locked in self.stages:
            yield from locked.stage.plots
        for pipeline in self.pipelines:
            yield from pipeline.plots

    def _environment(self) -> Iterable[Package]:
        folders = {
            folder for start in self.model.folders | {self.model.root} for folder in _upwards(start)
        }
        for path in self.shared.lock_files:
            if _lock_folder(path) in folders:
                yield from self._packages(path)

    def _packages(self, path: str) -> tuple[Package, ...]:
        try:
            content = self.tree.read(path) or b""
            return environment.parse(path, formats.decode(path, content))
        except UnreadableError as error:
            self._not_read("environment", path, error)
            return ()

    def _lock_digest(self) -> str | None:
        locks = self.project.raw_locks
        recorded = {one.path: locks[one.path] for one in self.pipelines if locks[one.path]}
        return dvc.lock_digest(recorded) if recorded else None

    def _problems(self) -> None:
        for pipeline in self.pipelines:
            self.unknown += pipeline.problems
        self.unknown += [
            problem
            for problem in self.project.problems
            if any(inside(problem.subject, folder) for folder in self.model.folders)
        ]

    def _dirty(self, code: tuple[CodeFile, ...]) -> None:
        if not isinstance(self.tree, WorkTree):
            return
        relevant = {file.path for file in code}
        changed = [p for p in self.tree.modified if p in relevant or inside(p, self.model.root)]
        if changed:
            named = ", ".join(changed[:3]) + (
                f" and {len(changed) - 3} more" if changed[3:] else ""
            )
            message = (
                f"the work tree differs from its commit in {named}: these numbers are of no commit"
            )
            fix = "git commit, then run again"
            self.facts.append(Fact(kind="dirty", message=message, fix=fix, paths=tuple(changed)))

    def _not_read(self, kind: Any, subject: str, error: UnreadableError) -> None:
        reason = str(error).removeprefix(f"{subject}: ")
        content = self.project.content_id(subject)
        self.unknown.append(
            Unknown(kind=kind, subject=subject, reason=reason, hint=error.hint, content=content)
        )


def _stem(path: str, values: Any) -> str:
    """The name of the value in a file that holds just one: `accuracy.txt` is `accuracy`."""
    return "" if isinstance(values, dict) else posixpath.basename(path).rpartition(".")[0] or path


def _not_a_number(path: str, name: str, value: float) -> Fact:
    shown = "not a number" if math.isnan(value) else "infinite"
    message = f"{name} in {path} is {shown}"
    return Fact(kind="not-a-number", message=message, paths=(path,))


def _upwards(folder: str) -> Iterable[str]:
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _lock_folder(path: str) -> str:
    """The folder that a lock file is for: that of `requirements/test.txt` is the one above."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if posixpath.basename(folder) == "requirements" else folder
