"""The arithmetic of gates: truth tables, bounds, float edges, percentages, names."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_ci.config import MetricConfig, settings_for
from mlops_ci.gate_config import ChangeConfig, ThresholdConfig
from mlops_ci.gates import rules
from mlops_ci.model import Change, Outcome

THREE = ("pass", "fail", "inconclusive")


def outcome(value: Any, baseline: Any = None) -> Outcome:
    return Outcome(gate="g", result="pass", reason="", value=value, baseline=baseline)


def bounded(value: float, **bounds: float) -> Outcome:
    (found,) = rules.threshold(outcome(value), ThresholdConfig(**bounds))
    return found


def changed(baseline: float, value: float, better: int = 1, **limits: Any) -> Outcome:
    (found,) = rules.change(outcome(value, baseline), ChangeConfig(**limits), better)
    return found


@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_and_any_over_every_combination(size: int) -> None:
    for results in itertools.product(THREE, repeat=size):
        worst = next(one for one in ("fail", "inconclusive", "pass") if one in results)
        best = next(one for one in ("pass", "inconclusive", "fail") if one in results)
        assert rules.all_of(results) == worst
        assert rules.any_of(results) == best
        # What is skipped neither helps nor harms, wherever it stands.
        assert rules.all_of(["skipped", *results]) == worst
        assert rules.any_of([*results, "skipped"]) == best


def test_what_is_only_skipped_is_no_pass() -> None:
    assert rules.all_of(["skipped", "skipped"]) == rules.any_of(["skipped"]) == "skipped"
    assert rules.all_of([]) == rules.any_of([]) == "skipped"


ORDER = ("fail", "inconclusive", "warn", "pass")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_all_is_the_worst_and_any_the_best_in_one_order(size: int) -> None:
    """So that no condition that gets worse can make its group better."""
    for results in itertools.product(ORDER, repeat=size):
        assert rules.all_of(results) == min(results, key=ORDER.index)
        assert rules.any_of(results) == max(results, key=ORDER.index)


@pytest.mark.parametrize(
    ("value", "bounds", "result", "headroom"),
    [
        (0.82, {"min": 0.82}, "pass", 0.0),
        (0.3, {"min": 0.1 + 0.2}, "pass", 0.0),  # 0.30000000000000004
        (0.1 + 0.2, {"max": 0.3}, "pass", 0.0),
        (0.3 - 1e-6, {"min": 0.3}, "fail", -1e-6),
        (-0.5, {"min": -0.4}, "fail", -0.1),
        (-0.3, {"min": -0.4}, "pass", 0.1),
        (1e-13, {"max": 0.0}, "pass", 0.0),
        (-0.0, {"min": 0.0}, "pass", 0.0),
        (10**18 - 1, {"min": 1e15}, "pass", 10**18 - 10**15),
    ],
)
def test_bounds_are_inclusive_and_float_noise_is_nothing(
    value: float, bounds: Any, result: str, headroom: float
) -> None:
    found = bounded(value, **bounds)
    assert found.result == result
    assert found.headroom == pytest.approx(headroom)
    assert found.bound == next(iter(bounds.values()))
    assert found.rule
    assert found.rule in found.reason


def test_both_bounds_are_two_outcomes() -> None:
    found = list(rules.threshold(outcome(5), ThresholdConfig(min=1, max=4)))
    assert [one.result for one in found] == ["pass", "fail"]
    assert [one.rule for one in found] == ["at least 1", "at most 4"]


@pytest.mark.parametrize(
    ("baseline", "value", "better", "limits", "result"),
    [
        (0.2, 0.1, 1, {"max_regression": 0.1}, "pass"),
        (0.3, 0.2, 1, {"max_regression": 0.1}, "pass"),  # 0.3 - 0.2 is 0.09999999999999998
        (0.4, 0.3 - 1e-6, 1, {"max_regression": 0.1}, "fail"),
        (0.2, 0.1 + 0.2, 1, {"max_improvement": 0.1}, "pass"),
        (0.2, 0.31, 1, {"max_improvement": 0.1}, "fail"),
        (0.5, 0.6, -1, {"max_regression": 0.1}, "pass"),
        (0.5, 0.61, -1, {"max_regression": 0.1}, "fail"),
        (0.5, 0.3, -1, {"max_improvement": "20%"}, "fail"),
        (0.9, 0.9, 1, {"max_regression": 0}, "pass"),
        (0.9, 0.8999, 1, {"max_regression": 0}, "fail"),
        (1.0, 0.99, 1, {"max_regression": "1%"}, "pass"),
        (1.0, 0.989, 1, {"max_regression": "1%"}, "fail"),
        (200, 199, 1, {"max_regression": "0.5 %"}, "pass"),
        (0.5, 2.0, -1, {"max_regression": "300%"}, "pass"),
        # Negative R2: a percentage is one of the absolute value, and better is still up.
        (-0.5, -0.54, 1, {"max_regression": "10%"}, "pass"),
        (-0.5, -0.56, 1, {"max_regression": "10%"}, "fail"),
        (-0.5, 0.3, 1, {"max_regression": "0%"}, "pass"),
        (0.0, -0.01, 1, {"max_regression": 0.02}, "pass"),
        (0.0, -0.03, 1, {"max_regression": 0.02}, "fail"),
    ],
)
def test_limits_on_a_change(
    baseline: float, value: float, better: int, limits: Any, result: str
) -> None:
    assert changed(baseline, value, better, **limits).result == result


@pytest.mark.parametrize("baseline", [0, 0.0, -0.0, 1e-17, -1e-13])
@pytest.mark.parametrize("limit", ["max_regression", "max_improvement"])
def test_a_percentage_of_zero_is_inconclusive(baseline: float, limit: str) -> None:
    found = changed(baseline, 0.9, **{limit: "5%"})
    assert found.result == "inconclusive"
    assert "absolute limit" in found.reason
    assert found.bound is None


def test_a_range_ends_where_it_says_up_to_float_noise() -> None:
    assert not rules.out_of_range(1.0 + 2e-16, [0, 1])
    assert not rules.out_of_range(5, [0, None])
    assert not rules.out_of_range(5, [])
    assert rules.out_of_range(93.0, [0, 1]) == "93 is outside its range 0 … 1"
    assert rules.out_of_range(-1, [0, None]) == "-1 is outside its range 0 … ∞"
    assert rules.out_of_range(0.5, [None, math.nan])


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, "0.9", [0.9], None, 10**400, -(10**400)]
)
def test_what_is_no_finite_number(value: Any) -> None:
    assert not rules.is_finite(value)


def test_an_exact_name_stands_before_an_alias_and_that_before_a_pattern() -> None:
    exact, alias, wide, narrow = (MetricConfig(tolerance=one) for one in (1, 2, 3, 4))
    settings = {
        "*": wide,
        "auc.*": narrow,
        "x": MetricConfig(tolerance=2, aliases=["auc.y"]),
        "auc.z": exact,
    }
    for order in itertools.permutations(settings):
        shuffled = {name: settings[name] for name in order}
        assert settings_for("auc.z", shuffled) == exact
        assert settings_for("auc.y", shuffled).tolerance == alias.tolerance
        assert settings_for("auc.a", shuffled) == narrow
        assert settings_for("loss", shuffled) == wide


def test_any_name_of_a_metric_means_all_its_names() -> None:
    settings = {"auc": MetricConfig(aliases=["roc_auc", "AUC"]), "loss": MetricConfig()}
    assert rules.names_of("auc", settings) == ["auc", "AUC", "roc_auc"]
    assert rules.names_of("AUC", settings) == ["AUC", "auc", "roc_auc"]
    assert rules.names_of("f1", settings) == ["f1"]


def test_two_names_are_one_row_only_within_one_file() -> None:
    old = Change(name="auc", source="a.json", baseline=0.9, change="removed")
    new = Change(name="AUC", source="a.json", candidate=0.8, change="added")
    (row,) = rules.joined([old, new], ["auc", "AUC"])
    assert (row.name, row.baseline, row.candidate) == ("AUC", 0.9, 0.8)
    other = Change(name="AUC", source="train.json", candidate=0.99, change="added")
    assert len(rules.joined([old, other], ["auc", "AUC"])) == 2
    unread = Change(name="auc", source="a.json", baseline=0.9, change="unknown", reason="x")
    assert len(rules.joined([unread, new], ["auc", "AUC"])) == 2


def test_two_files_that_rename_a_metric_are_two_rows() -> None:
    rows = [
        Change(name=name, source=source, change=change, **{side: 0.5})
        for source in ("a.json", "b.json")
        for name, side, change in (("auc", "baseline", "removed"), ("AUC", "candidate", "added"))
    ]
    found = rules.joined(rows, ["auc", "AUC"])
    assert [(row.source, row.baseline, row.candidate) for row in found] == [
        ("a.json", 0.5, 0.5),
        ("b.json", 0.5, 0.5),
    ]


numbers = st.floats(-1e9, 1e9)
limits = st.floats(0, 1e9)


@hypothesis_settings(deadline=None)
@given(numbers, numbers, limits, limits, st.sampled_from([1, -1]), st.booleans())
@example(0.3, 0.2, 0.1, 0.1, 1, False)
def test_loosening_a_bound_never_turns_a_pass_into_a_failure(
    baseline: float, value: float, limit: float, more: float, better: int, percent: bool
) -> None:
    def limited(size: float) -> Any:
        return f"{size:.12f}%" if percent else size

    for kind in ("max_regression", "max_improvement"):
        strict = changed(baseline, value, better, **{kind: limited(limit)})
        loose = changed(baseline, value, better, **{kind: limited(limit + more)})
        assert loose.result in ("pass", strict.result)
    for kind, sign in (("min", -1), ("max", 1)):
        if bounded(value, **{kind: baseline}).result == "pass":
            assert bounded(value, **{kind: baseline + sign * more}).result == "pass"


@hypothesis_settings(deadline=None)
@given(numbers, numbers, limits, st.sampled_from([1, -1]))
def test_headroom_is_negative_exactly_when_a_limit_is_broken(
    baseline: float, value: float, limit: float, better: int
) -> None:
    found = changed(baseline, value, better, max_regression=limit)
    assert found.headroom is not None
    assert found.bound is not None
    assert (found.result == "fail") == (found.headroom < 0)
