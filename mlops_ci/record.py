"""What a Record says of one model, and how that compares with what is there now."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from mlops_ci.frozen import dataclass

# A file by what it was to the run, a group of values, or where the run started.
FactKind = Literal[
    "model",
    "output",
    "data",
    "code",
    "environment",
    "metrics",
    "params",
    "lock",
    "source",
    "verdict",
]
VerifyResult = Literal["same", "different", "unknown"]


@dataclass(frozen=True, kw_only=True)
class RecordedFile:
    """A file or a folder: `digests` by algorithm, in hex; `dirHash` is that of a folder.

    `folder`: the recorded folder it lies in, "" for none. `unread`: why it has no digest. `values`: of a metrics file.
    """

    path: str
    kind: FactKind
    digests: dict[str, str]
    size: int = 0
    folder: str = ""
    unread: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RecordedLock:
    """The lock file that the environment was made from; `in_sync`: `yes`, `no` or `unknown`."""

    path: str
    tool: str
    sha256: str
    in_sync: str


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """A run at a tracker. `local`: it was logged beside the repository and has yet to be sent.

    `mark`: all runs with this tag, whose ids could not be read; then `run_id` is empty.
    """

    run_id: str
    uri: str
    experiment: str
    local: bool
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordedStage:
    """`name`: as DVC calls it; `result`: `ran`, `skipped`, `failed`; `seconds`: wall time, 0 where it did not run."""

    name: str
    result: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What made one model. `params`: file, then dotted name. `external`: inputs that lie outside of the repository.

    `dirty`: paths that differed from `commit` before the run; `tree`: its Git tree; `unread`: what could not be read.
    `stale`: what the model was made with another one of, as only some stages ran again.
    """

    model: str
    command: tuple[str, ...]
    params: dict[str, dict[str, Any]]
    files: tuple[RecordedFile, ...]
    external: tuple[str, ...]
    commit: str
    tree: str
    dirty: tuple[str, ...]
    lock_digest: str
    environments: tuple[RecordedLock, ...]
    variables: dict[str, str]
    machine: dict[str, str]
    python: str
    seeds: tuple[int, ...]
    persist: str
    started: str
    finished: str
    builder: str
    run_url: str
    runs: tuple[RecordedRun, ...]
    unread: tuple[str, ...]
    stages: tuple[RecordedStage, ...] = ()
    stale: tuple[str, ...] = ()

    def of_kind(self, *kinds: FactKind) -> list[RecordedFile]:
        return [one for one in self.files if one.kind in kinds]


@dataclass(frozen=True, kw_only=True)
class RecordedVerdict:
    """What a gate said of these bytes. `subject`: digests by path; `lock`, `evaluation`, `policy`: SHA-256, in hex, of
    what dvc.lock recorded, of the evaluation data, and of all that decided, "" where there was none.

    `result`: `pass`, `fail`, …; `revision`: where the policy was read; `baseline`, `candidate`: commits. `passed`,
    `warned`, `failed`: gates and their metrics.
    """

    model: str
    result: str
    subject: dict[str, dict[str, str]]
    policy: str
    revision: str
    lock: str
    evaluation: str
    baseline: str
    candidate: str
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """One recorded fact beside what is there now.

    `unknown`: it could not be decided, `reason` says why. `hint`: the next command to type.
    """

    kind: FactKind
    name: str
    result: VerifyResult
    recorded: str = ""
    found: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """All facts of one model. `remarks`: what is true of the Record and no mismatch."""

    model: str
    facts: tuple[Verified, ...]
    remarks: tuple[str, ...] = ()

    def with_result(self, result: VerifyResult) -> list[Verified]:
        return [one for one in self.facts if one.result == result]


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """A Record at a run. `sent_as`: the run's id there, another one where the run itself was sent too."""

    run_id: str
    sent_as: str
    uri: str
    changed: bool
