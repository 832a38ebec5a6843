"""What a model was made from, and whether the numbers agree with what DVC recorded."""

from __future__ import annotations

import hashlib
import posixpath
import re
from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.fact import Fact
from mlops_ci.model import CodeFile, DataRef
from mlops_ci.stack.data import dvc
from mlops_ci.stage_inputs import StageInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlops_ci.models import ModelFiles
    from mlops_ci.stack.data.dvc import Locked, Out, Project

_MODEL_SUFFIXES = frozenset(
    """.pt .pth .ckpt .onnx .safetensors .pkl .pickle .joblib .h5 .keras .pb .tflite .bin .cbm .model .gguf
    .skops .mlmodel .bst .ubj""".split()
)
_MODEL_WORD = re.compile(
    r"(^|[/_.-])(models?|weights?|checkpoints?|estimators?|encoders?|vectorizers?)($|[/_.-])",
    re.IGNORECASE,
)
_TABLES = (".csv", ".tsv")
_ROWS = (*_TABLES, ".jsonl", ".ndjson")


def data_and_code(
    project: Project, model: ModelFiles, stages: list[Locked]
) -> tuple[tuple[DataRef, ...], tuple[CodeFile, ...]]:
    """The data that a model's stages read and write, without metrics and plots, and the code they depend on."""
    data = {out.path: data_ref(out, "input") for out in _pointers(project, model)}
    code: set[str] = set()
    for locked in stages:
        for ref in _made(locked):
            data[ref.path] = ref
    for locked in stages:
        for path in locked.stage.deps:
            if found := tracked(project, locked, path):
                data.setdefault(path, found)
            else:
                below = {one.path: one for one in data_below(project, path)}
                data = {**below, **data}
                code.update(one for one in code_files(project, path) if one not in below)
    blobs = project.tree.blobs(sorted(path for path in code if is_read(project, path)))
    files = tuple(CodeFile(path=path, blob=blob) for path, blob in sorted(blobs.items()))
    return tuple(data[path] for path in sorted(data)), files


def models_made(project: Project, stages: list[Locked]) -> set[str]:
    """The outputs of the stages that are models, by what dvc.yaml declares, by suffix, or by name."""
    return {path for one in stages for path in one.stage.outs if is_model(project, one, path)}


def training(project: Project, stages: list[Locked]) -> dict[int, Locked]:
    """The stages that make a model, and all before them, by identity."""
    found = [one for one in stages if models_made(project, [one])]
    return {id(one): one for one in before(project, found)}


def before(project: Project, stages: Iterable[Locked]) -> list[Locked]:
    """The stages that the given ones follow from, and they themselves."""
    found = {id(one): one for one in stages}
    waiting = list(found.values())
    for locked in waiting:  # grows
        for path in locked.stage.deps:
            maker = project.maker(path)
            if maker and id(maker) not in found:
                found[id(maker)] = maker
                waiting.append(maker)
    return list(found.values())


def lock_mismatch(project: Project, path: str, content: bytes) -> Fact | None:
    """A metrics file whose bytes are not those that dvc.lock recorded. Line ends are told apart."""
    recorded, legacy = project.recorded_md5(path)
    hashes = dvc.content_hashes(content)
    if not recorded or recorded in (hashes if legacy else hashes[:1]):
        return None
    unix = content.replace(b"\r\n", b"\n")
    if recorded in (_md5(unix), _md5(unix.replace(b"\n", b"\r\n"))):
        message = f"{path} differs from dvc.lock only in line ends (CRLF and LF): the numbers stand"
        fix = "git add --renormalize ."
        return Fact(kind="line-endings", message=message, fix=fix, paths=(path,))
    found = hashes[0][:8]
    message = f"{path} is not what dvc.lock recorded: MD5 {found}… instead of {recorded[:8]}…"
    fix = "dvc repro, or restore the file"
    return Fact(kind="lock-mismatch", message=message, fix=fix, paths=(path,))


