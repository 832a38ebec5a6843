"""MLflow before and after a run: where it logs, by which tags its runs are known, which runs there were.

No code of the user has to know: MLflow reads all of it from the environment. A tracker that is down never costs a
training: then it is logged beside the repository, and `mlops-ci record push` sends it.
https://mlflow.org/docs/latest/api_reference/python_api/mlflow.environment_variables.html
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import StageError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.http import redact
from mlops_ci.lineage.provenance import lock_tags, parse
from mlops_ci.lineage.run import TrackingRun
from mlops_ci.stack.base import LOCK_TAG, MARK_TAG, TrackerSettings
from mlops_ci.stack.trackers import mlflow
from mlops_ci.stack.trackers.mlflow import BACKENDS
from mlops_ci.tracking import run_ids
from mlops_ci.train import ci
from mlops_ci.train.perform import Job, perform

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.lineage.statement import Statement
    from mlops_ci.train.dirt import Dirt
    from mlops_ci.train.environment import Environment
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place

# MLflow's own default, named so that it is the same wherever a stage runs.
_EMBEDDED = "mlflow.db"
_FALLBACK = ".mlops-ci/mlflow.db"
_LONG = 400


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """`uri`: where stages log. `local`: not where they should, as that is down. `token`: what only this run's have."""

    root: Path
    uri: str
    experiment: str = ""
    local: bool = False
    token: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))

    @property
    def is_server(self) -> bool:
        return mlflow.is_server(self.uri)

    def variables(self, place: Place, found: Dirt) -> dict[str, str]:
        names = {"MLFLOW_EXPERIMENT_NAME": self.experiment} if self.experiment else {}
        tags = {**_known(os.environ.get("MLFLOW_RUN_CONTEXT", "")), **_tags(place, found)}
        return {
            **names,
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_RUN_CONTEXT": json.dumps({**tags, MARK_TAG: self.token}),
        }

    def fallen_back(self) -> Tracked:
        return dataclasses.replace(self, uri=_store(self.root, _FALLBACK), local=True)

    def is_down(self) -> str:
        """Why the server does not answer; "" when it does, or there is none."""
        if not self.is_server:
            return ""
        try:
            mlflow.check_answers(TrackerSettings(uri=self.uri, root=self.root))
        except UnreadableError as error:
            return str(error)
        return ""


def tracked_run(place: Place, job: Job, output: Output, home: Path | None = None) -> TrainingRun:
    """A run whose MLflow runs are known. Where the tracker dies in the middle, the stage runs again without it.

    `home`: the folder that has the store where no server is used; the place itself when it is not said.
    """
    where = set_up(place, job.environments.values(), output, home or place.root)
    if where is None:
        return perform(place, job, output)
    try:
        done = perform(place, _logging(job, where, place), output)
    except StageError as error:
        reason = where.is_down()
        if not reason:
            raise
        output.say(f"{error}; and MLflow does not answer any more: {reason}")
        output.say("  once more, logged beside the repository; then: mlops-ci record push")
        where = where.fallen_back()
        done = perform(place, _logging(job, where, place), output)
    return dataclasses.replace(done, tracking=read_back(where, place, output))


def _logging(job: Job, where: Tracked, place: Place) -> Job:
    return dataclasses.replace(job, extra={**job.extra, **where.variables(place, job.dirt)})


def set_up(
    place: Place, environments: Iterable[Environment], output: Output, home: Path
) -> Tracked | None:
    """None where nothing that is installed logs to MLflow."""
    kind = _client(environments)
    config = place.config.mlflow
    named = config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if kind is None or (kind == "skinny" and not named):  # which has no SQLite
        return None
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or config.experiment or ""
    uri = _absolute(home, named) if named else _store(home, _EMBEDDED)
    found = Tracked(root=home, uri=uri, experiment=experiment)
    reason = found.is_down()
    if not reason or kind == "skinny":
        return found
    output.say(f"MLflow does not answer: {reason}")
    output.say(f"  it is logged to {_FALLBACK}; when MLflow is back: mlops-ci record push")
    return found.fallen_back()


def read_back(tracked: Tracked, place: Place, output: Output) -> TrackingRun:
    """The runs of this training, else those that unchanged outputs name. What cannot be read costs nothing else."""
    mark = ""
    try:
        ids = _with_token(tracked)
    except UnreadableError as error:
        output.say(f"MLflow cannot be read after the run: {error}; later: mlops-ci record push")
        ids, mark = [], tracked.token
    ids = ids or sorted(set(run_ids(place.project, place.project.stages)))
    return TrackingRun(
        uri=tracked.uri,
        experiment=tracked.experiment,
        run_ids=tuple(ids),
        local=tracked.local,
        mark="" if ids else mark,
    )


def tag_lock(place: Place, done: TrainingRun, statements: list[Statement], output: Output) -> None:
    """The lock digest is known only after the run. Where it cannot be set, `mlops-ci record push` does."""
    where = done.tracking
    tags = lock_tags(parse(statements, "the new Record"))
    if where is None or not tags or where.uri.partition("://")[0].lower() not in BACKENDS:
        return
    settings = TrackerSettings(uri=where.uri, root=place.root)
    try:
        for run_id in where.run_ids:
            mlflow.tag(settings, run_id, tags)
    except UnreadableError as error:
        output.say(f"MLflow does not take {LOCK_TAG}: {error}; later: mlops-ci record push")


def _with_token(tracked: Tracked) -> list[str]:
    scheme = tracked.uri.partition("://")[0].lower()
    if scheme not in BACKENDS:
        return []
    if scheme == "sqlite" and not os.path.exists(tracked.uri.removeprefix("sqlite:///")):  # noqa: PTH110
        return []
    settings = TrackerSettings(uri=tracked.uri, root=tracked.root)
    return mlflow.tagged(settings, MARK_TAG, tracked.token)


def _client(environments: Iterable[Environment]) -> str | None:
    """`full`, `skinny`, or None. An interpreter that does not tell what it has may have everything."""
    packages = [one.interpreter.packages if one.interpreter else None for one in environments]
    if None in packages or any("mlflow" in one for one in packages if one is not None):
        return "full"
    return "skinny" if any("mlflow-skinny" in one for one in packages if one is not None) else None


def _tags(place: Place, found: Dirt) -> dict[str, str]:
    run = ci.context()
    data = ";".join(f"{path}={out.id}" for path, out in sorted(place.project.pointers.items()))
    if len(data) > _LONG:
        data = f"sha256:{hashlib.sha256(data.encode('utf-8', 'surrogateescape')).hexdigest()}"
    tags = {
        "mlops_ci.sha": place.head,
        "mlops_ci.dirty": "true" if found.read else "false",
        "mlops_ci.data": data,
        "mlops_ci.run_url": redact(run.run_url) if run else "",
    }
    return {name: value for name, value in tags.items() if value}


def _known(context: str) -> dict[str, Any]:
    try:
        found = json.loads(context)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _store(root: Path, path: str) -> str:
    return f"sqlite:///{root / path}"


def _absolute(root: Path, uri: str) -> str:
    """A stage may run in any folder."""
    scheme, slashes, path = uri.partition(":///")
    return _store(root, path) if slashes and scheme == "sqlite" else uri
