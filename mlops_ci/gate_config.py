"""Gates as `mlops-ci.yaml` writes them: part of the config, see config.py."""

from __future__ import annotations

import math
import re
from typing import Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

Level = Literal["error", "warn", "off"]
OnMissing = Literal["fail", "warn", "skip"]
OnMissingBaseline = Literal["fail", "warn", "skip", "bootstrap"]
OnNaN = Literal["fail", "warn"]
OnInconclusive = Literal["fail", "warn"]
NoiseSource = Literal["examples", "seeds", "history"]
OnUntrusted = Literal["fail", "warn"]
_PERCENT = re.compile(r"[0-9]+(\.[0-9]+)?\s*%")


@dataclass(frozen=True, kw_only=True)
class ThresholdConfig:
    """Bounds on a value."""

    min: float | None = doc("The least that is allowed; the bound itself is.", default=None)
    max: float | None = doc("The most that is allowed; the bound itself is.", default=None)

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("needs min or max")
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not math.isfinite(bound):
                raise ValueError(name, f"needs a finite number, not {bound:g}: it bounds nothing")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: nothing can pass")


@dataclass(frozen=True, kw_only=True)
class ChangeConfig:
    """Bounds on a change against the baseline."""

    max_regression: float | str | None = doc(
        "How much worse than the baseline is allowed: absolute, or a percentage of it such as 1%.",
        default=None,
    )
    max_improvement: float | str | None = doc(
        "How much better is believed; more is suspicious: absolute, or a percentage such as 20%.",
        default=None,
    )

    def __post_init__(self) -> None:
        if self.max_regression is None and self.max_improvement is None:
            raise ValueError("needs max_regression or max_improvement")
        for name in ("max_regression", "max_improvement"):
            limit = getattr(self, name)
            if isinstance(limit, str) and not _PERCENT.fullmatch(limit.strip()):
                raise ValueError(f"{name} needs a number or a percentage such as 1%, not {limit!r}")
            if isinstance(limit, str) and math.isinf(float(limit.strip().rstrip("%"))):
                raise ValueError(f"{name} is too large a percentage")
            if isinstance(limit, float) and not 0 <= limit < math.inf:
                raise ValueError(f"{name} needs a number of 0 or more, not {limit:g}")


@dataclass(frozen=True, kw_only=True)
class ConditionConfig:
    """One metric with its bounds: when another gate applies."""

    metric: str = doc("The metric's name, dotted; * matches, and then every match has to hold.")
    threshold: ThresholdConfig | None = doc("Bounds on the value.", default=None)
    change: ChangeConfig | None = doc("Bounds on the change against the baseline.", default=None)

    def __post_init__(self) -> None:
        if self.threshold is None and self.change is None:
            raise ValueError("needs threshold or change")


@dataclass(frozen=True, kw_only=True)
class SlicesConfig:
    """Groups of examples that are judged one by one."""

    by: list[str] = doc("Columns of the predictions; each of their values is a slice.")
    min_samples: int = doc(
        "A slice of fewer examples is not judged, and the report says so.",
        schema={"minimum": 1},
        default=30,
    )
    exclude: list[str] = doc("Slices that are left out: EU, or region=EU.", default_factory=list)

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("by", "needs a column of the predictions")
        if self.min_samples < 1:
            raise ValueError("min_samples", "needs 1 or more")