def stage_inputs(
    project: Project, stages: list[Locked], param_values: Callable[[str], Any]
) -> Iterator[StageInputs]:
    """What each stage would run on now. `param_values` gives the content of a params file, None when unreadable."""
    trains = training(project, stages)
    for locked in stages:
        values = {file: param_values(file) for file in locked.stage.params}
        inputs = {
            f"{file}:{name}": repr(value)
            for file, keys in locked.stage.params.items()
            for name, value in formats.flatten(_chosen(values[file], keys))
        }
        inputs["cmd"] = locked.stage.cmd
        for path in locked.stage.deps:
            inputs |= _dependency_ids(project, locked, path)
        entry = project.raw_locks[locked.pipeline.path].get(locked.stage.name)
        readable = all(content is not None for content in values.values())
        digest = dvc.lock_digest(entry) if entry and readable else None
        name = posixpath.join(locked.pipeline.folder, locked.stage.name)
        stale = tuple(_stale(entry, locked, inputs)) if entry else ()
        yield StageInputs(
            name=name, inputs=inputs, lock_digest=digest, stale=stale, trains=id(locked) in trains
        )


def _stale(entry: Any, locked: Locked, inputs: dict[str, str]) -> Iterator[str]:
    for path, values in dvc.recorded_params(entry, locked.stage.folder).items():
        for name, value in formats.flatten(values):
            key = f"{path}:{name}"
            if key in inputs and inputs[key] != repr(value):
                yield key


def _chosen(values: Any, keys: list[str] | None) -> Any:
    return values if keys is None or values is None else formats.select(values, keys)


def _dependency_ids(project: Project, locked: Locked, path: str) -> dict[str, str]:
    """Content ids of what nothing in the pipeline makes; the rest follows from it."""
    if project.maker(path):
        return {}
    ref = tracked(project, locked, path)
    if ref is not None:
        return {path: ref.id}
    return project.tree.blobs([p for p in code_files(project, path) if is_read(project, p)])


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _pointers(project: Project, model: ModelFiles) -> Iterable[Out]:
    return (out for out in project.pointers_in(model.root) if not out.metric)


def _made(locked: Locked) -> Iterable[DataRef]:
    """What the lock says the stage made."""
    measured = set(locked.stage.all_outs) - set(locked.stage.outs)
    for out in locked.record.outs if locked.record else ():
        if out.path not in measured:
            yield data_ref(out, "output")


def data_ref(out: Out, role: str) -> DataRef:
    named: Any = "output" if role == "output" else "input"
    # By position: a repository may have ten thousand.
    return DataRef(out.path, out.id, out.size, out.files, None, named)


def tracked(project: Project, locked: Locked, path: str) -> DataRef | None:
    """A dependency as data: tracked by DVC, or a data file in Git, or recorded in the lock and in neither."""
    if path in project.outs:
        return data_ref(project.outs[path], "output" if path in project.made else "input")
    recorded = {out.path: out for out in locked.record.deps} if locked.record else {}
    if path in project.tree.entries:
        return _git_data(project, path) if is_data(path) else None
    if path in recorded and not project.tree.below(path):
        return data_ref(recorded[path], "input")
    return None


def _git_data(project: Project, path: str) -> DataRef:
    blob = project.tree.blobs([path]).get(path, "")
    return DataRef(path=path, id=f"git:{blob}", rows=_rows(project, path))


def data_below(project: Project, path: str) -> Iterator[DataRef]:
    """Data files in Git in a folder that a stage depends on. Rows of so many are not counted."""
    names = [one for one in project.tree.below(path) if is_data(one)]
    blobs = project.tree.blobs([one for one in names if is_read(project, one)])
    for name, blob in blobs.items():
        yield DataRef(path=name, id=f"git:{blob}")


def _rows(project: Project, path: str) -> int | None:
    """Lines that are not blank; a table's first line is its header."""
    if _suffix(path) not in _ROWS:
        return None
    try:
        content = project.tree.read(path) or b""
    except UnreadableError:
        return None
    lines = sum(1 for line in content.splitlines() if line.strip())
    return max(0, lines - 1) if _suffix(path) in _TABLES else lines


def code_files(project: Project, path: str) -> list[str]:
    return [path] if path in project.tree.entries else project.tree.below(path)


def is_read(project: Project, path: str) -> bool:
    """A folder that stages depend on may also hold what stages write."""
    return path not in project.made and posixpath.basename(path) != ".gitignore"


def is_model(project: Project, locked: Locked, path: str) -> bool:
    """Declared as such, else by suffix, else by a word in its path from the stage's folder."""
    if path in project.models:
        return True
    suffix = _suffix(path)
    if suffix in _MODEL_SUFFIXES or is_data(path):
        return suffix in _MODEL_SUFFIXES
    return bool(_MODEL_WORD.search(posixpath.relpath(path, locked.stage.folder or ".")))


def is_data(path: str) -> bool:
    """By its suffix alone."""
    return _suffix(path) in dvc.DATA_SUFFIXES


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lower()
