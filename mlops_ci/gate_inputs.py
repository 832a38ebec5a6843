"""What gates judge by, beside metrics: whether the numbers can be relied on, and predictions of both sides."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci import staleness
from mlops_ci.frozen import dataclass
from mlops_ci.git.tree import WorkTree
from mlops_ci.stack.data.dvc import StageJudge

if TYPE_CHECKING:
    from mlops_ci.config import Config
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

    def add_to(
        self,
        compared: list[ModelComparison],
        models: list[ModelFiles],
        pairs: list[tuple[Snapshot, Snapshot]],
    ) -> list[ModelComparison]:
        """The comparisons with all that their gates ask for."""
        together = zip(compared, models, pairs, strict=True)
        return [self._added(one, model, *pair) for one, model, pair in together]

    @cached_property
    def _judges(self) -> tuple[StageJudge, StageJudge]:
        disk = str(self.repository.root) if isinstance(self.head.tree, WorkTree) else None
        return StageJudge(self.base, self.repository), StageJudge(self.head, self.repository, disk)

    def _added(
        self, found: ModelComparison, model: ModelFiles, old: Snapshot, new: Snapshot
    ) -> ModelComparison:
        config = model.config.predictions if model.config else None
        files = [posixpath.normpath(posixpath.join(model.root, config.path))] if config else []
        stale = staleness.note(self._judges, old, new, *files)
        found = replace(found, notes=_with(found.notes, stale)) if stale else found
        if config:
            from mlops_ci import prediction_pairs

            pair = prediction_pairs.between(self.base, self.head, model, self.slices)
            found = replace(found, predictions=pair)
        return found


def with_records(
    repository: Repository, config: Config | None, pairs: list[tuple[Snapshot, Snapshot]]
) -> list[tuple[Snapshot, Snapshot]]:
    """The Snapshots with what the Records of their trainings measured, where a gate asks for it."""
    if config is None or not config.asks_records:
        return pairs
    from mlops_ci.lineage import measured

    records = measured.known(repository)

    def told(one: Snapshot) -> Snapshot:
        return replace(one, metrics=(*one.metrics, *measured.metrics(one, records)))

    return [(told(old), told(new)) for old, new in pairs]


def _with(notes: tuple[Note, ...], stale: Note) -> tuple[Note, ...]:
    """In the place of what was known of it without a look at every file."""
    kinds = [note.kind for note in notes]
    if stale.kind in kinds:
        at = kinds.index(stale.kind)
        return (*notes[:at], stale, *notes[at + 1 :])
    return (*notes, stale)
