"""What DVC knows of a Scope, read once for all checks that ask."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mlops_ci.checks.mentions import is_dvc_file, is_lock
from mlops_ci.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.git import Repository
    from mlops_ci.git.tree import ObjectTree
    from mlops_ci.stack.data.dvc import Project


LOST = "its Git object is not in this clone, or is damaged"
LOST_FIX = "git fetch, and where that does not help: git fsck"


def project_of(scope: Scope) -> Project:
    """The project in `scope.tree`, with DVC's cache of the work tree where there is one."""
    scope.tree.prepare()
    scope.repository.objects.start()
    return _project(scope.repository, scope.tree)


def lost(scope: Scope) -> list[str]:
    """Files that a pipeline is made of, and that are not in this clone or are damaged."""
    project = project_of(scope)
    _ = project.stages, project.pointer_files  # which reads them
    return sorted(scope.tree.lost)


def undecided(scope: Scope, rule: str) -> Iterator[Finding]:
    """A Finding for each DVC file that is lost: nobody knows what it says of the files that are judged."""
    for path in lost(scope):
        if is_dvc_file(path) or is_lock(path):
            yield Finding(rule=rule, path=path, what=LOST, fix=LOST_FIX, undecided=True)


@lru_cache(maxsize=1)
def _project(repository: Repository, tree: ObjectTree) -> Project:
    from mlops_ci.stack.data.dvc import Project

    return Project(tree, [repository.top] if repository.top else [])
