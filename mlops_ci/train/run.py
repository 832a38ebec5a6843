"""`mlops-ci train` from beginning to end: look at what is there, run it, write its Record."""

from __future__ import annotations

import dataclasses
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci import config as configuration
from mlops_ci.errors import StageError, ToolError, UsageError
from mlops_ci.git import Repository
from mlops_ci.lineage import redaction, store
from mlops_ci.lineage.collect import collect
from mlops_ci.lineage.run import TrainingRun
from mlops_ci.process import environment_outside_git, run
from mlops_ci.stack.data import dvc
from mlops_ci.text import plural, visible
from mlops_ci.train import ci, dirt, fixed, steps
from mlops_ci.train.pipeline import Work, run_pipeline
from mlops_ci.tree import WorkTree

if TYPE_CHECKING:
    from mlops_ci.config import Config
    from mlops_ci.lineage.statement import Statement
    from mlops_ci.train.output import Output
    from mlops_ci.train_config import TrainConfig

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for. `overrides`: keys of TrainConfig with what stands instead of the file."""

    start: Path
    config: Path | None = None
    stage: str = ""
    force: bool = False
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """`record`: where the Record is; `statements`: what it says."""

    run: TrainingRun
    record: Path
    statements: list[Statement]


class Place:
    """A work tree before a run."""

    def __init__(self, start: Path, config: Path | None = None) -> None:
        self.repository = Repository.discover(start)
        if self.repository.root is None:
            raise UsageError("a bare repository has no work tree", hint="git clone it")
        self.root = self.repository.root
        self.tree = WorkTree(self.repository, self.root)
        self.project = dvc.Project(self.tree, [self.root, self.repository.git_dir.parent])
        self.tree.may_link_to = self.project.cache.owns
        self._config = config

    @cached_property
    def config(self) -> Config:
        if self._config is None:
            return configuration.load(self.tree.read) or configuration.Config()
        path = self._config

        def read(name: str) -> bytes | None:
            return path.read_bytes() if name == configuration.FILE else self.tree.read(name)

        return configuration.load(read) or configuration.Config()

    @property
    def dvc(self) -> str | None:
        return dvc.find_dvc(self.root, self.repository.is_tracked, self.config.data.dvc)


def train(request: Request, output: Output) -> Trained:
    place = Place(request.start, request.config)
    settings = dataclasses.replace(place.config.train, **request.overrides)
    planned = steps.plan(
        place.project, settings, dvc=place.dvc, stage=request.stage, force=request.force
    )
    head = place.repository.commit("HEAD").oid
    found = dirt.find(place.tree, place.project, (*settings.outputs, *settings.metrics))
    _judge(found, settings, output)
    variables = fixed.fixed(os.environ, seed=settings.seed, threads=settings.threads)
    environ = environment_outside_git(**variables, PYTHONUNBUFFERED="1", DVC_NO_ANALYTICS="1")
    started = _now()
    work = Work(
        root=place.root,
        steps=tuple(planned),
        variables=environ,
        seconds=settings.timeout_minutes and settings.timeout_minutes * 60,
    )
    stages = run_pipeline(work, output)
    _check_written(place.root, settings)
    interpreter = shutil.which("python", path=environ.get("PATH")) or ""
    done = TrainingRun(
        command=_typed(planned),
        targets=tuple([request.stage] if request.stage else settings.targets),
        started=started,
        finished=_now(),
        commit=head,
        stages=stages,
        dirty=found.read,
        seeds=(settings.seed,),
        variables=redaction.variables(environ),
        persist=settings.persist,
        ci=ci.context(),
        resumed=bool(found.results),
        python=_version(interpreter),
        interpreter=interpreter,
        inputs=tuple(settings.inputs),
        outputs=tuple(settings.outputs),
        metrics=tuple(settings.metrics),
    )
    statements = collect(place.root, done)
    return Trained(run=done, record=store.write(place.root, statements), statements=statements)


def _judge(found: dirt.Dirt, settings: TrainConfig, output: Output) -> None:
    if not found.read:
        return
    count = len(found.read)
    more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
    names = ", ".join(map(visible, found.read[:_SHOWN])) + more
    are = "is" if count == 1 else "are"
    what = f"{plural(count, 'file')} that the run may read {are} not committed: {names}"
    if settings.on_dirty == "refuse":
        raise UsageError(
            f"{what}; nobody could make this model again",
            hint="git add and git commit, or: mlops-ci train --on-dirty record",
        )
    output.say(f"{what}; the Record says so")


def _check_written(root: Path, settings: TrainConfig) -> None:
    """DVC checks what dvc.yaml declares; what the config declares of a command is ours to check."""
    absent = [path for path in (*settings.outputs, *settings.metrics) if not (root / path).exists()]
    if absent:
        names = ", ".join(map(visible, absent[:_SHOWN]))
        raise StageError(
            f"the command has ended well and not written {names}",
            hint="write it, or correct train.outputs and train.metrics in mlops-ci.yaml",
        )


def _typed(planned: list[steps.Step]) -> tuple[str, ...]:
    """The command as a person types it, without the place of a program on this machine."""
    return tuple(word for step in planned for word in (_words(step)))


def _words(step: steps.Step) -> tuple[str, ...]:
    return (Path(step.command[0]).name, *step.command[1:])


def _version(interpreter: str) -> str:
    if not interpreter:
        return ""
    asked = "import platform; print(platform.python_version())"
    try:
        done = run([interpreter, "-I", "-S", "-c", asked], timeout=20)
    except ToolError:
        return ""
    return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else ""


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
