"""What trying gates out has found: faults that each of them stops or does not, and how often each of them is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from mlops_ci.model import RuleKind

Fault = Literal[
    "nothing changed", "regression", "suspicious improvement", "not a number", "vanished metric", "vanished slice",
    "missing baseline", "leak", "unread training data",
]  # fmt: skip
State = Literal["stopped", "warned", "missed", "passed", "off"]
Judged = Literal["limit", "seeds", "history", "examples"]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What one gate did about one fault in one metric. `missed`: nothing. `passed`: rightly, as nothing changed."""

    gate: str
    fault: Fault
    metric: str
    state: State
    reason: str

    @property
    def holds(self) -> bool:
        return self.state != "missed"


@dataclass(frozen=True, kw_only=True)
class Noise:
    """The standard deviation of one training, in the metric's unit; `df` of its estimate, from `count` of `of`."""

    sd: float
    df: float
    count: int
    of: Literal["seeds", "runs", "examples"]


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """One rule on one metric. `limit`: in the metric's unit, `written`: as the gate has it. `noise`: None: not known.

    `false_fail`: how often it stops a model that is no worse. `proposed`: a limit, or a bound, that does so at alpha.
    `power`: by true loss, how often it stops that.
    """

    gate: str
    metric: str
    source: str
    kind: RuleKind
    limit: float
    written: float | str
    judged_by: Judged
    noise: Noise | None = None
    false_fail: float | None = None
    proposed: float | None = None
    power: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A gate, by its limits alone, on what was really measured: it stops `stopped` of `total` comparisons, which are
    of two seeds of one model, or of two runs of main that were merged one after the other.
    """

    gate: str
    of: Literal["seeds", "runs"]
    stopped: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """`seeds`, `runs`: how many there are."""

    model: str
    alpha: float
    seeds: int
    runs: int
    rules: tuple[Calibrated, ...]
    replays: tuple[Replay, ...]

    @property
    def is_known(self) -> bool:
        return any(rule.noise for rule in self.rules)
