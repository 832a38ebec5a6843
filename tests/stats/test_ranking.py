"""Metrics of rankings beside scikit-learn's, and gates on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from mlops_ci.errors import ConfigError
from mlops_ci.predictions import PredictionsConfig
from mlops_ci.stats import paired
from tests.gates.test_measured import judged, policy

CONFIG = PredictionsConfig(path="p.jsonl", score="score", query="q", task="ranking")
QUERY = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=2, max_size=8)


def arrays(queries: list[list[tuple[int, int]]]) -> tuple[Any, Any]:
    rows = [(y, at, s) for at, query in enumerate(queries) for y, s in query]
    found = np.array(rows, float)
    return found[:, :2], found[:, 2]


@given(st.lists(QUERY, min_size=1, max_size=5), st.randoms())
@settings(deadline=None)
def test_ndcg_is_scikit_learns_mean_over_queries(queries: Any, random: Any) -> None:
    label, score = arrays(queries)
    each = [ndcg_score([[y for y, _ in query]], [[s for _, s in query]]) for query in queries]
    assert paired.value_of("ndcg", label, score) == pytest.approx(np.mean(each))
    order = random.sample(range(len(label)), len(label))
    assert paired.value_of("ndcg", label[order], score[order]) == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([(0, 3), (1, 2), (1, 1)], 1 / 2),
        ([(1, 3), (0, 2)], 1.0),
        ([(1, 2), (0, 2), (0, 2)], 1 / 3),  # ties count against the model
        ([(0, 1), (0, 2)], 0.0),
        ([(2, 5), (1, 5)], 1.0),
    ],
)
def test_mrr(query: Any, expected: float) -> None:
    assert paired.value_of("mrr", *arrays([query])) == pytest.approx(expected)
    assert paired.value_of("mrr", *arrays([query, [(1, 1), (0, 0)]])) == pytest.approx(
        (expected + 1) / 2
    )


def rows(worse: float, queries: int = 60) -> list[dict[str, Any]]:
    random, more = np.random.default_rng(0), np.random.default_rng(1)
    found = []
    for query in range(queries):
        for at in range(8):
            y = int(random.integers(4))
            score = y + random.normal(0, 1) + worse * more.normal(0, 1)
            found.append(
                {
                    "id": f"{query}-{at}",
                    "q": f"q{query}",
                    "label": y,
                    "score": score,
                    "region": "EU",
                }
            )
    return found


def one(old: Any, new: Any, name: str = "ndcg", limit: float = 0.02) -> Any:
    (found,) = judged(
        old, new, {"metric": name, "change": {"max_regression": limit}}, config=CONFIG
    ).outcomes
    return found


@pytest.mark.parametrize("name", ["ndcg", "mrr"])
def test_gates_judge_rankings_by_their_queries(name: str) -> None:
    same = one(rows(0), rows(0), name)
    assert (same.result, same.estimate.count, same.estimate.units) == ("pass", 480, 60)
    assert one(rows(0), rows(5), name).result == "fail"
    mirrored = one(rows(5), rows(0), name).estimate
    found = one(rows(0), rows(5), name).estimate
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))
    renamed = [[{**row, "q": row["q"][::-1]} for row in side] for side in (rows(0), rows(5))]
    assert one(*renamed, name).estimate.low == pytest.approx(found.low)


def test_other_metrics_are_not_those_of_rankings_and_relevance_is_not_negative() -> None:
    assert one(rows(0), rows(0), "auc").reason == "there is no such metric"
    negative = [{**row, "label": row["label"] - 1} for row in rows(0)]
    assert "relevance begins at 0" in one(negative, negative).reason
    elsewhere = [{**row, "q": "q0"} for row in rows(0)]
    assert (
        "not comparable: label, unit or slice of 472 examples changed"
        in one(rows(0), elsewhere).reason
    )


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"task": "ranking", "score": "s"}, "score and query are needed for ranking"),
        ({"score": "s", "query": "q"}, "query: is for ranking"),
    ],
)
def test_what_a_ranking_needs(keys: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        policy(models={"m": {"predictions": {"path": "p.csv", **keys}}})
