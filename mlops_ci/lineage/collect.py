"""A run and the work tree that it left -> the Statements of its Record, one a model."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.http import redact
from mlops_ci.lineage import machine, redaction, seeds
from mlops_ci.lineage.hashing import Digests, Folder, Hashed
from mlops_ci.lineage.stale import stale
from mlops_ci.lineage.statement import (
    BUILD_TYPE,
    PROVENANCE,
    STATEMENT,
    Descriptor,
    Statement,
    is_inside,
)
from mlops_ci.lineage.worktree import ModelFacts, WorkTreeFacts
from mlops_ci.model import DataRef, Origin, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlops_ci.lineage.hashing import Seen
    from mlops_ci.lineage.run import TrainingRun

BUILDER = "https://mlops-ci.dev/builders/local/v1"
# Beyond it a folder is recorded as a whole: a Record stays small enough to be attested.
MOST_FILES = 10_000
# Of all folders of all models, by which a Record is still one that can be read (statement.MAX_BYTES).
MOST_LISTED = 30_000


def collect(root: Path, run: TrainingRun, seen: Seen | None = None) -> list[Statement]:
    """One provenance Statement for each model of the repository, in the order of their names.

    `seen`: what was hashed before the run, and is not read again where it has not changed.
    A model none of whose outputs can be read has no Statement. Raises UnreadableError when that leaves none.
    """
    facts = WorkTreeFacts(root, seen)
    models = facts.models(run.commit) or [_undeclared(run)]
    collector = _Collector(facts, run, _with_run(models, run))
    statements = [one for model in collector.models if (one := collector.statement(model))]
    if not statements:
        hint = "name what it writes: outs in dvc.yaml, or train.outputs in mlops-ci.yaml"
        raise UnreadableError(
            "the run left no output that can be read: there is nothing to record", hint=hint
        )
    return statements


def _undeclared(run: TrainingRun) -> ModelFacts:
    origin = Origin(rev="work tree", commit=None, head=run.commit)
    return ModelFacts(
        snapshot=Snapshot(model="model", origin=origin), model_paths=(), outputs=(), metrics=()
    )


def _with_run(models: list[ModelFacts], run: TrainingRun) -> list[ModelFacts]:
    """A command's own outputs belong to the one model of the repository."""
    if len(models) != 1 or not (run.outputs or run.metrics or run.inputs):
        return models
    import dataclasses

    one = models[0]
    known = {ref.path for ref in one.snapshot.data}
    more = (DataRef(path=path, id="") for path in run.inputs if path not in known)
    data = (*one.snapshot.data, *more)
    return [
        dataclasses.replace(
            one,
            snapshot=dataclasses.replace(one.snapshot, data=data),
            outputs=tuple(sorted({*one.outputs, *run.outputs})),
            metrics=tuple(sorted({*one.metrics, *run.metrics})),
        )
    ]


