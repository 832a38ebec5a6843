"""What a second run of a pipeline, from nothing, gave beside what was recorded of the first."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from mlops_ci.frozen import dataclass

# How much of an output is the same; the first three each include what follows. `unknown`: nothing was recorded of it.
Level = Literal["bytes", "predictions", "metrics", "different", "unknown"]
MetricResult = Literal["equal", "within", "different", "unknown"]
CauseKind = Literal[
    "data", "code", "params", "interpreter", "package", "machine", "threads", "seed",
    "nondeterminism", "unknown",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReproducedOutput:
    """One output of a stage. `recorded`, `found`: MD5, as DVC has it; "" where there is none.

    `kind`: `model`, `predictions` (made with a model), `metrics`, `output`. `reason`: why it has this level.
    """

    path: str
    stage: str
    kind: str
    level: Level
    recorded: str
    found: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReproducedMetric:
    """One number: as recorded, and as each run gave it. `limit`: the difference that still counts as the same."""

    name: str
    source: str
    result: MetricResult
    recorded: float | None
    found: tuple[float, ...]
    limit: float

    @property
    def spread(self) -> float:
        """The largest difference to what was recorded, and between two runs."""
        values = [*self.found, *([] if self.recorded is None else [self.recorded])]
        return max(values) - min(values) if values else 0.0


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a stage gave something else. `measured`: an experiment here showed it; else it is a difference that may."""

    kind: CauseKind
    message: str
    stage: str = ""
    measured: bool = False


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """`tolerances`: proposed, by metric name. `disk`: bytes in the temporary folder; `seconds`: of the whole."""

    rev: str
    commit: str
    outputs: tuple[ReproducedOutput, ...]
    metrics: tuple[ReproducedMetric, ...]
    causes: tuple[Cause, ...] = ()
    tolerances: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    record: str = ""
    runs: int = 1
    disk: int = 0
    seconds: float = 0.0

    @property
    def different(self) -> bool:
        """Whether an output is the same at no level, or a metric is off."""
        metrics = any(one.result == "different" for one in self.metrics)
        return metrics or any(one.level == "different" for one in self.outputs)

    @property
    def undecided(self) -> bool:
        """Whether an output or a metric could not be compared."""
        metrics = any(one.result == "unknown" for one in self.metrics)
        return metrics or any(one.level == "unknown" for one in self.outputs)
