"""Experiment trackers. A module that lacks a part of the Protocol does not pass the type checker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.stack.trackers import mlflow

if TYPE_CHECKING:
    from mlops_ci.stack.base import Tracker

TRACKERS: dict[str, Tracker] = {"mlflow": mlflow}
