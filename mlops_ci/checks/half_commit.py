"""Half of a change staged: dvc.lock or a pointer without what belongs to it, or the reverse.

Only what is on disk and not staged is evidence, and only where staging it would make the commit whole.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from mlops_ci.checks import projects, recorded
from mlops_ci.checks.mentions import LOCKS, POINTERS, is_dvc_file, is_lock
from mlops_ci.checks.projects import project_of
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.git.index import IndexTree
from mlops_ci.text import pathspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.git.unstaged import Unstaged
    from mlops_ci.stack.data.dvc import Locked, Out, Project

ID = "half-commit"
_WHY = "Others would get a commit in which code, params, data and dvc.lock do not belong together."


def check(scope: Scope) -> Iterator[Finding]:
    """Nothing in a range and for all files, where there is no other half, but what cannot be read at all."""
    if scope.all_files:
        yield from projects.undecided(scope, ID)
        return
    if not isinstance(scope.tree, IndexTree) or not _is_staged(scope):
        return
    from mlops_ci.git.unstaged import Unstaged

    unstaged = Unstaged(scope.repository, POINTERS + LOCKS)
    if not _concerned(scope, unstaged):
        return
    yield from projects.undecided(scope, ID)
    yield from _Halves(scope, project_of(scope), unstaged).findings()


def _is_staged(scope: Scope) -> bool:
    """Where nothing is staged the scope is the last commit, and no commit is being made."""
    return getattr(scope.base, "commit", "") == scope.repository.resolve("HEAD")


def _concerned(scope: Scope, unstaged: Unstaged) -> bool:
    """Both halves have to be there, and DVC has to know one of them. To look for new files takes longest."""
    staged = {posixpath.basename(one.path) for one in scope.changed}
    if ".gitignore" in staged or any(is_dvc_file(name) or is_lock(name) for name in staged):
        return bool(unstaged.paths)
    return bool(unstaged.matching(*LOCKS)) or any(map(is_lock, unstaged.put_away))


class _Halves:
    def __init__(self, scope: Scope, project: Project, unstaged: Unstaged) -> None:
        self._scope = scope
        self._project = project
        self._unstaged = unstaged
        self._staged = {path for one in scope.changed for path in (one.path, one.old_path) if path}

    def findings(self) -> Iterator[Finding]:
        yield from self._new_pointers()
        yield from self._pointers()
        for locked in self._project.stages:
            lock = recorded.lock_path(locked)
            if lock in self._unstaged.paths:
                yield from self._lock_missing(locked, lock)
            if lock in self._staged and locked.record is not None:
                yield from self._inputs_missing(locked, lock)

    def _lock_missing(self, locked: Locked, lock: str) -> Iterator[Finding]:
        """Inputs of a stage are staged; on disk, dvc.lock has a new entry of the stage."""
        stage = locked.stage
        inputs = {*stage.deps, *stage.params, locked.pipeline.path}
        inputs |= {pointer for pointer, outs in self._project.pointer_files.items()
                   if any(out.path in stage.deps for out in outs)}  # fmt: skip
        touched = sorted(inputs & self._staged)
        entry = self._project.raw_locks[locked.pipeline.path].get(stage.name)
        if touched and self._entry_on_disk(lock, stage.name) not in (None, entry):
            yield self._missing(
                lock,
                f"stage {stage.name} has run with {_listed(touched)}, and its new entry is not staged",
            )

    def _entry_on_disk(self, lock: str, stage: str) -> Any:
        from mlops_ci.stack.data.dvc.lock import locked_stages

        return locked_stages(self._parsed(lock)).get(stage)

    def _parsed(self, path: str) -> Any:
        from mlops_ci import formats

        try:
            return formats.parse(path, self._unstaged.read(path) or b"")
        except UnreadableError:
            return None

    def _inputs_missing(self, locked: Locked, lock: str) -> Iterator[Finding]:
        """The staged dvc.lock was made with files as they are on disk, and not as they are staged."""
        assert locked.record is not None
        for out in (*locked.record.deps, *locked.record.outs):
            if out.path in self._unstaged.paths and self._fits_disk_only(out):
                what = f"{lock} is staged and records it as it is on disk, which is not staged"
                yield self._missing(out.path, f"{what} (stage {locked.stage.name})")
        for path in sorted(self._unstaged.paths.intersection(locked.stage.params)):
            if self._params_fit_disk_only(locked, path):
                what = f"stage {locked.stage.name} in the staged {lock} ran with its values on disk"
                yield self._missing(path, f"{what}, which are not staged")

    def _fits_disk_only(self, out: Out) -> bool:
        on_disk = recorded.same(self._unstaged.read, out)
        return bool(on_disk) and not recorded.same(self._scope.tree.read, out)

    def _params_fit_disk_only(self, locked: Locked, path: str) -> bool:
        from mlops_ci import formats

        entry = self._project.raw_locks[locked.pipeline.path][locked.stage.name]
        name = posixpath.relpath(path, locked.stage.folder or ".")
        values = entry.get("params")
        wanted = values.get(name) if isinstance(values, dict) else None
        if not isinstance(wanted, dict):
            return False
        try:
            staged = formats.parse(path, self._scope.tree.read(path) or b"")
        except UnreadableError:
            return False
        return _has(self._parsed(path), wanted) and not _has(staged, wanted)

    def _pointers(self) -> Iterator[Finding]:
        """A staged dvc.lock read data whose pointer is changed on disk, and not staged."""
        wanted = {
            out.path: out.id
            for locked in self._project.stages
            if locked.record and recorded.lock_path(locked) in self._staged
            for out in locked.record.deps
        }
        for file, outs in self._project.pointer_files.items():
            if file not in self._unstaged.paths:
                continue
            on_disk = {out.path: out.id for out in self._outs_on_disk(file)}
            for out in outs:
                if out.id != wanted.get(out.path, out.id) == on_disk.get(out.path):
                    what = f"dvc.lock is staged with {out.path} as this pointer on disk has it, which is not staged"
                    yield self._missing(file, what)

    def _new_pointers(self) -> Iterator[Finding]:
        """A new pointer on disk, for data that something staged needs: a stage, or a rule in .gitignore."""
        needed = {
            path
            for locked in self._project.stages
            if {locked.pipeline.path, recorded.lock_path(locked)} & self._staged
            for path in locked.stage.deps
        }
        for file in sorted(self._unstaged.new):
            if not is_dvc_file(file) or not file.endswith(".dvc"):
                continue
            for out in self._outs_on_disk(file):
                if out.path in needed:
                    yield self._missing(
                        file, f"a staged stage depends on {out.path}, and this pointer is new"
                    )
                elif self._is_ignored_anew(out.path):
                    yield self._missing(
                        file,
                        f"the staged .gitignore leaves out {out.path}, and this pointer is new",
                    )

    def _outs_on_disk(self, file: str) -> tuple[Out, ...]:
        from mlops_ci.stack.data.dvc.lock import pointer_outs

        return pointer_outs(self._parsed(file), posixpath.dirname(file))

    def _is_ignored_anew(self, path: str) -> bool:
        """`dvc add` writes the line `/NAME` into the .gitignore beside the data."""
        folder, name = posixpath.split(path)
        ignore = posixpath.join(folder, ".gitignore")
        if ignore not in self._staged:
            return False
        line = f"/{name}".encode()
        old = self._scope.base.read(ignore) if self._scope.base else None
        new = self._scope.tree.read(ignore)
        return line in (new or b"").splitlines() and line not in (old or b"").splitlines()

    def _missing(self, path: str, what: str) -> Finding:
        return Finding(rule=ID, path=path, what=what, why=_WHY, fix=f"git add -- {pathspec(path)}")


def _has(values: Any, wanted: dict[Any, Any]) -> bool:
    """Whether a params file has these values, by dotted key as dvc.lock writes them."""
    from mlops_ci import formats

    nothing = object()
    for key, value in wanted.items():
        found: Any = formats.select(values, [str(key)])
        for part in str(key).split("."):
            found = found.get(part, nothing) if isinstance(found, dict) else nothing
        if found != value:
            return False
    return True


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown
