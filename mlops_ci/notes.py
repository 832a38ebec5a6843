"""Honest notes on a comparison: what makes its numbers less than they seem. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_ci.model import ModelComparison, Note, Snapshot, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Side = Literal["baseline", "candidate"]


def notes_for(baseline: Snapshot, candidate: Snapshot, found: ModelComparison) -> tuple[Note, ...]:
    """`found` holds the rows already compared. The order is: cannot tell, distrust, explain."""
    same = _same_unread(baseline, candidate)
    return (
        *_unread_same(same),
        *_unreadable("baseline", baseline, same),
        *_unreadable("candidate", candidate, same),
        *_facts("baseline", baseline),
        *_facts("candidate", candidate),
        *_nothing_retrained(baseline, candidate, found),
        *_evaluation(baseline, candidate),
        *_scale_jumps(found),
    )


def _same_unread(baseline: Snapshot, candidate: Snapshot) -> dict[str, Unknown]:
    """What neither side can read, but whose content id is the same on both: it did not change."""
    known = {(one.subject, one.content) for one in baseline.unknown if one.content}
    return {one.subject: one for one in candidate.unknown if (one.subject, one.content) in known}


def _unread_same(same: dict[str, Unknown]) -> Iterator[Note]:
    for path, one in same.items():
        message = f"{path} is the same on both sides, and its values cannot be read here"
        yield Note(kind="unread-same", message=message, fix=one.hint, path=path)


def _unreadable(side: Side, snapshot: Snapshot, same: dict[str, Unknown]) -> Iterator[Note]:
    for one in snapshot.unknown:
        if one.subject not in same:
            yield Note(
                kind="unreadable",
                message=f"{one.subject}: {one.reason}",
                fix=one.hint,
                side=side,
                path=one.subject,
            )


def _facts(side: Side, snapshot: Snapshot) -> Iterator[Note]:
    for fact in snapshot.facts:
        path = fact.paths[0] if fact.paths else ""
        yield Note(kind=fact.kind, message=fact.message, fix=fact.fix, side=side, path=path)


def _nothing_retrained(
    baseline: Snapshot, candidate: Snapshot, found: ModelComparison
) -> Iterator[Note]:
    """Params, code or input data changed, and dvc.lock is the same to the letter: no stage ran on them."""
    if candidate.lock_digest is None or candidate.lock_digest != baseline.lock_digest:
        return
    changed = [row.name for row in found.params if row.change not in ("same", "unknown")]
    changed += [row.path for row in found.code if row.change != "same"]
    changed += [row.path for row in found.data if row.change != "same"]
    if changed:
        message = f"nothing was retrained: {_named(changed)} changed, dvc.lock did not"
        yield Note(kind="nothing-retrained", message=message, fix="dvc repro", side="candidate")


def _evaluation(baseline: Snapshot, candidate: Snapshot) -> Iterator[Note]:
    old = {ref.path: ref.id for ref in baseline.evaluation}
    new = {ref.path: ref.id for ref in candidate.evaluation}
    if not old or not new:
        return
    different = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    if different:
        message = f"the two sides were evaluated on different data: {_named(different)}"
        fix = "change evaluation data in a pull request of its own"
        yield Note(kind="evaluation-differs", message=message, fix=fix, path=different[0])


def _scale_jumps(found: ModelComparison) -> Iterator[Note]:
    for row in found.metrics:
        if row.scale_jump:
            message = f"{row.name} went from {row.baseline} to {row.candidate}: a fraction and a percentage?"
            yield Note(kind="scale-jump", message=message, path=row.source)


def _named(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
