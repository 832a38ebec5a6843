"""What DVC keeps stays out of Git.

DVC writes its outputs into .gitignore, and takes them out again when a later stage fails: the next run finds the
earlier stages unchanged, and nobody writes them again.
https://github.com/treeverse/dvc/blob/3.67.1/dvc/repo/scm_context.py
"""

from __future__ import annotations

import errno
import os
import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.text import ignore_pattern, visible
from mlops_ci.train.place import Place

if TYPE_CHECKING:
    from pathlib import Path


def ignore(root: Path) -> None:
    """Outputs of DVC that Git takes for new files, into the .gitignore beside them, as DVC does."""
    for path in sorted(set(stray(Place(root)).values())):
        file = root / posixpath.dirname(path) / ".gitignore"
        try:
            _add(file, posixpath.basename(path))
        except OSError as error:
            what = f"{visible(path)} is DVC's and not Git's, and cannot be written into {file}"
            hint = "mend that, then: mlops-ci train"
            raise ToolError(f"{what}: {error.strerror}", hint=hint) from error


def stray(place: Place) -> dict[str, str]:
    """Files that Git neither knows nor ignores, and the output of DVC that each is or belongs to."""
    kept = {
        path
        for one in place.project.stages
        for path in one.stage.all_outs
        if path not in one.stage.uncached
    }
    new = (path for path, state in place.tree.status.items() if state == "??")
    return {path: out for path in new if (out := _within(path, kept))}


def _within(path: str, outs: set[str]) -> str:
    while path and path not in outs:
        path = posixpath.dirname(path)
    return path


def _add(file: Path, name: str) -> None:
    if file.is_symlink():  # Git reads none
        raise OSError(errno.ELOOP, "is a link")
    before = file.read_bytes() if file.exists() else b""
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    with file.open("ab") as stream:
        stream.write(end + os.fsencode(f"/{ignore_pattern(name)}\n"))
