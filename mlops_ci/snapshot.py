"""What was measured at an origin: one Snapshot per model, read without a checkout."""

from __future__ import annotations

import fnmatch
import math
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci import evaluation_inputs, evidence, formats, packages
from mlops_ci.environment import is_lock_file
from mlops_ci.errors import UnreadableError
from mlops_ci.fact import Fact
from mlops_ci.git.tree import WorkTree
from mlops_ci.model import (
    CodeFile,
    Measurement,
    Origin,
    Package,
    Snapshot,
    Unknown,
)
from mlops_ci.models import ModelFiles, inside
from mlops_ci.stack.data import dvc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.plots import Plot
    from mlops_ci.stack.data.dvc import Locked, Pipeline, Project
    from mlops_ci.tracking import Tracking

_TABLES = (".csv", ".tsv")


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
        self.lock_files = sorted(filter(is_lock_file, project.tree.entries))
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
        self._problems()
        self._dirty(code, params)
        return Snapshot(
            model=self.model.name,
            origin=self.origin,
            metrics=metrics,
            params=params,
            data=data,
            evaluation=evaluation_inputs.read(
                self.project, self.model, self.stages, (*metrics, *params)
            ),
            environment=self._packages(),
            code=code,
            stages=tuple(evidence.stage_inputs(self.project, self.stages, self._param_values)),
            plots=tuple(self._plots()),
            artifacts=tuple(one for pipeline in self.pipelines for one in pipeline.artifacts),
            unknown=tuple(self.unknown),
            facts=tuple(self.facts),
            lock_digest=digest,
        )

    def _metrics(self) -> Iterable[Measurement]:
        for path in self._expanded(self._metrics_files(), "metrics"):
            if path.endswith(_TABLES):
                self._not_measured(path, "is a table, not a metrics file: JSON, YAML or TOML")
                continue
            content = self._content(path, "metrics")
            if content is None:
                if all(one.subject != path for one in self.unknown):
                    self._not_measured(path, "is declared, and there is no such file")
                continue
            if fact := evidence.lock_mismatch(self.project, path, content):
                self.facts.append(fact)
            yield from self._named_values(path, content)

    def _named_values(self, path: str, content: bytes) -> Iterable[Measurement]:
        values = self._values(path, content, "metrics")
        seen: set[str] = set()
        for name, value in formats.flatten(values, stem_of(path, values)):
            if isinstance(value, float) and not math.isfinite(value):
                self.facts.append(_not_a_number(path, name, value))
            if name in seen:
                twice = UnreadableError(f"{path}: the name {name!r} stands in it twice")
                self._not_read("metrics", path, twice)
            seen.add(name)
            yield self._measurement(path, name, value)

    def _not_measured(self, path: str, what: str) -> None:
        fact = Fact(kind="not-measured", message=f"{path} {what}", fix="dvc repro", paths=(path,))
        self.facts.append(fact)

    def _metrics_files(self) -> list[str]:
        declared = [path for pipeline in self.pipelines for path in pipeline.metrics]
        staged = [path for locked in self.stages for path in locked.stage.metrics]
        pointed = [out.path for out in self.project.pointers_in(self.model.root) if out.metric]
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
            for name, value in formats.flatten(chosen, stem_of(path, chosen)):
                yield self._measurement(path, name, value)

    def _param_values(self, file: str) -> Any:
        try:
            content = self.tree.read(file)
            return formats.parse(file, content) if content else {}
        except UnreadableError:
            return None  # said already where the params are read

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

    def _packages(self) -> tuple[Package, ...]:
        found, unread = packages.near(
            self.tree, self.shared.lock_files, self.model.folders | {self.model.root}
        )
        for path, error in unread:
            self._not_read("environment", path, error)
        return found

    def _lock_digest(self) -> str | None:
        locks = self.project.raw_locks
        recorded = {one.path: locks[one.path] for one in self.pipelines if locks[one.path]}
        return dvc.lock_digest(recorded) if recorded else None

    def _problems(self) -> None:
        problems = [one for pipeline in self.pipelines for one in pipeline.problems]
        folders = self.model.folders
        problems += [
            one for one in self.project.problems if any(inside(one.subject, f) for f in folders)
        ]
        for one in problems:
            blob = self.tree.blobs([one.subject]).get(one.subject, "")
            self.unknown.append(replace(one, content=f"git:{blob}" if blob else ""))

    def _dirty(self, code: tuple[CodeFile, ...], params: tuple[Measurement, ...]) -> None:
        """Inputs that differ from the commit. Metrics and dvc.lock do so after every training."""
        if not isinstance(self.tree, WorkTree):
            return
        inputs = {file.path for file in code} | {one.source for one in params}
        inputs |= {pipeline.path for pipeline in self.pipelines}
        changed = [path for path in self.tree.modified if path in inputs]
        if changed:
            named = ", ".join(changed[:3]) + (
                f" and {len(changed) - 3} more" if changed[3:] else ""
            )
            message = (
                f"the work tree differs from its commit in {named}: no commit has these numbers"
            )
            fix = "git commit, then run again"
            self.facts.append(Fact(kind="dirty", message=message, fix=fix, paths=tuple(changed)))

    def _not_read(self, kind: Any, subject: str, error: UnreadableError) -> None:
        reason = str(error).removeprefix(f"{subject}: ")
        content = self.project.content_id(subject)
        self.unknown.append(
            Unknown(kind=kind, subject=subject, reason=reason, hint=error.hint, content=content)
        )


def stem_of(path: str, values: Any) -> str:
    """The name of the value in a file that holds just one: `accuracy.txt` is `accuracy`."""
    return "" if isinstance(values, dict) else posixpath.basename(path).rpartition(".")[0] or path


def _not_a_number(path: str, name: str, value: float) -> Fact:
    shown = "not a number" if math.isnan(value) else "infinite"
    message = f"{name} in {path} is {shown}"
    return Fact(kind="not-a-number", message=message, paths=(path,))
