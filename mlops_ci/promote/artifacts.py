"""The files of a model at a commit: found by what DVC recorded there, and hashed here, byte by byte.

Nothing is checked out. A file is read from Git, from DVC's cache, or is got from the remote with the project's own dvc.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci import snapshot
from mlops_ci.errors import RefusedError, ToolError, UnreadableError, UsageError
from mlops_ci.evidence import models_made
from mlops_ci.frozen import dataclass
from mlops_ci.git.tree import CommitTree
from mlops_ci.limits import MAX_BYTES
from mlops_ci.lineage.collect import describe
from mlops_ci.lineage.hashing import Digests, Folder, hash_open_file, hash_paths
from mlops_ci.model import Origin
from mlops_ci.models import find_models, repository_name
from mlops_ci.process import environment_outside_git, run
from mlops_ci.stack.data import dvc, lfs
from mlops_ci.tracking import Tracking

if TYPE_CHECKING:
    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Descriptor
    from mlops_ci.models import ModelFiles


@dataclass(frozen=True, kw_only=True)
class ModelAt:
    """One model at one commit. `name`: what mlops-ci calls it, which need not be what its tags do.

    `paths`: the files and folders that are the model. `lock_digest`: see Snapshot.
    """

    name: str
    commit: str
    paths: tuple[str, ...]
    lock_digest: str


def find(repository: Repository, commit: str, wanted: str) -> ModelAt:
    """The model that tags call `wanted`: an artifact of dvc.yaml, a model of this name, or the only one.

    Raises UsageError when there is none, and when it has no file that is a model.
    """
    project = project_at(repository, commit)
    declared = _declared(project, wanted)
    model = _choose(_models(repository, project), wanted, declared)
    tracking = Tracking(config=None, trusted=lambda: None, root=None, alone=True)
    taken = snapshot.take(project, [model], Origin(rev=commit, commit=commit), tracking)[0]
    stages = [one for one in project.stages if one.pipeline.folder in model.folders]
    paths = {declared[1]} if declared else models_made(project, stages)
    if not paths:
        raise UsageError(
            f"{wanted} has no file that is a model at {commit[:7]}",
            hint=f"artifacts: {{{wanted}: {{path: model.pkl, type: model}}}} in dvc.yaml",
        )
    return ModelAt(
        name=model.name,
        commit=commit,
        paths=tuple(sorted(paths)),
        lock_digest=taken.lock_digest or "",
    )


def name_at(repository: Repository, commit: str, wanted: str) -> str:
    """What mlops-ci calls the model that tags call `wanted`. Raises UsageError when there is none."""
    project = project_at(repository, commit)
    found = _models(repository, project)
    return _choose(found, wanted, _declared(project, wanted)).name


def names(repository: Repository, commit: str) -> list[str]:
    """What the models of a commit are called: as dvc.yaml declares them, else as mlops-ci finds them."""
    project = project_at(repository, commit)
    declared = [
        f"{pipeline.folder}:{one.name}" if pipeline.folder else one.name
        for pipeline in project.pipelines
        for one in pipeline.artifacts
        if one.type == "model"
    ]
    return declared or [one.name for one in _models(repository, project)]


def _models(repository: Repository, project: dvc.Project) -> list[ModelFiles]:
    root = repository.root or repository.git_dir
    name = repository_name(repository.origin_url, root.name)
    return find_models([project], configuration.load(project.tree.read), name)


def project_at(repository: Repository, commit: str) -> dvc.Project:
    """What DVC knows at a commit, with the cache of this work tree."""
    bases = [repository.root] if repository.root else []
    return dvc.Project(CommitTree(repository, commit), [*bases, repository.git_dir.parent])


def _declared(project: dvc.Project, wanted: str) -> tuple[str, str] | None:
    """Folder of the dvc.yaml and path of the artifact of this name. `folder:name` for one in a folder."""
    folder, _, name = wanted.rpartition(":")
    for pipeline in project.pipelines:
        for one in pipeline.artifacts:
            if one.name == name and pipeline.folder == folder:
                return pipeline.folder, one.path
    return None


def _choose(found: list[ModelFiles], wanted: str, declared: tuple[str, str] | None) -> ModelFiles:
    names = {model.name: model for model in found}
    owners = [one for one in found if declared and declared[0] in one.folders]
    if owners or wanted.replace(":", "/") in names:
        return owners[0] if owners else names[wanted.replace(":", "/")]
    if len(found) == 1:
        return found[0]
    known = ", ".join(names) or "none"
    raise UsageError(f"no model and no artifact is called {wanted}", hint=f"models here: {known}")


def hashes(repository: Repository, model: ModelAt) -> tuple[Descriptor, ...]:
    """What the bytes of the model are now, each file with SHA-256, MD5 and size.

    Raises ToolError when they cannot be had, and RefusedError when they are not what DVC recorded.
    """
    project = project_at(repository, model.commit)
    return tuple(
        descriptor
        for path in model.paths
        for descriptor in describe(path, "model", _hashed(repository, project, model.commit, path))
    )


def _hashed(
    repository: Repository, project: dvc.Project, commit: str, path: str
) -> Digests | Folder:
    if path in project.tree.entries:
        return _in_git(repository, project, commit, path)
    out = project.outs.get(path)
    if out is None:
        what = f"{path} is neither in Git nor in DVC at {commit[:7]}"
        raise ToolError(what, hint="dvc repro, and commit dvc.lock")
    found = _cached(project.cache, out, path) or _got(repository, commit, path)
    md5 = f"{found.md5}.dir" if isinstance(found, Folder) else found.md5
    if out.hash and md5 != out.hash:
        # DVC takes what a remote serves: https://github.com/iterative/dvc/issues/9641
        what = f"{path} is not what dvc.lock recorded at {commit[:7]}"
        raise RefusedError(f"{what}: MD5 {md5[:8]}…, recorded {out.hash[:8]}…")
    return found


def _in_git(repository: Repository, project: dvc.Project, commit: str, path: str) -> Digests:
    """Of any size. What Git LFS keeps is got from its server: a clone has the objects of one commit at most."""
    blob = project.tree.entries[path]
    if repository.objects.stat(blob)[2] > MAX_BYTES:
        return _of_bytes(repository.objects.read(blob))
    kept = lfs.pointer(repository.objects.read(blob))
    if kept is None:
        return _of_bytes(project.tree.read(path) or b"")
    file = lfs.get(repository, commit, path, kept)
    with file.open("rb") as opened:
        found = hash_open_file(opened.fileno(), file.stat().st_size)
    if found.sha256 != kept.oid:
        raise RefusedError(f"{path} is not what its Git LFS pointer says at {commit[:7]}")
    return found


def _of_bytes(content: bytes) -> Digests:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Digests(sha256=hashlib.sha256(content).hexdigest(), md5=md5, size=len(content))


def _cached(cache: dvc.Cache, out: dvc.Out, path: str) -> Digests | Folder | None:
    """From DVC's cache; None when it does not have all of it."""
    if not out.is_folder:
        return _of_object(cache, out.hash)
    listed = cache.listing(out.hash, path)
    if listed is None:
        return None
    found = {name: one for name, md5 in listed.items() if (one := _of_object(cache, md5))}
    return Folder(files=found) if len(found) == len(listed) else None


def _of_object(cache: dvc.Cache, md5: str) -> Digests | None:
    file = cache.find(md5)
    if file is None:
        return None
    with file.open("rb") as opened:
        return hash_open_file(opened.fileno(), file.stat().st_size)


def _got(repository: Repository, commit: str, path: str) -> Digests | Folder:
    """With `dvc get`, which asks the remote that the commit names."""
    root = repository.root or repository.git_dir
    program = dvc.find_dvc(root, repository.is_tracked)
    if program is None:
        what = f"{path} at {commit[:7]} is not in DVC's cache, and dvc is not installed"
        raise ToolError(what, hint="pip install dvc")
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
        to = Path(folder, "model")
        command = [program, "get", "--rev", commit, "-o", str(to), "--", str(root), path]
        done = run(command, cwd=root, env=environment_outside_git(DVC_NO_ANALYTICS="1"))
        found = hash_paths(Path(folder), ["model"], lambda _: False)["model"]
    if isinstance(found, UnreadableError):
        errors = (line[6:].strip() for line in done.stderr.splitlines() if line[:6] == "ERROR:")
        what = f"{path} at {commit[:7]} cannot be got: {next(errors, done.last_line)}"
        raise ToolError(what, hint="dvc push, from where it was trained")
    return found
