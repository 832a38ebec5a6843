"""The area under the ROC curve: DeLong's variance for one model and for two on the same examples, and the bootstrap."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.frozen import dataclass
from mlops_ci.stats.distribution import Bootstrap, Student, bootstrapped
from mlops_ci.stats.resample import RESAMPLES, SEED, drawn_once

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ranked = Literal["roc_auc", "average_precision"]


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
    return _normal(*_paired(label, baseline, candidate))


def change(label: NDArray[Any], baseline: NDArray[Any], candidate: NDArray[Any]) -> Student:
    """`delong_paired` by a t distribution: of 15 positives the normal one calls equals worse in 6 % at 5 %.

    Degrees of freedom by Satterthwaite, as Brunner and Munzel, Biometrical Journal 42 (2000), have them for one AUC.
    """
    point, *sides = _paired(label, baseline, candidate)
    found = _normal(point, *sides)
    if not found.se > 0:
        return found
    shares = [(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in sides]
    return replace(found, df=found.se**4 / sum(share**2 / df for share, df in shares))


def _paired(
    label: NDArray[Any], baseline: NDArray[Any], candidate: NDArray[Any]
) -> tuple[float, NDArray[Any], NDArray[Any]]:
    """The change, and of which changes of placements it is the mean: of positives, and of negatives."""
    import numpy as np

    # In the order of content: sums of floats depend on theirs in the last digits.
    order = np.lexsort((np.maximum(baseline, candidate), np.minimum(baseline, candidate), label))
    label, baseline, candidate = label[order], baseline[order], candidate[order]
    old, new = placements(label, baseline), placements(label, candidate)
    positives, negatives = new.positives - old.positives, new.negatives - old.negatives
    return new.auc - old.auc, positives, negatives


def _normal(point: float, positives: NDArray[Any], negatives: NDArray[Any]) -> Student:
    if min(len(positives), len(negatives)) < 2:
        return Student(point=point, se=math.nan, method="DeLong")
    variance = positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives)
    return Student(point=point, se=math.sqrt(float(variance)), method="DeLong")


def bootstrap_ranked(
    metric: Ranked,
    label: NDArray[Any],
    baseline: NDArray[Any],
    candidate: NDArray[Any],
    units: NDArray[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Bootstrap:
    """Percentile bootstrap of candidate less baseline over `units` (one number an example; without them, examples).

    Scores are sorted once; a resample only weighs them. Memory is that of a few arrays of one value an example.
    """
    import numpy as np

    # By the baseline's scores first: then only the candidate's weights are read in another order.
    order = np.lexsort((label, candidate, baseline))
    label, baseline, candidate = label[order], baseline[order], candidate[order]
    places = None
    if units is not None:
        places = _named_by_content(units[order], _changes(label, baseline, candidate))
    old, new = (getattr(_Sorted(label, score), metric) for score in (baseline, candidate))
    count = len(label) if places is None else int(places.max()) + 1
    random, draws = np.random.default_rng(seed), np.empty(resamples)
    for place in range(resamples):
        weights = drawn_once(count, random)
        of_examples = weights if places is None else weights[places]
        draws[place] = new(of_examples) - old(of_examples)
    ones = np.ones(len(label), np.uint8)
    return bootstrapped(new(ones) - old(ones), draws, count)


def ranked(metric: Ranked, label: NDArray[Any], score: NDArray[Any]) -> float:
    import numpy as np

    found: float = getattr(_Sorted(label, score), metric)(np.ones(len(label), np.uint8))
    return found


def _changes(*columns: NDArray[Any]) -> NDArray[Any]:
    """A number for each distinct content of rows that are in its order."""
    import numpy as np

    differs = [column[1:] != column[:-1] for column in columns]
    numbers: NDArray[Any] = np.r_[0, np.cumsum(np.logical_or.reduce(differs))]
    return numbers


def _named_by_content(units: NDArray[Any], content: NDArray[Any]) -> NDArray[Any]:
    """Numbers of units in the order of what their examples hold, so that names and rows decide nothing."""
    import numpy as np

    held: dict[Any, list[int]] = {}
    for unit, what in zip(units.tolist(), content.tolist(), strict=True):
        held.setdefault(unit, []).append(what)
    rank = {unit: place for place, unit in enumerate(sorted(held, key=held.__getitem__))}
    return np.array([rank[unit] for unit in units.tolist()])


class _Sorted:
    """A model's scores in order, so that a curve's area under any weights (how often each example counts) is sums."""

    def __init__(self, label: NDArray[Any], score: NDArray[Any]) -> None:
        import numpy as np

        self._order = np.argsort(score, kind="stable")
        ordered = score[self._order]
        positive = label[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._positive, self._negative = positive.view(np.uint8), (~positive).view(np.uint8)
        self._positives = np.flatnonzero(positive)
        # Of each positive's tie: where it starts, and where it has ended.
        group = np.searchsorted(self._starts, self._positives, "right") - 1
        ends = np.r_[self._starts[1:], len(score)]
        self._from, self._to = self._starts[group], ends[group]

    def roc_auc(self, weights: NDArray[Any]) -> float:
        """The share of pairs that are ranked right, ties half: two sums of integers, so exact."""
        import numpy as np

        weights = weights[self._order]
        below = np.zeros(len(weights) + 1, np.int32 if len(weights) < 2**28 else np.int64)
        np.cumsum(weights * self._negative, out=below[1:])
        mine = weights[self._positives].astype(np.int64)
        pairs = int(mine.sum()) * int(below[-1])
        halves = mine @ below[self._from].astype(np.int64) + mine @ below[self._to].astype(np.int64)
        return float(halves / (2 * pairs)) if pairs else math.nan

    def average_precision(self, weights: NDArray[Any]) -> float:
        """As scikit-learn's: the mean precision over steps of recall, without interpolation."""
        import numpy as np

        weights = weights[self._order]
        sides = (weights * self._positive, weights * self._negative)
        positives, negatives = (np.add.reduceat(side, self._starts, dtype=float) for side in sides)
        right = np.cumsum(positives[::-1])
        said = right + np.cumsum(negatives[::-1])
        if not right[-1]:
            return math.nan
        precision = right / np.where(said > 0, said, 1)
        return float(positives[::-1] @ precision / right[-1])
