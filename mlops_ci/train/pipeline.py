"""Runs a pipeline in a folder with an environment, and tells what happened. Nothing is kept here."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError, StageError, StoppedError, ToolError
from mlops_ci.frozen import dataclass
from mlops_ci.text import shell_argument, visible
from mlops_ci.train import rwlock
from mlops_ci.train.child import follow
from mlops_ci.train.repro import StageLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.lineage.run import StageRun
    from mlops_ci.train.output import Output
    from mlops_ci.train.steps import Step

KEPT = "stages that were done are kept, and the next run goes on from there"
_DISK_FULL = "No space left on device"
_BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")


@dataclass(frozen=True, kw_only=True)
class Work:
    """`variables`: by the name of an environment, all that stages find in it. `seconds`: how long all may take.

    `changing` is called when a stage begins to run.
    """

    root: Path
    steps: tuple[Step, ...]
    variables: dict[str, dict[str, str]] = field(repr=False)
    seconds: float | None = None
    changing: Callable[[], None] = lambda: None


def run_pipeline(work: Work, output: Output) -> tuple[StageRun, ...]:
    """What became of each stage. Raises StageError when one fails, ToolError when the run cannot go on."""
    deadline = None if work.seconds is None else time.monotonic() + work.seconds
    done: list[StageRun] = []
    for step in work.steps:
        command = "" if step.is_dvc else step.shown
        log = StageLog(output, command, step.environment, step.stages, work.changing, step.folder)
        try:
            _run(work, step, deadline, log)
        except MlopsCiError as error:
            error.facts |= {"stages": [*done, *log.stages], "last": list(log.last)}
            raise
        done += log.stages
    return tuple(done)


def _run(work: Work, step: Step, deadline: float | None, log: StageLog) -> None:
    if step.is_dvc:
        rwlock.clear(work.root / step.folder)
    try:
        ended = follow(
            step.command,
            cwd=work.root / step.folder,
            env=work.variables[step.environment],
            line=log.line,
            deadline=deadline,
        )
        log.ended(ended.returncode)
    except BaseException:
        log.ended(1)
        raise
    if ended.stopped:
        raise _stopped(ended.stopped, log, work)
    if ended.returncode:
        raise _failed(log, step, ended.returncode)


def _stopped(why: str, log: StageLog, work: Work) -> BaseException:
    during = f" during stage {visible(log.failed)}" if log.failed else ""
    if why == "timeout":
        assert work.seconds is not None
        took = f"the run took longer than {work.seconds / 60:g} min and was stopped{during}"
        hint = "mlops-ci train, with more train.timeout_minutes in mlops-ci.yaml"
        return ToolError(f"{took}; {KEPT}", hint=hint)
    return StoppedError(f"stopped by {why}{during}; {KEPT}", signal=why)


def _failed(log: StageLog, step: Step, returncode: int) -> MlopsCiError:
    reason = visible(log.error, 500) or f"exit code {returncode}"
    if any(busy in reason for busy in _BUSY):
        what = f"another dvc is at work in this repository: {reason}"
        return ToolError(what, hint="wait until it has ended, then: mlops-ci train")
    if any(_DISK_FULL in line for line in (log.error, *log.last)):
        what = f"the disk is full{_during(log)}; stages that were done are kept"
        return ToolError(what, hint="df -h . && dvc gc --workspace, then: mlops-ci train")
    if not log.failed:
        return ToolError(f"`{visible(step.shown, 500)}`: {reason}", hint=step.shown)
    hint = f"to run it alone, here: mlops-ci train {_stage_option(log.failed)}"
    what = f"stage {visible(log.failed)} failed: {reason}"
    return StageError(what, hint=hint if step.is_dvc else "")


def _during(log: StageLog) -> str:
    return f" (stage {visible(log.failed)})" if log.failed else ""


def _stage_option(name: str) -> str:
    """As it is typed: what begins with a dash is no option."""
    return (
        f"--stage{shell_argument(f'={name}')}"
        if name.startswith("-")
        else f"--stage {shell_argument(name)}"
    )
