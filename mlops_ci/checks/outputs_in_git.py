"""Outputs that DVC caches and that Git tracks as well."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.git import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope

# Files that hold nothing: DVC writes the first by itself, people keep empty folders by the others.
_HOLLOW = frozenset({".gitignore", ".gitkeep", ".keep"})


def find(scope: Scope, added: set[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Output, the DVC file that declares it, and its tracked files: those where this change brings one of the two."""
    changed = {one.path for one in scope.changed if is_dvc_file(one.path) and one.blob}
    if not scope.all_files and not changed and not _mentions(scope, added):
        return
    for path, declared in _cached(scope):
        tracked = [path] if path in scope.tree.entries else scope.tree.below(path)
        tracked = [one for one in tracked if posixpath.basename(one) not in _HOLLOW]
        if tracked and (scope.all_files or declared in changed or added.intersection(tracked)):
            yield path, declared, tracked


def is_dvc_file(path: str) -> bool:
    name = posixpath.basename(path)
    return name == "dvc.yaml" or (name.endswith(".dvc") and name != ".dvc")


def _mentions(scope: Scope, added: set[str]) -> bool:
    """Whether a DVC file can declare one of these as an output: it would name it, or a folder that it is in.

    This saves nearly every commit from parsing them.
    """
    if not added:
        return False
    oids = _dvc_blobs(scope)
    names = {part for path in added for part in path.split("/")}
    if not oids:
        return False
    if any(not name.isascii() for name in names):
        return True  # YAML can write such names in several ways
    scope.repository.objects.expect(oids, 10_000_000)
    contents = [scope.repository.objects.known.get(oid, b"${") for oid in oids]
    wanted = [name.encode() for name in names]
    return any(b"${" in text or any(name in text for name in wanted) for text in contents)


def _dvc_blobs(scope: Scope) -> set[str]:
    """Found by Git, since to list all files takes longer. Only the index is listed so."""
    from mlops_ci.index import IndexTree

    if not isinstance(scope.tree, IndexTree):
        return {oid for path, oid in scope.tree.entries.items() if is_dvc_file(path)}
    folder = scope.repository.root or scope.repository.git_dir
    command = ("ls-files", "-s", "-z", "--", "*.dvc", "dvc.yaml", "*/dvc.yaml")
    return {record.split(b" ")[1].decode() for record in Listing(folder, *command).records()}


def _cached(scope: Scope) -> Iterator[tuple[str, str]]:
    from mlops_ci.stack.data.dvc import Project

    project = Project(scope.tree, [])
    for file, pointer in project.pointer_files.items():
        yield from ((out.path, file) for out in pointer if out.cached)
    for locked in project.stages:
        stage = locked.stage
        yield from (
            (path, locked.pipeline.path) for path in stage.all_outs if path not in stage.uncached
        )
