"""Whether the numbers of a change are of the code, params and data that it has: what dvc.lock says of its stages."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mlops_ci import evidence
from mlops_ci.model import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.model import Snapshot
    from mlops_ci.stack.data.dvc import Reason, StageJudge, Status
    from mlops_ci.stage_inputs import StageInputs

_Key = tuple[str, str]
# Files in a folder of code that no program reads: what changes only them is no reason to train.
_DOCUMENTS = ("readme", "changelog", "license", "contributing", "authors", "notice")
_SHOWN = 3


def note(
    sides: tuple[StageJudge, StageJudge], old: Snapshot, new: Snapshot, *more: str
) -> Note | None:
    """What this change made stale of the stages behind the metrics, and behind the files in `more`; None where
    there is nothing, or where the baseline has it already.
    """
    if old.stages == new.stages:
        return None
    base, head = sides
    behind = _behind(head, new, more)
    only = set().union(*behind.values())
    now = head.statuses(only)
    if not any(status.reasons for status in now):
        return None
    then = {status.key: status for status in base.statuses(only)}
    inputs = _by_key(old), _by_key(new)
    found = {
        status: fresh
        for status in now
        if (fresh := list(_fresh(status, then.get(status.key), inputs))) and not status.always
    }
    concerned = [path for path, keys in behind.items() if any(one.key in keys for one in found)]
    if not found:
        return None
    return _note(found, tuple(concerned) if len(concerned) < len(behind) else ())


def _note(found: dict[Status, list[Reason]], concerns: tuple[str, ...]) -> Note:
    subjects = list(dict.fromkeys(one.subject for fresh in found.values() for one in fresh))
    stages = ", ".join(status.target for status in found)
    more = f" and {len(subjects) - _SHOWN} more" if subjects[_SHOWN:] else ""
    message = f"nothing was retrained: {', '.join(subjects[:_SHOWN])}{more} changed, and {stages} did not run"
    return Note(
        kind="nothing-retrained",
        message=message,
        fix="dvc repro",
        side="candidate",
        untrusted=True,
        concerns=concerns,
    )


def _behind(judge: StageJudge, snapshot: Snapshot, more: tuple[str, ...]) -> dict[str, set[_Key]]:
    """By file, the stages that it follows from. What no stage writes, such as a run at a tracker, follows from those
    that make the model.
    """
    own = (judge.named.get(stage.name) for stage in snapshot.stages if stage.trains)
    trains = [one for one in own if one]
    found = {}
    for path in sorted({*(one.source for one in snapshot.metrics), *more}):
        maker = judge.project.maker(path)
        every = evidence.before(judge.project, [maker] if maker else trains)
        found[path] = {(one.pipeline.path, one.stage.name) for one in every}
    return found


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
