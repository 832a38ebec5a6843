"""Metrics files in Git that are not what the stage wrote: dvc.lock recorded the MD5 of what it did."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.checks import projects, recorded
from mlops_ci.checks.mentions import LOCKS, is_lock, mentioned
from mlops_ci.checks.projects import project_of
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.git.index import IndexTree
from mlops_ci.text import pathspec, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.stack.data.dvc import Locked, Out

ID = "metrics-unedited"
_WHY = (
    "The numbers under review are not those of the run that dvc.lock records. A formatter does this as well: "
    "exclude metrics files from end-of-file-fixer and its like."
)


def check(scope: Scope) -> Iterator[Finding]:
    changed = {one.path for one in scope.changed if one.blob}
    if not scope.all_files and not _concerned(scope, changed):
        return
    yield from (one for one in projects.undecided(scope, ID) if not one.path.endswith(".dvc"))
    project = project_of(scope)
    for locked in project.stages:
        relevant = scope.all_files or recorded.lock_path(locked) in changed
        for out in _metrics(locked):
            if out.path in scope.tree.entries and (relevant or out.path in changed):
                yield from _judge(scope, locked, out)


def _concerned(scope: Scope, changed: set[str]) -> bool:
    if any(map(is_lock, changed)):
        return True
    return mentioned(scope, map(posixpath.basename, changed), LOCKS, as_key=False)


def _metrics(locked: Locked) -> Iterator[Out]:
    if locked.record is None:
        return
    names = set(locked.stage.metrics) | {plot.path for plot in locked.stage.plots}
    yield from (out for out in locked.record.outs if out.path in names and out.hash)


def _judge(scope: Scope, locked: Locked, out: Out) -> Iterator[Finding]:
    if out.is_folder:
        return  # dvc-lock-in-sync compares folders
    try:
        content = scope.tree.read(out.path)
    except UnreadableError as error:
        reason = str(error).removeprefix(f"{out.path}: ")
        yield Finding(rule=ID, path=out.path, what=reason, fix=error.hint, undecided=True)
        return
    if content is None or recorded.matches(content, out) or _was_so(scope, locked, out):
        return
    if name := _filter(scope, out.path):
        what = f"the filter {name} of .gitattributes changes it on its way into Git"
        fix = f"git cat-file --filters :{shell_word(out.path)} | md5sum, and compare with dvc.lock"
        yield Finding(rule=ID, path=out.path, what=what, fix=fix, undecided=True)
        return
    yield Finding(
        rule=ID,
        path=out.path,
        what=f"is not what stage {locked.stage.name} wrote: {recorded.lock_path(locked)} recorded another MD5",
        why=_WHY,
        fix=_fix(scope, locked, out),
    )


def _fix(scope: Scope, locked: Locked, out: Out) -> str:
    """Run the stage, unless the file on disk is what it wrote."""
    from mlops_ci.git.unstaged import Unstaged

    on_index = isinstance(scope.tree, IndexTree)
    if on_index and recorded.same(Unstaged(scope.repository, ()).read, out):
        return f"git add -- {pathspec(out.path)}"
    stage = shell_word(f"{locked.pipeline.path}:{locked.stage.name}")
    lock = pathspec(recorded.lock_path(locked))
    return f"dvc repro {stage} && git add -- {pathspec(out.path)} {lock}"


def _was_so(scope: Scope, locked: Locked, out: Out) -> bool:
    """Whether both files are as they were: an old difference is not of this change."""
    if scope.base is None:
        return False
    paths = [out.path, recorded.lock_path(locked)]
    return scope.base.blobs(paths) == scope.tree.blobs(paths)


def _filter(scope: Scope, path: str) -> str:
    """The name of a filter other than that of LFS, whose pointers are resolved; "" when there is none."""
    asked = ("check-attr", "-z", "--cached", "filter", "working-tree-encoding", "--", path)
    fields = scope.repository.git(*asked).stdout.decode(errors="replace").split("\0")
    values = [value for value in fields[2::3] if value not in ("unspecified", "unset", "lfs")]
    return values[0] if values else ""
