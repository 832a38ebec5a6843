"""The sides of each unit swapped at random: an exact test of two models that are equals, whatever the metric of sums.

Random signs of Fisher, The Design of Experiments (1935), for more than means; of right and wrong it is McNemar's test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.stats.distribution import Student
from mlops_ci.stats.resample import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from mlops_ci.stats.resample import Value

# Beyond so many different rows the bootstrap is as exact, and faster.
_MOST_ROWS = 20_000


def p_values(
    rows: NDArray[Any], swapped: NDArray[Any], difference: Value, *, resamples: int, seed: int
) -> tuple[float, float]:
    """One-sided p-values of a loss and of a gain; 0 where there are too many rows to try.

    `swapped`: the rows with their sides the other way round. `difference` is of sums over rows, as in the bootstrap.
    Never below 1 / (resamples + 1) by counting: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010).
    """
    import numpy as np

    width = rows.shape[1]
    distinct, counts = np.unique(
        np.concatenate([rows, swapped], axis=1), axis=0, return_counts=True
    )
    if len(distinct) > _MOST_ROWS:
        return 0.0, 0.0
    moves, total = distinct[:, width:] - distinct[:, :width], counts @ distinct[:, :width]
    random = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        point = float(difference(total[None])[0])
        parts = [difference(total + moved) for moved in _moved(moves, counts, resamples, random)]
    draws = np.concatenate(parts)
    return _p_value(-point, -draws), _p_value(point, draws)


def _moved(
    moves: NDArray[Any], counts: NDArray[Any], resamples: int, random: Generator
) -> Iterator[NDArray[Any]]:
    import numpy as np

    for size in chunks(resamples, len(moves)):
        shape = size, len(moves)
        if len(moves) == counts.sum():  # a coin each is thrown faster than a binomial number
            yield random.integers(2, size=shape, dtype=np.uint8).astype(float) @ moves
        else:
            yield random.binomial(counts, 0.5, size=shape) @ moves


def _p_value(point: float, draws: NDArray[Any]) -> float:
    """How often a draw is as large. Beyond all of them only the normal tail can tell how far."""
    noise = 1e-12 * max(1.0, abs(point))
    count = int((draws >= point - noise).sum())
    if count:
        return (count + 1) / (len(draws) + 1)
    tail = Student(point=-point, se=float(draws.std())).p_below(0.0)
    return min(1 / (len(draws) + 1), tail)
