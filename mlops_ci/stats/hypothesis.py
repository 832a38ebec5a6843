"""Hypothesis tests on pairs, samples and runs, and what several of them say together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.stats.distribution import Student

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

Alternative = Literal["two-sided", "less", "greater"]
# Rearrangements up to which all of them are tried: above, that many are drawn.
_EXACT = 200_000
POWER = 0.8


def mcnemar_exact(b: int, c: int, alternative: Alternative = "two-sided") -> float:
    """p-value for pairs of right and wrong: `b` right only before, `c` right only after. Binomial, exact.

    McNemar, Psychometrika 12 (1947). "greater": the candidate is worse.
    """
    from scipy.stats import binomtest

    return float(binomtest(b, b + c, alternative=alternative).pvalue) if b + c else 1.0


def mcnemar_chi2(b: int, c: int, *, corrected: bool = True) -> tuple[float, float]:
    """The statistic and its p-value; `corrected` for continuity (Edwards 1948). For tables met elsewhere."""
    from scipy.special import chdtrc

    statistic = (max(abs(b - c) - corrected, 0)) ** 2 / (b + c) if b + c else 0.0
    return statistic, float(chdtrc(1, statistic))


def sign_flip(
    differences: ArrayLike, alternative: Alternative = "two-sided", *, seed: int = 17
) -> float:
    """p-value of a mean difference of pairs under random signs (Fisher 1935): exact up to 17 pairs."""
    import numpy as np

    values = np.sort(np.asarray(differences, float))
    return _permuted((values,), "samples", alternative, seed)


def two_samples(
    one: ArrayLike, other: ArrayLike, alternative: Alternative = "two-sided", *, seed: int = 17
) -> float:
    """p-value of a difference of means, `one` less `other`, under random labels: exact while there are few."""
    import numpy as np

    samples = np.sort(np.asarray(one, float)), np.sort(np.asarray(other, float))
    return _permuted(samples, "independent", alternative, seed)


def _permuted(
    samples: tuple[NDArray[Any], ...], kind: str, alternative: Alternative, seed: int
) -> float:
    from scipy.stats import permutation_test

    found = permutation_test(
        samples,
        _mean_difference if len(samples) > 1 else _mean,
        permutation_type=kind,
        alternative=alternative,
        vectorized=True,
        n_resamples=_EXACT,
        batch=2000,
        rng=seed,
    )
    return float(found.pvalue)


def _mean(values: NDArray[Any], axis: int) -> Any:
    return values.mean(axis=axis)


def _mean_difference(one: NDArray[Any], other: NDArray[Any], axis: int) -> Any:
    return one.mean(axis=axis) - other.mean(axis=axis)


def least_p(pairs: int) -> float:
    """The smallest one-sided p-value that random signs on so many pairs can give."""
    return 0.5**pairs


def paired_t(baseline: ArrayLike, candidate: ArrayLike) -> Student:
    """The mean of candidate less baseline over runs with the same seeds."""
    import numpy as np

    differences = np.asarray(candidate, float) - np.asarray(baseline, float)
    count = len(differences)
    se = float(differences.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Student(point=float(differences.mean()), se=se, df=count - 1)


def welch_t(baseline: ArrayLike, candidate: ArrayLike) -> Student:
    """The difference of means over runs whose seeds differ; df by Welch, Biometrika 34 (1947)."""
    import numpy as np

    sides = [np.asarray(side, float) for side in (baseline, candidate)]
    point = float(sides[1].mean() - sides[0].mean())
    if min(map(len, sides)) < 2:
        return Student(point=point, se=math.nan)
    one, other = (float(side.var(ddof=1)) / len(side) for side in sides)
    squares = one**2 / (len(sides[0]) - 1) + other**2 / (len(sides[1]) - 1)
    df = (one + other) ** 2 / squares if squares else math.inf
    return Student(point=point, se=math.sqrt(one + other), df=df)


def prediction_interval(
    mean: float, sd: float, runs: int, confidence: float
) -> tuple[float, float]:
    """Where one more value lies: mean ± t · sd · √(1 + 1/n), as Bencher's t-test threshold bounds it."""
    return Student(point=mean, se=sd * math.sqrt(1 + 1 / runs), df=runs - 1).interval(confidence)


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share. Wilson, JASA 22 (1927)."""
    from scipy.stats import binomtest

    found = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: those up to alpha are rejected together at alpha. Holm, Scand. J. Statist. 6 (1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def needed(count: int, se: float, margin: float, alpha: float = 0.05) -> int | None:
    """How many examples (or seeds) would pass 80 % of the time if nothing had changed; None: no number would.

    n ((z(1 - alpha) + z(power)) SE / margin)², with one-sided alpha: 1.645 + 0.842 at 5 %.
    """
    from scipy.special import ndtri

    if not (margin > 0 and math.isfinite(se)):
        return None
    z = float(ndtri(1 - alpha) + ndtri(POWER))
    return math.ceil(count * (z * se / margin) ** 2)
