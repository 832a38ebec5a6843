"""What is known of a training run only while it happens. Everything else a Record reads from the work tree."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from mlops_ci.frozen import dataclass

Persist = Literal["none", "push", "commit"]
StageResult = Literal["ran", "skipped", "failed"]
InSync = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One stage. `environment`: the one that the config declares for it, "" for that of all; `seconds`: wall time."""

    name: str
    result: StageResult
    seconds: float = 0.0
    environment: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentLock:
    """The lock file that the environment was made from.

    `path` is relative to the root; `tool`: uv, pip, …; `sha256` of its bytes at the time of the run, in hex.
    `in_sync`: whether what is installed is what the lock says.
    """

    path: str
    tool: str
    sha256: str
    in_sync: InSync = "unknown"


@dataclass(frozen=True, kw_only=True)
class CiContext:
    """Where the run ran. No person is named: a Record says what happened, not who was on duty.

    `run_url` ends in `/attempts/N` where the provider counts them; `workflow_ref`: `owner/repo/.github/…@ref`.
    """

    provider: str
    run_url: str = ""
    workflow_ref: str = ""


@dataclass(frozen=True, kw_only=True)
class TrackingRun:
    """What the run logged to a tracker. `uri` is redacted before it is written; `local`: it still has to be sent.

    `mark`: where the ids could not be read back, the value of the tag `mlops_ci.run` that only its runs have.
    """

    uri: str
    experiment: str = ""
    run_ids: tuple[str, ...] = ()
    local: bool = False
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """A training run, as plain data.

    `command`: the arguments as run. `targets`: of `dvc repro`. `started`, `finished`: RFC 3339, UTC, `…Z`.
    `dirty`: paths that differed from the commit **before** the run; `commit`: HEAD before the run.
    `variables`: what was exported to fix the result (thread counts, PYTHONHASHSEED, …); only known names are written.
    `inputs`, `outputs`, `metrics`: paths from the root, for a command that no dvc.yaml describes.
    `python`: the version of the interpreter that trained, `3.11.7`, "" for that of this process; `interpreter`: its
    path, which is looked at and not written.
    """

    command: tuple[str, ...]
    started: str
    finished: str
    commit: str
    targets: tuple[str, ...] = ()
    stages: tuple[StageRun, ...] = ()
    dirty: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    environments: tuple[EnvironmentLock, ...] = ()
    persist: Persist = "none"
    ci: CiContext | None = None
    tracking: TrackingRun | None = None
    interrupted: bool = False
    resumed: bool = False
    python: str = ""
    interpreter: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
