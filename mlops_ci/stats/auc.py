"""The area under the ROC curve: DeLong's variance for one model and for two on the same examples, and the bootstrap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_ci.stats.distribution import Bootstrap, Student, bootstrapped
from mlops_ci.stats.resample import RESAMPLES, SEED, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Placements:
    """How much of the other class each example is ranked right against: the mean of either is the AUC."""

    positives: NDArray[Any]
    negatives: NDArray[Any]

    @property
    def auc(self) -> float:
        return (
            float(self.positives.mean())
            if len(self.positives) and len(self.negatives)
            else math.nan
        )


def placements(label: NDArray[Any], score: NDArray[Any]) -> Placements:
    """By mid-ranks, in n log n: Sun and Xu, IEEE Signal Processing Letters 21 (2014). `label`: True is positive."""
    from scipy.stats import rankdata

    positive, negative = score[label], score[~label]
    ranks = rankdata(score)
    above = (ranks[label] - rankdata(positive)) / max(len(negative), 1)
    below = 1 - (ranks[~label] - rankdata(negative)) / max(len(positive), 1)
    return Placements(positives=above, negatives=below)


def auc(label: NDArray[Any], score: NDArray[Any]) -> float:
    return placements(label, score).auc


def delong(label: NDArray[Any], score: NDArray[Any]) -> Student:
    """The AUC of one model. DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988)."""
    found = placements(label, score)
    return _normal(found.auc, found.positives, found.negatives)


def delong_paired(label: NDArray[Any], baseline: NDArray[Any], candidate: NDArray[Any]) -> Student:
    """Candidate less baseline on the same examples. Fewer than two of a class: no standard error."""
    old, new = placements(label, baseline), placements(label, candidate)
    positives, negatives = new.positives - old.positives, new.negatives - old.negatives
    return _normal(new.auc - old.auc, positives, negatives)


def _normal(point: float, positives: NDArray[Any], negatives: NDArray[Any]) -> Student:
    if min(len(positives), len(negatives)) < 2:
        return Student(point=point, se=math.nan)
    variance = positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives)
    return Student(point=point, se=math.sqrt(float(variance)))


def bootstrap_auc(
    label: NDArray[Any],
    baseline: NDArray[Any],
    candidate: NDArray[Any],
    units: NDArray[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Bootstrap:
    """Percentile bootstrap of candidate less baseline over `units` (numbers from 0, one an example).

    Scores are sorted once; a resample only weighs them. Memory is that of a few arrays of one value an example.
    """
    import numpy as np

    order = np.lexsort((candidate, baseline, label))
    label, baseline, candidate = label[order], baseline[order], candidate[order]
    units = _named_by_content(units[order]) if units is not None else None
    sides = [_Sorted(label, score) for score in (baseline, candidate)]
    count = len(label) if units is None else int(units.max()) + 1
    random, draws = np.random.default_rng(seed), np.empty(resamples)
    for place in range(resamples):
        weights = drawn(count, 1, random)[0]
        of_examples = weights if units is None else weights[units]
        draws[place] = sides[1].auc(of_examples) - sides[0].auc(of_examples)
    ones = np.ones(len(label))
    return bootstrapped(sides[1].auc(ones) - sides[0].auc(ones), draws)


def _named_by_content(units: NDArray[Any]) -> NDArray[Any]:
    """Numbers by the places of a unit's examples, which are in the order of their content."""
    import numpy as np

    _, first, place = np.unique(units, return_index=True, return_inverse=True)
    rank = np.empty(len(first), int)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]


class _Sorted:
    """A model's scores in order, so that the AUC of any weights is two sums."""

    def __init__(self, label: NDArray[Any], score: NDArray[Any]) -> None:
        import numpy as np

        self._order = np.argsort(score, kind="stable").astype(np.int32)
        ordered = score[self._order]
        self._positive = label[self._order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._ties = starts if len(starts) < len(ordered) else None

    def auc(self, weights: NDArray[Any]) -> float:
        import numpy as np

        weights = weights[self._order]
        positives = weights * self._positive
        negatives = weights - positives
        if self._ties is not None:
            positives = np.add.reduceat(positives, self._ties)
            negatives = np.add.reduceat(negatives, self._ties)
        below = np.cumsum(negatives)
        all_positives, all_negatives = positives.sum(), below[-1]
        if not all_positives * all_negatives:
            return math.nan
        right = positives @ below - (positives @ negatives) / 2
        return float(right / (all_positives * all_negatives))
