"""A few files of a Scope without a list of all: in a large repository the list takes longer than the check."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_ci.index import IndexTree
from mlops_ci.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.checks.base import Scope

_REGULAR = ("100644", "100755")
_LFS = b"version https://git-lfs"


def read(scope: Scope, path: str) -> bytes | None:
    """As `scope.tree.read`."""
    for one in scope.changed:
        if one.path == path and one.status != "deleted":
            return _content(scope, path, one.mode, one.blob)
    return _content(scope, path, *staged(scope, [path]).get(path, ("", "")))


def before(scope: Scope, path: str) -> bytes | None:
    """What was at `path` before the change; None when nothing was."""
    for one in scope.changed:
        if one.path == path:
            is_new = one.status in ("added", "renamed") or not one.old_blob.strip("0")
            return (
                None
                if is_new or scope.base is None
                else scope.repository.objects.read(one.old_blob)
            )
    return scope.base.read(path) if scope.base else None


def existing(scope: Scope, paths: Iterable[str]) -> set[str]:
    """Those of the paths that are there, with merge conflicts or without."""
    wanted = list(paths)
    if not isinstance(scope.tree, IndexTree):
        return {path for path in wanted if path in scope.tree.entries}
    return {path for path, *_ in _listed(scope, wanted)}


def staged(scope: Scope, paths: list[str]) -> dict[str, tuple[str, str]]:
    """Mode and blob of the paths that are in the index without a conflict; empty for a commit."""
    if not isinstance(scope.tree, IndexTree):
        return {}
    return {path: (mode, oid) for path, mode, oid, stage in _listed(scope, paths) if stage == "0"}


def _listed(scope: Scope, paths: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Path, mode, blob and stage of those paths that are in the index; a conflict has several stages."""
    if not paths:
        return
    command = ("--literal-pathspecs", "ls-files", "-s", "-z", "--full-name", "--", *paths)
    for record in scope.repository.git(*command).stdout.split(b"\0")[:-1]:
        meta, _, name = record.partition(b"\t")
        mode, oid, stage = meta.decode("ascii").split(" ")
        if os.fsdecode(name) in paths:
            yield os.fsdecode(name), mode, oid, stage


def _content(scope: Scope, path: str, mode: str, oid: str) -> bytes | None:
    """Links, pointers of Git LFS, large files and what is not known here are the tree's business."""
    if mode in _REGULAR and scope.repository.objects.stat(oid)[2] <= MAX_BYTES:
        content = scope.repository.objects.read(oid)
        if not content.startswith(_LFS):
            return content
    return scope.tree.read(path)
