"""Objects that pushed Git LFS pointers stand for and that the LFS server does not have."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError
from mlops_ci.finding import Finding
from mlops_ci.git import blobs
from mlops_ci.stack.data import lfs
from mlops_ci.text import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.pushed import Pushed

ID = "data-pushed"
_SHOWN = 20
_WHY = "Whoever gets this commit gets a pointer in place of the file: git checkout and git lfs pull fail."


def find(scope: Scope, pushed: Pushed) -> Iterator[Finding]:
    if not _uses_lfs(scope, pushed):
        return
    objects: dict[str, lfs.Object] = {}
    paths: dict[str, str] = {}
    found = _pointers(scope, {one.blob for one in pushed.written})
    for one in pushed.written:
        if (pointer := found.get(one.blob)) is not None:
            objects[pointer.oid] = pointer
            paths.setdefault(pointer.oid, one.path)
    if not objects:
        return
    remote = scope.remote or "origin"
    try:
        absent = lfs.absent(scope.repository, remote, list(objects.values()), _lfsconfig(scope))
    except MlopsCiError as error:
        yield _undecided(paths, remote, str(error))
    else:
        gone = [oid for oid in objects if oid in absent]
        yield from (_absent(scope, paths[oid], oid, remote) for oid in gone[:_SHOWN])
        if len(gone) > _SHOWN:
            yield _more(gone[_SHOWN:], remote)


def _uses_lfs(scope: Scope, pushed: Pushed) -> bool:
    info = scope.repository.git_dir / "info" / "attributes"
    if info.is_file() and b"filter=lfs" in info.read_bytes():
        return True
    attributes = {
        blob
        for tip in pushed.tips
        for path, blob in pushed.tree(tip).entries.items()
        if posixpath.basename(path) == ".gitattributes"
    }
    attributes |= {
        one.blob for one in pushed.written if posixpath.basename(one.path) == ".gitattributes"
    }
    return any(b"filter=lfs" in scope.repository.objects.read(blob) for blob in attributes)


def _pointers(scope: Scope, oids: set[str]) -> dict[str, lfs.Object]:
    """By the id of the blob."""
    sizes = blobs.sizes(scope.repository, oids)
    small = {oid: size for oid, size in sizes.items() if 0 < size <= lfs.MAX_POINTER}
    contents = blobs.beginnings(scope.repository, small, lfs.MAX_POINTER)
    parsed = {oid: lfs.pointer(content) for oid, content in contents.items()}
    return {oid: one for oid, one in parsed.items() if one is not None}


def _lfsconfig(scope: Scope) -> bytes | None:
    return scope.tree.read(".lfsconfig") if ".lfsconfig" in scope.tree.entries else None


def _absent(scope: Scope, path: str, oid: str, remote: str) -> Finding:
    here = lfs.is_local(scope.repository, oid)
    elsewhere = "" if here else "   # in the clone that has it: this one does not"
    return Finding(
        rule=f"{ID}/lfs",
        path=path,
        what=f"its Git LFS object {oid[:12]} is not on the server" + ("" if here else ", nor here"),
        why=_WHY,
        fix=f"git lfs push --object-id {shell_word(remote)} {oid}{elsewhere}",
    )


def _more(oids: list[str], remote: str) -> Finding:
    return Finding(
        rule=f"{ID}/lfs",
        path="",
        what=f"{len(oids):,} more Git LFS objects are not on the server",
        why=_WHY,
        fix=f"git lfs push --object-id {shell_word(remote)} {' '.join(oids[:100])}",
    )


def _undecided(paths: dict[str, str], remote: str, why: str) -> Finding:
    names = list(paths.values())
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return Finding(
        rule=ID,
        path=names[0],
        what=f"{why} ({names[0]}{more})",
        why=_WHY,
        fix=f"git lfs push --object-id {shell_word(remote)} {' '.join(list(paths)[:_SHOWN])}",
        undecided=True,
    )
