"""Stages whose results were made from something else than what is there: only a part of the pipeline ran since then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.lineage.hashing import Digests, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.lineage.hashing import Hashed
    from mlops_ci.lineage.worktree import ModelFacts
    from mlops_ci.stack.data.dvc import Out, Project


def stale(project: Project, model: ModelFacts, hashed: Mapping[str, Hashed]) -> Iterator[str]:
    """Params (`params.yaml:lr`) and files that a stage of the model read otherwise, by dvc.lock. Nothing of what is
    frozen, which nobody wants to be run again. `hashed`: what is there, by path.
    """
    for stage in model.snapshot.stages:
        yield from stage.stale
    for locked in project.stages:
        if locked.pipeline.path in model.pipelines and locked.record and not locked.stage.frozen:
            for dep in locked.record.deps:
                if dep.path in locked.stage.deps and _differs(project, dep, hashed.get(dep.path)):
                    yield dep.path


def _differs(project: Project, recorded: Out, found: Hashed | None) -> bool:
    """With a folder of code DVC hashes what Python has compiled in it, which is never the same."""
    if not recorded.hash or recorded.legacy:
        return False
    if isinstance(found, Folder):
        return recorded.path in project.outs and recorded.hash != f"{found.md5}.dir"
    return isinstance(found, Digests) and recorded.hash != found.md5
