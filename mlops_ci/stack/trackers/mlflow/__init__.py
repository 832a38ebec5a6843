"""MLflow, without importing it: an SQLite store, or the REST API of a tracking server.

Both are read only, but for what `attach`, `tag` and `send` are asked to keep.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from mlops_ci.errors import UnreadableError
from mlops_ci.http import redact
from mlops_ci.stack.base import LOCK_TAG
from mlops_ci.stack.trackers.mlflow import rest, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mlops_ci.stack.base import Attachment, BoundBy, RunQuery, TrackedRun, TrackerSettings

# All that may reach a filter string: object ids, `sha256:…`, and run ids as MLflow itself allows them (_RUN_ID_REGEX in
# https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/utils/validation.py).
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:-]{0,255}")
LISTED = 5


class Store(Protocol):
    """What a backend has to answer."""

    def get(self, run_id: str, bound_by: BoundBy) -> tuple[str, TrackedRun] | None:
        """The run's status (`DELETED` is one) and the run, or None when the store does not have it."""
        ...

    def experiments(self, name: str | None) -> list[str]:
        """The ids of the active experiments: those with this name, or all."""
        ...

    def tagged(self, key: str, value: str, experiments: list[str]) -> dict[str, str]:
        """The finished, active runs with this tag: the id of each, and its parent's id or an empty string."""
        ...

    def tag(self, run_id: str, tags: dict[str, str]) -> None:
        """Set tags of a run that the store has."""
        ...


BACKENDS: dict[str, Callable[[TrackerSettings], AbstractContextManager[Store]]] = {
    "sqlite": sqlite.open_store,
    "http": rest.open_store,
    "https": rest.open_store,
}


def find_run(settings: TrackerSettings, query: RunQuery) -> TrackedRun | None:
    """As `Tracker.find_run`: run ids first, then the lock digest, then the commit."""
    for text in (*query.run_ids, query.lock_digest, query.commit):
        if text is not None and not SAFE.fullmatch(text):
            raise UnreadableError(f"{text[:80]!a} is not a run id, a lock digest or a commit")
    with _backend(settings.uri)(settings) as store:
        if query.run_ids:
            return _named(store, sorted(set(query.run_ids)))
        return _tagged(store, settings.experiment, query)


def tagged(settings: TrackerSettings, key: str, value: str) -> list[str]:
    """As `Tracker.tagged`."""
    if not SAFE.fullmatch(value):
        raise UnreadableError(f"{value[:80]!a} is not a tag that mlops-ci sets")
    with _backend(settings.uri)(settings) as store:
        return sorted(store.tagged(key, value, store.experiments(None)))


def attach(settings: TrackerSettings, run_id: str, attachment: Attachment) -> bool:
    """As `Tracker.attach`: over REST to a server, through MLflow's own client to any other store."""
    _check(run_id)
    if is_server(settings.uri):
        from mlops_ci.stack.trackers.mlflow.artifacts import attach as over_rest

        return over_rest(settings, run_id, attachment)
    from mlops_ci.stack.trackers.mlflow import client

    return client.attach(settings, run_id, attachment)


def tag(settings: TrackerSettings, run_id: str, tags: dict[str, str]) -> None:
    """As `Tracker.tag`."""
    _check(run_id)
    with _backend(settings.uri)(settings) as store:
        store.tag(run_id, tags)


def send(source: TrackerSettings, target: TrackerSettings, run_id: str) -> str:
    """As `Tracker.send`."""
    from mlops_ci.stack.trackers.mlflow import client

    _check(run_id)
    return client.send(source, target, run_id)


def check_answers(settings: TrackerSettings) -> None:
    """Raises UnreadableError where no tracking server answers: a proxy or a login page in its place is none."""
    with rest.open_store(settings) as server:
        server.check()


def is_server(uri: str) -> bool:
    return uri.lower().startswith(("http://", "https://"))


def _check(run_id: str) -> None:
    if not SAFE.fullmatch(run_id):
        raise UnreadableError(f"{run_id[:80]!a} is not a run id")


