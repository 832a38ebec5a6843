"""Which plots differ between two origins. What is the same on both sides is not even read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.plots import PlotChange, Source, sources
from mlops_ci.plots import files as plot_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.model import Snapshot
    from mlops_ci.stack.data.dvc import Project

# Of one model: more than anybody looks at, and few enough to be read in no time.
_MOST = 40

Sources = dict[str, list[Source]]


def between(
    base: Project, head: Project, pairs: list[tuple[Snapshot, Snapshot]]
) -> list[tuple[PlotChange, ...]]:
    """For each pair of Snapshots of one model. The candidate's declaration says how both sides are drawn."""
    wanted = [_declared(base, old) | _declared(head, new) for old, new in pairs]
    paths = sorted({path for one in wanted for path in one})
    if not paths:
        return [() for _ in pairs]
    known = base.tree.blobs(paths), head.tree.blobs(paths)
    different = {p for p in paths if not _is_same(p, (base, head), known)}
    return [tuple(_changes(base, head, one, different)) for one in wanted]


def _declared(project: Project, snapshot: Snapshot) -> Sources:
    """With the files of a folder, which are all drawn as the folder is declared."""
    found: Sources = {}
    for path, declared in sources(snapshot.plots).items():
        files = _files(project, path)
        if files == [path]:
            found[path] = declared
        for file in files:
            found.setdefault(file, declared)
    return found


def _files(project: Project, path: str) -> list[str]:
    try:
        files = project.files(path)
    except UnreadableError:
        return [path]
    return (
        files if files == [path] else [f for f in files if f.lower().endswith(plot_files.SUFFIXES)]
    )


def _is_same(
    path: str, sides: tuple[Project, Project], known: tuple[dict[str, str], dict[str, str]]
) -> bool:
    """By what Git knows of it, else by what DVC recorded."""
    old, new = (blobs.get(path) for blobs in known)
    if old is None and new is None:
        old, new = (project.content_id(path) for project in sides)
    return bool(old) and old == new


def _changes(
    base: Project, head: Project, wanted: Sources, different: set[str]
) -> Iterator[PlotChange]:
    paths = sorted(different & wanted.keys())
    for path in paths[:_MOST]:
        try:
            old, new = base.read(path), head.read(path)
        except UnreadableError as error:
            reason = str(error).removeprefix(f"{path}: ")
            yield PlotChange(path=path, kind="other", change="changed", reason=reason)
            continue
        for source in wanted[path] if old != new else ():
            yield from plot_files.changes(replace(source, path=path), old, new)
    for path in paths[_MOST:]:
        reason = f"is not read: more than {_MOST} plots differ"
        yield PlotChange(path=path, kind="other", change="changed", reason=reason)
