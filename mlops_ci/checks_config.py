"""The checks as `mlops-ci.yaml` sets them: part of the config, see config.py. Keys are the ids of the checks."""

from __future__ import annotations

from typing import Literal

from mlops_ci.frozen import dataclass
from mlops_ci.size_limits import LIMITS, Size, byte_count
from mlops_ci.typed import doc

CheckLevel = Literal["error", "warn", "off"]
OnUndecided = Literal["fail", "pass"]


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """What every check can be told."""

    level: CheckLevel = doc(
        "What a finding is: an error that fails, a warning, or nothing (off: the check does not run).",
        default="error",
    )
    on_undecided: OnUndecided = doc(
        "What it is that the check cannot decide: a failure (exit code 3), or a remark.",
        default="fail",
    )


@dataclass(frozen=True, kw_only=True)
class DataNotInGitConfig(CheckConfig):
    """Sizes are the largest that is allowed."""

    max_model: Size = doc(
        "Models and pickles: bytes, or a size such as 10 kB.", default=LIMITS["model"]
    )
    max_data: Size = doc("Tables, arrays, archives.", default=LIMITS["data"])
    max_notebook: Size = doc("Notebooks, with their stored output.", default=LIMITS["notebook"])
    max_media: Size = doc("Images, videos, documents.", default=LIMITS["media"])
    max_binary: Size = doc("Other binary files.", default=LIMITS["binary"])
    max_text: Size = doc("Other text files.", default=LIMITS["text"])
    max_test: Size = doc(
        "Files of any kind in folders of tests and fixtures, where that is more.",
        default=LIMITS["test"],
    )
    allow: list[str] = doc(
        "Paths that may be in Git whatever they are; * also matches /.", default_factory=list
    )

    def __post_init__(self) -> None:
        for name in LIMITS:
            try:
                byte_count(getattr(self, f"max_{name}"))
            except ValueError as error:
                raise ValueError(f"max_{name}", str(error)) from None


ReasonLevel = Literal["error", "warn", "note", "off"]


@dataclass(frozen=True, kw_only=True)
class LockConfig(CheckConfig):
    """Levels are by the reason for which a stage is stale."""

    strict: bool = doc(
        "Judge every stage. Default: only what the change makes stale; older drift is one remark.",
        default=False,
    )
    data: ReasonLevel = doc("Data that a .dvc file points to, or that is in Git.", default="error")
    upstream: ReasonLevel = doc("What another stage made anew since.", default="error")
    params: ReasonLevel = doc("Params that differ from those of the run.", default="error")
    command: ReasonLevel = doc("The command of the stage.", default="error")
    outs: ReasonLevel = doc("Outputs: declared anew, or edited in Git.", default="error")
    never_run: ReasonLevel = doc("A stage without an entry in dvc.lock.", default="error")
    code: ReasonLevel = doc("Code that differs from that of the run.", default="warn")
    line_ends: ReasonLevel = doc(
        "A file that was hashed with other line ends (CRLF) than Git has.", default="warn"
    )
    absent: ReasonLevel = doc(
        "A dependency that this change adds and that is neither in Git nor tracked by DVC: not checked.",
        default="note",
    )


@dataclass(frozen=True, kw_only=True)
class ConfigSchemaConfig(CheckConfig):
    """Which files have to fit which JSON Schema."""

    schemas: dict[str, str] = doc(
        "Schemas by the files that they are for: params.yaml, or a pattern in which * also matches /. A schema is a "
        "path in this repository, or the name of a bundled one: mlops-ci.",
        default_factory=dict,
    )

    def __post_init__(self) -> None:
        for pattern, where in self.schemas.items():
            if where and "://" in where:
                raise ValueError(
                    "schemas", pattern, "schemas are never fetched: copy it into the repository"
                )


@dataclass(frozen=True, kw_only=True)
class ChecksConfig:
    """What each check is told."""

    data_not_in_git: DataNotInGitConfig = doc(
        "Large and binary files that enter Git.",
        key="data-not-in-git",
        default_factory=DataNotInGitConfig,
    )
    dvc_lock_in_sync: LockConfig = doc(
        "Changes that make a stage stale.", key="dvc-lock-in-sync", default_factory=LockConfig
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
    config_schema: ConfigSchemaConfig = doc(
        "Params and config files against their schema.",
        key="config-schema",
        default_factory=ConfigSchemaConfig,
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
