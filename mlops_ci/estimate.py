"""How sure the change of a metric is: what the same examples say under both models."""

from __future__ import annotations

from typing import Literal

from mlops_ci.frozen import dataclass

Of = Literal["examples", "seeds", "runs"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`change`, candidate less baseline, and its interval in the metric's unit; NaN where there is none.

    `confidence` is of the whole interval, so each end alone has (1 + confidence) / 2. `count`: what both sides have,
    `of`: of what (examples, seeds, or runs of main); `units`: the independent ones among them. `needed`: how many
    units would tell, None where none would. `blocks`: an inconclusive answer blocks. `p`: of a loss beyond the limit
    by chance; `adjusted`: Holm over all gates.
    """

    change: float
    low: float
    high: float
    confidence: float
    method: str
    count: int
    units: int
    needed: int | None = None
    blocks: bool = True
    p: float | None = None
    adjusted: float | None = None
    of: Of = "examples"

    @property
    def is_clustered(self) -> bool:
        return self.of == "examples" and self.units != self.count

    @property
    def unit(self) -> str:
        """What `units` and `needed` count, in words."""
        return "independent unit" if self.is_clustered else self.of[:-1]
