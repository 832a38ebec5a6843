"""The packages that the lock files around a model pin."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import TYPE_CHECKING

from mlops_ci import environment, formats
from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.git.tree import Tree
    from mlops_ci.model import Package


def near(
    tree: Tree, lock_files: list[str], folders: Iterable[str]
) -> tuple[tuple[Package, ...], list[tuple[str, UnreadableError]]]:
    """The packages of the lock files in a model's folders and above them, and the files that cannot be read."""
    above = {folder for start in folders for folder in _upwards(start)}
    found: list[Package] = []
    unread = []
    for path in lock_files:
        if _folder(path) in above:
            try:
                found += _parsed(path, tree.read(path) or b"")
            except UnreadableError as error:
                unread.append((path, error))
    return tuple(found), unread


@lru_cache(maxsize=64)
def _parsed(path: str, content: bytes) -> tuple[Package, ...]:
    """A lock file in the root is that of every model, and often the same on both sides."""
    return environment.parse(path, formats.decode(path, content))


def _upwards(folder: str) -> Iterable[str]:
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _folder(path: str) -> str:
    """The folder that a lock file is for: that of `requirements/test.txt` is the one above."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if posixpath.basename(folder) == "requirements" else folder
