"""The predictions of a model at both origins."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.evidence import lock_mismatch
from mlops_ci.predictions import Leak, PredictionPair
from mlops_ci.predictions import files as prediction_files

if TYPE_CHECKING:
    from mlops_ci.models import ModelFiles
    from mlops_ci.predictions import Predictions, PredictionsConfig
    from mlops_ci.stack.data.dvc import Project


def between(
    base: Project, head: Project, model: ModelFiles, slices: tuple[str, ...]
) -> PredictionPair | None:
    """None where no predictions are configured. A file that cannot be read is a reason, not an error."""
    config = model.config.predictions if model.config else None
    if config is None:
        return None
    path = posixpath.normpath(posixpath.join(model.root, config.path))
    sides: list[Predictions | None] = []
    reasons = []
    if edited := _edited(base, head, path):
        return PredictionPair(config=config, path=path, reason=edited)
    for side, project in (("baseline", base), ("candidate", head)):
        try:
            sides.append(_read(project, path, config, slices))
        except UnreadableError as error:
            sides.append(None)
            reasons.append(f"the {side}'s {error}{f': {error.hint}' if error.hint else ''}")
    return PredictionPair(
        config=config,
        path=path,
        baseline=sides[0],
        candidate=sides[1],
        reason="; ".join(reasons),
        leak=_leak(head, model, config, sides[1]),
    )


def _leak(
    head: Project, model: ModelFiles, config: PredictionsConfig, candidate: Predictions | None
) -> Leak | None:
    if config.train is None:
        return None
    path = posixpath.normpath(posixpath.join(model.root, config.train))
    if candidate is None:
        return Leak(path=path, reason="the predictions cannot be read")
    try:
        content = head.read(path)
        if content is None:
            return Leak(path=path, reason=f"there is no {path}")
        trained_on = prediction_files.ids_of(path, content, config.train_id or config.id)
    except UnreadableError as error:
        return Leak(path=path, reason=f"{error}{f': {error.hint}' if error.hint else ''}")
    if not trained_on:
        return Leak(path=path, reason=f"{path}: holds no example")
    shared = tuple(sorted(one for one in candidate.ids if one in trained_on))
    return Leak(path=path, ids=shared, count=len(candidate.ids))


def _edited(base: Project, head: Project, path: str) -> str:
    """Why the candidate's file is not what its stage wrote; "" also where the baseline has the same edit."""
    try:
        before, now = base.read(path), head.read(path)
    except UnreadableError:
        return ""  # said where each side is read
    fact = lock_mismatch(head, path, now) if now is not None and now != before else None
    return fact.message if fact and fact.kind == "lock-mismatch" else ""


def _read(
    project: Project, path: str, config: PredictionsConfig, slices: tuple[str, ...]
) -> Predictions | None:
    content = project.read(path)
    return None if content is None else prediction_files.read(path, content, config, slices)
