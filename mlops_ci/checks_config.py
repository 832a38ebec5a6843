"""The checks as `mlops-ci.yaml` sets them: part of the config, see config.py. Keys are the ids of the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlops_ci.gate_config import Level  # noqa: TC001 - the loader reads it from the annotations
from mlops_ci.typed import doc

OnUndecided = Literal["fail", "pass"]


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """What every check can be told."""

    level: Level = doc(
        "What a finding is: an error that fails, a warning, or nothing (off: the check does not run).",
        default="error",
    )
    on_undecided: OnUndecided = doc(
        "What it is that the check cannot decide: a failure (exit code 3), or a remark.",
        default="fail",
    )


@dataclass(frozen=True, kw_only=True)
class ChecksConfig:
    data_not_in_git: CheckConfig = doc(
        "Large and binary files that enter Git.", key="data-not-in-git", default_factory=CheckConfig
    )
    dvc_lock_in_sync: CheckConfig = doc(
        "Changes that make a stage stale.", key="dvc-lock-in-sync", default_factory=CheckConfig
    )
    dvc_files_valid: CheckConfig = doc(
        "Broken DVC files.", key="dvc-files-valid", default_factory=CheckConfig
    )
    half_commit: CheckConfig = doc(
        "Half of a change staged.", key="half-commit", default_factory=CheckConfig
    )
    metrics_unedited: CheckConfig = doc(
        "Metrics that no stage wrote.", key="metrics-unedited", default_factory=CheckConfig
    )
    config_schema: CheckConfig = doc(
        "Params and config files against their schema.",
        key="config-schema",
        default_factory=CheckConfig,
    )
    policy_valid: CheckConfig = doc(
        "A broken mlops-ci.yaml.", key="policy-valid", default_factory=CheckConfig
    )
    environment_pinned: CheckConfig = doc(
        "Environments without exact versions.",
        key="environment-pinned",
        default_factory=CheckConfig,
    )
    data_pushed: CheckConfig = doc(
        "Data that no remote has.", key="data-pushed", default_factory=CheckConfig
    )

    def of(self, check: str) -> CheckConfig:
        """The settings of a check by its id."""
        found: CheckConfig = getattr(self, check.replace("-", "_"))
        return found
