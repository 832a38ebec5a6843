"""The programs that a run consists of: `dvc repro` in each DVC project, or the command of the config."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UsageError
from mlops_ci.text import visible

if TYPE_CHECKING:
    from mlops_ci.stack.data.dvc import Project
    from mlops_ci.train_config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Step:
    """`command`: its arguments. `folder`: where it runs, from the root. `shown`: as a person would type it."""

    command: tuple[str, ...]
    folder: str = ""
    shown: str = ""
    is_dvc: bool = True


def plan(
    project: Project, config: TrainConfig, *, dvc: str | None, stage: str = "", force: bool = False
) -> list[Step]:
    """`stage`: only this one, and nothing before it. Raises UsageError when there is nothing to run."""
    if config.command is not None and not stage:
        return [Step(command=_shell(config.command), shown=config.command, is_dvc=False)]
    if not project.pipelines:
        raise UsageError(
            "there is nothing to train: no dvc.yaml, and mlops-ci.yaml has no train.command",
            hint="dvc stage add …, or train: {command: python train.py, outputs: [model.pkl]}",
        )
    if dvc is None:
        raise ToolError("dvc.yaml is here and dvc is not installed", hint="pip install dvc")
    options = ["--force"] if force else []
    if stage:
        return [_single(project, dvc, stage, options)]
    if config.targets:
        return [_repro(dvc, [*options, "--", *config.targets], "")]
    return [_all(project, dvc, root, options) for root in _roots(project)]


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
    return _repro(dvc, [*options, *several], root)


def _single(project: Project, dvc: str, stage: str, options: list[str]) -> Step:
    names = _addresses(project)
    if stage not in names:
        import difflib

        close = difflib.get_close_matches(stage, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(map(visible, names))}"
        raise UsageError(f"there is no stage {visible(stage)!r}", hint=hint)
    return _repro(dvc, [*options, "--single-item", "--", stage], "")


def _addresses(project: Project) -> list[str]:
    """Stages as they are named from the root: `train`, `models/dvc.yaml:train`."""
    return [
        one.stage.name
        if one.pipeline.path == "dvc.yaml"
        else f"{one.pipeline.path}:{one.stage.name}"
        for one in project.stages
    ]


def _repro(dvc: str, arguments: list[str], folder: str) -> Step:
    arguments = [one for one in arguments if one != "--"] if arguments[-1:] == ["--"] else arguments
    command = (dvc, "repro", *arguments)
    return Step(command=command, folder=folder, shown=" ".join(["dvc", *command[1:]]))
