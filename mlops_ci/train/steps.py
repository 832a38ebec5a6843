"""The programs that a run consists of: `dvc repro` in each DVC project, or the command of the config."""

from __future__ import annotations

import os
import posixpath
from itertools import groupby
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.text import shell_argument, visible
from mlops_ci.train.order import address, needed, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.stack.data.dvc import Project
    from mlops_ci.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Step:
    """`command`: its arguments. `folder`: where it runs, from the root. `shown`: as a person would type it.

    `environment`: its name in the config, "" for that of all. `stages`: what DVC may call stages in it, None when
    that is not known.
    """

    command: tuple[str, ...]
    folder: str = ""
    shown: str = ""
    is_dvc: bool = True
    environment: str = ""
    stages: frozenset[str] | None = None


def plan(
    project: Project,
    config: TrainConfig,
    *,
    dvc: str | None,
    stages: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[Step]:
    """`stages`: only these, and nothing before them. Raises UsageError when there is nothing to run."""
    if config.command is not None and not stages:
        return [Step(command=_shell(config.command), shown=config.command, is_dvc=False)]
    if not project.pipelines:
        raise UsageError(
            "there is nothing to train: no dvc.yaml, and mlops-ci.yaml has no train.command",
            hint="dvc stage add …, or train: {command: python train.py, outputs: [model.pkl]}",
        )
    if dvc is None:
        raise ToolError("dvc.yaml is here and dvc is not installed", hint="pip install dvc")
    _refuse_broken(project, stages)
    more = ["--allow-missing"] if config.on_missing_data == "record" else []
    options = [*options, *more]
    if stages or config.environments:
        return _in_turn(project, config, dvc, stages, options)
    if config.targets:
        return _targeted(project, dvc, config.targets, options)
    return [_all(project, dvc, root, options) for root in _roots(project)]


def _refuse_broken(project: Project, stages: Sequence[str]) -> None:
    """A dvc.yaml that cannot be read at all hides stages; only for one that is known nobody has to ask it."""
    if stages and {address(one) for one in project.stages}.issuperset(stages):
        return
    for one in project.pipelines:
        if one.problems and not one.stages and not one.unresolved:
            reason = one.problems[0].reason.removeprefix(one.path)
            what = (
                f"{visible(one.path)}{'' if reason.startswith(':') else ': '}{visible(reason, 500)}"
            )
            raise UsageError(what, hint="correct it, then: mlops-ci train")


def _shell(line: str) -> tuple[str, ...]:
    if os.name == "nt":
        return (os.environ.get("COMSPEC", "cmd.exe"), "/c", line)
    return ("/bin/sh", "-c", line)


def _roots(project: Project) -> list[str]:
    """DVC projects with a pipeline, outer ones first: one may read what another makes only by way of its folder."""
    used = {project.root_of(one.path) for one in project.pipelines if one.stages or one.unresolved}
    return sorted(used)


def _all(project: Project, dvc: str, root: str, options: list[str]) -> Step:
    own = [one.path for one in project.pipelines if project.root_of(one.path) == root]
    # Without it DVC looks at the dvc.yaml of the folder alone.
    several = [] if own == [posixpath.join(root, "dvc.yaml")] else ["--all-pipelines"]
    return _repro(project, dvc, [*options, *several], root)


def _in_turn(
    project: Project, config: TrainConfig, dvc: str, stages: Sequence[str], options: list[str]
) -> list[Step]:
    """Each stage by its name, in their order, with one `dvc repro` as long as the environment is the same."""
    environments = _by_stage(config)
    needed(project, environments)  # a name that is no stage
    graph = needed(project, stages or config.targets)
    if stages:
        graph = {name: graph[name] & set(stages) for name in stages}
    return [
        _repro(project, dvc, [*options, "--single-item", "--", *inner], root, environment)
        for environment, names in runs(graph, environments)
        for root, inner in _by_root(project, names)
    ]


def _targeted(
    project: Project, dvc: str, targets: Sequence[str], options: Sequence[str]
) -> list[Step]:
    """One `dvc repro` in each DVC project that has some, in the order of the first."""
    found: dict[str, list[str]] = {}
    for root, names in _by_root(project, targets):
        found.setdefault(root, []).extend(names)
    return [_repro(project, dvc, [*options, "--", *names], root) for root, names in found.items()]


def _by_root(project: Project, names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Runs of names of one DVC project, as they are called in its folder."""
    located = [_located(project, name) for name in names]
    return [
        (root, [name for _, name in group])
        for root, group in groupby(located, key=lambda one: one[0])
    ]


def _located(project: Project, name: str) -> tuple[str, str]:
    """The project that has it. Where a single one is not in the root, a name that leads to none is one of its own."""
    path, colon, stage = name.rpartition(":")
    root = project.root_of(path or name)
    if root:
        return root, posixpath.relpath(path or name, root) + colon + (stage if colon else "")
    (outer, *others) = _roots(project) or [""]
    return ("" if others or "" in project.roots else outer), name


def _by_stage(config: TrainConfig) -> dict[str, str]:
    return {stage: name for name, one in config.environments.items() for stage in one.stages}


def _repro(
    project: Project, dvc: str, arguments: list[str], folder: str, environment: str = ""
) -> Step:
    command = (dvc, "repro", *arguments)
    shown = " ".join(["dvc", *map(shell_argument, command[1:])])
    return Step(
        command=command,
        folder=folder,
        shown=shown,
        environment=environment,
        stages=_names(project, folder),
    )


def _names(project: Project, folder: str) -> frozenset[str] | None:
    """As DVC names them in the folder; None where a template hides some."""
    if any(one.unresolved for one in project.pipelines):
        return None
    return frozenset(address(one, folder) for one in project.stages)
