"""What a change makes stale, and what was so before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.checks import projects
from mlops_ci.checks.projects import project_of
from mlops_ci.git.index import IndexTree
from mlops_ci.stack.data.dvc import Project, statuses
from mlops_ci.stack.data.dvc.status import Doubt, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.git.tree import ObjectTree


class Judged(NamedTuple):
    """`new`: each stage with what the change brings; `old`: with what was so before."""

    new: tuple[Status, ...]
    old: tuple[Status, ...]


def judge(scope: Scope, *, strict: bool) -> Judged:
    disk = scope.repository.top if isinstance(scope.tree, IndexTree) else None
    now = project_of(scope)
    found = statuses(now, scope.repository, disk)
    if strict:
        return Judged(new=(*_ask(scope, found), *_lost(scope)), old=())
    if scope.all_files:
        return Judged(new=tuple(_lost(scope)), old=tuple(found))
    open_ = {one.key for one in found if one.reasons or one.doubts or one.absent}
    before = [_before(scope, now, tree, open_) for tree in _trees_before(scope)] if open_ else []
    split = [_split(one, [old.get(one.key) for old in before]) for one in found if one.key in open_]
    new = (*_ask(scope, [new for new, _ in split]), *_lost(scope))
    return Judged(new=new, old=tuple(old for _, old in split))


def _lost(scope: Scope) -> Iterator[Status]:
    """A file that is not here is no drift: nobody knows what the stages are that need it."""
    for path in projects.lost(scope):
        doubt = Doubt(subject=path, why=projects.LOST, fix=projects.LOST_FIX)
        yield Status(pipeline=path, name="", doubts=(doubt,))


def _trees_before(scope: Scope) -> Iterator[ObjectTree]:
    """Of a merge, what either side brings is not new."""
    if scope.base is not None:
        yield scope.base
    yield from scope.merging


def _before(
    scope: Scope, now: Project, tree: ObjectTree, only: set[tuple[str, str]]
) -> dict[tuple[str, str], Status]:
    top = scope.repository.top
    project = Project(tree, [top] if top else [])
    found = statuses(project, scope.repository, None, only)
    return {one.key: _comparable(one, now, project) for one in found}


def _comparable(old: Status, now: Project, before: Project) -> Status:
    """Without those doubts whose subject the change touches: what is undecided there may be so anew."""
    same = tuple(one for one in old.doubts if not _touched(old, one.subject, now, before))
    known = tuple(one for one in old.absent if not _was_there(one.subject, before))
    return old._replace(doubts=same, absent=known)


def _touched(status: Status, subject: str, now: Project, before: Project) -> bool:
    entries = [one.raw_locks.get(status.pipeline, {}).get(status.name) for one in (now, before)]
    return entries[0] != entries[1] or _content(subject, now) != _content(subject, before)


def _content(subject: str, project: Project) -> tuple[object, ...]:
    tree = project.tree
    below = {path: tree.entries[path] for path in tree.below(subject)} if subject else {}
    inside = {path: out.id for path, out in project.outs.items() if path.startswith(f"{subject}/")}
    return tree.entries.get(subject), below, inside, project.content_id(subject)


def _was_there(subject: str, project: Project) -> bool:
    tree = project.tree
    return subject in tree.entries or bool(tree.below(subject) or project.content_id(subject))


def _split(now: Status, before: list[Status | None]) -> tuple[Status, Status]:
    """What the change brings, and the rest."""
    known = [one for one in before if one is not None]
    reasons = {(one.kind, one.subject) for old in known for one in old.reasons}
    doubts = {one.subject for old in known for one in old.doubts}
    absent = {one.subject for old in known for one in old.absent}
    new = now._replace(
        reasons=tuple(one for one in now.reasons if (one.kind, one.subject) not in reasons),
        doubts=tuple(one for one in now.doubts if one.subject not in doubts),
        absent=tuple(one for one in now.absent if one.subject not in absent),
    )
    old = now._replace(
        reasons=tuple(one for one in now.reasons if one not in new.reasons),
        doubts=tuple(one for one in now.doubts if one not in new.doubts),
        absent=(),
    )
    return new, old


def _ask(scope: Scope, found: Iterable[Status]) -> tuple[Status, ...]:
    """With the doubts that the project's own dvc could decide decided."""
    found = tuple(found)
    if not any(one.doubts for one in found):
        return found
    from mlops_ci.checks.ask_dvc import decided

    return decided(scope, found)
