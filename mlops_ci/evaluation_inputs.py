"""What the metrics of a model were evaluated on, and by which code: as the config names it, else by dvc.yaml."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci import evidence
from mlops_ci.evaluation import NO_VERSION, Evaluation, EvaluationConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.model import DataRef, Measurement
    from mlops_ci.models import ModelFiles
    from mlops_ci.stack.data.dvc import Locked, Project


def read(
    project: Project, model: ModelFiles, stages: list[Locked], values: Iterable[Measurement]
) -> Evaluation:
    """`stages`: those of the model; `values`: its metrics and params."""
    values = list(values)
    config = model.config.evaluation if model.config else EvaluationConfig()
    files = sorted({one.source for one in values})
    own = {id(locked) for locked in stages}
    makers = {file: _evaluating(project, own, file) for file in files}
    found = _inferred(project, stages, makers)
    every = [locked for one in makers.values() for locked in one]
    named = {
        name: _named(project, every, model.root, paths)
        for name in ("data", "code")
        if (paths := getattr(config, name)) is not None
    }
    return replace(
        found,
        data=named.get("data", found.data),
        code=named.get("code", found.code),
        unsure={} if "data" in named else found.unsure,
        named=frozenset(named),
        version=_version(config, values),
    )


def _version(config: EvaluationConfig, values: Iterable[Measurement]) -> str:
    if config.metric_version is None:
        return ""
    found = (repr(one.value) for one in values if one.name == config.metric_version)
    return next(found, NO_VERSION)


def _evaluating(project: Project, own: set[int], file: str) -> list[Locked]:
    """The stage that writes a metrics file, and those between a model and it: what makes predictions is evaluation."""
    first = project.maker(file)
    if first is None or id(first) not in own:
        return []
    found, seen = [first], {id(first)}
    for locked in found:  # grows
        for path in locked.stage.deps:
            maker = project.maker(path)
            passed_on = maker and not evidence.is_model(project, locked, path)
            if passed_on and maker and id(maker) not in seen and _uses_model(project, maker):
                seen.add(id(maker))
                found.append(maker)
    return found


def _inferred(
    project: Project, stages: list[Locked], makers: dict[str, list[Locked]]
) -> Evaluation:
    """Data that training reads too is unsure, code that it runs too is none of evaluation."""
    training = evidence.training(project, stages)
    trained_on = _Paths(path for locked in training.values() for path in locked.stage.deps)
    data: dict[str, str] = {}
    code: dict[str, str] = {}
    files: dict[str, set[str]] = {}
    for file, stages_of in makers.items():
        for locked in stages_of:
            read = {ref.path: ref.id for ref in _data(project, locked)}
            ran = {} if id(locked) in training else _code(project, locked, trained_on)
            data |= read
            code |= ran
            for path in (*read, *ran):
                files.setdefault(path, set()).add(file)
    unsure = {path: one for path, one in data.items() if trained_on.overlap(path)}
    return Evaluation(
        data={path: one for path, one in data.items() if path not in unsure},
        code=code,
        unsure=unsure,
        files={path: tuple(sorted(names)) for path, names in files.items()},
    )


def _data(project: Project, locked: Locked) -> Iterator[DataRef]:
    """What one stage reads that is no model. What a model made stands for the data that it was made from."""
    for path in locked.stage.deps:
        maker = project.maker(path)
        made = maker is not None and _uses_model(project, maker)
        if made or evidence.is_model(project, locked, path):
            continue
        if ref := _recorded(project, locked, path):
            yield ref
        else:
            yield from evidence.data_below(project, path)


def _code(project: Project, locked: Locked, trained_on: _Paths) -> dict[str, str]:
    paths = {
        file
        for path in locked.stage.deps
        if not project.maker(path) and evidence.tracked(project, locked, path) is None
        for file in evidence.code_files(project, path)
        if evidence.is_read(project, file) and not evidence.is_data(file)
        if not trained_on.overlap(file)
    }
    name = posixpath.join(locked.pipeline.folder, locked.stage.name)
    return {
        **project.tree.blobs(sorted(paths)),
        f"the command of {name}": locked.stage.cmd,
    }


class _Paths:
    """Files and folders, and whether another is one of them, lies in one, or holds one."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._own = set(paths)
        self._above = {folder for path in self._own for folder in _folders(path)}

    def overlap(self, path: str) -> bool:
        return path in self._own or path in self._above or not self._own.isdisjoint(_folders(path))


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _recorded(project: Project, locked: Locked, path: str) -> DataRef | None:
    """A data dependency as the stage last read it, which is not always as it is now."""
    now = evidence.tracked(project, locked, path)
    recorded = {out.path: out for out in locked.record.deps} if locked.record else {}
    if now is None or path not in recorded:
        return now
    return evidence.data_ref(recorded[path], now.role)


def _uses_model(project: Project, locked: Locked) -> bool:
    """Whether a stage reads or writes a model, itself or through the stages before it."""
    return any(
        evidence.is_model(project, one, path)
        for one in evidence.before(project, [locked])
        for path in (*one.stage.deps, *one.stage.outs)
    )


def _named(
    project: Project, makers: list[Locked], root: str, paths: Iterable[str]
) -> dict[str, str]:
    full = [posixpath.normpath(posixpath.join(root, path)) for path in paths]
    return {path: _id(project, makers, path) for path in full}


def _id(project: Project, makers: list[Locked], path: str) -> str:
    """As a stage last read it, else as it is now; "" where there is no such file or folder."""
    for locked in makers:
        recorded = locked.record.deps if locked.record else ()
        if found := next((out.id for out in recorded if out.path == path), ""):
            return found
    if found := project.content_id(path):
        return found
    files = evidence.code_files(project, path)
    blobs = sorted(project.tree.blobs(files).items())
    if len(blobs) == 1 and blobs[0][0] == path:
        return f"git:{blobs[0][1]}"
    inner = repr([(posixpath.relpath(name, path), blob) for name, blob in blobs])
    return f"git-folder:{hashlib.sha256(inner.encode()).hexdigest()}" if blobs else ""