def _backend(uri: str) -> Callable[[TrackerSettings], AbstractContextManager[Store]]:
    scheme, slashes, _ = uri.partition("://")
    if slashes and scheme.lower() in BACKENDS:
        return BACKENDS[scheme.lower()]
    if scheme.startswith("databricks"):
        hint = "set the https:// address of the workspace, and MLFLOW_TRACKING_TOKEN"
    elif slashes and scheme != "file":
        hint = "run `mlflow server --backend-store-uri …` and set its http:// address"
    else:
        hint = "run `mlflow migrate-filestore --source … --target sqlite:///mlflow.db` and set sqlite:///mlflow.db"
    what = f"MLflow at {redact(uri)!r}: only sqlite:///path and http(s)://host can be read"
    raise UnreadableError(what, hint=hint)


def _named(store: Store, run_ids: list[str]) -> TrackedRun:
    if len(run_ids) > 1:
        which = f"{len(run_ids)} different runs: {_listed(run_ids)}"
        raise UnreadableError(f"tracked outputs name {which}", hint="keep the file with one run id")
    return _finished(store, run_ids[0], "run id")


def _tagged(store: Store, experiment: str | None, query: RunQuery) -> TrackedRun | None:
    experiments = store.experiments(experiment)
    if experiment is not None and not experiments:
        what = f"the store has no active experiment {experiment!a}"
        raise UnreadableError(what, hint="check the name, or train once to create it")
    if query.lock_digest:
        found = store.tagged(LOCK_TAG, query.lock_digest, experiments)
        if len(found) > 1 and query.commit:  # the same results, made again at other commits
            here = store.tagged("mlops_ci.sha", query.commit, experiments)
            found = {key: found[key] for key in found.keys() & here.keys()} or found
        if found:
            return _only(store, found, "lock digest")
    if query.commit:
        found = store.tagged("mlflow.source.git.commit", query.commit, experiments)
        found |= store.tagged("mlops_ci.sha", query.commit, experiments)
        # MLflow notes the commit of a modified work tree as if it had been clean; our own tag tells.
        for run_id in store.tagged("mlops_ci.dirty", "true", experiments) if found else ():
            found.pop(run_id, None)
        if found:
            return _only(store, found, "commit")
    return None


def _only(store: Store, parents: dict[str, str], bound_by: BoundBy) -> TrackedRun:
    # Nested runs get the same tags from MLFLOW_RUN_CONTEXT: the trials of a search are no rivals of it.
    run_ids = sorted(run_id for run_id, parent in parents.items() if parent not in parents)
    # Anyone may write a tag by which two runs are each other's parent.
    run_ids = run_ids or sorted(parents)
    if len(run_ids) > 1:
        hint = "commit a file with the id of the right run, or leave the tag on that run only"
        what = f"{len(run_ids)} runs have this {bound_by}: {_listed(run_ids)}"
        raise UnreadableError(what, hint=hint)
    return _finished(store, run_ids[0], bound_by)


def _finished(store: Store, run_id: str, bound_by: BoundBy) -> TrackedRun:
    found = store.get(run_id, bound_by)
    who = f"run {run_id}, named by a tracked output," if bound_by == "run id" else f"run {run_id}"
    if found is None:
        hint = "check the tracking address: was this run logged elsewhere?"
        raise UnreadableError(f"{who} is not in the store", hint=hint)
    status, run = found
    if status != "FINISHED":
        hint = "commit the id of a run that has finished"
        if status == "DELETED":
            hint = f"mlflow runs restore --run-id {run_id}"
        raise UnreadableError(f"{who} is {status}", hint=hint)
    return replace(run, metrics={key: _restored(value) for key, value in run.metrics.items()})


def _restored(value: float) -> float:
    # MLflow's SQL stores hold the largest float for an infinity (sanitize_metric_value in
    # https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/store/tracking/sqlalchemy_store.py).
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


def _listed(run_ids: list[str]) -> str:
    more = len(run_ids) - LISTED
    return ", ".join(run_ids[:LISTED]) + (f" and {more} more" if more > 0 else "")
