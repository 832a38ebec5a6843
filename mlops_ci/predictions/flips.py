"""Examples that one model gets right and the other wrong."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass
from mlops_ci.predictions import named

if TYPE_CHECKING:
    from mlops_ci.predictions import PredictionPair, Predictions, PredictionsConfig


@dataclass(frozen=True, kw_only=True)
class SliceFlips:
    """`name`: `region=EU`; both counts are of its examples."""

    name: str
    wrong: int
    right: int


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Ids of examples, sorted: `wrong` only since the change, `right` only since the change.

    `slices`: those with the most flips first, by the columns that gates slice by.
    """

    wrong: tuple[str, ...]
    right: tuple[str, ...]
    slices: tuple[SliceFlips, ...] = ()


@lru_cache(maxsize=16)  # asked for by every part of a report, and long for many examples
def flips(pair: PredictionPair | None) -> Flips | None:
    """None where classes are not predicted on both sides, or a score is no number. Ids of one side are left out."""
    if pair is None or pair.baseline is None or pair.candidate is None:
        return None
    if pair.config.task != "classification":
        return None
    try:
        old, new = (_right(side, pair.config) for side in (pair.baseline, pair.candidate))
    except (TypeError, ValueError):
        return None
    flipped = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    wrong = tuple(name for name in flipped if old[name])
    right = tuple(name for name in flipped if new[name])
    return Flips(wrong=wrong, right=right, slices=_slices(pair, set(wrong), set(right)))


def _right(side: Predictions, config: PredictionsConfig) -> dict[str, bool]:
    labels = side.columns[config.label]
    if config.prediction is not None:
        said = map(named, side.columns[config.prediction])
        found = [named(label) == one for label, one in zip(labels, said, strict=True)]
    else:
        scores = side.columns[config.score or ""]
        positive = (float(score) >= config.threshold for score in scores)
        found = [
            (named(label) == config.positive) == one
            for label, one in zip(labels, positive, strict=True)
        ]
    return dict(zip(side.ids, found, strict=True))


def _slices(pair: PredictionPair, wrong: set[str], right: set[str]) -> tuple[SliceFlips, ...]:
    """By the baseline's columns."""
    side, config = pair.baseline, pair.config
    assert side
    own = {config.id, config.label, config.score, config.prediction, config.unit}
    counts: dict[str, Counter[str]] = {}
    for column in sorted(side.columns.keys() - own):
        for name, value in zip(side.ids, side.columns[column], strict=True):
            kind = "wrong" if name in wrong else "right" if name in right else ""
            if kind:
                counts.setdefault(f"{column}={named(value)}", Counter())[kind] += 1
    found = [SliceFlips(name=n, wrong=c["wrong"], right=c["right"]) for n, c in counts.items()]
    return tuple(sorted(found, key=_most))


def _most(one: SliceFlips) -> tuple[Any, ...]:
    return -one.wrong - one.right, -one.wrong, one.name
