"""Two Snapshots, aligned name by name: pure, sorted, the same whatever the order of files and keys."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mlops_ci.config import settings_for
from mlops_ci.directions import direction_of, is_bookkeeping
from mlops_ci.evaluation import Content
from mlops_ci.model import (
    Change,
    CodeChange,
    CodeFile,
    DataChange,
    DataRef,
    Measurement,
    MetricChange,
    ModelComparison,
    Package,
    PackageChange,
    PartChange,
    Snapshot,
    Value,
)
from mlops_ci.notes import notes_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlops_ci.config import MetricConfig
    from mlops_ci.directions import Direction

# Equal up to float noise is equal; below the absolute bound everything is zero.
REL_NOISE = 1e-9
ABS_NOISE = 1e-12
# By about a hundred, give or take a real change of the model.
_SCALE_JUMP = (60, 160)

_Key = tuple[str, str]
_ALL = "*"
_T = TypeVar("_T")


def compare(
    baseline: Snapshot, candidate: Snapshot, settings: Mapping[str, MetricConfig] | None = None
) -> ModelComparison:
    """`settings`: by metric name, an exact name before a pattern."""
    metrics = _metrics(baseline, candidate, settings or {})
    params = _params(baseline, candidate)
    data = tuple(
        DataChange(path, _change(_id(old), _id(new)), old, new)
        for path, old, new in _aligned(baseline.data, candidate.data, lambda ref: ref.path)
    )
    code = tuple(
        CodeChange(path=path, change=_change(_blob(old), _blob(new)))
        for path, old, new in _aligned(baseline.code, candidate.code, lambda file: file.path)
    )
    found = ModelComparison(
        model=candidate.model,
        metrics=metrics,
        params=params,
        data=data,
        environment=_environment(baseline, candidate),
        code=code,
        contents=(_content(baseline), _content(candidate)),
    )
    return replace(found, notes=notes_for(baseline, candidate, found))


def _content(snapshot: Snapshot) -> Content:
    return Content(lock=snapshot.lock_digest or "", evaluation=snapshot.evaluation.digest)


def _id(ref: DataRef | None) -> str | None:
    return ref.id if ref else None


def _blob(file: CodeFile | None) -> str | None:
    return file.blob if file else None


def _aligned(
    baseline: Iterable[_T], candidate: Iterable[_T], key: Callable[[_T], str]
) -> list[tuple[str, _T | None, _T | None]]:
    old = {key(item): item for item in baseline}
    new = {key(item): item for item in candidate}
    return [(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]


def _change(old: str | None, new: str | None) -> PartChange:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "same" if old == new else "changed"


def _metrics(
    baseline: Snapshot, candidate: Snapshot, settings: Mapping[str, MetricConfig]
) -> tuple[Change, ...]:
    old, new = _by_key(baseline.metrics), _by_key(candidate.metrics)
    unreadable = _unreadable(baseline), _unreadable(candidate)
    rows = []
    for key in _sorted_keys(old, new):
        own = settings_for(key[1], settings)
        direction = own.direction or direction_of(key[1])
        row = _row(key, old.get(key), new.get(key), direction, own.tolerance, unreadable)
        rows.append(row)
    return tuple(rows)


def _params(baseline: Snapshot, candidate: Snapshot) -> tuple[Change, ...]:
    old, new = _by_key(baseline.params), _by_key(candidate.params)
    unreadable = _unreadable(baseline), _unreadable(candidate)
    keys = _sorted_keys(old, new)
    rows = (_row(key, old.get(key), new.get(key), "neutral", 0.0, unreadable) for key in keys)
    return tuple(replace(row, hidden=False) for row in rows)  # a learning rate is what was set


def _by_key(measurements: Iterable[Measurement]) -> dict[_Key, Measurement]:
    found: dict[_Key, Measurement] = {}
    for one in measurements:
        key = (one.source, one.name)
        # A file may spell one name twice, `{"a": {"b": 1}, "a.b": 2}`: which one counts must not be chance.
        if key not in found or repr(one.value) > repr(found[key].value):
            found[key] = one
    return found


def _sorted_keys(old: Iterable[_Key], new: Iterable[_Key]) -> list[_Key]:
    return sorted({*old, *new})


def _unreadable(snapshot: Snapshot) -> dict[str, str]:
    """By path, or by the name of a tracker, which is what its sources begin with.

    Of a pipeline that cannot be read nobody knows which files it declares: then no name is known to be missing.
    """
    found = {}
    for one in snapshot.unknown:
        if one.kind == "pipeline":
            found[_ALL] = f"{one.subject}: {one.reason}"
        elif one.kind in ("metrics", "params", "tracker"):
            found[one.subject] = one.reason
    return found


def _row(
    key: _Key,
    old: Measurement | None,
    new: Measurement | None,
    direction: Direction,
    tolerance: float,
    unreadable: tuple[dict[str, str], dict[str, str]],
) -> Change:
    source, name = key
    before, after = (old.value if old else None), (new.value if new else None)
    delta, relative = _delta(before, after)
    missing = unreadable[0] if old is None else unreadable[1] if new is None else {}
    reason = missing.get(source) or missing.get(source.partition(":")[0]) or missing.get(_ALL, "")
    return Change(
        name=name,
        source=source,
        baseline=before,
        candidate=after,
        delta=delta,
        relative=relative,
        direction=direction,
        change="unknown" if reason else _metric_change(before, after, direction, tolerance),
        tolerance=tolerance,
        hidden=is_bookkeeping(name),
        scale_jump=is_scale_jump(before, after, direction),
        reason=reason,
        where=(old.where if old else "", new.where if new else ""),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _delta(before: Value | None, after: Value | None) -> tuple[float | int | None, float | None]:
    if not (_is_number(before) and _is_number(after)):
        return None, None
    assert isinstance(before, (int, float))
    assert isinstance(after, (int, float))
    try:
        delta = after - before
        if delta != delta:  # noqa: PLR0124 - NaN, and infinity less infinity
            return None, None
        return delta, delta / abs(before) if before and math.isfinite(before) else None
    except OverflowError:  # integers beyond the range of a float
        return None, None


def _metric_change(
    before: Value | None, after: Value | None, direction: Direction, tolerance: float
) -> MetricChange:
    if before is None or after is None:
        return "added" if before is None else "removed"
    if is_same(before, after, tolerance):
        return "same"
    if is_scale_jump(before, after, direction):
        return "changed"
    if direction == "neutral" or not (_is_number(before) and _is_number(after)):
        return "changed"
    return _judged(before, after, direction)


def _judged(before: Value, after: Value, direction: Direction) -> MetricChange:
    assert isinstance(before, (int, float))
    assert isinstance(after, (int, float))
    if before != before or after != after:  # noqa: PLR0124 - math.isnan refuses huge integers
        return "changed"  # no order holds for a value that is not a number
    return "better" if (after > before) == (direction == "higher_is_better") else "worse"


def is_same(before: object, after: object, tolerance: float = 0.0) -> bool:
    """Equal within `tolerance` (absolute) or up to float noise. NaN equals NaN; True does not equal 1."""
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    if isinstance(before, dict) and isinstance(after, dict):
        same_keys = before.keys() == after.keys()
        return same_keys and all(is_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(is_same, before, after))
    if _is_number(before) and _is_number(after):
        assert isinstance(before, (int, float))
        assert isinstance(after, (int, float))
        return _same_number(before, after, tolerance)
    return before == after


def _same_number(before: float, after: float, tolerance: float) -> bool:
    if before == after or (before != before and after != after):  # noqa: PLR0124 - both NaN
        return True
    if isinstance(before, int) and isinstance(after, int):
        return abs(after - before) <= tolerance
    try:
        noise = max(ABS_NOISE, REL_NOISE * tolerance)
        within = tolerance > 0 and abs(after - before) <= tolerance + noise
        return within or math.isclose(before, after, rel_tol=REL_NOISE, abs_tol=ABS_NOISE)
    except OverflowError:  # an integer beyond every float
        return False


def is_scale_jump(before: Value | None, after: Value | None, direction: Direction) -> bool:
    """A score that was a fraction and is a percentage now, or the other way round: 0.93 and 93.1."""
    if direction == "lower_is_better" or not (_is_number(before) and _is_number(after)):
        return False
    assert isinstance(before, (int, float))
    assert isinstance(after, (int, float))
    small, large = sorted((before, after))
    counts = isinstance(before, int) and isinstance(after, int)
    return (
        not counts
        and 0 < small <= 1 < large <= 100
        and _SCALE_JUMP[0] <= large / small <= _SCALE_JUMP[1]
    )


def _environment(baseline: Snapshot, candidate: Snapshot) -> tuple[PackageChange, ...]:
    old, new = _versions(baseline.environment), _versions(candidate.environment)
    return tuple(
        PackageChange(
            name=key[1],
            source=key[0],
            change=_change(old.get(key), new.get(key)),
            baseline=old.get(key),
            candidate=new.get(key),
        )
        for key in sorted(old.keys() | new.keys())
    )


def _versions(packages: Iterable[Package]) -> dict[_Key, str]:
    found: dict[_Key, list[str]] = {}
    for package in packages:
        found.setdefault((package.source, package.name), []).append(package.version)
    return {key: ", ".join(sorted(versions)) for key, versions in found.items()}