@dataclass(frozen=True, kw_only=True)
class NoiseConfig:
    """`source`: the key `from`. What it is without one: see Evidence in gates/measured.py."""

    source: NoiseSource = doc(
        "What tells a loss from chance. examples: the predictions; seeds: what `mlops-ci train --seeds` wrote on both "
        "sides; history: the spread of the last runs of main.",
        key="from",
    )
    test: Literal["t", "sign_flip"] = doc(
        "Over seeds. t: paired where both sides have the same seeds, else Welch's; sign_flip: random signs of paired "
        "differences, which assumes no normal distribution, and needs more seeds.",
        default="t",
    )
    runs: int = doc(
        "Of history: how many of the last runs count.", schema={"minimum": 3}, default=10
    )
    min_runs: int | None = doc(
        "With fewer seeds the gate is inconclusive, and with fewer runs of main a loss is judged by the limit alone. "
        "Default: 5 seeds, 8 runs.",
        schema={"minimum": 3},
        default=None,
    )

    def __post_init__(self) -> None:
        for name in ("runs", "min_runs"):
            wanted = getattr(self, name)
            if wanted is not None and wanted < 3:
                raise ValueError(name, "needs 3 or more")
        if self.test == "sign_flip" and self.source != "seeds":
            raise ValueError("test", "sign_flip is a test over seeds: from: seeds")
        if self.source == "history" and self.runs < self.least:
            raise ValueError("runs", f"needs {self.least} or more, as many as min_runs")

    @property
    def least(self) -> int:
        """`min_runs`, or its default."""
        return self.min_runs or (8 if self.source == "history" else 5)


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """One rule that a model has to keep."""

    id: str = doc("The gate's name in reports.")
    metric: str | None = doc(
        "The metric's name, dotted; * matches, and then every match has to hold.", default=None
    )
    threshold: ThresholdConfig | None = doc("Bounds on the value.", default=None)
    change: ChangeConfig | None = doc("Bounds on the change against the baseline.", default=None)
    all: list[ConditionConfig] = doc("Instead of metric: all of these hold.", default_factory=list)
    any: list[ConditionConfig] = doc("Instead of metric: one of these holds.", default_factory=list)
    slices: SlicesConfig | None = doc(
        "Judge the metric in each slice of the model's predictions, not on the whole.", default=None
    )
    noise: NoiseConfig | None = doc(
        "What tells a loss from chance. Default: the predictions where there are any, else seeds where both sides "
        "have them, else nothing, and the limit alone decides.",
        default=None,
    )
    on_inconclusive: OnInconclusive | None = doc(
        "What a loss within the limit is that more examples would settle. All else that cannot be told blocks.",
        default=None,
    )
    on_untrusted: OnUntrusted | None = doc(
        "What a number is that this change made untrustworthy: a metrics file that was edited, inputs that changed "
        "without a new training, other evaluation data or code. fail: inconclusive, which blocks; warn: judged as it "
        "stands, and at best a warning.",
        default=None,
    )
    level: Level | None = doc(
        "What a failure is: an error that blocks, a warning, or nothing.", default=None
    )
    on_missing_metric: OnMissing | None = doc("What a metric that is not there is.", default=None)
    on_nan: OnNaN | None = doc("What a value that is not a finite number is.", default=None)

    def __post_init__(self) -> None:
        if self.id is not None and not self.id.strip():  # None: its error has been said
            raise ValueError("id", "needs a name")
        forms = [bool(self.metric), bool(self.all), bool(self.any)]
        if forms.count(True) != 1:
            raise ValueError(f"gate {self.id!r} needs one of: metric, all, any")
        if self.metric and self.threshold is None and self.change is None:
            raise ValueError(f"gate {self.id!r} needs threshold or change")
        if not self.metric and (self.threshold or self.change):
            raise ValueError(f"gate {self.id!r}: threshold and change belong into the conditions")
        if self.slices and not self.metric:
            raise ValueError(f"gate {self.id!r}: slices need a metric")
        if self.slices and self.noise and self.noise.source != "examples":
            raise ValueError("noise", "slices are of examples: from: examples")

    @property
    def metrics(self) -> list[str]:
        """The names that it looks at, itself or in its conditions."""
        named = (self.metric, *(one.metric for one in (*self.all, *self.any)))
        return [name for name in named if name]


def refuse_twice(gates: list[GateConfig]) -> None:
    """Two gates of one name could not be told apart in a report. Raises ValueError."""
    seen = set()
    for gate in filter(None, gates):
        if gate.id in seen:
            raise ValueError("gates", f"the id {gate.id!r} stands there twice")
        seen.add(gate.id)


@dataclass(frozen=True, kw_only=True)
class DefaultsConfig:
    """What gates do that do not say it themselves."""

    level: Level = doc("See gates.level.", default="error")
    on_missing_metric: OnMissing = doc("See gates.on_missing_metric.", default="fail")
    on_nan: OnNaN = doc("See gates.on_nan.", default="fail")
    on_inconclusive: OnInconclusive = doc("See gates.on_inconclusive.", default="warn")
    on_untrusted: OnUntrusted = doc("See gates.on_untrusted.", default="fail")
    noise: NoiseConfig | None = doc("See gates.noise; slices are always of examples.", default=None)
    alpha: float = doc(
        "How often chance alone may fail a change, all gates of a model together, or pass one that is worse by the "
        "limit. The intervals have a confidence of 1 - 2 alpha.",
        schema={"exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
        default=0.05,
    )

    def __post_init__(self) -> None:
        if problem := alpha_problem(self.alpha):
            raise ValueError("alpha", problem)


@dataclass(frozen=True, kw_only=True)
class BaselineConfig:
    """What a change is compared with."""

    ref: str | None = doc(
        "The branch that changes are merged into. Default: the base of the pull request, else origin's "
        "default branch, else main or master. Where that has a mlops-ci.yaml, what it says here counts: "
        "a change cannot choose what it is compared with.",
        default=None,
    )
    on_missing: OnMissingBaseline = doc(
        "What a gate on a change does without a baseline value. bootstrap: skip it when the baseline has "
        "no metrics at all, else fail.",
        default="bootstrap",
    )


def alpha_problem(alpha: float) -> str:
    return "" if 0 < alpha < 0.5 else f"needs a number between 0 and 0.5, not {alpha:g}"
