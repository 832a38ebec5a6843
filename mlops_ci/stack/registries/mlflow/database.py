"""MLflow's model registry in an SQLite store, through MLflow's own client: only it knows how to write there.

Each call starts the Python of the project once, and MLflow is what takes the time: one to two seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.stack.base import RegisteredVersion
from mlops_ci.stack.registries.mlflow.names import GIT_TAG, MODEL, alias_of, name_of
from mlops_ci.stack.trackers.mlflow.client import ask, uri_of
from mlops_ci.stack.trackers.mlflow.sqlite import path_of

if TYPE_CHECKING:
    from mlops_ci.stack.base import Registration, TrackerSettings


def find(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion | None:
    """As `Registry.find`."""
    return _asked("find_version", _registration(wanted), settings)


def register(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion:
    """As `Registry.register`."""
    found = _asked("register", _registration(wanted), settings)
    assert found is not None
    return found


def _registration(wanted: Registration) -> dict[str, Any]:
    return {
        "name": name_of(wanted.model),
        "key": GIT_TAG,
        "git_tag": wanted.git_tag,
        "owner": {"key": MODEL, "value": wanted.model},
        "source": wanted.source,
        "run_id": wanted.run_id or None,
        "tags": {**wanted.tags, GIT_TAG: wanted.git_tag},
    }


def holder(settings: TrackerSettings, model: str, stage: str) -> RegisteredVersion | None:
    """As `Registry.holder`."""
    return _asked("holder", _alias(model, stage), settings)


def assign(settings: TrackerSettings, model: str, stage: str, version: RegisteredVersion) -> None:
    """As `Registry.assign`."""
    _asked("assign", {**_alias(model, stage), "version": version.number}, settings)


def withdraw(settings: TrackerSettings, model: str, stage: str) -> None:
    """As `Registry.withdraw`."""
    _asked("withdraw", _alias(model, stage), settings)


def _alias(model: str, stage: str) -> dict[str, str]:
    return {"name": name_of(model), "alias": alias_of(stage)}


def _asked(what: str, asked: dict[str, Any], settings: TrackerSettings) -> RegisteredVersion | None:
    """Raises UnreadableError for a file that is not there: MLflow would make one, and nobody would look into it."""
    path_of(settings)
    found = ask(what, {"uri": uri_of(settings), **asked}, settings)["version"]
    if found is None:
        return None
    return RegisteredVersion(
        number=str(found["number"]),
        git_tag=found["tags"].get(GIT_TAG, ""),
        source=found["source"],
        tags=found["tags"],
    )
