"""One run in one place, as a TrainingRun: nothing is judged before it and nothing is kept after it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import StageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import redaction
from mlops_ci.lineage.run import TrainingRun
from mlops_ci.process import environment_outside_git
from mlops_ci.text import visible
from mlops_ci.train import ci, fixed, steps
from mlops_ci.train.ahead import hashing
from mlops_ci.train.dirt import Dirt
from mlops_ci.train.pipeline import Work, run_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.train.environment import Environment
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place
    from mlops_ci.train_config import TrainConfig

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to run. `environments`: by the names of the config, "" is that of all stages without their own.

    `stages`: only these. `options`: more of `dvc repro`. `dirt`: as it was found before anything was touched.
    `extra`: more variables for stages, such as those by which a tracker knows the run.
    """

    settings: TrainConfig
    environments: Mapping[str, Environment]
    stages: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    dirt: Dirt = field(default_factory=lambda: Dirt(read=(), results=()))
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)


def perform(place: Place, job: Job, output: Output) -> TrainingRun:
    """Raises StageError when a stage fails, ToolError when the run cannot go on."""
    settings = job.settings
    planned = steps.plan(
        place.project, settings, dvc=_dvc(place, job), stages=job.stages, options=job.options
    )
    variables = {name: _variables(job, one) for name, one in job.environments.items()}
    minutes = settings.timeout_minutes
    seconds = None if minutes is None else minutes * 60
    started = _now()
    work = Work(root=place.root, steps=tuple(planned), variables=variables, seconds=seconds)
    with hashing(place, forced="--force" in job.options) as changing:
        stages = run_pipeline(dataclasses.replace(work, changing=changing), output)
    finished = _now()
    _check_written(place.root, settings)
    main = job.environments[""].interpreter
    return TrainingRun(
        command=tuple(word for step in planned for word in _typed(step)),
        targets=job.stages or tuple(settings.targets),
        started=started,
        finished=finished,
        commit=place.head,
        stages=stages,
        dirty=job.dirt.read,
        seeds=(settings.seed,),
        variables=redaction.variables(variables[""]),
        environments=tuple(lock for one in job.environments.values() for lock in one.locks),
        persist=settings.persist,
        ci=ci.context(),
        resumed=bool(job.dirt.results),
        python=main.version if main else "",
        interpreter=main.path if main else "",
        inputs=tuple(settings.inputs),
        outputs=tuple(settings.outputs),
        metrics=tuple(settings.metrics),
    )


def _dvc(place: Place, job: Job) -> str | None:
    """That of the environment, where it has one: it is as locked as all the rest."""
    return job.environments[""].program("dvc") or place.dvc


def _variables(job: Job, environment: Environment) -> dict[str, str]:
    settings = job.settings
    same = fixed.fixed(os.environ, seed=settings.seed, threads=settings.threads)
    ours = {**same, **job.extra, "PYTHONUNBUFFERED": "1", "DVC_NO_ANALYTICS": "1"}
    return environment.variables(environment_outside_git(**ours))


def _check_written(root: Path, settings: TrainConfig) -> None:
    """DVC checks what dvc.yaml declares; what the config declares of a command is ours to check."""
    absent = [path for path in (*settings.outputs, *settings.metrics) if not (root / path).exists()]
    if absent:
        names = ", ".join(map(visible, absent[:_SHOWN]))
        raise StageError(
            f"the command has ended well and not written {names}",
            hint="write it, or correct train.outputs and train.metrics in mlops-ci.yaml",
        )


def _typed(step: steps.Step) -> tuple[str, ...]:
    """Without the place of a program on this machine."""
    return (Path(step.command[0]).name, *step.command[1:])


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
