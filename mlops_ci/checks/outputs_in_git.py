"""Outputs that DVC caches and that Git tracks as well."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.checks.file_kinds import HOLLOW
from mlops_ci.checks.mentions import PIPELINES, POINTERS, is_dvc_file, mentioned
from mlops_ci.checks.projects import project_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope


def concerned(scope: Scope, added: set[str]) -> bool:
    """Whether there can be any."""
    parts = {part for path in added for part in path.split("/")}
    given = scope.all_files or scope.merging or _changed(scope)
    return bool(given) or mentioned(scope, parts, POINTERS + PIPELINES)


def _changed(scope: Scope) -> set[str]:
    return {one.path for one in scope.changed if is_dvc_file(one.path) and one.blob}


def find(scope: Scope, added: set[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Output, the DVC file that declares it, and its tracked files: those where this change brings one of the two."""
    changed = _changed(scope)
    for path, declared in _cached(scope):
        tracked = [path] if path in scope.tree.entries else scope.tree.below(path)
        tracked = [one for one in tracked if posixpath.basename(one) not in HOLLOW]
        if tracked and (
            scope.all_files
            or declared in changed
            or added.intersection(tracked)
            or scope.joins(declared, *tracked)
        ):
            yield path, declared, tracked


def _cached(scope: Scope) -> Iterator[tuple[str, str]]:
    project = project_of(scope)
    for file, pointer in project.pointer_files.items():
        yield from ((out.path, file) for out in pointer if out.cached)
    for locked in project.stages:
        stage = locked.stage
        yield from (
            (path, locked.pipeline.path) for path in stage.all_outs if path not in stage.uncached
        )
