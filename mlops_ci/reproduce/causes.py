"""Why a stage gave something else: what differs around it, and what short experiments with it show."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from mlops_ci.frozen import dataclass
from mlops_ci.lineage import machine
from mlops_ci.lineage.hashing import hash_paths
from mlops_ci.lineage.seeds import SEED
from mlops_ci.lineage.worktree import versioned
from mlops_ci.reproduce.observed import inputs_that_differ, md5_of
from mlops_ci.reproduce.outputs import touches
from mlops_ci.reproduction import Cause
from mlops_ci.train.order import address
from mlops_ci.train.perform import Job, perform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.record import Provenance
    from mlops_ci.reproduction import CauseKind, ReproducedOutput
    from mlops_ci.stack.data.dvc import Locked
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place

# Of the stages where a difference begins, so many are run again to find out why.
_MOST_STAGES = 3
_MACHINE = {"cpu": "CPU", "vectors": "vector units", "blas": "BLAS", "gpu": "GPU", "os": "system"}


def first_different(place: Place, outputs: Sequence[ReproducedOutput]) -> list[Locked]:
    """The stages whose results differ although all that they read from other stages is the same."""
    differs = {one.path for one in outputs if one.level != "bytes"}
    return [
        locked
        for locked in place.project.stages
        if differs & set(locked.stage.all_outs)
        and not any(touches(dep, path) for dep in locked.stage.deps for path in differs)
    ]


def inputs(place: Place, stages: Iterable[Locked]) -> Iterator[Cause]:
    """What dvc.lock says that a stage read, and the revision does not have: the lock is stale."""
    for locked in stages:
        for path in inputs_that_differ(place, locked):
            kind: CauseKind = "data" if path in place.project.outs else "code"
            message = f"{path} is not what dvc.lock recorded: the stage was run with another one"
            yield Cause(kind=kind, message=message, stage=address(locked), measured=True)
        recorded = place.project.raw_locks[locked.pipeline.path].get(locked.stage.name, {})
        if recorded and repr(recorded.get("cmd")) != locked.stage.cmd:
            message = "its command is not the one that dvc.lock recorded"
            yield Cause(kind="code", message=message, stage=address(locked), measured=True)


def params(place: Place, stages: Iterable[Locked]) -> Iterator[Cause]:
    """Params that are not those of dvc.lock."""
    from mlops_ci.evidence import stage_inputs

    def values(file: str) -> object:
        from mlops_ci import formats
        from mlops_ci.errors import UnreadableError

        try:
            return formats.parse(file, place.tree.read(file) or b"")
        except UnreadableError:
            return None

    for one in stage_inputs(place.project, list(stages), values):
        for name in one.stale:
            message = f"{name} is not what dvc.lock recorded: the stage was run with another value"
            yield Cause(kind="params", message=message, stage=one.name, measured=True)


def circumstances(recorded: Provenance | None, run: TrainingRun) -> Iterator[Cause]:
    """What is not as the Record says that it was. Each may be the reason; none is shown to be."""
    if recorded is None:
        return
    if recorded.python and run.python and recorded.python != run.python:
        message = f"Python {run.python} here, {recorded.python} when it was recorded"
        yield Cause(kind="interpreter", message=message)
    yield from _packages(recorded, run)
    here = machine.describe(run.interpreter)
    for key, word in _MACHINE.items():
        was, now = recorded.machine.get(key, ""), here.get(key, "")
        if was != now:
            message = f"{word}: {now or 'none'} here, {was or 'none'} when it was recorded"
            yield Cause(kind="machine", message=message)
    yield from _variables(recorded.variables, run.variables)


def _kind_of(variable: str) -> CauseKind:
    if "THREADS" in variable:
        return "threads"
    return "seed" if "SEED" in variable else "machine"


def _packages(recorded: Provenance, run: TrainingRun) -> Iterator[Cause]:
    was = {one.path: one for one in recorded.environments}
    now = {one.path: one for one in run.environments}
    for path in sorted(was.keys() | now.keys()):
        before, here = was.get(path), now.get(path)
        if before is None or here is None or before.sha256 != here.sha256:
            message = f"{path} is not the lock file that the recorded run was made with"
            yield Cause(kind="package", message=message)
        elif before.in_sync == "no":
            message = f"what was installed when it was recorded was not what {path} says"
            yield Cause(kind="package", message=message)
        elif here.in_sync == "no":
            yield Cause(kind="package", message=f"what is installed here is not what {path} says")
    if not was and not now:
        yield Cause(kind="package", message="no lock file: other versions of packages may be here")


def _variables(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Cause]:
    # A Record without a seed does not know it: the stages had run before.
    names = was.keys() | (now.keys() - {SEED})
    differ = sorted(n for n in names if was.get(n) != now.get(n))
    by_kind: dict[CauseKind, list[str]] = {}
    for name in differ:
        pair = f"{now.get(name, 'not set')} here, {was.get(name, 'not set')} when it was recorded"
        by_kind.setdefault(_kind_of(name), []).append(f"{name}: {pair}")
    for kind, told in by_kind.items():
        yield Cause(kind=kind, message="; ".join(told))


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where a stage can be run again, with what it reads as the whole run has left it."""

    place: Place
    job: Job
    output: Output

    def results(self, locked: Locked, paths: Iterable[str], **changed: int) -> dict[str, str]:
        """MD5 of what is at `paths` after one more run of the stage; `changed`: settings of the training."""
        settings = dataclasses.replace(self.job.settings, **changed)  # type: ignore[arg-type]
        job = dataclasses.replace(self.job, settings=settings, stages=(address(locked),))
        perform(self.place, job, self.output)
        found = hash_paths(self.place.root, paths, self.place.project.cache.owns)
        return {path: md5_of(versioned(one)) for path, one in found.items()}


