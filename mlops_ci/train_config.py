"""Training as `mlops-ci.yaml` writes it: part of the config, see config.py."""

from __future__ import annotations

import math
from typing import Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

Persist = Literal["none", "push", "commit"]
Policy = Literal["refuse", "record"]


@dataclass(frozen=True, kw_only=True)
class StageEnvironmentConfig:
    """An environment of its own for stages."""

    lock: str = doc(
        "The lock file that it is made from: uv.lock, pylock.toml, requirements with hashes."
    )
    stages: list[str] = doc("The stages that run in it, as `mlops-ci train --stage` names them.")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """`command` replaces `dvc repro` and its `targets`; then `inputs`, `outputs` and `metrics` describe it."""

    command: str | None = doc("Train by this line of a shell. Default: `dvc repro`.", default=None)
    targets: list[str] = doc(
        "What `dvc repro` has to make: stages, `folder/dvc.yaml:stage`. Default: everything.",
        default_factory=list,
    )
    inputs: list[str] = doc(
        "Files and folders that `command` reads, for its Record.", default_factory=list
    )
    outputs: list[str] = doc(
        "Files and folders that `command` must have written, for its Record.", default_factory=list
    )
    metrics: list[str] = doc(
        "Metrics files that `command` must have written.", default_factory=list
    )
    persist: Persist = doc(
        "What becomes of results. push: data to the DVC remote; commit: that, and dvc.lock and what else of the "
        "results is in Git committed to the branch; none: they stay here, and cannot be promoted.",
        default="none",
    )
    on_dirty: Policy = doc(
        "When what the run reads is not what is committed: refuse to train, or train and record it.",
        default="refuse",
    )
    on_missing_data: Policy = doc(
        "When data cannot be had: refuse to train, or run what can be run without it and record it.",
        default="refuse",
    )
    environment: Literal["current", "locked"] = doc(
        "What stages run in. current: the active environment, which must not contradict the lock; locked: one that "
        "mlops-ci makes from the lock, in .mlops-ci/environments.",
        default="current",
    )
    lock: str | None = doc(
        "The lock file of the environment. Default: uv.lock, pylock.toml, requirements.txt and others in the root.",
        default=None,
    )
    environments: dict[str, StageEnvironmentConfig] = doc(
        "Stages with an environment of their own, by a name for it.", default_factory=dict
    )
    seed: int = doc("What stages find in MLOPS_CI_SEED.", default=0)
    seed_stages: list[str] = doc(
        "The stages that a seed changes, for `mlops-ci train --seeds`; all that read from them run as well. Default: "
        "those that make a model.",
        default_factory=list,
    )
    seed_metrics: str = doc(
        "Where `mlops-ci train --seeds` writes what each seed measured.",
        default="seed-metrics.json",
    )
    threads: int = doc(
        "Threads of OpenMP, BLAS and the like: results can differ with their number. 0: as many as the machine says.",
        schema={"minimum": 0},
        default=2,
    )
    timeout_minutes: float | None = doc(
        "Stop a run that takes longer.", schema={"exclusiveMinimum": 0}, default=None
    )

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise ValueError("threads", "needs a whole number of 0 or more")
        if self.timeout_minutes is not None and not 0 < self.timeout_minutes < math.inf:
            raise ValueError("timeout_minutes", "needs a number above 0")
        if self.command is not None and self.targets:
            raise ValueError("targets", "are those of dvc repro, which command replaces")
        described = self.inputs or self.outputs or self.metrics
        if self.command is None and described:
            raise ValueError("inputs, outputs and metrics describe a command; dvc.yaml has its own")
