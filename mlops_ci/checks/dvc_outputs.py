"""Outputs that two DVC files claim, that lie in one another, or that lead out of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.checks import projects
from mlops_ci.checks.projects import project_of
from mlops_ci.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.stack.data.dvc import Project

_ID = "dvc-files-valid"
_WHY_TWICE = "DVC stops at it in dvc repro: two would overwrite each other."
_WHY_OUTSIDE = "It is not there on any other machine, nor for your colleagues or in CI."


def find(scope: Scope, judged: set[str]) -> Iterator[Finding]:
    """Only where one of the files is among `judged`, a merge brings the two together, or all are wanted."""
    yield from (one for one in projects.undecided(scope, _ID) if one.path not in judged)
    project = project_of(scope)
    claims = sorted(_claims(project))
    owners: dict[str, tuple[str, str]] = {}
    for path, file, who in claims:
        other = next((owners[parent] for parent in _parents(path) if parent in owners), None)
        owners.setdefault(path, (file, who))
        if other and (
            scope.all_files
            or not judged.isdisjoint((file, other[0]))
            or scope.joins(file, other[0])
        ):
            yield _twice(path, file, who, other)
    for file, outs in project.pointer_files.items():
        if scope.all_files or file in judged:
            paths = tuple(out.path for out in outs)
            yield from _outside(file, "this pointer", paths, "output", "error")
    for locked in project.stages:
        file, stage = locked.pipeline.path, locked.stage
        if scope.all_files or file in judged:
            yield from _outside(file, f"stage {stage.name}", stage.all_outs, "output", "error")
            yield from _outside(file, f"stage {stage.name}", stage.deps, "dependency", "warning")


def _claims(project: Project) -> Iterator[tuple[str, str, str]]:
    """Output, file, and who claims it in words."""
    for file, outs in project.pointer_files.items():
        yield from ((out.path, file, file) for out in outs)
    for locked in project.stages:
        file = locked.pipeline.path
        for path in set(locked.stage.all_outs):
            yield path, file, f"stage {locked.stage.name} of {file}"


def _parents(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _twice(path: str, file: str, who: str, other: tuple[str, str]) -> Finding:
    return Finding(
        rule=f"{_ID}/outputs",
        path=file,
        what=f"{who} claims the output {path}, which {other[1]} claims too, or a folder around it",
        why=_WHY_TWICE,
        fix="take it out of one of the two",
    )


def _outside(
    file: str, who: str, paths: tuple[str, ...], noun: str, level: str
) -> Iterator[Finding]:
    for path in paths:
        if path.startswith(("../", "/")) or path == ".." or path[1:3] == ":/":
            yield Finding(
                rule=f"{_ID}/paths",
                path=file,
                what=f"{who} has the {noun} {path}, which is outside the repository",
                why=_WHY_OUTSIDE,
                fix="use a path inside, or dvc import-url for data from elsewhere",
                level="warning" if level == "warning" else "error",
            )