def experiments(
    lab: Lab,
    stages: Sequence[Locked],
    recorded: Mapping[str, str],
    found: Mapping[str, str],
    *,
    seed_known: bool,
) -> Iterator[Cause]:
    """`recorded`, `found`: MD5 by output. `seed_known`: a Record says that the seed was the one of here."""
    for locked in stages[:_MOST_STAGES]:
        first = {path: found[path] for path in locked.stage.all_outs if path in found}
        wanted = {path: recorded.get(path, "") for path in first}
        yield from _tried(lab, locked, first, wanted, seed_known=seed_known)


def _tried(
    lab: Lab,
    locked: Locked,
    first: Mapping[str, str],
    wanted: Mapping[str, str],
    *,
    seed_known: bool,
) -> Iterator[Cause]:
    name = address(locked)
    lab.output.say(f"why: {name} again, as it was")
    if lab.results(locked, first) != first:
        yield _unstable(lab, locked, first)
    elif lab.job.settings.threads and _with_all_threads(lab, locked, first) == wanted:
        message = "with as many threads as this machine has (train.threads: 0) it gives the recorded result"
        yield Cause(kind="threads", message=message, stage=name, measured=True)
    elif not seed_known and _depends_on_seed(lab, locked, first):
        seed = lab.job.settings.seed
        message = (
            f"its result depends on the seed, which is {seed} here; the recorded one is not known"
        )
        yield Cause(kind="seed", message=message, stage=name, measured=True)


def _unstable(lab: Lab, locked: Locked, paths: Iterable[str]) -> Cause:
    lab.output.say(f"why: {address(locked)} with one thread, twice")
    single = lab.job.settings.threads == 1
    if not single and lab.results(locked, paths, threads=1) == lab.results(
        locked, paths, threads=1
    ):
        kind: CauseKind = "threads"
        message = "it gives another result each time with several threads, and the same with one (train.threads: 1)"
    else:
        kind = "nondeterminism"
        message = "it gives another result each time that it runs: a seed or an order is not fixed"
    return Cause(kind=kind, message=message, stage=address(locked), measured=True)


def _with_all_threads(lab: Lab, locked: Locked, paths: Iterable[str]) -> dict[str, str]:
    lab.output.say(f"why: {address(locked)} with as many threads as there are")
    return lab.results(locked, paths, threads=0)


def _depends_on_seed(lab: Lab, locked: Locked, first: Mapping[str, str]) -> bool:
    lab.output.say(f"why: {address(locked)} with another seed")
    return lab.results(locked, first, seed=lab.job.settings.seed + 1) != first
