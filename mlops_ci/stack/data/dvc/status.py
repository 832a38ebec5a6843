"""Whether dvc.lock fits dvc.yaml, params, code and data pointers, from Git alone: no data, and no DVC.

The rules are those of `dvc status` (https://dvc.org/doc/command-reference/status), put to the files that Git holds.
"""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.stack.data.dvc.hashes import Hashes, Unsure
from mlops_ci.stack.data.dvc.inputs import Absent, Inputs, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.git import Repository
    from mlops_ci.stack.data.dvc.project import Locked, Project


class Doubt(NamedTuple):
    """What could not be decided, why, and what would decide it."""

    subject: str
    why: str
    fix: str = ""


class Status(NamedTuple):
    """One stage. `absent`: dependencies that were not looked at, because neither Git nor DVC knows their content here.

    `always`: a stage that runs every time by declaration, so that no lock can be in sync.
    """

    pipeline: str
    name: str
    reasons: tuple[Reason, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    absent: tuple[Doubt, ...] = ()
    always: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.pipeline, self.name

    @property
    def target(self) -> str:
        """How `dvc repro` and `dvc status` call the stage, from the root of the repository."""
        return self.name if self.pipeline == "dvc.yaml" else f"{self.pipeline}:{self.name}"


def statuses(
    project: Project,
    repository: Repository,
    disk: str | None = None,
    only: set[tuple[str, str]] | None = None,
) -> list[Status]:
    """The verdict on every stage, or on those in `only` (pipeline and name). `disk`: see Hashes."""
    return StageJudge(project, repository, disk).statuses(only)


class StageJudge:
    """Judges the stages of one project; what it has read serves every further question. `disk`: see Hashes."""

    def __init__(self, project: Project, repository: Repository, disk: str | None = None) -> None:
        self.project = project
        self._hashes = Hashes(project, repository, disk)
        self._tree = project.tree
        self._inputs = Inputs(project, self._hashes)

    def statuses(self, only: set[tuple[str, str]] | None = None) -> list[Status]:
        """As the function of that name."""
        return list(self._all(only))

    @cached_property
    def _places(self) -> dict[tuple[str, str], int]:
        stages = self.project.stages
        return {(one.pipeline.path, one.stage.name): at for at, one in enumerate(stages)}

    @cached_property
    def named(self) -> dict[str, Locked]:
        """The stages by folder and name, as a Snapshot calls them."""
        stages = self.project.stages
        return {posixpath.join(one.pipeline.folder, one.stage.name): one for one in stages}

    def _all(self, only: set[tuple[str, str]] | None) -> Iterator[Status]:
        places = self._places
        wanted = places if only is None else sorted(only & places.keys(), key=places.__getitem__)
        stages = [self.project.stages[places[key]] for key in wanted]
        self._prefetch(stages)
        for locked in stages:
            yield self._stage(locked)
        for pipeline in self.project.pipelines:
            for name, why in pipeline.unresolved.items():
                yield self._unresolved(pipeline.path, name, why)
            if not pipeline.stages and not pipeline.unresolved:
                for problem in pipeline.problems:
                    yield self._unresolved(pipeline.path, "", problem.reason)

    def _unresolved(self, pipeline: str, name: str, why: str) -> Status:
        doubt = Doubt(subject=pipeline, why=why, fix="dvc stage list")
        return Status(pipeline=pipeline, name=name, doubts=(doubt,))

    def _prefetch(self, stages: list[Locked]) -> None:
        """All files that will be hashed, in one call to Git each."""
        wanted = set()
        for locked in stages:
            if locked.record is not None:
                stage = locked.stage
                wanted |= {*stage.deps, *stage.all_outs, *stage.params}
        files = sorted(wanted & self._tree.entries.keys())
        self._tree.expect(files)
        self._hashes.attributes.expect(files)

    def _stage(self, locked: Locked) -> Status:
        pipeline, stage = locked.pipeline, locked.stage
        found = _Found()
        bare = not (stage.deps or stage.params or stage.all_outs)
        if why := self._broken_lock(locked):
            found.doubts.append(Doubt(subject=_lock_path(locked), why=why))
        elif locked.record is None:
            if stage.all_outs or not (stage.frozen or bare):
                found.add("never-run", _lock_path(locked), "has no entry of it")
        else:
            self._recorded(locked, found)
        return Status(
            pipeline=pipeline.path,
            name=stage.name,
            reasons=tuple(found.reasons),
            doubts=tuple(found.doubts),
            absent=tuple(found.absent),
            always=stage.always_changed or bare,
        )

    def _broken_lock(self, locked: Locked) -> str:
        """Why nothing can be said from the lock: broken, or of a kind that DVC 3 refuses."""
        path = _lock_path(locked)
        _ = self.project.raw_locks
        problems = [one.reason for one in self.project.problems if one.subject == path]
        if problems:
            return problems[0]
        if locked.pipeline.path in self._old_locks:
            return "has the format of DVC 1.0 without `schema`, which DVC 3 refuses: run dvc repro with DVC 2 or 3"
        return ""

    @cached_property
    def _old_locks(self) -> set[str]:
        """Pipelines whose lock has stages and no schema."""
        found = set()
        for path, stages in self.project.raw_locks.items():
            lock = posixpath.join(posixpath.dirname(path), "dvc.lock")
            if stages and b"schema:" not in (self._tree.read(lock) or b""):
                found.add(path)
        return found

    def _recorded(self, locked: Locked, found: _Found) -> None:
        record = locked.record
        assert record is not None
        stage = locked.stage
        entry = self.project.raw_locks[locked.pipeline.path][stage.name]
        if repr(entry.get("cmd")) != stage.cmd:
            found.add("command", locked.pipeline.path, "is not the command that ran")
        deps = {out.path: out for out in record.deps}
        outs = {out.path: out for out in record.outs}
        if not stage.frozen:
            for path in stage.deps:
                found.attempt(path, lambda: self._inputs.dep(path, deps.get(path)))  # noqa: B023
            for file, keys in stage.params.items():
                found.attempt(file, lambda: self._inputs.params(locked, entry, file, keys))  # noqa: B023
        for path in stage.all_outs:
            found.attempt(path, lambda: self._inputs.out(path, outs.get(path), stage.uncached))  # noqa: B023


class _Found:
    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.doubts: list[Doubt] = []
        self.absent: list[Doubt] = []

    def add(self, kind: Kind, subject: str, what: str) -> None:
        self.reasons.append(Reason(kind=kind, subject=subject, what=what))

    def attempt(self, subject: str, action: Callable[[], Iterator[Reason]]) -> None:
        try:
            self.reasons += action()
        except Unsure as unsure:
            why = str(unsure).removeprefix(f"{subject}: ")
            self.doubts.append(Doubt(subject=subject, why=why, fix=unsure.fix))
        except Absent as absent:
            self.absent.append(Doubt(subject=subject, why=str(absent)))


def _lock_path(locked: Locked) -> str:
    return posixpath.join(locked.pipeline.folder, "dvc.lock")
