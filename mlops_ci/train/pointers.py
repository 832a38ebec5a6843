"""Inputs of which Git LFS has left its pointer in the work tree: a model would be made from three lines of text.

https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.stack.data.lfs import MAX_POINTER, pointer
from mlops_ci.text import plural, shell_word
from mlops_ci.train.order import address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.git.tree import WorkTree
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place
    from mlops_ci.train_config import TrainConfig

_SHOWN = 5


def refuse(place: Place, settings: TrainConfig, stage: str, output: Output) -> None:
    """Raises ToolError where the run would read one, unless missing data is to be recorded."""
    if settings.command is not None and not stage:
        read = set(settings.inputs)
    else:
        stages = (one for one in place.project.stages if not stage or address(one) == stage)
        read = {dep for one in stages for dep in one.stage.deps}
    found = _pointers(place.tree, read) if _is_used(place.tree) else []
    if not found:
        return
    names = " ".join(map(shell_word, found[:_SHOWN])) + (" …" if len(found) > _SHOWN else "")
    is_here = "has" if len(found) == 1 else "have"
    what = f"{plural(len(found), 'input')} {is_here} only a pointer of Git LFS here: {names}"
    if settings.on_missing_data == "refuse":
        raise ToolError(f"{what}; nothing is trained from that", hint="git lfs pull")
    output.say(f"{what}; what reads it reads the pointer")


def _is_used(tree: WorkTree) -> bool:
    files = [path for path in tree.entries if posixpath.basename(path) == ".gitattributes"]
    return any(b"filter=lfs" in (tree.read(path) or b"") for path in files)


def _pointers(tree: WorkTree, read: Iterable[str]) -> list[str]:
    wanted = {path.rstrip("/") for path in read}
    return [path for path in sorted(tree.entries) if _is_of(path, wanted) and _is_one(tree, path)]


def _is_of(path: str, wanted: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in wanted for count in range(1, len(parts) + 1))


def _is_one(tree: WorkTree, path: str) -> bool:
    file = tree.root / path
    try:
        small = file.is_file() and not file.is_symlink() and file.stat().st_size <= MAX_POINTER
        return small and pointer(file.read_bytes()) is not None
    except OSError:
        return False
