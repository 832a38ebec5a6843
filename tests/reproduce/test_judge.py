"""Recorded and found side by side, without running anything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from mlops_ci.config import MetricConfig
from mlops_ci.reproduce import judge
from mlops_ci.reproduce.judge import OutputFacts
from mlops_ci.reproduce.observed import Observed

if TYPE_CHECKING:
    from mlops_ci.reproduction import ReproducedMetric


def observed(value: float | None = None, **hashes: str) -> Observed:
    return Observed(hashes=hashes, values={} if value is None else {"m.json": {"acc": value}})


def metric(was: float | None, *found: float, tolerance: float = 0.0) -> ReproducedMetric:
    settings = {"acc": MetricConfig(tolerance=tolerance)}
    runs = [observed(value) for value in found] or [observed()]
    (one,) = judge.metrics(observed(was), runs, lambda _: settings)
    return one


@pytest.mark.parametrize(
    ("was", "found", "tolerance", "result"),
    [
        (0.9, [0.9], 0.0, "equal"),
        (0.9, [0.9 + 1e-8], 0.0, "within"),
        (0.9, [0.9 + 1e-5], 0.0, "different"),
        (0.9, [0.91], 0.02, "within"),
        (0.9, [0.9, 0.95], 0.02, "different"),
        (0.0, [1e-9], 0.0, "different"),
        (math.nan, [math.nan], 0.0, "equal"),
        (math.nan, [0.5], 9.0, "different"),
        (0.5, [math.nan], 9.0, "different"),
        (math.inf, [math.inf], 0.0, "equal"),
        (math.inf, [-math.inf], 0.0, "different"),
        (None, [0.5], 0.0, "different"),
        (0.5, [], 0.0, "different"),
    ],
)
def test_a_metric(was: float | None, found: list[float], tolerance: float, result: str) -> None:
    assert metric(was, *found, tolerance=tolerance).result == result


def test_a_metric_of_which_nothing_can_be_read_is_unknown() -> None:
    recorded = Observed(hashes={}, values={}, unread={"m.json": "is not in Git"})
    (one,) = judge.metrics(recorded, [observed(0.5)], lambda _: {})
    assert one.result == "unknown"


@pytest.mark.parametrize(
    ("was", "found", "proposed"),
    [
        (0.9, [0.9066], {"acc": 0.02}),
        (0.9, [0.91, 0.88], {"acc": 0.06}),
        (0.9, [0.9], {}),
        (0.9, [0.9 + 1e-9], {}),
        (1000.0, [1100.0], {"acc": 200.0}),
        (0.9, [math.nan], {}),
        (0.9, [math.inf], {}),
    ],
)
def test_tolerances_cover_what_was_seen(
    was: float, found: list[float], proposed: dict[str, float]
) -> None:
    one = metric(was, *found)
    assert judge.tolerances([one]) == proposed
    if proposed:
        assert metric(was, *found, tolerance=proposed["acc"]).result == "within"


MODEL = OutputFacts(
    path="model", stage="train", kind="model", consumers=frozenset({"scores.csv", "m.json"})
)
SCORES = OutputFacts(
    path="scores.csv", stage="predict", kind="predictions", consumers=frozenset({"m.json"})
)
METRICS = OutputFacts(path="m.json", stage="predict", kind="metrics")


def levels(
    before: dict[str, str],
    now: dict[str, str],
    scores: tuple[bytes, bytes] = (b"", b""),
    values: tuple[float, float] = (0.5, 0.5),
) -> list[str]:
    recorded, found = observed(values[0], **before), observed(values[1], **now)
    judged = judge.metrics(recorded, [found], lambda _: {})
    facts = [MODEL, SCORES, METRICS]
    outputs = judge.outputs(facts, recorded, found, judged, lambda _: scores)
    return [one.level for one in outputs]


SAME = {"model": "a", "scores.csv": "b", "m.json": "c"}


def test_the_same_bytes() -> None:
    assert levels(SAME, SAME) == ["bytes", "bytes", "bytes"]


def test_a_model_is_judged_by_what_it_predicts() -> None:
    assert levels(SAME, {**SAME, "model": "x"}) == ["predictions", "bytes", "bytes"]
    close = (b"id,p\n1,0.5\n", b"id,p\n1,0.5000000001\n")
    other = {**SAME, "model": "x", "scores.csv": "y"}
    assert levels(SAME, other, close) == ["predictions", "predictions", "bytes"]
    far = (b"id,p\n1,0.5\n", b"id,p\n1,0.6\n")
    assert levels(SAME, other, far) == ["metrics", "different", "bytes"]


def test_a_model_with_other_metrics_is_different() -> None:
    other = dict.fromkeys(SAME, "z")
    assert levels(SAME, other, (b"1", b"2"), (0.5, 0.6)) == ["different"] * 3


def test_what_was_not_written_or_not_recorded() -> None:
    assert levels(SAME, {**SAME, "model": ""})[0] == "different"
    assert levels({**SAME, "m.json": ""}, SAME, values=(0.5, 0.6))[2] == "unknown"


@pytest.mark.parametrize(
    ("path", "one", "other", "same"),
    [
        ("a.csv", b"a,1\n", b"a,1.0000000001\n", True),
        ("a.csv", b"a,1\n", b"b,1\n", False),
        ("a.csv", b"a,1\n", b"a,1\na,1\n", False),
        ("a.tsv", b"a\t1\n", b"a\t1.1\n", False),
        ("a.csv", b"nan\n", b"nan\n", True),
        ("a.json", b'{"p": [1, 2.0]}', b'{"p": [1.0, 2]}', True),
        ("a.json", b'{"p": true}', b'{"p": 1}', False),
        ("a.json", b"{", b"{", False),
        ("a.jsonl", b'{"p": 1}\n{"p": 2}\n', b'{"p": 1}\n{"p": 3}\n', False),
        ("a.npy", b"1", b"1", False),
        ("a.csv", b"\xff", b"\xff", False),
    ],
)
def test_close(path: str, one: bytes, other: bytes, *, same: bool) -> None:
    assert judge.close(path, one, other) is same
