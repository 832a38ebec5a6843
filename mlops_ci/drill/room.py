"""The clean room: what is restored there, hashed, looked up and evaluated."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING

from mlops_ci.drill.faults import NO_FAULT
from mlops_ci.errors import RefusedError, ToolError, UnreadableError
from mlops_ci.lineage.collect import describe
from mlops_ci.lineage.hashing import hash_paths
from mlops_ci.promote import registered, writing
from mlops_ci.reproduce import data, judge, observed
from mlops_ci.reproduce.clone import variables
from mlops_ci.reproduce.run import NO_LOCK, clean_room, metric_settings, settings_in
from mlops_ci.stack.registries import REGISTRIES
from mlops_ci.text import plural, size, value, visible
from mlops_ci.train.data import different
from mlops_ci.train.order import address, downstream
from mlops_ci.train.perform import Job, perform
from mlops_ci.train.run import open_environments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_ci.config import Config
    from mlops_ci.drill.faults import Fault
    from mlops_ci.drill.result import Name
    from mlops_ci.drill.version import Restorable
    from mlops_ci.reproduce.observed import Observed
    from mlops_ci.reproduction import ReproducedMetric
    from mlops_ci.stack.data.dvc import Out
    from mlops_ci.train.environment import Environment
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place
    from mlops_ci.train_config import TrainConfig

_SHOWN = 3


class Room:
    """Each method is a phase: it yields what it found, and raises what it is there to find."""

    place: Place
    settings: TrainConfig
    environments: Mapping[str, Environment]

    config: Config

    def __init__(self, version: Restorable, folder: Path, output: Output, fault: Fault) -> None:
        self.version, self.folder = version, folder
        self.output, self.fault = output, fault
        self.active = NO_FAULT

    def noticed(self, name: Name, phase: Callable[[], Iterable[str]]) -> list[str]:
        """What a phase says; where it has to notice the fault, it has to pass without it first."""
        said = list(phase())
        return list(phase()) if self.put_in(name) else said

    def put_in(self, name: Name) -> bool:
        """Put the fault in, where this phase has to notice it."""
        if self.fault is NO_FAULT or self.fault.noticed_by != name:
            return False
        self.active = self.fault
        self.version.tag = self.fault.tag(self.version.tag)
        if name != "resolve":
            self.fault.restored(self.place.root / self.version.subject[0]["name"])
        return True

    def clone(self) -> Iterator[str]:
        """Nothing is shared: neither objects nor caches."""
        self.place = clean_room(self.version.book.repository, self.version.commit, self.folder)
        self.settings = settings_in(self.place, "")
        self.config = self.place.config
        yield "a clone and empty caches"

    def environment(self) -> Iterator[str]:
        self.environments = open_environments(self.place, self.settings, self.output)
        if self.settings.environment == "current":
            yield NO_LOCK
        main = self.environments[""].interpreter
        trained = self.version.trained
        now, then = main.version if main else "", trained.python if trained else ""
        if now and then and now != then:
            yield f"Python {now}, trained with {then}"
        for lock in trained.environments if trained else ():
            content = self.place.tree.read(lock.path) or b""
            if lock.sha256 and hashlib.sha256(content).hexdigest() != lock.sha256:
                yield f"{visible(lock.path)} is not the one that it was trained with"

    def restore(self) -> Iterator[str]:
        """All that the commit has in DVC: what the model was made from as well."""
        outs = self._outs()
        if outs:
            self._pull(outs)
        yield f"{plural(len(outs), 'output')}, {size(sum(one.size or 0 for one in outs.values()))}"

    def _pull(self, outs: Iterable[str]) -> None:
        """Raises ToolError with what is missing: `dvc pull` does not always say it."""
        if self.place.dvc is None:
            what = "the data is in DVC and dvc is not installed"
            raise ToolError(what, hint="pip install dvc")
        try:
            for root in self.place.project.roots:
                data.pull(self.place.root, self.place.dvc, root, [])
        except ToolError as error:
            gone = [visible(path) for path in sorted(outs) if not (self.place.root / path).exists()]
            shown = f"{', '.join(gone[:_SHOWN])}: " if gone else ""
            raise ToolError(f"{shown}{error}", hint="dvc push, from where it is") from error

    def _outs(self) -> dict[str, Out]:
        """Of pointer files and of stages: all that is in a cache, not in Git."""
        project = self.place.project
        tracked = self.place.tree.entries
        return {path: out for path, out in project.outs.items() if path not in tracked and out.hash}

    def verify(self) -> Iterator[str]:
        """Every file is hashed here, whatever `dvc pull` and `dvc status` say of it."""
        outs = self._outs()
        wrong = different(self.place.root, self.place.project, outs)
        if wrong:
            shown = "; ".join(
                f"{visible(p)}: {visible(now)}" for p, now in sorted(wrong.items())[:_SHOWN]
            )
            raise RefusedError(
                f"{len(wrong)} of {plural(len(outs), 'output')} are not what dvc.lock recorded: {shown}"
            )
        wanted = {one["name"]: one["digest"] for one in self.version.subject}
        found = self._described(list(wanted))
        for name, digest in wanted.items():
            if found.get(name) != digest:
                raise RefusedError(f"{visible(name)} is not the file that the Record names")
        yield f"{plural(len(outs), 'output')} as recorded; {plural(len(wanted), 'file')} of the model by SHA-256"

    def _described(self, names: list[str]) -> dict[str, object]:
        hashed = hash_paths(self.place.root, names, self.place.project.cache.owns)
        described = (
            one
            for name, found in hashed.items()
            if not isinstance(found, UnreadableError)
            for one in describe(name, "model", found)
        )
        return {one["name"]: one["digest"] for one in described}

    def registry(self) -> Iterator[str]:
        """The version is registered with these bytes; it is what is served, where it holds the stage."""
        version = self.version
        settings = registered.settings(version.book.repository)
        if settings is None or version.promotion is None:
            yield "no registry is configured" if settings is None else "never promoted: not asked"
            return
        registry = REGISTRIES["mlflow"]
        wanted = writing.registration(version.promotion)
        tag, stage = wanted.git_tag, version.promotion.stage
        found = self.active.registered(registry.find(settings, wanted))
        if found is None:
            what = f"MLflow does not know {tag} with the bytes that were promoted"
            raise RefusedError(what, hint="mlops-ci sync")
        champion = version.book.champion(version.model, stage)
        if champion and champion.version == version.version:
            held = self.active.served(registry.holder(settings, version.model, stage))
            if held is None or held.number != found.number:
                serves = f"version {held.number} ({held.git_tag})" if held else "nothing"
                what = f"MLflow serves {serves} as {version.model}@{stage}, not version {found.number} ({tag})"
                raise RefusedError(what, hint="mlops-ci sync")
        yield f"MLflow has {tag} with this digest"

    def evaluate(self) -> Iterator[str]:
        """What comes after the model, and all that writes metrics or predictions, runs again on what was restored."""
        known = [self.version.trained] if self.version.trained else []
        before = observed.recorded(self.place, self.settings, known)
        stages = self._evaluating()
        if not stages:
            raise UnreadableError("no stage of dvc.yaml writes metrics: nothing was evaluated")
        predicted = {path: self._content(path) for path in self.predictions}
        job = Job(
            settings=self.settings,
            environments=self.environments,
            stages=tuple(sorted(stages)),
            options=("--force",),
            extra=variables(self.folder),
        )
        perform(self.place, job, self.output)
        after = observed.found(self.place, self.settings)
        found = self._compared(before, after)
        if self.put_in("evaluate"):
            self._compared(self.active.recorded(before), after)
        for path, content in predicted.items():
            now = self._content(path)
            if now != content and not judge.close(path, content, now):
                raise RefusedError(f"{visible(path)} holds other predictions than recorded")
        files = f", {plural(len(predicted), 'file')} of predictions" if predicted else ""
        yield f"{plural(len(found), 'metric')}{files} as recorded"

    def _compared(self, before: Observed, after: Observed) -> list[ReproducedMetric]:
        found = judge.metrics(before, [after], lambda path: metric_settings(self.config, path))
        _check_metrics(found)
        return found

    def _evaluating(self) -> set[str]:
        """Also what stands between the model and its metrics: a file there may be edited as well as the metrics."""
        project = self.place.project
        makers = {path: address(one) for one in project.stages for path in one.stage.all_outs}
        training = {makers[one["name"]] for one in self.version.subject if one["name"] in makers}
        measuring = {address(one) for one in project.stages if one.stage.metrics}
        if not measuring:
            return set()
        writing = measuring | {makers[path] for path in self.predictions if path in makers}
        return writing | (downstream(project, training) - training)

    @property
    def predictions(self) -> list[str]:
        """The predictions files of all models that a stage writes."""
        made = {path for one in self.place.project.stages for path in one.stage.all_outs}
        named = (
            posixpath.normpath(posixpath.join(one.path, one.predictions.path))
            for one in self.config.models.values()
            if one.predictions
        )
        return sorted(made & set(named))

    @property
    def measured(self) -> set[str]:
        """The files whose numbers `evaluate` compares."""
        stages = self.place.project.stages
        return {path for one in stages for path in one.stage.metrics} | set(self.predictions)

    def _content(self, path: str) -> bytes | None:
        file = self.place.root / path
        return file.read_bytes() if file.is_file() else None


def _check_metrics(found: list[ReproducedMetric]) -> None:
    wrong = [one for one in found if one.result == "different"]
    if unknown := [visible(one.name) for one in found if one.result == "unknown"][:_SHOWN]:
        raise UnreadableError(f"no value to compare: {', '.join(unknown)}")
    if wrong:
        shown = "; ".join(
            f"{visible(one.name)}: {value(one.recorded)} recorded, {value(one.found[0] if one.found else None)} now"
            for one in wrong[:_SHOWN]
        )
        raise RefusedError(f"{len(wrong)} of {plural(len(found), 'metric')} differ: {shown}")
