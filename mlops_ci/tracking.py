"""The tracked run that belongs to a Snapshot, and what it measured."""

from __future__ import annotations

import os
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.model import Measurement, Unknown
from mlops_ci.stack.base import RunQuery, TrackerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_ci.config import Config, MLflowConfig
    from mlops_ci.model import Origin
    from mlops_ci.models import ModelFiles
    from mlops_ci.stack.data.dvc import Locked, Project

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_RUN_ID_KEYS = frozenset({"run_id", "run_uuid", "mlflow_run_id", "mlflow.run_id"})
_SMALL = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Tracked:
    metrics: tuple[Measurement, ...] = ()
    params: tuple[Measurement, ...] = ()
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """How runs are found in one repository.

    `trusted`: gives the config that the change under review cannot have written. `alone`: the repository holds
    one model, so a commit points to that model's run.
    """

    config: Config | None
    trusted: Callable[[], Config | None]
    root: Path | None
    alone: bool
    # Stores that could not be reached: the next model would wait as long.
    _failed: dict[str, Unknown] = field(default_factory=dict)

    def read(
        self,
        project: Project,
        model: ModelFiles,
        stages: list[Locked],
        origin: Origin,
        lock_digest: str | None,
    ) -> Tracked:
        """What the run of this model at this origin logged; nothing when no run is found, or no tracker is used."""
        settings = self.settings(model.name, os.environ)
        if settings is None:
            return Tracked()
        if not self._may_ask(settings, model):
            reason = f"{settings.uri} is set by the change itself: it is asked once that is merged"
            return Tracked(unknown=(Unknown(kind="tracker", subject="mlflow", reason=reason),))
        by_commit = self.alone or settings.experiment is not None
        query = RunQuery(
            run_ids=tuple(run_ids(project, stages)),
            lock_digest=lock_digest,
            commit=(origin.commit or origin.head) if by_commit else None,
        )
        return _read(settings, query, self._failed)

    def settings(self, model: str, environ: Mapping[str, str]) -> TrackerSettings | None:
        """Where the runs of a model are; None where no tracker is used."""
        layers = _layers(self.config, model)
        own = next((one.tracking_uri for one in layers if one.tracking_uri), None)
        named = environ.get("MLFLOW_TRACKING_URI")
        uri = own or named or self._default_store()
        if uri is None or self.root is None:
            return None
        return TrackerSettings(
            uri=uri,
            root=self.root,
            experiment=next((one.experiment for one in layers if one.experiment), None),
            trusted=not own or _origin(own) == _origin(named or ""),
        )

    def _may_ask(self, settings: TrackerSettings, model: ModelFiles) -> bool:
        """A pull request must not make CI call any address it likes. A file in the repository is no address."""
        if settings.trusted or not settings.uri.lower().startswith("http"):
            return True
        known = (one.tracking_uri for one in _layers(self.trusted(), model.name))
        return settings.uri in known

    def _default_store(self) -> str | None:
        """Where MLflow 3 writes when nothing else is said."""
        return "sqlite:///mlflow.db" if self.root and (self.root / "mlflow.db").is_file() else None


def _layers(config: Config | None, model: str) -> list[MLflowConfig]:
    """The settings of a model, then those of all."""
    if config is None:
        return []
    own = config.models.get(model)
    return [*([own.mlflow] if own else []), config.mlflow]


def _origin(uri: str) -> tuple[str, str]:
    """Scheme and host: credentials for https must not go out over http."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _read(settings: TrackerSettings, query: RunQuery, failed: dict[str, Unknown]) -> Tracked:
    from mlops_ci.stack.trackers import TRACKERS  # sqlite3 and urllib, where there is a tracker

    if settings.uri in failed:
        return Tracked(unknown=(failed[settings.uri],))
    try:
        run = TRACKERS["mlflow"].find_run(settings, query)
    except UnreadableError as error:
        unknown = Unknown(kind="tracker", subject="mlflow", reason=str(error), hint=error.hint)
        if "://" in str(error):  # the store itself, not a run in it
            failed[settings.uri] = unknown
        return Tracked(unknown=(unknown,))
    if run is None:
        return Tracked()
    source = f"mlflow:{run.experiment}"
    where = f"mlflow run {run.run_id} (bound by {run.bound_by})"
    return Tracked(
        metrics=tuple(_measurements(source, where, run.metrics)),
        params=tuple(_measurements(source, where, run.params)),
    )


def _measurements(source: str, where: str, values: Mapping[str, Any]) -> Iterator[Measurement]:
    for name, value in values.items():
        yield Measurement(name=name, source=source, value=value, where=where)


def run_ids(project: Project, stages: list[Locked]) -> Iterable[str]:
    """Run ids in the small files that the stages write: `{"run_id": "…"}`, or a file that is just the id."""
    for locked in stages:
        sizes = {out.path: out.size or 0 for out in locked.record.outs} if locked.record else {}
        for path in (*locked.stage.outs, *locked.stage.metrics):
            if path.endswith((".json", ".yaml", ".yml", ".txt")) and sizes.get(path, 0) <= _SMALL:
                yield from ids_in(project, path)


def ids_in(project: Project, path: str) -> Iterator[str]:
    """The run ids in a small file; none in one that cannot be read."""
    try:
        content = project.tree.read(
            path
        )  # an id that is only in a remote names no run of this commit
        values = formats.parse(path, content) if content and len(content) <= _SMALL else None
    except UnreadableError:
        return  # said already where the file is read for its metrics
    if isinstance(values, str) and _RUN_ID.fullmatch(values.strip()):
        yield values.strip()
    if isinstance(values, dict):
        for key in _RUN_ID_KEYS & values.keys():
            if isinstance(values[key], str) and _RUN_ID.fullmatch(values[key]):
                yield values[key]
