"""The arithmetic of gates. Bounds are inclusive, and equal up to float noise is equal."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import MetricConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_ci.gate_config import ChangeConfig, ThresholdConfig
    from mlops_ci.model import Change, Outcome, Result, Value

REL_NOISE = 1e-9
ABS_NOISE = 1e-12
_DEFAULT = MetricConfig()


def all_of(results: Sequence[Result]) -> Result:
    """Three-valued and: one failure fails; else one that cannot be judged leaves it open; else it passes."""
    judged = [result for result in results if result != "skipped"]
    for result in ("fail", "inconclusive", "warn"):
        if result in judged:
            return result
    return "pass" if judged else "skipped"


def any_of(results: Sequence[Result]) -> Result:
    """Three-valued or: one pass passes; else one that cannot be judged leaves it open; else it fails."""
    judged = [result for result in results if result != "skipped"]
    for result in ("pass", "warn", "inconclusive"):
        if result in judged:
            return result
    return "fail" if judged else "skipped"


def settings_for(name: str, settings: Mapping[str, MetricConfig]) -> MetricConfig:
    """The settings of a metric: an exact name, then an alias, then a pattern."""
    if name in settings:
        return settings[name]
    for one in settings.values():
        if name in one.aliases:
            return one
    matching = (one for pattern, one in settings.items() if fnmatch.fnmatchcase(name, pattern))
    return next(matching, _DEFAULT)


def joined(rows: list[Change], names: Sequence[str]) -> list[Change]:
    """Rows of one metric under several names as one: the baseline may know it by another name than the candidate."""
    added = [row for row in rows if row.baseline is None and row.change != "unknown"]
    removed = [row for row in rows if row.candidate is None and row.change != "unknown"]
    if len(rows) == 2 and len(added) == len(removed) == 1 and added[0].name != removed[0].name:
        return [replace(added[0], baseline=removed[0].baseline, change="changed")]
    return sorted(rows, key=lambda row: (names.index(row.name), row.source))


def is_finite(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def out_of_range(value: Value, bounds: Sequence[float | None]) -> str:
    assert isinstance(value, (int, float))
    least, most = bounds or (None, None)
    if (least is not None and value < least) or (most is not None and value > most):
        words = (
            f"{'−∞' if least is None else f'{least:g}'} … {'∞' if most is None else f'{most:g}'}"
        )
        return f"{value:g} is outside its range {words}"
    return ""


def threshold(base: Outcome, config: ThresholdConfig) -> Iterator[Outcome]:
    value = base.value
    assert isinstance(value, (int, float))
    for bound, sign, word in ((config.min, 1, "at least"), (config.max, -1, "at most")):
        if bound is not None:
            yield _bounded(base, value, bound, sign, f"{word} {bound:g}")


def change(base: Outcome, config: ChangeConfig, better: int) -> Iterator[Outcome]:
    """`better`: 1 when higher is better, else -1."""
    before, after = base.baseline, base.value
    assert isinstance(before, (int, float))
    assert isinstance(after, (int, float))
    for limit, sign, word in (
        (config.max_regression, better, "at most {} worse"),
        (config.max_improvement, -better, "at most {} better, more is suspicious"),
    ):
        if limit is None:
            continue
        rule = word.format(limit if isinstance(limit, str) else f"{limit:g}")
        room = _absolute(limit, before)
        if room is None:
            reason = "a percentage of a baseline of zero has no meaning: give an absolute limit"
            yield replace(base, result="inconclusive", rule=rule, reason=reason)
        else:
            yield _bounded(base, after, before - sign * room, sign, rule)


def _absolute(limit: float | str, before: float) -> float | None:
    if not isinstance(limit, str):
        return limit
    return float(limit.strip().rstrip("%")) / 100 * abs(before) if before else None


def _bounded(base: Outcome, value: float, bound: float, sign: int, rule: str) -> Outcome:
    """`sign` 1: the value must not be below the bound; -1: not above it."""
    headroom = sign * (value - bound)
    equal = math.isclose(value, bound, rel_tol=REL_NOISE, abs_tol=ABS_NOISE)
    headroom = 0.0 if equal else headroom
    holds = headroom >= 0
    reason = f"{rule}: " + ("holds" if holds else f"broken by {abs(headroom):.4g}")
    return replace(
        base,
        result="pass" if holds else "fail",
        rule=rule,
        bound=bound,
        headroom=headroom,
        reason=reason,
    )
