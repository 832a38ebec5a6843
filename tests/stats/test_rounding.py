"""Metrics that were computed before what the model said was rounded into its file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlops_ci.predictions import Predictions, PredictionsConfig
from mlops_ci.stats.joined import Side
from mlops_ci.stats.rounding import span

CLASSES = PredictionsConfig(path="p.csv", score="score")
NUMBERS = PredictionsConfig(path="p.csv", prediction="score", task="regression")
RANKING = PredictionsConfig(path="p.csv", score="score", task="ranking", query="query")


def side(config: PredictionsConfig, label: Any, score: Any) -> Side:
    ids = tuple(map(str, range(len(label))))
    query = [str(one % 40) for one in range(len(label))]
    columns = {"label": label.tolist(), "score": score.tolist(), "query": query}
    return Side(Predictions(path="p.csv", ids=ids, columns=columns), config)


@pytest.mark.parametrize("decimals", [3, 4, 6])
@pytest.mark.parametrize(
    ("config", "metric"),
    [
        *[(CLASSES, one) for one in ("roc_auc", "average_precision", "log_loss", "brier")],
        *[(CLASSES, one) for one in ("accuracy", "recall", "f1", "balanced_accuracy", "f1_macro")],
        *[(NUMBERS, one) for one in ("mae", "rmse", "r2")],
        (RANKING, "ndcg"),
    ],
)
def test_what_the_metric_was_before_is_within(
    config: PredictionsConfig, metric: str, decimals: int
) -> None:
    random = np.random.default_rng(decimals)
    for _ in range(5):
        label = (random.random(2000) < 0.4).astype(int)
        score = 1 / (1 + np.exp(-label - random.normal(size=2000)))
        before = side(config, label, score).value(metric)
        rounded = side(config, label, np.round(score, decimals))
        low, high = span(rounded, metric, config)
        given = rounded.value(metric)
        is_near = abs(before - given) <= 1e-3 * given
        assert (low - 1e-12 <= before <= high + 1e-12) == is_near
        assert high - low <= 2e-3 * given + 1e-12


def test_what_was_not_rounded_gives_one_value_only() -> None:
    random = np.random.default_rng(0)
    label, score = (random.random(100) < 0.4).astype(int), random.random(100)
    assert all(map(math.isnan, span(side(CLASSES, label, score), "roc_auc", CLASSES)))
    votes = side(CLASSES, label, np.round(score, 1))
    assert all(map(math.isnan, span(votes, "roc_auc", CLASSES)))
