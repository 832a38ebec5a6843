"""A mean difference of pairs under random signs, as a distribution: its interval assumes symmetry, and no normality."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# All subsets of so many pairs are a million means.
MOST_PAIRS = 20


@dataclass(frozen=True, kw_only=True)
class Signs:
    """`means`: of every subset of the differences but the empty one, sorted. The centre lies in each of the gaps
    between them with the same chance, 2^-pairs: Hartigan, Using Subsample Values as Typical Values, JASA 64 (1969).
    """

    point: float
    se: float
    means: NDArray[Any]
    method: str = "random signs"

    @property
    def least_p(self) -> float:
        """The smallest p-value that there can be."""
        return 1 / (len(self.means) + 1)

    def interval(self, confidence: float) -> tuple[float, float]:
        """NaN where so few pairs have none of that confidence."""
        # Float noise must not cost a whole gap.
        gaps = math.floor((1 - confidence) / 2 / self.least_p + 1e-9)
        if not gaps:
            return math.nan, math.nan
        return float(self.means[gaps - 1]), float(self.means[-gaps])

    def p_below(self, bound: float) -> float:
        """By counting the signs under which the mean is no larger than it was."""
        above = len(self.means) - int(self.means.searchsorted(bound, "left"))
        return (above + 1) * self.least_p

    def mirrored(self) -> Signs:
        return replace(self, point=-self.point, means=-self.means[::-1])


def signs(differences: ArrayLike) -> Signs:
    """Of pairs that are up to MOST_PAIRS in number."""
    import numpy as np

    values = np.sort(np.asarray(differences, float))
    sums, counts = np.zeros(1), np.zeros(1)
    for value in values:
        sums, counts = np.r_[sums, sums + value], np.r_[counts, counts + 1]
    spread = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    means = np.sort(sums[1:] / counts[1:])
    return Signs(point=float(values.mean()), se=spread, means=means)
