"""`mlops-ci train` from beginning to end: look at what is there, run it, write its Record."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import MlopsCiError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage import store
from mlops_ci.lineage.collect import collect
from mlops_ci.signals import stoppable
from mlops_ci.text import plural, shell_word, visible
from mlops_ci.train import (
    data,
    dirt,
    environment,
    gitignore,
    locks,
    persist,
    pointers,
    results,
    seeds,
    steps,
)
from mlops_ci.train.exclusive import exclusive
from mlops_ci.train.perform import Job
from mlops_ci.train.pipeline import KEPT
from mlops_ci.train.place import Place
from mlops_ci.train.tracked import tag_lock, tracked_run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.lineage.statement import Statement
    from mlops_ci.train.environment import Environment
    from mlops_ci.train.output import Output
    from mlops_ci.train_config import TrainConfig

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for. `overrides`: keys of TrainConfig with what stands instead of the file.

    `seeds`: how many to train with, for their metrics; the model is that of the first.
    """

    start: Path
    config: Path | None = None
    stage: str = ""
    force: bool = False
    seeds: int = 1
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """`record`: where the Record is; `statements`: what it says."""

    run: TrainingRun
    record: Path
    statements: list[Statement]


def train(request: Request, output: Output) -> Trained:
    """Raises UsageError when nothing can be run or it would not be reproducible, StageError when a stage fails,
    StoppedError when a signal comes.
    """
    with stoppable(KEPT):
        place = Place(request.start, request.config)
        with exclusive(place.root):
            return _train(place, request, output)


def _train(place: Place, request: Request, output: Output) -> Trained:
    settings = dataclasses.replace(place.config.train, **request.overrides)
    # What cannot be run is said before anything is installed or fetched.
    stages = (request.stage,) if request.stage else ()
    steps.plan(place.project, settings, dvc=place.dvc or "dvc", stages=stages)
    several = seeds.plan(place, settings, request.seeds)
    place.head  # noqa: B018 - a commit that is made while stages run is not the one that they began with
    written = (*settings.outputs, *settings.metrics, settings.seed_metrics)
    found = dirt.find(place.tree, place.project, written)
    _refuse_dirt(found, settings, output)
    if settings.command is not None and not settings.inputs and not stages:
        output.say("train.inputs is empty: of what the command reads, the Record has the commit")
    pointers.refuse(place, settings, request.stage, output)
    environments = open_environments(place, settings, output)
    _refuse_drift(environments[""], settings, output)
    found = _with_data(place, request.stage, settings, found, output)
    persist.check(place, settings.persist, found.read)
    job = Job(
        settings=settings,
        environments=environments,
        stages=stages,
        options=("--force",) if request.force else (),
        dirt=found,
    )
    done = tracked_run(place, job, output)
    if several.count > 1:
        chosen = seeds.run(place, job, done, several, output)
        done = dataclasses.replace(done, seeds=chosen)
    done = _with_changes(place, done, written, output)
    statements = collect(place.root, done, place.seen)
    results.check(place.root, statements, done.dirty)
    _mark_stale(statements, output)
    gitignore.ignore(place.root)
    tag_lock(place, done, statements, output)
    refused = _persist(place, done, statements, output)
    record = store.write(place.root, statements)
    if refused:
        output.say(f"Record {record.relative_to(place.root).as_posix()}, which says persist: none")
        refused.facts |= {"record": record, "stages": list(done.stages)}
        raise refused
    return Trained(run=done, record=record, statements=statements)


def _persist(
    place: Place, done: TrainingRun, statements: list[Statement], output: Output
) -> MlopsCiError | None:
    """Why results are not where they should be. A Record says that they are there only when they are."""
    try:
        with stoppable("the next run brings the results where they belong"):
            if done.persist != "none" and place.project.pipelines:
                persist.push(place.root, place.dvc, output)
            if done.persist == "commit":
                persist.commit(place.root, done, output)
    except MlopsCiError as error:
        for one in statements:
            _internal(one)["mlopsci_persist"] = "none"
        return error
    return None


