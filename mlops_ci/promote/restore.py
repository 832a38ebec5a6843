"""The commands that bring back what a version was made with, as a person types them in a clone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage.notes import shown
from mlops_ci.promote import artifacts
from mlops_ci.stack.data import lfs
from mlops_ci.text import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.git import Repository
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.data.dvc import Cache, Out, Project

# dvc.yaml comes along: without its stages DVC does not look at their dvc.lock.
_POINTERS = ("dvc.lock", "dvc.yaml", ".dvc")
_LOOKED_AT = 1000


def data(repository: Repository, promotion: Promotion, remote: str | None) -> str:
    """The files that point to the data, the model where it is in Git, and then the data itself."""
    commit, project = promotion.commit[:12], artifacts.project_at(repository, promotion.commit)
    files = project.tree.entries
    pointers = [f":/*{end}" for end in _POINTERS if any(path.endswith(end) for path in files)]
    models = [one["name"] for one in promotion.subject if one["name"] in files]
    paths = [shell_word(one) for one in (*pointers, *(f":/{path}" for path in models))]
    steps = [f"git checkout {commit} -- {' '.join(paths)}"] if paths else []
    if any(_is_lfs(repository, files[path]) for path in models):
        steps.insert(0, f"git lfs fetch {shell_word(shown(remote or 'origin'))} {commit}")
    return " && ".join((*steps, *_dvc(project)))


def code(promotion: Promotion) -> str:
    """All that is in the repository, and so the definition of the infrastructure where that is in it."""
    return f"git switch --detach {promotion.commit[:12]}"


def _dvc(project: Project) -> Iterator[str]:
    """From the cache where it has all, for a repository without a remote; else from there."""
    for root in project.roots:
        outs = {
            path: out
            for path, out in project.outs.items()
            if out.hash and out.cached and path not in project.tree.entries
            and project.root_of(path) == root
        }  # fmt: skip
        if outs:
            here = all(_is_cached(project.cache, path, out) for path, out in outs.items())
            place = f" --cd {shell_word(root)}" if root else ""
            yield f"dvc{place} {'checkout' if here else 'pull'}"


def _is_cached(cache: Cache, path: str, out: Out) -> bool:
    if not out.is_folder:
        return cache.find(out.hash) is not None
    try:
        listed = cache.listing(out.hash, path)
    except UnreadableError:
        return False
    return listed is not None and all(map(cache.find, islice(listed.values(), _LOOKED_AT)))


def _is_lfs(repository: Repository, blob: str) -> bool:
    size = repository.objects.stat(blob)[2]
    return size <= lfs.MAX_POINTER and lfs.pointer(repository.objects.read(blob)) is not None
