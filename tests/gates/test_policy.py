"""What decides a verdict: read from a config, with a digest; and the gates that a config may not write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci import config as configuration
from mlops_ci.errors import ConfigError
from mlops_ci.gates import Policy, policy_of

DOCUMENT = {
    "metrics": {"auc": {"direction": "higher_is_better", "aliases": ["AUC"], "range": [0, 1]}},
    "gates": [
        {
            "id": "floor",
            "metric": "auc",
            "threshold": {"min": 0.8, "max": 0.99},
            "change": {"max_regression": 0.01, "max_improvement": "20%"},
            "level": "error",
            "on_nan": "fail",
            "on_missing_metric": "fail",
        },
        {"id": "budget", "any": [{"metric": "ms", "threshold": {"max": 40}}]},
        {"id": "both", "all": [{"metric": "f1", "threshold": {"min": 0.5}}]},
    ],
    "defaults": {"level": "error", "on_missing_metric": "fail", "on_nan": "fail", "alpha": 0.05},
    "baseline": {"on_missing": "bootstrap"},
}
# Each place of the document that decides, and another value for it.
DECIDING: list[tuple[str, Any]] = [
    ("metrics.auc.direction", "lower_is_better"),
    ("metrics.auc.aliases.0", "score"),
    ("metrics.auc.range.1", 2),
    ("gates.0.id", "other"),
    ("gates.0.metric", "f1"),
    ("gates.0.threshold.min", 0.7),
    ("gates.0.threshold.max", 1),
    ("gates.0.change.max_regression", 0.02),
    ("gates.0.change.max_regression", "1%"),
    ("gates.0.change.max_improvement", "21%"),
    ("gates.0.level", "warn"),
    ("gates.0.on_nan", "warn"),
    ("gates.0.on_missing_metric", "skip"),
    ("gates.1.any.0.metric", "s"),
    ("gates.1.any.0.threshold.max", 41),
    ("gates.2.all.0.threshold.min", 0.4),
    ("gates.2", {"id": "both", "any": [{"metric": "f1", "threshold": {"min": 0.5}}]}),
    ("defaults.level", "warn"),
    ("defaults.on_missing_metric", "warn"),
    ("defaults.on_nan", "warn"),
    ("defaults.alpha", 0.01),
    ("baseline.on_missing", "skip"),
]


def load(document: Any) -> configuration.Config:
    # JSON, which is YAML but for these words.
    text = json.dumps(document).replace("Infinity", ".inf").replace("NaN", ".nan").encode()
    found = configuration.load(lambda path: text if path == configuration.FILE else None)
    assert found is not None
    return found


def digest(document: Any) -> str:
    return policy_of(load(document), "m", rev="r").digest


def gate_error(**gate: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load({"gates": [{"id": "g", "metric": "auc", **gate}]})
    return str(caught.value)


def changed(document: Any, path: str, value: Any) -> Any:
    """A copy with another value in one place."""
    copied = json.loads(json.dumps(document))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    inner = copied
    for part in parents:
        inner = inner[part]
    assert inner[last] != value
    inner[last] = value
    return copied


@pytest.mark.parametrize(("path", "value"), DECIDING)
def test_the_digest_changes_with_every_value_that_decides(path: str, value: Any) -> None:
    assert digest(changed(DOCUMENT, path, value)) != digest(DOCUMENT)


def test_the_digest_is_that_of_the_values_and_not_of_how_they_are_written() -> None:
    whole = policy_of(load(DOCUMENT), "m", rev="r")
    assert whole.digest.startswith("sha256:")
    gates = json.loads(json.dumps(DOCUMENT["gates"]).replace("40", "40.0"))
    assert digest({**DOCUMENT, "gates": gates}) == whole.digest
    assert replace(whole, rev="other", armed=False).digest == whole.digest
    assert policy_of(load(DOCUMENT), "another model", rev="x").digest == whole.digest
    assert digest({**DOCUMENT, "data": {"dvc": "dvc"}, "version": 1}) == whole.digest


@st.composite
def reordered(draw: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [draw(reordered(one)) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: draw(reordered(value[key])) for key in draw(st.permutations(list(value)))}


@settings(deadline=None)
@given(reordered(DOCUMENT))
def test_the_digest_is_stable_under_the_order_of_keys(document: Any) -> None:
    assert digest(document) == digest(DOCUMENT)


def test_a_model_has_its_own_gates_and_settings_before_those_for_all() -> None:
    own = {"gates": [{"id": "own", "metric": "f1", "threshold": {"min": 0.1}}]}
    own["metrics"] = {"auc": {"direction": "lower_is_better"}}
    config = load({**DOCUMENT, "models": {"churn": own, "fraud": {}}})
    churn, fraud = (policy_of(config, name, rev="r") for name in ("churn", "fraud"))
    assert [gate.id for gate in churn.gates] == ["own", "floor", "budget", "both"]
    assert [gate.id for gate in fraud.gates] == ["floor", "budget", "both"]
    assert churn.metrics["auc"].direction == "lower_is_better"
    assert fraud.metrics["auc"].direction == "higher_is_better"
    assert churn.digest != fraud.digest


def test_no_config_is_no_gates() -> None:
    assert policy_of(None, "m", rev="r") == Policy(rev="r")


@pytest.mark.parametrize("limit", ["1%", "0.5 %", " 10% ", "0%", "250%", 0, 0.5, 3])
def test_limits_that_are_understood(limit: Any) -> None:
    load({"gates": [{"id": "g", "metric": "a", "change": {"max_regression": limit}}]})


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("1", "a percentage such as 1%, not '1'"),
        ("-1%", "a percentage such as 1%"),
        ("1,5%", "a percentage such as 1%"),
        ("1e3%", "a percentage such as 1%"),
        ("%", "a percentage such as 1%"),
        ("nan%", "a percentage such as 1%"),
        ("٣%", "a percentage such as 1%"),
        ("9" * 400 + "%", "too large a percentage"),
        (-0.1, "0 or more, not -0.1"),
        (float("inf"), "0 or more, not inf"),
        (float("nan"), "0 or more, not nan"),
        (True, "needs a number, not True"),
    ],
)
def test_limits_that_are_refused(limit: Any, why: str) -> None:
    for name in ("max_regression", "max_improvement"):
        assert why in gate_error(change={name: limit})


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({}, "needs min or max"),
        ({"min": 2, "max": 1}, "nothing can pass"),
        ({"min": float("-inf")}, "min: needs a finite number, not -inf"),
        ({"max": float("inf")}, "max: needs a finite number, not inf"),
        ({"min": float("nan")}, "min: needs a finite number, not nan"),
        ({"min": "0.8"}, "needs a number, not '0.8'"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(bounds: Any, why: str) -> None:
    assert why in gate_error(threshold=bounds)


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ({"metric": None}, "needs one of: metric, all, any"),
        ({"all": [{"metric": "x", "threshold": {"min": 1}}]}, "needs one of: metric, all, any"),
        ({}, "needs threshold or change"),
        ({"metric": None, "any": [{"metric": "x"}]}, "needs threshold or change"),
        ({"threshold": {"min": 1}, "level": "warning"}, "did you mean warn?"),
        ({"threshold": {"min": 1}, "treshold": {}}, "did you mean threshold?"),
        ({"threshold": {"min": 1}, "id": " "}, "id: needs a name"),
        ({"threshold": {"min": 1}, "id": 5}, "id: needs text, not 5"),
    ],
)
def test_gates_that_could_not_judge_are_refused(gate: Any, why: str) -> None:
    assert why in gate_error(**gate)
