"""`.dvcignore`, matched by Git's own matcher, which has the same patterns. https://dvc.org/doc/user-guide/project-structure/dvcignore-files"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from mlops_ci.process import environment_outside_git, run

if TYPE_CHECKING:
    from mlops_ci.git.tree import Tree

_NAME = ".dvcignore"
# https://github.com/treeverse/dvc/blob/3.67.1/dvc/ignore.py
_FOLDERS = frozenset({".git", ".hg", ".dvc"})


def is_always_ignored(path: str) -> bool:
    """What no folder of DVC has: folders of tools, and the file by which a submodule names its own."""
    *folders, name = path.split("/")
    return name == ".git" or not _FOLDERS.isdisjoint(folders)


def without_ignored(tree: Tree, paths: list[str]) -> list[str]:
    """`paths` less those that a `.dvcignore` above them excludes, or DVC always does."""
    paths = [path for path in paths if not is_always_ignored(path)]
    ignored: set[str] = set()
    named = [file for file in tree.entries if _NAME in file]
    for file in named:
        if posixpath.basename(file) == _NAME and (patterns := _patterns(tree, file)):
            folder = posixpath.dirname(file)
            below = [path for path in paths if not folder or path.startswith(f"{folder}/")]
            ignored |= _matching(patterns, folder, below)
    return [path for path in paths if path not in ignored] if ignored else paths


def _patterns(tree: Tree, file: str) -> bytes:
    lines = (tree.read(file) or b"").splitlines()
    return b"\n".join(line for line in lines if line.strip() and not line.startswith(b"#"))


def _matching(patterns: bytes, folder: str, paths: list[str]) -> set[str]:
    if not paths:
        return set()
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as empty:
        env = environment_outside_git(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull)
        run(["git", "init", "-q", "."], cwd=empty, env=env)
        Path(empty, ".git", "info", "exclude").write_bytes(patterns + b"\n")
        inner = [posixpath.relpath(path, folder) if folder else path for path in paths]
        query = b"".join(os.fsencode(path) + b"\0" for path in inner)
        command = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
        found = os.fsdecode(run(command, cwd=empty, stdin=query, env=env).stdout).split("\0")
    return {posixpath.join(folder, path) for path in found if path}
