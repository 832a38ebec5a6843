"""What gates judge by, beside metrics: whether the numbers can be relied on, and predictions of both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_ci import staleness
from mlops_ci.tree import WorkTree

if TYPE_CHECKING:
    from mlops_ci.git import Repository
    from mlops_ci.model import ModelComparison, Note, Snapshot
    from mlops_ci.models import ModelFiles
    from mlops_ci.stack.data.dvc import Project


@dataclass(frozen=True, kw_only=True)
class Sides:
    """`slices`: the columns of predictions that gates slice by."""

    repository: Repository
    base: Project
    head: Project
    slices: tuple[str, ...] = ()

    def add(
        self, found: ModelComparison, model: ModelFiles, old: Snapshot, new: Snapshot
    ) -> ModelComparison:
        """The comparison of one model with all that its gates ask for."""
        disk = self.repository.root if isinstance(self.head.tree, WorkTree) else None
        stale = staleness.note(self.repository, self.base, self.head, old, new, disk)
        found = replace(found, notes=_with(found.notes, stale)) if stale else found
        if model.config and model.config.predictions:
            from mlops_ci import prediction_pairs

            pair = prediction_pairs.between(self.base, self.head, model, self.slices)
            found = replace(found, predictions=pair)
        return found


def _with(notes: tuple[Note, ...], stale: Note) -> tuple[Note, ...]:
    """In the place of what was known of it without a look at every file."""
    kinds = [note.kind for note in notes]
    if stale.kind in kinds:
        at = kinds.index(stale.kind)
        return (*notes[:at], stale, *notes[at + 1 :])
    return (*notes, stale)
