"""How sure a change is where the same was measured several times: with several seeds, or by the last runs of main."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.gates.rules import is_finite

if TYPE_CHECKING:
    from mlops_ci.estimate import Of
    from mlops_ci.gate_config import NoiseConfig
    from mlops_ci.model import Change, Value
    from mlops_ci.repeats import Repeats, SeedRuns
    from mlops_ci.stats.distribution import Distribution

_UNREAD = "every seed gives the same: does the training read MLOPS_CI_SEED?"
# So many seeds on both sides count without being asked for.
_UNASKED = 3


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A change with its distribution, from `count` seeds or runs."""

    change: Distribution
    count: int
    of: Of


@dataclass(frozen=True, kw_only=True)
class Silent:
    """Nothing is known. `blocks`: something should be. Else the limit alone decides, and `reason` may say why."""

    reason: str = ""
    blocks: bool = False


# At what level the last runs of main are taken for settled. The same for every profile: a stricter one, to which main
# looks more settled, would judge by the mean of older runs and pass what others fail.
_SETTLED = 0.05


def spread(row: Change, repeats: Repeats | None, noise: NoiseConfig | None) -> Spread | Silent:
    """Of a metric that is in a metrics file. Without `noise`, seeds count where both sides have them."""
    found = repeats or _nothing()
    if noise and noise.source == "history":
        return _history(row, found, noise)
    return _seeds(row, found, noise)


def _nothing() -> Repeats:
    from mlops_ci.repeats import Repeats

    return Repeats(path="seed-metrics.json")


def _seeds(row: Change, repeats: Repeats, noise: NoiseConfig | None) -> Spread | Silent:
    asked, least = noise is not None, noise.least if noise else _UNASKED
    again = f"mlops-ci train --seeds {max(least, 5)}"
    if repeats.reason:
        return Silent(reason=repeats.reason, blocks=True)
    old, new = (_of(row, side) for side in (repeats.baseline, repeats.candidate))
    has_old = old is not None and _is_of(row.baseline, old) and (asked or len(old) >= _UNASKED)
    if new is None:
        what = f"{repeats.path} of the candidate has no {row.name}: {again}"
        return Silent(reason=what, blocks=True) if asked or has_old else Silent()
    if not _is_of(row.candidate, new) and (asked or has_old):
        first = f"{new[0]} with the first seed by {repeats.path}"
        what = f"{row.name} is {row.candidate} in {row.source}, and {first}: {again} --force"
        return Silent(reason=what, blocks=True)
    if old is None or not has_old:
        return Silent(reason="uncalibrated: the baseline has no seeds" if asked else "")
    return _compared(repeats, old, new, noise, again)


def _of(row: Change, side: SeedRuns | None) -> tuple[Value, ...] | None:
    return side.values.get((row.source, row.name)) if side else None


def _is_of(stated: Value | None, values: tuple[Value, ...]) -> bool:
    """Whether a file of seeds is of the model that is here: that is the one of the first seed."""
    if not values or stated is None:
        return False
    both = is_finite(stated) and is_finite(values[0])
    return both and math.isclose(stated, values[0], rel_tol=1e-9, abs_tol=1e-12)  # type: ignore[arg-type]


def _compared(
    repeats: Repeats,
    old: tuple[Value, ...],
    new: tuple[Value, ...],
    noise: NoiseConfig | None,
    again: str,
) -> Spread | Silent:
    from mlops_ci.stats.hypothesis import paired_t, welch_t
    from mlops_ci.stats.signs import MOST_PAIRS, signs

    assert repeats.baseline
    assert repeats.candidate
    count = min(len(old), len(new))
    if problem := _unusable(old, new, noise, again):
        return Silent(reason=problem, blocks=True)
    if len({*old}) == len({*new}) == 1:
        return Silent(reason=f"uncalibrated: {_UNREAD}")
    at = dict(zip(repeats.candidate.seeds, new, strict=True))
    same = at.keys() == set(repeats.baseline.seeds)
    if same:  # in whatever order they were run
        new = tuple(at[seed] for seed in repeats.baseline.seeds)
    if noise is None or noise.test == "t":
        found = paired_t(old, new) if same else welch_t(old, new)
        return Spread(change=replace(found, method=_METHODS[same]), count=count, of="seeds")
    if not same:
        return Silent(
            reason=f"random signs need the same seeds on both sides: {again}", blocks=True
        )
    if count > MOST_PAIRS:
        return Silent(
            reason=f"random signs are for {MOST_PAIRS} seeds at most: test: t", blocks=True
        )
    pairs = [b - a for a, b in zip(old, new, strict=True)]  # type: ignore[operator]
    return Spread(change=signs(pairs), count=count, of="seeds")


def _unusable(
    old: tuple[Value, ...], new: tuple[Value, ...], noise: NoiseConfig | None, again: str
) -> str:
    least, count = noise.least if noise else _UNASKED, min(len(old), len(new))
    if count < least:
        return f"{text.plural(count, 'seed')}, and {least} are needed: {again}"
    if not all(is_finite(one) for one in (*old, *new)):
        return "with one of the seeds it is not a finite number"
    return ""


_METHODS = {True: "paired t", False: "Welch's t"}


def _history(row: Change, repeats: Repeats, noise: NoiseConfig) -> Spread | Silent:
    """The candidate as one more run: its distance from the mean of the last ones, by the t prediction interval."""
    from mlops_ci.stats.distribution import Student
    from mlops_ci.stats.hypothesis import prediction_interval

    key = (row.source, row.name)
    values = [run.values[key] for run in repeats.runs if is_finite(run.values.get(key))]
    values = values[: noise.runs]
    count = len(values)
    if count < noise.least:
        few = f"{text.plural(count, 'run')} of main, and {noise.least} are needed"
        return Silent(reason=f"uncalibrated: {few}")
    newest, *earlier = values
    low, high = prediction_interval(*_moments(earlier), len(earlier), 1 - 2 * _SETTLED)
    # After a real step the runs before it say nothing of what is merged now: their mean would be a weaker baseline.
    if not low <= newest <= high:
        return Silent(
            reason=f"uncalibrated: main has just moved from {low:.4g} … {high:.4g} to {newest:.4g}"
        )
    if _has_trend(values):
        what = (
            f"the last {count} runs of main move one way, so that their mean is not what it is now"
        )
        return Silent(reason=f"uncalibrated: {what}")
    mean, sd = _moments(values)
    assert isinstance(row.candidate, (int, float))
    found = Student(
        point=row.candidate - mean,
        se=sd * math.sqrt(1 + 1 / count),
        df=count - 1,
        method="t prediction interval",
    )
    return Spread(change=found, count=count, of="runs")


def _has_trend(values: list[float]) -> bool:
    """Whether runs that follow each other are nearer than others: a loss of what slow progress has won is one.

    Young, On Randomness in Ordered Sequences, Ann. Math. Statist. 12 (1941).
    """
    import itertools

    from scipy.special import ndtri

    count, (mean, _) = len(values), _moments(values)
    whole = sum((one - mean) ** 2 for one in values)
    if not whole:
        return False
    steps = sum((b - a) ** 2 for a, b in itertools.pairwise(values))
    spread = math.sqrt((count - 2) / (count**2 - 1))
    return 1 - steps / (2 * whole) > float(ndtri(1 - _SETTLED)) * spread


def _moments(values: list[float]) -> tuple[float, float]:
    import statistics

    return statistics.fmean(values), statistics.stdev(values)
