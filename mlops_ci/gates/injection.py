"""Faults in what was measured, for selftest.py: in a metrics file, in seeds, in predictions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_ci.gates.measured import Evidence
from mlops_ci.predictions import named

if TYPE_CHECKING:
    from mlops_ci.model import Change, ModelComparison
    from mlops_ci.predictions import PredictionPair, Predictions, PredictionsConfig
    from mlops_ci.repeats import Repeats


def metric(model: ModelComparison, row: Change, value: float | None) -> ModelComparison:
    """The candidate's value; None: it has vanished. Seeds are moved with it."""
    change: Any = "removed" if value is None else "changed"
    broken = replace(row, candidate=value, change=change)
    rows = tuple(broken if one is row else one for one in model.metrics)
    return replace(model, metrics=rows, repeats=_seeds(model.repeats, row, value))


def _seeds(repeats: Repeats | None, row: Change, value: float | None) -> Repeats | None:
    key = row.source, row.name
    if repeats is None or repeats.candidate is None or key not in repeats.candidate.values:
        return repeats
    values = dict(repeats.candidate.values)
    own = values.pop(key)
    if value is not None:
        assert isinstance(row.candidate, (int, float))
        values[key] = tuple(one + value - row.candidate for one in own)
    return replace(repeats, candidate=replace(repeats.candidate, values=values))


def value_now(model: ModelComparison, name: str) -> float:
    """What the candidate's predictions give for a metric."""
    evidence = Evidence(model.predictions)
    return evidence.joined.new.value(evidence.metric_of(name))


def leaking(model: ModelComparison, fault: str) -> PredictionPair | None:
    """One example of the candidate that it was trained on; or nobody can tell."""
    pair = model.predictions
    if pair is None or pair.leak is None or pair.candidate is None:
        return pair
    if fault == "leak":
        return replace(pair, leak=replace(pair.leak, ids=pair.candidate.ids[:1]))
    return replace(pair, leak=replace(pair.leak, reason=f"there is no {pair.leak.path}"))


def predictions(model: ModelComparison, name: str, fault: str) -> ModelComparison:
    """The candidate's predictions; those of one slice for `slices.region=EU.auc`."""
    pair = model.predictions
    if pair is None or pair.candidate is None:
        return model
    part = _slice_of(name, pair.candidate)
    broken: Predictions | None
    if fault == "vanished metric":
        broken = None
    elif fault == "vanished slice":
        broken = _without(pair.candidate, part)
    else:
        broken = _mapped(pair.candidate, pair.config, part, fault)
    return replace(model, predictions=replace(pair, candidate=broken))


def _slice_of(name: str, side: Predictions) -> list[bool]:
    """For each example, whether it is in the slice that a metric is of."""
    for column, values in side.columns.items():
        if name.startswith(f"slices.{column}="):
            rest = name.removeprefix(f"slices.{column}=")
            return [rest.startswith(f"{named(value)}.") for value in values]
    return [True] * len(side.ids)


def _without(side: Predictions, part: list[bool]) -> Predictions:
    def kept(values: Any) -> list[Any]:
        return [value for value, is_in in zip(values, part, strict=True) if not is_in]

    columns = {name: kept(values) for name, values in side.columns.items()}
    return replace(side, ids=tuple(kept(side.ids)), columns=columns)


def _mapped(
    side: Predictions, config: PredictionsConfig, part: list[bool], fault: str
) -> Predictions:
    columns = dict(side.columns)
    labels = [named(value) for value in side.columns[config.label]]
    for column in filter(None, (config.score, config.prediction)):
        values = columns[column]
        wrong = [math.nan] * len(part)
        if fault != "not a number":
            wrong = _wrong(labels, values, config, is_score=column == config.score)
        triples = zip(part, wrong, values, strict=True)
        columns[column] = [new if is_in else old for is_in, new, old in triples]
    return replace(side, columns=columns)


def _wrong(
    labels: list[str], values: list[Any], config: PredictionsConfig, *, is_score: bool
) -> list[Any]:
    """As wrong as can be: far away, the least score for positives and the highest for all else, another class."""
    if not is_score and config.task == "classification":
        classes = sorted(set(labels))
        return [next((name for name in classes if name != label), "") for label in labels]
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    if config.task == "regression":
        return [high + 10 * (high - low + 1)] * len(values)
    if config.task == "ranking":
        return [-float(label) for label in labels]
    return [low if label == config.positive else high for label in labels]
