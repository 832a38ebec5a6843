"""Registries of models. A module that lacks a part of the Protocol does not pass the type checker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.stack.registries import mlflow

if TYPE_CHECKING:
    from mlops_ci.stack.base import Registry

REGISTRIES: dict[str, Registry] = {"mlflow": mlflow}
