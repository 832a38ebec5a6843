"""Whether the numbers of a change are of the code, params and data that it has: what dvc.lock says of its stages."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci import evidence
from mlops_ci.model import Note
from mlops_ci.stack.data import dvc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.git import Repository
    from mlops_ci.model import Snapshot
    from mlops_ci.stack.data.dvc import Project, Reason, Status
    from mlops_ci.stage_inputs import StageInputs

_Key = tuple[str, str]
# Files in a folder of code that no program reads: what changes only them is no reason to train.
_DOCUMENTS = ("readme", "changelog", "license", "contributing", "authors", "notice")
_SHOWN = 3


def note(
    repository: Repository,
    base: Project,
    head: Project,
    old: Snapshot,
    new: Snapshot,
    disk: Path | None,
) -> Note | None:
    """What this change made stale of the stages behind the metrics; None where nothing is, or where the baseline has
    it already. `disk`: the work tree, where the candidate is it.
    """
    if old.stages == new.stages:
        return None
    only = _measuring(head, new)
    now = dvc.statuses(head, repository, disk, only)
    if not any(status.reasons for status in now):
        return None
    then = {status.key: status for status in dvc.statuses(base, repository, None, only)}
    sides = _by_key(old), _by_key(new)
    found = {
        status: fresh
        for status in now
        if (fresh := list(_fresh(status, then.get(status.key), sides))) and not status.always
    }
    return _note(found) if found else None


def _note(found: dict[Status, list[Reason]]) -> Note:
    subjects = list(dict.fromkeys(one.subject for fresh in found.values() for one in fresh))
    stages = ", ".join(status.target for status in found)
    more = f" and {len(subjects) - _SHOWN} more" if subjects[_SHOWN:] else ""
    message = f"nothing was retrained: {', '.join(subjects[:_SHOWN])}{more} changed, and {stages} did not run"
    return Note(
        kind="nothing-retrained", message=message, fix="dvc repro", side="candidate", untrusted=True
    )


def _measuring(project: Project, snapshot: Snapshot) -> set[_Key]:
    """The stages that write the metrics, those that make the model, and all before them."""
    files = {one.source for one in snapshot.metrics}
    own = {stage.name for stage in snapshot.stages}
    makers = [one for path in sorted(files) if (one := project.maker(path))]
    for locked in project.stages:
        name = posixpath.join(locked.pipeline.folder, locked.stage.name)
        if name in own and evidence.models_made(project, [locked]):
            makers.append(locked)
    return {(one.pipeline.path, one.stage.name) for one in evidence.before(project, makers)}


def _by_key(snapshot: Snapshot) -> dict[str, StageInputs]:
    return {stage.name: stage for stage in snapshot.stages}


def _fresh(
    status: Status,
    before: Status | None,
    sides: tuple[dict[str, StageInputs], dict[str, StageInputs]],
) -> Iterator[Reason]:
    """What the baseline does not have in the same way. Outputs have notes of their own."""
    name = posixpath.join(posixpath.dirname(status.pipeline), status.name)
    old, new = (side.get(name) for side in sides)
    same = old == new
    for reason in status.reasons:
        if reason.kind in ("outs", "line-ends") or (same and before and reason in before.reasons):
            continue
        in_sync = before is not None and not _mentions(before, reason.subject)
        if not (in_sync and old and new and _only_documents(reason.subject, old, new)):
            yield reason


def _mentions(status: Status, subject: str) -> bool:
    doubts = (*status.doubts, *status.absent)
    return subject in {
        *(one.subject for one in status.reasons),
        *(one.subject for one in doubts),
    }


def _only_documents(folder: str, old: StageInputs, new: StageInputs) -> bool:
    if old.lock_digest != new.lock_digest:
        return False
    names = [
        name
        for name in old.inputs.keys() | new.inputs.keys()
        if name.startswith(f"{folder}/") and old.inputs.get(name) != new.inputs.get(name)
    ]
    words = [posixpath.basename(name).lower().partition(".")[0] for name in names]
    return bool(names) and all(word in _DOCUMENTS for word in words)
