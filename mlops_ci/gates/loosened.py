"""What of a Policy another one judges less strictly. Pure: the gate, the report and a check say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.config import MetricConfig
from mlops_ci.frozen import dataclass
from mlops_ci.gates import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.gate_config import ConditionConfig, GateConfig
    from mlops_ci.gates.policy import Policy

# The strictest last.
_LEVELS = ("off", "warn", "error")
_ON_MISSING = ("skip", "warn", "bootstrap", "fail")


@dataclass(frozen=True, kw_only=True)
class Loosened:
    """`gate`: its id, or "" for what all share. `what`: in words, `min 0.9 → 0.8`."""

    gate: str
    what: str


def loosened(before: Policy, after: Policy) -> list[Loosened]:
    """Bounds, levels, metrics, directions and waivers of `before` that `after` judges less strictly.

    What cannot be ordered (another metric, a percentage for an absolute limit) counts as loosened.
    """
    found = []
    left = list(after.gates)
    for gate in before.gates:
        other = next((one for one in left if one.id == gate.id), None)
        if other is None:
            found.append(Loosened(gate=gate.id, what="removed"))
            continue
        left.remove(other)
        words = [
            *_gate(gate, other),
            *_levels(gate, before, other, after),
            *_noise(gate, before, other, after),
        ]
        found += [Loosened(gate=gate.id, what=what) for what in words]
    return [*found, *_shared(before, after), *_waivers(before, after)]


def _gate(one: GateConfig, other: GateConfig) -> Iterator[str]:
    if one.all and other.all:
        yield from _every(one.all, other.all)
    elif one.any and other.any:
        yield from _some(one.any, other.any)
    elif bool(one.metric) != bool(other.metric) or bool(one.all) != bool(other.all):
        yield "judged in another way"
    else:
        yield from _condition(one, other)
    yield from _sliced(one, other)


def _sliced(one: GateConfig, other: GateConfig) -> Iterator[str]:
    old, new = one.slices, other.slices
    if old is None and new is None:
        return
    if old is None or new is None:
        yield "slices instead of the whole" if new else "the whole instead of slices"
        return
    yield from (f"slices.by without {name}" for name in old.by if name not in new.by)
    yield from (f"slices.exclude {name}" for name in new.exclude if name not in old.exclude)
    if new.min_samples > old.min_samples:
        yield f"slices.min_samples {old.min_samples} → {new.min_samples}"


def _some(before: Sequence[ConditionConfig], after: Sequence[ConditionConfig]) -> Iterator[str]:
    """Of alternatives one less is stricter, and one more is a way to pass."""
    left = list(before)
    for new in after:
        same = [one for one in left if one.metric == new.metric]
        one = next((old for old in same if not list(_condition(old, new))), next(iter(same), None))
        if one is None:
            yield f"one more way to pass: {new.metric}"
        else:
            left.remove(one)
            yield from (f"{one.metric}: {what}" for what in _condition(one, new))


def _every(before: Sequence[ConditionConfig], after: Sequence[ConditionConfig]) -> Iterator[str]:
    left = list(after)
    for one in before:
        other = next((new for new in left if new.metric == one.metric), None)
        if other is None:
            yield f"{one.metric} removed"
        else:
            left.remove(other)
            yield from (f"{one.metric}: {what}" for what in _condition(one, other))


def _condition(
    one: ConditionConfig | GateConfig, other: ConditionConfig | GateConfig
) -> Iterator[str]:
    if one.metric != other.metric:
        yield f"metric {one.metric} → {other.metric}"
    for part, name, sign in (
        ("threshold", "min", -1),
        ("threshold", "max", 1),
        ("change", "max_regression", 1),
        ("change", "max_improvement", 1),
    ):
        old = getattr(getattr(one, part), name, None)
        new = getattr(getattr(other, part), name, None)
        if _looser(old, new, sign):
            yield f"{name} {_shown(old)} → {_shown(new)}"


def _looser(old: float | str | None, new: float | str | None, sign: int) -> bool:
    """`sign` 1: a larger limit is looser; -1: a smaller one."""
    if old is None or old == new:
        return False
    if new is None or isinstance(old, str) != isinstance(new, str):
        return True
    return sign * (_number(new) - _number(old)) > 0


def _number(limit: float | str) -> float:
    return float(limit.strip().rstrip("%")) if isinstance(limit, str) else limit


def _shown(limit: float | str | None) -> str:
    return "none" if limit is None else limit if isinstance(limit, str) else f"{limit:g}"


def _levels(one: GateConfig, before: Policy, other: GateConfig, after: Policy) -> Iterator[str]:
    for name, order in (
        ("level", _LEVELS),
        ("on_missing_metric", _ON_MISSING),
        ("on_nan", _ON_MISSING),
        ("on_inconclusive", _ON_MISSING),
        ("on_untrusted", _ON_MISSING),
    ):
        old = getattr(one, name) or getattr(before.defaults, name)
        new = getattr(other, name) or getattr(after.defaults, name)
        if order.index(new) < order.index(old):
            yield f"{name} {old} → {new}"


def _noise(one: GateConfig, before: Policy, other: GateConfig, after: Policy) -> Iterator[str]:
    """Which of two is laxer depends on the numbers. Without predictions, seeds where there was nothing are not; main as
    it was before is another baseline.
    """
    old, new = one.noise or before.defaults.noise, other.noise or after.defaults.noise
    is_armed = old or before.predictions or (new and new.source != "seeds")
    if is_armed and old != new:
        yield "noise changed"


def _shared(before: Policy, after: Policy) -> Iterator[Loosened]:
    old, new = before.on_missing_baseline, after.on_missing_baseline
    if _ON_MISSING.index(new) < _ON_MISSING.index(old):
        yield Loosened(gate="", what=f"baseline.on_missing {old} → {new}")
    if after.defaults.alpha > before.defaults.alpha:
        yield Loosened(gate="", what=f"alpha {before.defaults.alpha:g} → {after.defaults.alpha:g}")
    if before.predictions and before.predictions != after.predictions:
        yield Loosened(gate="", what=f"predictions {'changed' if after.predictions else 'removed'}")
    if before.evaluation != after.evaluation:
        yield Loosened(gate="", what="evaluation changed")
    yield from _metrics(before, after)


def _metrics(before: Policy, after: Policy) -> Iterator[Loosened]:
    """Also of a metric that had no settings: it had a direction by its name all the same."""
    judged = {name for gate in before.gates for name in gate.metrics}
    for name in sorted({*before.metrics, *after.metrics, *judged}):
        old, new = (one.metrics.get(name, MetricConfig()) for one in (before, after))
        was, now = (_direction(name, one) for one in (before, after))
        if was not in ("neutral", now):
            yield Loosened(gate="", what=f"metrics.{name}.direction {was} → {now}")
        if old.range and old.range != new.range:
            yield Loosened(gate="", what=f"metrics.{name}.range changed")
        # A metric may then come under that name instead.
        for alias in sorted({*new.aliases} - {*old.aliases}):
            if judged & {name, alias, *old.aliases}:
                yield Loosened(gate="", what=f"metrics.{name}.aliases and {alias}")


def _direction(name: str, policy: Policy) -> str:
    return rules.direction(rules.names_of(name, policy.metrics), policy.metrics)


def _waivers(before: Policy, after: Policy) -> Iterator[Loosened]:
    for one in after.waivers:
        if one not in before.waivers:
            where = f" in {one.slice}" if one.slice else ""
            yield Loosened(gate=one.gate or "", what=f"waived{where} until {one.expires}")
