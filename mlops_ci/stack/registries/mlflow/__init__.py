"""MLflow's model registry: on a server over REST, in an SQLite store through the project's own MLflow.

A stage is an alias; a version is known by the Git tag that registered it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.http import redact

if TYPE_CHECKING:
    from mlops_ci.stack.base import RegisteredVersion, Registration, Registry, TrackerSettings


def find(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion | None:
    """As `Registry.find`."""
    return _backend(settings).find(settings, wanted)


def register(settings: TrackerSettings, wanted: Registration) -> RegisteredVersion:
    """As `Registry.register`."""
    return _backend(settings).register(settings, wanted)


def holder(settings: TrackerSettings, model: str, stage: str) -> RegisteredVersion | None:
    """As `Registry.holder`."""
    return _backend(settings).holder(settings, model, stage)


def assign(settings: TrackerSettings, model: str, stage: str, version: RegisteredVersion) -> None:
    """As `Registry.assign`."""
    _backend(settings).assign(settings, model, stage, version)


def withdraw(settings: TrackerSettings, model: str, stage: str) -> None:
    """As `Registry.withdraw`."""
    _backend(settings).withdraw(settings, model, stage)


def _backend(settings: TrackerSettings) -> Registry:
    scheme = settings.uri.partition("://")[0].lower()
    if scheme == "sqlite":
        from mlops_ci.stack.registries.mlflow import database

        return database
    if scheme in ("http", "https"):
        from mlops_ci.stack.registries.mlflow import server

        return server
    raise UnreadableError(
        f"MLflow's registry at {redact(settings.uri)!r}: only sqlite:///path and http(s)://host are known",
        hint="mlflow: {tracking_uri: …} in mlops-ci.yaml of the main branch",
    )
