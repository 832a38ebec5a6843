"""Metrics beside scikit-learn's, on any predictions; intervals that mirror and do not depend on order."""

from __future__ import annotations

import warnings
from typing import Any, get_args

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.predictions import MetricName
from mlops_ci.stats import auc, paired
from mlops_ci.stats.metrics import METRICS, known_as

SCORES = {
    "roc_auc": peer.roc_auc_score,
    "average_precision": peer.average_precision_score,
    "log_loss": peer.log_loss,
    "brier": peer.brier_score_loss,
}
BINARY = {
    "precision": lambda y, p: peer.precision_score(y, p, zero_division=0),
    "recall": lambda y, p: peer.recall_score(y, p, zero_division=0),
    "specificity": lambda y, p: peer.recall_score(y, p, pos_label=0, zero_division=0),
    "f1": lambda y, p: peer.f1_score(y, p, zero_division=0),
    "mcc": peer.matthews_corrcoef,
}
CLASSES = {
    "accuracy": peer.accuracy_score,
    "balanced_accuracy": peer.balanced_accuracy_score,
    "f1_macro": lambda y, p: peer.f1_score(y, p, average="macro", zero_division=0),
}
NUMBERS = {
    "mae": peer.mean_absolute_error,
    "mse": peer.mean_squared_error,
    "rmse": lambda y, p: peer.mean_squared_error(y, p) ** 0.5,
    "r2": peer.r2_score,
}


def test_every_metric_has_a_peer() -> None:
    ranked = {"ndcg", "mrr"}  # test_ranking.py
    known = SCORES.keys() | BINARY.keys() | CLASSES.keys() | NUMBERS.keys()
    assert METRICS.keys() == known | ranked
    assert {*METRICS, "none"} == {*get_args(MetricName)}


def sample(seed: int, count: int, classes: int = 2) -> tuple[Any, Any, Any]:
    """Labels and two outputs, with ties among the scores."""
    random = np.random.default_rng(seed)
    label = random.integers(classes, size=count)
    label[:classes] = np.arange(classes)
    old, new = (
        np.round(np.clip(label / classes + random.normal(0.2, s, count), 0, 1), 2)
        for s in (0.3, 0.4)
    )
    return label, old, new


SEEDS = st.integers(0, 10_000)
COUNTS = st.integers(3, 60)


@given(SEEDS, COUNTS)
@settings(max_examples=60, deadline=None)
def test_binary_metrics(seed: int, count: int) -> None:
    label, score, _ = sample(seed, count)
    for name, expected in SCORES.items():
        found = paired.value_of(name, label.astype(bool), score)
        assert found == pytest.approx(expected(label, score), abs=1e-9), name
    said = score >= 0.5
    for name, expected in BINARY.items():
        with warnings.catch_warnings(action="ignore"):
            wanted = expected(label, said.astype(int))
        assert paired.value_of(name, label.astype(bool), said) == pytest.approx(wanted, abs=1e-9)


@given(SEEDS, COUNTS, st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_class_metrics(seed: int, count: int, classes: int) -> None:
    label, _, _ = sample(seed, max(count, classes), classes)
    said = np.random.default_rng(seed).permutation(label)
    for name, expected in CLASSES.items():
        with warnings.catch_warnings(action="ignore"):
            wanted = expected(label, said)
        assert paired.value_of(name, label, said) == pytest.approx(wanted, abs=1e-9), name


@given(SEEDS, COUNTS, st.sampled_from([1.0, 1e6, 1e-6]))
@settings(max_examples=60, deadline=None)
def test_metrics_of_numbers(seed: int, count: int, size: float) -> None:
    random = np.random.default_rng(seed)
    label = size * (random.normal(0, 1, count) + 100)
    said = label + size * random.normal(0, 0.5, count)
    for name, expected in NUMBERS.items():
        assert paired.value_of(name, label, said) == pytest.approx(expected(label, said), rel=1e-6)


@given(SEEDS, COUNTS)
@settings(max_examples=30, deadline=None)
def test_delong_is_the_auc_and_so_is_the_bootstrap(seed: int, count: int) -> None:
    label, old, new = sample(seed, count)
    label = label.astype(bool)
    expected = peer.roc_auc_score(label, new) - peer.roc_auc_score(label, old)
    assert auc.delong_paired(label, old, new).point == pytest.approx(expected, abs=1e-9)
    drawn = auc.bootstrap_ranked("roc_auc", label, old, new, resamples=3)
    assert drawn.point == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("grouped", [False, True])
def test_order_changes_nothing_and_swapped_sides_mirror(name: str, *, grouped: bool) -> None:
    label, old, new = sample(7, 120, 3 if METRICS[name].needs == "classes" else 2)
    units = np.arange(120) // 3 if grouped else None
    if METRICS[name].needs == "classes":
        old, new = ((3 * side).astype(int).clip(0, 2) for side in (old, new))
    elif METRICS[name].needs == "binary":
        old, new, label = old > 0.5, new > 0.6, label.astype(bool)
    elif METRICS[name].needs == "score":
        label = label.astype(bool)
    elif METRICS[name].needs == "ranking":
        units = np.arange(120) // (12 if grouped else 6)
        label = np.stack([label, np.arange(120) // 6], axis=1)
    found = paired.change(name, label, old, new, units, resamples=200)
    order = np.random.default_rng(1).permutation(120)
    shuffled = None if units is None else units[order]
    again = paired.change(name, label[order], old[order], new[order], shuffled, resamples=200)
    assert again.interval(0.9) == pytest.approx(found.interval(0.9), abs=1e-12)
    low, high = found.interval(0.9)
    back = paired.change(name, label, new, old, units, resamples=200)
    assert back.interval(0.9) == pytest.approx((-high, -low), abs=1e-12)


def test_bootstrap_and_delong_agree_on_the_auc() -> None:
    label, old, new = sample(3, 2000)
    label = label.astype(bool)
    exact = auc.delong_paired(label, old, new)
    drawn = auc.bootstrap_ranked("roc_auc", label, old, new)
    assert drawn.se == pytest.approx(exact.se, rel=0.06)
    assert drawn.interval(0.9) == pytest.approx(exact.interval(0.9), abs=0.15 * exact.se)


@pytest.mark.parametrize(
    ("name", "metric"),
    [("eval.AUC", "roc_auc"), ("f1-score", "f1"), ("test.log_loss", "log_loss"), ("loss", "")],
)
def test_usual_names(name: str, metric: str) -> None:
    assert known_as(name) == metric