class _Collector:
    def __init__(self, facts: WorkTreeFacts, run: TrainingRun, models: list[ModelFacts]) -> None:
        self.facts, self.run, self.models = facts, run, models
        self.machine = machine.describe(run.interpreter)
        paths = {path for model in models for path in self._paths(model)}
        self.hashed: dict[str, Hashed] = facts.hashes(sorted(filter(is_inside, paths)))
        self.listed = 0

    def statement(self, model: ModelFacts) -> Statement | None:
        subjects = list(self._described(model.model_paths, "model"))
        subjects = [one for one in subjects if "digest" in one]
        if not subjects:
            subjects = [one for one in self._described(model.outputs, "output") if "digest" in one]
        if not subjects:
            return None
        named = {one["name"] for one in subjects}
        return {
            "_type": STATEMENT,
            "predicateType": PROVENANCE,
            "subject": subjects,
            "predicate": {
                "buildDefinition": self._definition(model),
                "runDetails": self._details(model, named),
            },
        }

    def _definition(self, model: ModelFacts) -> dict[str, Any]:
        external = {
            "model": model.snapshot.model,
            "command": redaction.command(self.run.command),
            "targets": list(self.run.targets),
            "params": model.params,
        }
        return {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": self._internal(model),
            "resolvedDependencies": [self._source(), *self._dependencies(model)],
        }

    def _internal(self, model: ModelFacts) -> dict[str, Any]:
        run, chosen = self.run, seeds.of_model(self.facts, model, self.run)
        return {
            "mlopsci_commit": run.commit,
            "mlopsci_dirty": sorted(run.dirty),
            "mlopsci_environments": [
                _lock(one) for one in sorted(run.environments, key=lambda one: one.path)
            ],
            "mlopsci_interrupted": run.interrupted,
            "mlopsci_lock_digest": model.snapshot.lock_digest or "",
            "mlopsci_machine": self.machine,
            "mlopsci_persist": run.persist,
            "mlopsci_python": run.python or platform.python_version(),
            "mlopsci_resumed": run.resumed,
            "mlopsci_seeds": list(chosen),
            "mlopsci_stale": sorted(set(stale(self.facts.project, model, self.hashed))),
            "mlopsci_unread": sorted({one.subject for one in model.snapshot.unknown}),
            "mlopsci_variables": redaction.variables(_seeded(run.variables, chosen)),
        }

    def _source(self) -> Descriptor:
        tree = self.facts.repository.lines("rev-parse", f"{self.run.commit}^{{tree}}")[0]
        origin = redact(self.facts.repository.origin_url)
        uri = {"uri": f"git+{origin}@{self.run.commit}"} if "://" in origin else {}
        digest = {"gitCommit": self.run.commit, "gitTree": tree}
        return {"name": "source", **uri, "digest": digest, "annotations": {"kind": "source"}}

    def _dependencies(self, model: ModelFacts) -> Iterator[Descriptor]:
        inputs = [one for one in model.snapshot.data if one.role == "input"]
        for ref in sorted(inputs, key=lambda one: one.path):
            yield from self._data(ref)
        blobs = self.facts.blobs(path for path, kind in self._in_git(model))
        for path, kind in self._in_git(model):
            for one in self._described([path], kind):
                if path in blobs:
                    one.setdefault("digest", {})["gitBlob"] = blobs[path]
                yield one

    def _in_git(self, model: ModelFacts) -> list[tuple[str, str]]:
        """What a run depends on and Git has, each once, by path."""
        found = {one.path: "environment" for one in self.run.environments}
        found |= dict.fromkeys((one.source for one in model.snapshot.environment), "environment")
        found |= dict.fromkeys((one.path for one in model.snapshot.code), "code")
        found |= dict.fromkeys(model.pipelines, "code")
        return sorted(found.items())

    def _data(self, ref: DataRef) -> Iterator[Descriptor]:
        if is_inside(ref.path):
            for one in self._described([ref.path], "data"):
                if "digest" not in one and ref.id:
                    one["annotations"]["id"] = ref.id
                yield one
        else:
            annotations = {"kind": "external", "id": ref.id}
            yield {"name": redaction.text(ref.path), "annotations": annotations}

    def _details(self, model: ModelFacts, subjects: set[str]) -> dict[str, Any]:
        ci = self.run.ci
        invocation = {"invocationId": redact(ci.run_url)} if ci and ci.run_url else {}
        builder = f"https://github.com/{ci.workflow_ref}" if ci and ci.workflow_ref else BUILDER
        times = {"startedOn": self.run.started, "finishedOn": self.run.finished}
        return {
            "builder": {"id": builder},
            "metadata": {**times, **invocation},
            "byproducts": list(self._byproducts(model, subjects)),
        }

    def _byproducts(self, model: ModelFacts, subjects: set[str]) -> Iterator[Descriptor]:
        for path in model.metrics:
            for one in self._described([path], "metrics"):
                one["annotations"]["values"] = model.values(path) or self.facts.values(path)
                yield one
        for one in self._described(model.outputs, "output"):
            if one["name"] not in subjects and not _is_below(one["name"], subjects):
                yield one
        yield {"name": "stages", "annotations": {"kind": "stages", "stages": self._stages()}}
        yield from self._tracked()

    def _stages(self) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "result": one.result,
                "seconds": round(one.seconds, 3),
                "environment": one.environment,
            }
            for one in self.run.stages
        ]

    def _tracked(self) -> Iterator[Descriptor]:
        tracking = self.run.tracking
        if tracking is None:
            return
        about = {"kind": "mlflow", "experiment": tracking.experiment, "local": tracking.local}
        # The address of a server, but no path of this machine.
        uri = {"uri": redact(tracking.uri)} if tracking.uri.startswith("http") else {}
        for run_id in tracking.run_ids:
            known = {**about, "run_id": run_id}
            yield {"name": f"mlflow run {run_id}", **uri, "annotations": known}
        if tracking.mark:
            known = {**about, "run_id": "", "mark": tracking.mark}
            yield {"name": "mlflow runs", **uri, "annotations": known}

    def _paths(self, model: ModelFacts) -> Iterator[str]:
        yield from (one.path for one in model.snapshot.data if one.role == "input")
        yield from (*model.outputs, *model.metrics)
        yield from (path for path, _ in self._in_git(model))

    def _described(self, paths: Iterable[str], kind: str) -> Iterator[Descriptor]:
        for path in paths:
            if is_inside(path):
                whole, *files = describe(path, kind, self.hashed[path])
                files = files if self.listed + len(files) <= MOST_LISTED else []
                self.listed += len(files)
                yield from (whole, *files)


def describe(path: str, kind: str, hashed: Hashed) -> Iterator[Descriptor]:
    """A file; or a folder, and each file in it. What could not be read has no digest but the reason.

    A folder with very many files, or a name in it that no Record can have, is described as a whole.
    """
    if isinstance(hashed, Digests):
        annotations = {"kind": kind, "size": hashed.size}
        yield {"name": path, "digest": _digest(hashed), "annotations": annotations}
    elif isinstance(hashed, Folder):
        digest = {"dirHash": hashed.dir_hash, "md5": hashed.md5}
        annotations = {"kind": kind, "size": hashed.size, "files": len(hashed.files)}
        yield {"name": path, "digest": digest, "annotations": annotations}
        if len(hashed.files) <= MOST_FILES and all(map(is_inside, hashed.files)):
            for name, one in sorted(hashed.files.items()):
                inner = {"kind": kind, "size": one.size, "folder": path}
                yield {"name": f"{path}/{name}", "digest": _digest(one), "annotations": inner}
    else:
        yield {
            "name": path,
            "annotations": {"kind": kind, "unread": str(hashed).removeprefix(f"{path}: ")},
        }


def _digest(one: Digests) -> dict[str, str]:
    return {"md5": one.md5, "sha256": one.sha256}


def _is_below(name: str, folders: set[str]) -> bool:
    return any(name.startswith(f"{folder}/") for folder in folders)


def _seeded(variables: dict[str, str], chosen: tuple[int, ...]) -> dict[str, str]:
    """The seed that the model was made with, in the place of the one that no stage has read."""
    known = {name: value for name, value in variables.items() if name != seeds.SEED}
    return known | ({seeds.SEED: str(chosen[0])} if chosen and seeds.SEED in variables else {})


def _lock(one: Any) -> dict[str, str]:
    return {"path": one.path, "tool": one.tool, "sha256": one.sha256, "in_sync": one.in_sync}
