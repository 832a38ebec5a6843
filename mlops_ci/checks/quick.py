"""A few files of a Scope without a list of all: in a large repository the list takes longer than the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.git.index import IndexTree
from mlops_ci.git.objects import MISSING
from mlops_ci.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.checks.base import Scope

_REGULAR = ("100644", "100755")
_LFS = b"version https://git-lfs"


def read(scope: Scope, path: str) -> bytes | None:
    """As `scope.tree.read`."""
    for one in scope.changed:
        if one.path == path and one.status != "deleted":
            return _content(scope, path, one.mode, one.blob)
    plain = _plain(scope, path) if isinstance(scope.tree, IndexTree) else None
    return plain or _content(scope, path, *staged(scope, [path]).get(path, ("", "")))


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
    paths = set(paths)
    if not isinstance(scope.tree, IndexTree):
        return {path for path in paths if path in scope.tree.entries}
    plain = {path for path in paths if _named(scope, path)[1] == "blob"}
    return plain | set(scope.tree.staged(set(paths) - plain))


def staged(scope: Scope, paths: list[str]) -> dict[str, tuple[str, str]]:
    """Mode and blob of the paths that are in the index without a conflict; empty for a commit."""
    if not isinstance(scope.tree, IndexTree):
        return {}
    found = scope.tree.staged(paths).items()
    return {path: entries[0][:2] for path, entries in found if entries[0][2] == "0"}


def _plain(scope: Scope, path: str) -> bytes | None:
    """The content without a look at its mode, which would take a listing; None where that could matter: where a link
    leads to is written without a line break.
    """
    oid, kind, size = _named(scope, path)
    if kind != "blob" or size > MAX_BYTES:
        return None
    content = scope.repository.objects.read(oid)
    return content if b"\n" in content and not content.startswith(_LFS) else None


def _named(scope: Scope, path: str) -> tuple[str, str, int]:
    """Id, type and size of a staged file by Git's own name for it."""
    return scope.repository.objects.stat(f":0:{path}") if "\n" not in path else ("", MISSING, 0)


def _content(scope: Scope, path: str, mode: str, oid: str) -> bytes | None:
    """Links, pointers of Git LFS, large files and what is lost or not known here are the tree's business."""
    _, kind, size = scope.repository.objects.stat(oid) if mode in _REGULAR else ("", MISSING, 0)
    if kind != MISSING and size <= MAX_BYTES:
        content = scope.repository.objects.read(oid)
        if not content.startswith(_LFS):
            return content
    return scope.tree.read(path)
