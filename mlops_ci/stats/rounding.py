"""What a metric may have been before what the model said was rounded into a file: `to_csv(float_format="%.6f")`.

Rounding keeps the order of scores, so that all it can do is to tie them: the metric lies between what it is when each
score is moved by half a digit towards its label, and away from it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlops_ci.stats.metrics import METRICS
from mlops_ci.stats.paired import value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_ci.predictions import PredictionsConfig
    from mlops_ci.stats.joined import Side

# Fewer decimals are how some models speak (the votes of trees), and more move no metric.
_LEAST, _DECIMALS = 3, range(13)
# No more than this share of the metric: what differs by less is the same number for every gate.
_MOST = 1e-3


def span(side: Side, metric: str, config: PredictionsConfig) -> tuple[float, float]:
    """The least and the most that it may have been; NaN where nothing was rounded."""
    import numpy as np

    needs = METRICS[metric].needs
    by_threshold = needs in ("binary", "classes")
    if by_threshold and (config.prediction is not None or not side.offers("recall")):
        return math.nan, math.nan
    label, said = side.arrays("score" if by_threshold else needs, [])
    decimals = _decimals(said)
    if decimals is None:
        return math.nan, math.nan
    # A little less than half, or a score would tie with the next one; and each by another step, so that none are ties.
    half = np.linspace(0.4998, 0.4999, len(said)) * 10.0**-decimals
    moved = (said, _towards(label, said, half), _towards(label, said, -half))
    cut = [one >= config.threshold for one in moved] if by_threshold else moved
    given, *others = (value_of(metric, label, one) for one in cut)
    slack = _MOST * abs(given)
    return max(min(given, *others), given - slack), min(max(given, *others), given + slack)


def _decimals(values: NDArray[Any]) -> int | None:
    import numpy as np

    found = next((one for one in _DECIMALS if (np.round(values, one) == values).all()), 0)
    return found if found >= _LEAST else None


def _towards(label: NDArray[Any], said: NDArray[Any], step: NDArray[Any]) -> NDArray[Any]:
    """Each nearer to its label by `step`; of a ranking, the more relevant the higher."""
    import numpy as np

    if label.ndim > 1:
        relevance = label[:, 0]
        moves = step * (2 * relevance / max(relevance.max(), 1e-300) - 1)
    elif label.dtype == bool:
        moves = np.where(label, step, -step)
    else:
        moves = np.where(said < label, 1, -1) * np.minimum(step, np.abs(said - label))
    return np.asarray(said + moves)
