"""Does each gate stop what it is there for? Faults are put into what was really measured, and judged. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.config import settings_for
from mlops_ci.gate_trials import Proof
from mlops_ci.gates import injection, leak, rules
from mlops_ci.gates.verdicts import judge
from mlops_ci.model import Change
from mlops_ci.predictions import LEAK
from mlops_ci.stats.metrics import reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.directions import Direction
    from mlops_ci.gate_config import GateConfig
    from mlops_ci.gate_trials import Fault, State
    from mlops_ci.gates.policy import Policy
    from mlops_ci.model import ModelComparison, Outcome

# A gate on a pattern, or on slices, is tried on so many of them, spread evenly.
_MOST = 20


def proofs(model: ModelComparison, policy: Policy) -> Iterator[Proof]:
    """`model`: one revision beside itself. A gate that blocks that already is no proof of anything."""
    outcomes = judge(model, policy).outcomes
    for gate in policy.gates:
        own = [one for one in outcomes if one.gate == gate.id]
        if (gate.level or policy.defaults.level) == "off":
            yield Proof(
                gate=gate.id, fault="nothing changed", metric="", state="off", reason="level: off"
            )
            continue
        yield _control(gate.id, own)
        if not any(map(_objects, own)):
            yield from _of_gate(model, policy, gate, _leaves(own))
    yield from _of_leak(model, policy)


def _of_leak(model: ModelComparison, policy: Policy) -> Iterator[Proof]:
    """The gate that `predictions.train` arms."""
    own = list(leak.outcomes(policy, model.predictions))
    if not own:
        return
    yield _control(LEAK, own)
    if any(map(_objects, own)):
        return
    faults: tuple[Fault, ...] = ("leak", "unread training data")
    for fault in faults:
        (found,) = leak.outcomes(policy, injection.leaking(model, fault))
        state: State = "stopped" if found.blocks else "warned"
        reason = f"{found.result}: {found.reason}"
        yield Proof(gate=LEAK, fault=fault, metric="", state=state, reason=reason)


def _objects(one: Outcome) -> bool:
    """What too little is known of to tell, and therefore blocks nothing, is no objection."""
    return one.blocks or one.result in ("fail", "warn")


def _control(gate: str, own: list[Outcome]) -> Proof:
    wrong = next(filter(_objects, own), None)
    judged = any(one.result in ("pass", "inconclusive") for one in own)
    reason = wrong.reason if wrong else "" if judged else own[0].reason if own else "judges nothing"
    return Proof(
        gate=gate,
        fault="nothing changed",
        metric=wrong.metric if wrong else "",
        state="passed" if judged and not wrong else "missed",
        reason=reason,
    )


def _leaves(outcomes: list[Outcome]) -> list[Outcome]:
    """The rules that were reached, of groups those of their parts."""
    found = [leaf for one in outcomes for leaf in (one.parts or (one,)) if leaf.bound is not None]
    step = max(1, math.ceil(len(found) / _MOST))
    return found[::step]


def _of_gate(
    model: ModelComparison, policy: Policy, gate: GateConfig, leaves: list[Outcome]
) -> Iterator[Proof]:
    # One of several alternatives may well be broken: all of them are, at once.
    groups = [leaves] if gate.any else [[one] for one in leaves]
    for group in groups:
        faults = dict.fromkeys(fault for leaf in group for fault in _faults(leaf, gate))
        for fault in faults:
            broken = model
            for leaf in group:
                broken = _with(broken, policy, leaf, fault)
            yield _judged(broken, policy, gate, group, fault)


def _faults(leaf: Outcome, gate: GateConfig) -> Iterator[Fault]:
    yield "suspicious improvement" if leaf.kind == "improvement" else "regression"
    yield "not a number"
    yield "vanished metric"
    if gate.slices:
        yield "vanished slice"
    # Of slices, a baseline without predictions is the first measurement, which is not judged.
    elif leaf.kind in ("regression", "improvement"):
        yield "missing baseline"


def _judged(
    broken: ModelComparison, policy: Policy, gate: GateConfig, group: list[Outcome], fault: Fault
) -> Proof:
    names = {leaf.metric for leaf in group}
    found = [one for one in judge(broken, policy).outcomes if one.gate == gate.id]
    own = [one for one in found if one.parts or one.metric in names] or found
    if fault in (
        "regression",
        "suspicious improvement",
    ):  # by its own rule, not by another of the gate
        own = [one for one in own if one.parts or one.kind == group[0].kind] or own
    stopping = next((one for one in own if one.blocks), None)
    warning = next((one for one in own if one.result == "warn"), None)
    level = gate.level or policy.defaults.level
    told = stopping or (warning if level == "warn" else None)
    metric = group[0].metric if len(group) == 1 else ""
    state: State = "stopped" if stopping else "warned" if told else "missed"
    shown = told or min(own, key=lambda one: one.result == "pass", default=None)
    reason = f"{shown.result}: {shown.reason}" if shown else "no outcome"
    return Proof(gate=gate.id, fault=fault, metric=metric, state=state, reason=reason)


def _with(model: ModelComparison, policy: Policy, leaf: Outcome, fault: Fault) -> ModelComparison:
    row = next((one for one in model.metrics if (one.name, one.source) == _key(leaf)), None)
    by_examples = leaf.estimate is not None and leaf.estimate.of == "examples"
    if by_examples or row is None:
        model = injection.predictions(model, leaf.metric, fault)
    if row is None:
        return model
    if fault == "missing baseline":
        return _without_baseline(model, row)
    value = _value(policy, leaf, fault)
    if by_examples and fault == "regression":
        value = injection.value_now(model, row.name)
    return injection.metric(model, row, value)


def _key(leaf: Outcome) -> tuple[str, str]:
    return leaf.metric, leaf.source


def _without_baseline(model: ModelComparison, row: Change) -> ModelComparison:
    """Of this metric alone: a baseline without any metric is the first measurement, which is not judged."""
    rows = [
        replace(one, baseline=None, change="added") if one is row else one for one in model.metrics
    ]
    if all(one.baseline is None for one in rows):
        rows.append(Change(name="another", source=row.source, baseline=1.0, candidate=1.0))
    return replace(model, metrics=tuple(rows))


def _value(policy: Policy, leaf: Outcome, fault: Fault) -> float | None:
    """Far beyond the bound, and still a value that the metric can have."""
    if fault == "not a number":
        return math.nan
    if fault == "vanished metric":
        return None
    assert leaf.bound is not None
    far = 10 * abs(leaf.bound - float(leaf.baseline or 0.0)) + abs(leaf.bound) + 1  # type: ignore[arg-type]
    value = leaf.bound + _side(policy, leaf) * far
    least, most = _ends(policy, leaf)
    value = value if least is None else max(value, least)
    return value if most is None else min(value, most)


def _ends(policy: Policy, leaf: Outcome) -> tuple[float | None, float | None]:
    """As configured; of a loss also as the name tells: an AUC cannot lose 5, which was meant in percent."""
    if found := settings_for(leaf.metric, policy.metrics).range:
        return found[0], found[1]
    is_higher = _direction(policy, leaf) == "higher_is_better"
    guards = leaf.kind in ("regression", "least" if is_higher else "most")
    if not guards or not isinstance(leaf.value, (int, float)):
        return None, None
    return reach(leaf.metric, leaf.value)


def _direction(policy: Policy, leaf: Outcome) -> Direction:
    asked = next((one.metric for one in policy.gates if one.id == leaf.gate and one.metric), "")
    names = [leaf.metric, *rules.names_of(asked, policy.metrics)]
    return rules.direction(names, policy.metrics)


def _side(policy: Policy, leaf: Outcome) -> int:
    """1: values above the bound break the rule."""
    if leaf.kind in ("least", "most"):
        return -1 if leaf.kind == "least" else 1
    worse = -1 if _direction(policy, leaf) == "higher_is_better" else 1
    return worse if leaf.kind == "regression" else -worse
