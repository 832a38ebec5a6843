"""What in a work tree is not what is committed, judged before a run: afterwards results differ anyway."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from mlops_ci.checks.tool_folders import written_by
from mlops_ci.frozen import dataclass
from mlops_ci.git.unstaged import changed_since, hidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.git.tree import WorkTree
    from mlops_ci.stack.data.dvc import Project
    from mlops_ci.train.place import Place

# Made by running, not read by it: what Python compiles, our own Records, what DVC tells Git to leave alone, and half of
# what a DVC that was killed, or had no more disk, was just writing (`token_urlsafe(16)` in its name):
# https://github.com/treeverse/dvc-objects/blob/5.2.0/src/dvc_objects/fs/utils.py
_BYPRODUCT = re.compile(
    r"(?:.*/)?(?:__pycache__/.*|[^/]*\.pyc|\.mlops-ci/.*|\.gitignore|[^/]*\.[\w-]{22}\.tmp)",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Dirt:
    """`read`: what a run may read and is not committed. `results`: what a run writes, left by an earlier one.

    `unseen`: what of `read` Git was told not to look at.
    """

    read: tuple[str, ...]
    results: tuple[str, ...]
    unseen: tuple[str, ...] = ()


def find(tree: WorkTree, project: Project, outputs: Iterable[str] = ()) -> Dirt:
    """`outputs`: what a command writes that no dvc.yaml describes."""
    written = {path.rstrip("/") for path in outputs} | _written(project)
    changed = [path for path in sorted(tree.status) if not is_byproduct(path)]
    results = [path for path in changed if _is_below(path, written)]
    unseen = sorted(path for path in hidden(tree) if not _is_below(path, written))
    read = sorted({*changed, *unseen} - set(results))
    return Dirt(read=tuple(read), results=tuple(results), unseen=tuple(unseen))


def since(place: Place, outputs: Iterable[str] = ()) -> list[str]:
    """Tracked files that are no results and not as in the commit where the run began: also those that were committed
    since then. A `.dvc` file is DVC's, which writes the data that it found into it; the data counts.
    """
    written = {path.rstrip("/") for path in outputs} | _written(place.project)
    changed = changed_since(place.repository, place.head)
    return [
        path
        for path in changed
        if not is_byproduct(path) and not path.endswith(".dvc") and not _is_below(path, written)
    ]


def _written(project: Project) -> set[str]:
    outs = {path for one in project.stages for path in one.stage.all_outs}
    return outs | {posixpath.join(one.folder, "dvc.lock") for one in project.pipelines}


def is_byproduct(path: str) -> bool:
    """Whether running leaves it, and no run reads it."""
    return bool(_BYPRODUCT.fullmatch(path)) or written_by(path) is not None


def _is_below(path: str, written: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in written for count in range(1, len(parts) + 1))
