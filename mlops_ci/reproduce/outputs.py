"""The outputs of a pipeline: what each is, and what is made from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_ci.evidence import models_made
from mlops_ci.reproduce.judge import OutputFacts
from mlops_ci.tracking import ids_in
from mlops_ci.train.order import address, downstream

if TYPE_CHECKING:
    from mlops_ci.stack.data.dvc import Locked, Project
    from mlops_ci.train_config import TrainConfig

# What a stage that trains also writes, when it predicts at once.
_PREDICTIONS = re.compile(r"(^|[/_.-])(pred|predict\w*|scores?|probabilit\w*|logits?)($|[/_.-])")
_RUN_FILES = (".json", ".yaml", ".yml", ".txt")


def facts_of(project: Project, settings: TrainConfig) -> tuple[list[OutputFacts], list[str]]:
    """The outputs to compare, and those that hold the id of a tracked run: it is another one each time."""
    if settings.command is not None:
        return _of_command(settings), []
    models = models_made(project, project.stages)
    found, left_out = [], []
    for locked in project.stages:
        for path in dict.fromkeys(() if locked.stage.frozen else locked.stage.all_outs):
            if path.endswith(_RUN_FILES) and any(ids_in(project, path)):
                left_out.append(path)
            else:
                found.append(_of_stage(project, locked, path, models))
    return found, left_out


def _of_command(settings: TrainConfig) -> list[OutputFacts]:
    measured = frozenset(settings.metrics)
    outs = [
        OutputFacts(path=path, stage="train", kind="output", consumers=measured)
        for path in settings.outputs
    ]
    return outs + [OutputFacts(path=one, stage="train", kind="metrics") for one in settings.metrics]


def _of_stage(project: Project, locked: Locked, path: str, models: set[str]) -> OutputFacts:
    return OutputFacts(
        path=path,
        stage=address(locked),
        kind=_kind(path, locked, models),
        consumers=_consumers(project, path, locked, models),
    )


def _kind(path: str, locked: Locked, models: set[str]) -> str:
    if path in locked.stage.metrics:
        return "metrics"
    if path in models:
        return "model"
    reads = any(touches(dep, one) for dep in locked.stage.deps for one in models)
    beside = bool(models & set(locked.stage.outs)) and _PREDICTIONS.search(path)
    return "predictions" if reads or beside else "output"


def _consumers(project: Project, path: str, own: Locked, models: set[str]) -> frozenset[str]:
    """What later stages make from it, and what the same stage measures or, with a model, makes beside it."""
    beside = {*own.stage.metrics, *(own.stage.outs if path in models else ())}
    used = {path, *beside}
    readers = [
        address(one)
        for one in project.stages
        if any(touches(dep, each) for dep in one.stage.deps for each in used)
    ]
    later = downstream(project, readers)
    made = {out for one in project.stages if address(one) in later for out in one.stage.all_outs}
    return frozenset({*made, *beside} - models - {path})


def touches(one: str, other: str) -> bool:
    """Whether two paths are the same, or one is in the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
