"""With which seed a model was trained: that of this run only where a stage that makes it has run."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage import store
from mlops_ci.lineage.provenance import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.lineage.worktree import ModelFacts, WorkTreeFacts
    from mlops_ci.record import Provenance

SEED = "MLOPS_CI_SEED"
_RECORDS = 50


def of_model(facts: WorkTreeFacts, model: ModelFacts, run: TrainingRun) -> tuple[int, ...]:
    """Of a model that was there before, what the Record of its training says; nothing where there is none here."""
    if len(run.seeds) != 1 or not run.stages or _was_made(facts, model, run):
        return run.seeds
    return next((one.seeds for one in _earlier(facts, model)), ())


def _was_made(facts: WorkTreeFacts, model: ModelFacts, run: TrainingRun) -> bool:
    made = set(model.model_paths or model.outputs)
    makers = {
        full_name(posixpath.join(one.pipeline.folder, one.stage.name))
        for one in facts.project.stages
        if made & set(one.stage.all_outs)
    }
    ran = {full_name(one.name) for one in run.stages if one.result == "ran"}
    return not makers or bool(makers & ran)


def full_name(target: str) -> str:
    """`sub/train` of `sub/dvc.yaml:train`, as a Snapshot calls it."""
    file, colon, name = target.rpartition(":")
    return posixpath.join(posixpath.dirname(file), name) if colon else target


def _earlier(facts: WorkTreeFacts, model: ModelFacts) -> Iterator[Provenance]:
    digest = model.snapshot.lock_digest
    for path in store.kept(facts.root)[:_RECORDS] if digest else ():
        try:
            found = parse(store.read(path), path.name)
        except UnreadableError:
            continue
        yield from (one for one in found if one.lock_digest == digest)
