"""How often a gate stops a model that is no worse, and one that is, by the noise of seeds and of runs. Pure."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.gate_trials import Calibrated, Calibration, Noise, Replay
from mlops_ci.gates.noninferiority import confidence
from mlops_ci.gates.rules import is_finite
from mlops_ci.gates.verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_ci.gate_trials import Judged
    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import Change, ModelComparison, Outcome
    from mlops_ci.repeats import Repeats

Key = tuple[str, str]
# Losses of which the power is told, in limits.
LOSSES = (1.0, 1.5, 2.0, 3.0)
# Of seeds, every pair is judged: of so many seeds at most.
_MOST_SEEDS = 12


def calibrate(
    model: ModelComparison, policy: Policy, before: ModelComparison | None = None
) -> Calibration:
    """`model`: one revision beside itself, with seeds and runs. `before`: it beside the run before, for examples."""
    repeats = model.repeats
    seeds = len(repeats.candidate.seeds) if repeats and repeats.candidate else 0
    by_examples = _examples(before, policy) if before else {}
    leaves = _leaves(judge(model, policy).outcomes)
    rules = (_rule(one, model, policy, by_examples) for one in leaves)
    return Calibration(
        model=model.model,
        alpha=policy.defaults.alpha,
        seeds=seeds,
        runs=len(repeats.runs) if repeats else 0,
        rules=tuple(rules),
        replays=tuple(_replays(model, policy)),
    )


def _leaves(outcomes: Sequence[Outcome]) -> list[Outcome]:
    parts = (part for one in outcomes for part in (one.parts or (one,)))
    return [one for one in parts if one.bound is not None and one.kind != "improvement"]


def _examples(before: ModelComparison, policy: Policy) -> dict[tuple[str, ...], Noise]:
    """By gate, source and metric: the standard error of a change, as its interval has it."""
    from scipy.special import ndtri

    reach = 2 * float(ndtri((1 + confidence(policy.defaults.alpha)) / 2))
    found: dict[tuple[str, ...], Noise] = {}
    for one in _leaves(judge(before, policy).outcomes):
        estimate = one.estimate
        if estimate and estimate.of == "examples" and math.isfinite(estimate.low):
            sd = (estimate.high - estimate.low) / reach
            noise = Noise(sd=sd, df=math.inf, count=estimate.units, of="examples")
            found[one.gate, one.source, one.metric] = noise
    return found


def _rule(
    leaf: Outcome,
    model: ModelComparison,
    policy: Policy,
    by_examples: Mapping[tuple[str, ...], Noise],
) -> Calibrated:
    judged_by = _judged_by(leaf)
    key = leaf.source, leaf.metric
    noise = by_examples.get((leaf.gate, *key)) if judged_by == "examples" else None
    if judged_by != "examples":
        noise = _noise(model.repeats, key)
    assert leaf.bound is not None
    assert isinstance(leaf.value, (int, float))
    found = Calibrated(
        gate=leaf.gate,
        metric=leaf.metric,
        source=leaf.source,
        kind=leaf.kind,
        limit=abs(leaf.bound - leaf.value) if leaf.kind == "regression" else leaf.bound,
        written=leaf.limit,
        judged_by=judged_by,
        noise=noise,
    )
    if noise is None or not noise.sd > 0:
        return found  # what never differs proposes nothing
    if leaf.kind == "regression":
        return _change(
            found, noise, _times(found, noise, model.repeats, policy), policy.defaults.alpha
        )
    return _threshold(found, noise, leaf.value, policy.defaults.alpha)


def _judged_by(leaf: Outcome) -> Judged:
    if leaf.kind != "regression":
        return "limit"
    if leaf.estimate:
        return "history" if leaf.estimate.of == "runs" else leaf.estimate.of
    return "limit"


def _noise(repeats: Repeats | None, key: Key) -> Noise | None:
    """Of seeds, else of the differences between runs that follow each other, which a trend disturbs little."""
    import statistics

    if repeats is None:
        return None
    seeds = repeats.candidate.values.get(key, ()) if repeats.candidate else ()
    if len(seeds) >= 3 and all(is_finite(one) for one in seeds):
        return Noise(sd=statistics.stdev(seeds), df=len(seeds) - 1, count=len(seeds), of="seeds")
    runs = [run.values[key] for run in repeats.runs if is_finite(run.values.get(key))]
    count = len(runs)
    if count < 3:
        return None
    steps = [(b - a) ** 2 for a, b in itertools.pairwise(runs)]
    # von Neumann et al., Ann. Math. Statist. 12 (1941): half the mean square of successive differences.
    sd = math.sqrt(statistics.fmean(steps) / 2)
    return Noise(sd=sd, df=2 * (count - 1) ** 2 / (3 * count - 4), count=count, of="runs")


def _times(rule: Calibrated, noise: Noise, repeats: Repeats | None, policy: Policy) -> float:
    """The standard error of a change, in standard deviations of one training."""
    if rule.judged_by == "examples":
        return 1.0
    if rule.judged_by == "seeds":
        return math.sqrt(2 / noise.count)
    if rule.judged_by == "history" and repeats:
        gate = next(one for one in policy.gates if one.id == rule.gate)
        asked = gate.noise or policy.defaults.noise
        return math.sqrt(1 + 1 / min(len(repeats.runs), asked.runs if asked else noise.count))
    return math.sqrt(2)


def _change(rule: Calibrated, noise: Noise, times: float, alpha: float) -> Calibrated:
    """A loss beyond the limit is stopped, whatever the interval says: as failure, or as what cannot be told."""
    se = noise.sd * times
    wanted = _quantile(1 - alpha, noise.df) * se
    if rule.judged_by != "limit":  # and an interval has to lie within the limit, four times in five
        wanted += _quantile(0.8, noise.df) * se
    power = ((loss * rule.limit, _share((loss - 1) * rule.limit, se, noise.df)) for loss in LOSSES)
    return replace(
        rule,
        false_fail=_share(-rule.limit, se, noise.df),
        proposed=wanted,
        power=tuple(power) if rule.limit else (),
    )


def _threshold(rule: Calibrated, noise: Noise, value: float, alpha: float) -> Calibrated:
    """Of one more training: where its value lies by the t prediction interval around this one."""
    se = noise.sd * math.sqrt(1 + 1 / noise.count)
    side = 1 if rule.kind == "least" else -1
    room = side * (value - rule.limit)
    proposed = value - side * _quantile(1 - alpha, noise.df) * se
    return replace(rule, false_fail=_share(-room, se, noise.df), proposed=proposed)


def _share(beyond: float, se: float, df: float) -> float:
    """How often noise alone goes further than from `beyond` to 0: T(beyond / se). Half of the time at 0."""
    from scipy.special import ndtr, stdtr

    if se == 0:
        return float(beyond > 0)
    return float(ndtr(beyond / se) if math.isinf(df) else stdtr(df, beyond / se))


def _quantile(level: float, df: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(level) if math.isinf(df) else stdtrit(df, level))


def _replays(model: ModelComparison, policy: Policy) -> Iterator[Replay]:
    repeats, plain = model.repeats, _by_limits(policy)
    if repeats is None:
        return
    seeds = _by_seed(repeats)[:_MOST_SEEDS]
    pairs: tuple[tuple[Literal["seeds", "runs"], list[Any]], ...] = (
        ("seeds", list(itertools.permutations(seeds, 2))),
        ("runs", [(old.values, new.values) for new, old in itertools.pairwise(repeats.runs)]),
    )
    for of, sides in pairs:
        stopped = dict.fromkeys(_concerned(model, plain, [old for old, _ in sides]), 0)
        for old, new in sides:
            found = judge(_beside(model, old, new), plain).outcomes
            for name in {one.gate for one in found if one.blocks} & stopped.keys():
                stopped[name] += 1
        for name, count in stopped.items():
            yield Replay(gate=name, of=of, stopped=count, total=len(sides))


def _concerned(
    model: ModelComparison, policy: Policy, measured: Sequence[Mapping[Key, Any]]
) -> list[str]:
    """Gates that judge something that was measured again."""
    known = {key for one in measured for key in one}
    leaves = _leaves(judge(replace(model, predictions=None, repeats=None), policy).outcomes)
    return list(dict.fromkeys(one.gate for one in leaves if (one.source, one.metric) in known))


def _by_limits(policy: Policy) -> Policy:
    """What single numbers say: no intervals, no waivers; what only warns counts as well."""
    gates = (
        replace(gate, noise=None, level="error")
        for gate in policy.gates
        if not gate.slices and (gate.level or policy.defaults.level) != "off"
    )
    defaults = replace(policy.defaults, noise=None)
    return replace(policy, gates=tuple(gates), defaults=defaults, predictions=None, waivers=())


def _by_seed(repeats: Repeats) -> list[dict[Key, Any]]:
    if repeats.candidate is None:
        return []
    values = repeats.candidate.values
    return [
        {key: given[at] for key, given in values.items()}
        for at in range(len(repeats.candidate.seeds))
    ]


def _beside(
    model: ModelComparison, old: Mapping[Key, Any], new: Mapping[Key, Any]
) -> ModelComparison:
    """Metrics that were not measured again are the same on both sides."""

    def row(one: Change) -> Change:
        key = one.source, one.name
        if key not in old or key not in new:
            return one
        return replace(one, baseline=old[key], candidate=new[key], change="changed")

    rows = tuple(map(row, model.metrics))
    return replace(model, metrics=rows, predictions=None, repeats=None, notes=())
