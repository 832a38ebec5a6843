"""The bootstrap over independent units, for statistics that are functions of sums: fast, and in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_ci.stats.distribution import Bootstrap, bootstrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    # Sums of columns, one row a resample, to one value a row.
    Value = Callable[[NDArray[Any]], NDArray[Any]]

RESAMPLES = 2000
SEED = 17
# Cells of the largest array of a chunk: 32 MB of floats.
_CELLS = 4_000_000
# Up to here drawing how often each distinct row comes is faster than drawing each unit.
_DISTINCT = 0.25
# Up to here many resamples are counted in one go: more would not stay in the processor's cache.
_AT_ONCE = 20_000
_BLOCK = 1 << 16


def by_unit(rows: NDArray[Any], units: NDArray[Any] | None) -> NDArray[Any]:
    """One row a unit (a user, a group): the sum of its examples'. `units`: one number an example."""
    import numpy as np

    if units is None:
        return rows
    _, place = np.unique(units, return_inverse=True)
    return np.stack([np.bincount(place, weights=column) for column in rows.T], axis=1)


def bootstrap_sums(
    rows: NDArray[Any], value: Value, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Bootstrap:
    """BCa bootstrap of `value` of the column sums of `rows`, one row a unit.

    Rows are put in the order of their content first: neither their order nor their names change the answer.
    """
    import numpy as np

    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    with np.errstate(all="ignore"):
        total = counts @ distinct
        point = float(value(total[None])[0])
        random = np.random.default_rng(seed)
        parts = [value(sums) for sums in _resampled(distinct, counts, resamples, random)]
        jackknife = np.repeat(value(total - distinct), counts)
    usable = jackknife if np.isfinite(jackknife).all() else None
    return bootstrapped(point, np.concatenate(parts), int(counts.sum()), usable)


def percentile(found: Bootstrap) -> Bootstrap:
    """The same draws without the corrections of BCa."""
    return Bootstrap(point=found.point, draws=found.draws)


def _resampled(
    distinct: NDArray[Any], counts: NDArray[Any], resamples: int, random: Generator
) -> Iterator[NDArray[Any]]:
    import numpy as np

    units = int(counts.sum())
    if len(distinct) <= max(64, _DISTINCT * units):
        for size in chunks(resamples, len(distinct)):
            yield random.multinomial(units, counts / units, size=size) @ distinct
        return
    rows = np.repeat(distinct, counts, axis=0)
    for size in chunks(resamples, units):
        yield drawn(units, size, random) @ rows


def drawn(units: int, size: int, random: Generator) -> NDArray[Any]:
    """How often each unit comes in each of `size` resamples."""
    import numpy as np

    if units > _AT_ONCE:
        return np.stack([drawn_once(units, random) for _ in range(size)]).astype(float)
    places = random.integers(units, size=(size, units)) + units * np.arange(size)[:, None]
    counted = np.bincount(places.ravel(), minlength=size * units)
    return counted.reshape(size, units).astype(float)


def drawn_once(units: int, random: Generator) -> NDArray[Any]:
    """The same for one resample, in small integers: first how many fall into each block, then where in it.

    A block stays in the processor's cache. That a unit comes more than 255 times does not happen: for 256 units and
    more its chance is below 1e-500.
    """
    import numpy as np

    counts = np.empty(units, np.uint8)
    starts = range(0, units, _BLOCK)
    sizes = [min(_BLOCK, units - start) for start in starts]
    shares = random.multinomial(units, np.array(sizes) / units)
    for start, size, share in zip(starts, sizes, shares, strict=True):
        places = random.integers(size, size=share, dtype=np.uint16)
        counts[start : start + size] = np.bincount(places, minlength=size)
    return counts


def chunks(resamples: int, width: int) -> Iterator[int]:
    """The numbers of resamples that fit into memory at once."""
    size = max(1, _CELLS // max(width, 1))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
