"""The arithmetic of gates. Bounds are inclusive, and equal up to float noise is equal."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import settings_for
from mlops_ci.directions import direction_of
from mlops_ci.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops_ci.config import MetricConfig
    from mlops_ci.directions import Direction
    from mlops_ci.gate_config import ChangeConfig, ThresholdConfig
    from mlops_ci.model import Change, Outcome, Result, RuleKind, Value

REL_NOISE = 1e-9
ABS_NOISE = 1e-12


def all_of(results: Sequence[Result]) -> Result:
    """Three-valued and: one failure fails; else one that cannot be judged leaves it open; else it passes."""
    judged = [result for result in results if result != "skipped"]
    for result in ("fail", "inconclusive", "warn"):
        if result in judged:
            return result
    return "pass" if judged else "skipped"


def any_of(results: Sequence[Result]) -> Result:
    """Three-valued or: one pass passes; else one that is let through with a warning; else one that cannot be judged
    leaves it open; else it fails. The order is that of `all_of`, from the other end.
    """
    judged = [result for result in results if result != "skipped"]
    for result in ("pass", "warn", "inconclusive"):
        if result in judged:
            return result
    return "fail" if judged else "skipped"


def names_of(name: str, settings: Mapping[str, MetricConfig]) -> list[str]:
    """All names of the metric, whichever of them a gate uses; the gate's own first."""
    family = [{one, *settings[one].aliases} for one in settings]
    others = set().union(*(names for names in family if name in names)) - {name}
    return [name, *sorted(others)]


def direction(names: Sequence[str], settings: Mapping[str, MetricConfig]) -> Direction:
    """Which way is better, as it is configured for any of a metric's names, else as one of them is known."""
    for one in names:
        if configured := settings_for(one, settings).direction:
            return configured
    known = map(direction_of, names)
    return next((one for one in known if one != "neutral"), "neutral")


def meant(name: str, names: Sequence[str]) -> str:
    """The name that is there and probably meant: in other case, in another group (`auc`, `test.auc`), or close."""
    wanted = name.casefold()
    same = (one for one in names if one.casefold() == wanted)
    leaf = wanted.rpartition(".")[2]
    regrouped = (one for one in names if one.casefold().rpartition(".")[2] == leaf)
    return next(same, "") or closest(name, names) or next(regrouped, "")


def joined(rows: Iterable[Change], names: Sequence[str]) -> list[Change]:
    """Rows of one metric under several names as one: the baseline may know it by another name than the candidate.

    Only within one file: a value from another file may be another measurement.
    """
    by_source: dict[str, list[Change]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    found = [row for group in by_source.values() for row in _renamed(group)]
    return sorted(found, key=lambda row: (names.index(row.name), row.source))


def _renamed(rows: list[Change]) -> list[Change]:
    added = [row for row in rows if row.baseline is None and row.change != "unknown"]
    removed = [row for row in rows if row.candidate is None and row.change != "unknown"]
    if len(rows) == 2 and len(added) == len(removed) == 1:
        return [replace(added[0], baseline=removed[0].baseline, change="changed")]
    return rows


def is_finite(value: Value | None) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


def shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def out_of_range(value: Value, bounds: Sequence[float | None]) -> str:
    assert isinstance(value, (int, float))
    least, most = bounds or (None, None)
    low = least is not None and not (value >= least or _is_equal(value, least))
    high = most is not None and not (value <= most or _is_equal(value, most))
    if low or high:
        words = (
            f"{'−∞' if least is None else f'{least:g}'} … {'∞' if most is None else f'{most:g}'}"
        )
        return f"{value:g} is outside its range {words}"
    return ""


def _is_equal(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=REL_NOISE, abs_tol=ABS_NOISE)


def threshold(base: Outcome, config: ThresholdConfig) -> Iterator[Outcome]:
    value = base.value
    assert isinstance(value, (int, float))
    sides: tuple[tuple[float | None, RuleKind, int, str], ...] = (
        (config.min, "least", 1, "at least"),
        (config.max, "most", -1, "at most"),
    )
    for bound, kind, sign, word in sides:
        if bound is not None:
            ruled = replace(base, rule=f"{word} {bound:g}", kind=kind, limit=bound)
            yield _bounded(ruled, value, bound, sign)


def change(base: Outcome, config: ChangeConfig, better: int) -> Iterator[Outcome]:
    """`better`: 1 when higher is better, else -1."""
    before, after = base.baseline, base.value
    assert isinstance(before, (int, float))
    assert isinstance(after, (int, float))
    sides: tuple[tuple[float | str | None, RuleKind, int, str], ...] = (
        (config.max_regression, "regression", better, "at most {} worse"),
        (config.max_improvement, "improvement", -better, "at most {} better, more is suspicious"),
    )
    for limit, kind, sign, word in sides:
        if limit is None:
            continue
        rule = word.format(limit if isinstance(limit, str) else f"{limit:g}")
        ruled = replace(base, rule=rule, kind=kind, limit=limit)
        room = _absolute(limit, before)
        if room is None:
            reason = "a percentage of a baseline of zero has no meaning: give an absolute limit"
            yield replace(ruled, result="inconclusive", reason=reason)
        else:
            yield _bounded(ruled, after, before - sign * room, sign)


def _absolute(limit: float | str, before: float) -> float | None:
    if not isinstance(limit, str):
        return limit
    if _is_equal(before, 0.0):
        return None
    return float(limit.strip().rstrip("%")) / 100 * abs(before)


def _bounded(base: Outcome, value: float, bound: float, sign: int) -> Outcome:
    """`sign` 1: the value must not be below the bound; -1: not above it."""
    headroom = 0.0 if _is_equal(value, bound) else sign * (value - bound)
    holds = headroom >= 0
    reason = f"{base.rule}: " + ("holds" if holds else f"broken by {abs(headroom):.4g}")
    return replace(
        base,
        result="pass" if holds else "fail",
        bound=bound,
        headroom=headroom,
        reason=reason,
    )


def is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")


def softened(outcome: Outcome) -> Outcome:
    return (
        replace(outcome, result="warn") if outcome.result in ("fail", "inconclusive") else outcome
    )