def _internal(statement: Statement) -> dict[str, Any]:
    found: dict[str, Any] = statement["predicate"]["buildDefinition"]["internalParameters"]
    return found


def _mark_stale(statements: list[Statement], output: Output) -> None:
    """A model whose stages did not all run again since something changed: what made it is not what is here."""
    for one in statements:
        if names := _internal(one)["mlopsci_stale"]:
            _internal(one)["mlopsci_persist"] = "none"
            model = one["predicate"]["buildDefinition"]["externalParameters"]["model"]
            what = f"model {visible(model)} was made with another {', '.join(map(visible, names[:_SHOWN]))}"
            output.say(
                f"{what}: its Record says that it cannot be promoted; the whole: mlops-ci train"
            )


def _with_changes(
    place: Place, done: TrainingRun, written: Iterable[str], output: Output
) -> TrainingRun:
    """What changed while stages ran may have been read before or after, so the Record cannot call it committed."""
    changed = sorted(set(dirt.since(place, written)) - set(done.dirty))
    if not changed:
        return done
    what = "changed while the run was under way; the Record says so (if a stage writes it: outs in dvc.yaml)"
    output.say(f"{', '.join(map(visible, changed[:_SHOWN]))} {what}")
    return dataclasses.replace(done, dirty=tuple(sorted({*done.dirty, *changed})))


def _with_data(
    place: Place, stage: str, settings: TrainConfig, found: dirt.Dirt, output: Output
) -> dirt.Dirt:
    """Data that is changed makes a work tree as dirty as code does."""
    read = settings.inputs if settings.command is not None and not stage else None
    there = data.provide(place, place.dvc, stage, output, read)
    data.refuse_missing(place, there, settings.on_missing_data, output)
    changed = dirt.Dirt(read=there.changed, results=())
    _refuse_dirt(changed, settings, output)
    return dirt.Dirt(read=tuple(sorted({*found.read, *there.changed})), results=found.results)


def open_environments(
    place: Place, settings: TrainConfig, output: Output
) -> dict[str, Environment]:
    """The environments that the config names, made where they have to be. That of all other stages is ""."""
    lock = locks.find(place.root, settings.lock)
    if settings.environment == "current":
        main = environment.current(place.root, lock, place.repository.is_tracked)
    elif lock is None:
        raise UsageError("there is no lock file to make the environment from", hint="uv lock")
    else:
        main = environment.locked(place.root, lock, output)
    named = {
        name: environment.locked(place.root, one.lock, output, name)
        for name, one in settings.environments.items()
    }
    return {"": main, **named}


def _refuse_dirt(found: dirt.Dirt, settings: TrainConfig, output: Output) -> None:
    if found.read:
        count = len(found.read)
        more = f" and {count - _SHOWN} more" if count > _SHOWN else ""
        names = ", ".join(map(visible, found.read[:_SHOWN])) + more
        are = "is" if count == 1 else "are"
        what = f"{plural(count, 'file')} that the run may read {are} not committed: {names}"
        _refuse(what, _commit_it(found), settings, output)


def _commit_it(found: dirt.Dirt) -> str:
    if not found.unseen:
        return "git add and git commit"
    word = shell_word(found.unseen[0])
    return f"git update-index --no-assume-unchanged {word} (or --no-skip-worktree), git add and git commit"


def _refuse_drift(used: Environment, settings: TrainConfig, output: Output) -> None:
    if used.drift and used.lock:
        what = f"the environment is not what {used.lock.path} says: {used.drift}"
        _refuse(what, "install what it says, or: --environment locked", settings, output)
    if used.doubt and used.lock:
        what = "markers that cannot be understood, so these packages are not compared"
        output.say(f"{used.lock.path} has {what}: {used.doubt}")


def _refuse(what: str, fix: str, settings: TrainConfig, output: Output) -> None:
    if settings.on_dirty == "refuse":
        raise UsageError(
            f"{what}; nobody could make this model again",
            hint=f"{fix}, or: mlops-ci train --on-dirty record",
        )
    output.say(f"{what}; the Record says so")
