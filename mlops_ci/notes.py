"""Honest notes on a comparison: what makes its numbers less than they seem. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_ci.evaluation import NO_VERSION
from mlops_ci.model import ModelComparison, Note, Snapshot, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.evaluation import Evaluation
    from mlops_ci.fact import Fact
    from mlops_ci.stage_inputs import StageInputs

Side = Literal["baseline", "candidate"]


def notes_for(baseline: Snapshot, candidate: Snapshot, found: ModelComparison) -> tuple[Note, ...]:
    """`found` holds the rows already compared. The order is: cannot tell, distrust, explain."""
    same = _same_unread(baseline, candidate)
    return (
        *_unread_same(same),
        *_unreadable("baseline", baseline, same),
        *_unreadable("candidate", candidate, same),
        *_facts("baseline", baseline),
        *_facts("candidate", candidate, baseline.facts),
        *_nothing_retrained(baseline, candidate),
        *_evaluation(baseline, candidate),
        *_scale_jumps(found),
    )


def _same_unread(baseline: Snapshot, candidate: Snapshot) -> dict[str, Unknown]:
    """What neither side can read, but whose content id is the same on both: it did not change."""
    known = {(one.subject, one.content, one.kind) for one in baseline.unknown if one.content}
    return {
        one.subject: one
        for one in candidate.unknown
        if (one.subject, one.content, one.kind) in known
    }


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


def _facts(side: Side, snapshot: Snapshot, inherited: Iterable[Fact] = ()) -> Iterator[Note]:
    """A metrics file that was edited is this change's doing, unless the baseline has the same edit."""
    known = {fact.message for fact in inherited}
    for fact in snapshot.facts:
        path = fact.paths[0] if fact.paths else ""
        edited = fact.kind == "lock-mismatch" and side == "candidate"
        yield Note(
            kind=fact.kind,
            message=fact.message,
            fix=fact.fix,
            side=side,
            path=path,
            untrusted=edited and fact.message not in known,
            concerns=fact.paths if edited else (),
        )


def _nothing_retrained(baseline: Snapshot, candidate: Snapshot) -> Iterator[Note]:
    """A stage's inputs changed and its entry in dvc.lock did not, or that has other params than there are now."""
    before = {stage.name: stage for stage in baseline.stages}
    changed: dict[str, None] = {}
    stale = []
    for stage in candidate.stages:
        different = {*_not_run(before.get(stage.name), stage), *stage.stale}
        if different:
            stale.append(stage.name)
            changed |= dict.fromkeys(sorted(different))
    if stale:
        message = (
            f"nothing was retrained: {_named(changed)} changed, and {_named(stale)} did not run"
        )
        yield Note(kind="nothing-retrained", message=message, fix="dvc repro", side="candidate")


def _not_run(old: StageInputs | None, new: StageInputs) -> list[str]:
    if old is None or new.lock_digest is None or new.lock_digest != old.lock_digest:
        return []
    names = old.inputs.keys() | new.inputs.keys()
    return [name for name in names if old.inputs.get(name) != new.inputs.get(name)]


def _evaluation(baseline: Snapshot, candidate: Snapshot) -> Iterator[Note]:
    old, new = baseline.evaluation, candidate.evaluation
    if new.version == NO_VERSION:
        what = "no metric and no param has the name that metric_version says"
        yield _incomparable(what, "set models.NAME.evaluation.metric_version", "")
    elif old.version != new.version:
        what = f"the version of the metrics is {new.version}, it was {old.version}"
        yield _incomparable(what, "let the baseline be measured with it first", "")
    for kind in ("data", "code"):
        named = kind in new.named
        now = getattr(new, kind)
        if named and (lost := [path for path, one in now.items() if not one]):
            what = f"the evaluation {kind} is not here: {_named(lost)}"
            yield _incomparable(what, "mend models.NAME.evaluation in mlops-ci.yaml", lost[0])
        elif different := _different(getattr(old, kind), now, named=named):
            what = f"the evaluation {kind} differs: {_named(different)}"
            fix = f"change evaluation {kind} in a pull request of its own"
            yield _incomparable(what, fix, different[0], _concerned(old, new, different))
    if different := _different(old.unsure, new.unsure, named=False):
        message = f"the metrics may be of different evaluation data: {_named(different)} differs"
        fix = "name the evaluation data under models.NAME.evaluation in mlops-ci.yaml"
        yield Note(kind="evaluation-differs", message=message, fix=fix, path=different[0])


def _incomparable(message: str, fix: str, path: str, concerns: tuple[str, ...] = ()) -> Note:
    return Note(
        kind="evaluation-differs",
        message=message,
        fix=fix,
        path=path,
        untrusted=True,
        concerns=concerns,
    )


def _concerned(old: Evaluation, new: Evaluation, paths: list[str]) -> tuple[str, ...]:
    """The metrics files behind which the paths stand, on either side; none, for all, where one is unknown."""
    served = [side.files.get(path, ()) for path in paths for side in (old, new)]
    known = all(path in old.files or path in new.files for path in paths)
    return tuple(sorted({file for files in served for file in files})) if known else ()


def _different(old: dict[str, str], new: dict[str, str], *, named: bool) -> list[str]:
    """Paths by content: a file that only moved is the same. Where nothing is known of a side, nothing differs, unless
    the config names what is there.
    """
    if not named and not (old and new):
        return []
    ids = set(old.values()) ^ set(new.values())
    return sorted({path for side in (old, new) for path, one in side.items() if one in ids})


def _scale_jumps(found: ModelComparison) -> Iterator[Note]:
    for row in found.metrics:
        if row.scale_jump:
            message = f"{row.name} went from {row.baseline} to {row.candidate}: a fraction and a percentage?"
            yield Note(kind="scale-jump", message=message, path=row.source)


def _named(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
