"""The Record of a revision: in the work tree or in a Git note, found by what dvc.lock says, not by the commit."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import notes, store
from mlops_ci.lineage.provenance import parse
from mlops_ci.lineage.worktree import WorkTreeFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.git import Repository
    from mlops_ci.record import Provenance
    from mlops_ci.train.place import Place

# The run began at the commit before the one that has its results, or a few before a squash.
_PARENTS = 20
_RECORDS = 200


@dataclass(frozen=True, kw_only=True)
class Known:
    """`where`: the Record's file or note, "" when there is none."""

    where: str = ""
    provenances: list[Provenance] = field(default_factory=list)


def find(repository: Repository, place: Place, commit: str, named: Path | None) -> Known:
    """The newest that speaks of the results at this commit, or the one that is named. First of those whose stages ran:
    one that found all up to date tells of another machine.
    """
    if named is not None:
        return Known(where=str(named), provenances=parse(store.read(named), str(named)))
    models = WorkTreeFacts(place.root).models(commit)
    locked = {one.snapshot.lock_digest for one in models} - {None}
    known = Known()
    for where, found in _candidates(repository, commit):
        own = [one for one in found if _speaks_of(one, commit, locked)]
        if own and any(_ran(one) for one in own):
            return Known(where=where, provenances=own)
        known = known if known.where or not own else Known(where=where, provenances=own)
    return known


def _ran(one: Provenance) -> bool:
    return not one.stages or any(stage.result == "ran" for stage in one.stages)


def _speaks_of(one: Provenance, commit: str, locked: set[str | None]) -> bool:
    return one.lock_digest in locked if locked else one.commit == commit


def _candidates(repository: Repository, commit: str) -> Iterator[tuple[str, list[Provenance]]]:
    for path in store.kept(repository.root)[:_RECORDS] if repository.root else ():
        try:
            yield str(path), parse(store.read(path), str(path))
        except MlopsCiError:
            continue  # a broken one is none; `mlops-ci record show` says why
    for oid in (commit, *repository.first_parents(commit, _PARENTS)):
        where = f"the note of {oid[:7]}"
        try:
            statements = notes.read(repository, oid)
            if statements:
                yield where, parse(statements, where)
        except MlopsCiError:
            continue
