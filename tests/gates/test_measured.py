"""Gates on predictions: what is judged by intervals, per slice, and what must not pass."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlops_ci import config as configuration
from mlops_ci.gates import judge, policy_of
from mlops_ci.gates.waive import waive
from mlops_ci.model import Change, ModelComparison, Outcome, Verdict
from mlops_ci.predictions import PredictionPair, PredictionsConfig
from mlops_ci.predictions.files import read
from mlops_ci.waivers import WaiverConfig, slice_of

if TYPE_CHECKING:
    from mlops_ci.gates import Policy

CONFIG = PredictionsConfig(path="p.csv", score="score")
Rows = list[dict[str, Any]]


def examples(count: int = 400, *, worse: float = 0.0, seed: int = 0) -> Rows:
    """Of two regions; `worse`: noise that is added to the score."""
    random = np.random.default_rng(0)
    label = random.random(count) < 0.4
    score = label * 1.0 + random.normal(0, 0.6, count)
    score += worse * np.random.default_rng(seed + 1).normal(0, 1, count)
    score = 1 / (1 + np.exp(-3 * (score - 0.5)))
    return [
        {"id": f"e{at}", "label": int(y), "score": float(s), "region": ("EU", "US")[at % 2]}
        for at, (y, s) in enumerate(zip(label, score, strict=True))
    ]


def file(rows: Rows, config: PredictionsConfig = CONFIG) -> Any:
    text = "\n".join(map(json.dumps, rows))
    return read("p.jsonl", text.encode(), config, ["region"])


def policy(*gates: dict[str, Any], **more: Any) -> Policy:
    named = [{"id": f"g{number}", **gate} for number, gate in enumerate(gates)]
    text = json.dumps({"gates": named, **more}).encode()
    return policy_of(configuration.load(lambda path: text), "m", rev="r")


def judged(
    old: Rows | None,
    new: Rows | None,
    *gates: dict[str, Any],
    metrics: tuple[Change, ...] = (),
    config: PredictionsConfig = CONFIG,
    **more: Any,
) -> Verdict:
    sides = {
        name: file(rows, config)
        for name, rows in (("baseline", old), ("candidate", new))
        if rows is not None
    }
    pair = PredictionPair(config=config, path="p.jsonl", **sides)
    model = ModelComparison(model="m", metrics=metrics, predictions=pair)
    return judge(model, policy(*gates, **more))


def one(*sides: Rows | None, limit: float = 0.02, metric: str = "auc", **more: Any) -> Outcome:
    gate = {"metric": metric, "change": {"max_regression": limit}}
    (outcome,) = judged(*sides, gate, **more).outcomes
    return outcome


def auc_row(before: float, after: float, name: str = "auc") -> Change:
    return Change(name=name, source="m.json", baseline=before, candidate=after, change="changed")


def test_the_same_model_passes_and_says_how_sure() -> None:
    found = one(examples(), examples())
    assert found.result == "pass"
    assert found.estimate
    assert (found.estimate.low, found.estimate.high) == (0.0, 0.0)
    assert (found.estimate.method, found.estimate.count) == ("DeLong", 400)


def test_a_much_worse_model_fails() -> None:
    found = one(examples(), examples(worse=1.5))
    assert found.result == "fail"
    assert found.estimate
    assert found.estimate.high < -0.02
    assert found.estimate.adjusted is not None
    assert found.estimate.adjusted < 0.05


def test_noise_on_few_examples_says_how_many_are_needed_and_does_not_block() -> None:
    sides, gate = (
        (examples(60), examples(60, worse=0.3)),
        {**GATE, "change": {"max_regression": 0.04}},
    )
    small = judged(*sides, gate)
    (found,) = small.outcomes
    assert (found.result, small.result, small.blocks) == ("inconclusive", "inconclusive", False)
    assert found.estimate
    assert found.estimate.needed
    assert found.estimate.needed > 60
    assert found.reason == f"needs {found.estimate.needed:,} examples, has 60"
    assert judged(*sides, {**gate, "on_inconclusive": "fail"}).blocks
    assert judged(*sides, gate, defaults={"on_inconclusive": "fail"}).blocks


GATE = {"metric": "auc", "change": {"max_regression": 0.02}}
SLICED = {**GATE, "slices": {"by": ["region"], "min_samples": 50}}


def test_row_order_and_ids_change_nothing() -> None:
    old, new = examples(), examples(worse=0.2)
    for metric in ("auc", "f1", "log_loss", "average_precision", "accuracy"):
        found = one(old, new, metric=metric)
        assert one(old[::-1], new, metric=metric) == found
        renamed = [[{**row, "id": row["id"][::-1] + "x"} for row in side] for side in (old, new)]
        assert one(*renamed, metric=metric) == found
        constant = [[{**row, "more": 1} for row in side] for side in (old, new)]
        assert one(*constant, metric=metric) == found


def test_swapped_sides_mirror_the_interval() -> None:
    old, new = examples(), examples(worse=0.2)
    for metric in ("auc", "f1", "log_loss", "average_precision"):
        there, back = (one(*sides, metric=metric).estimate for sides in ((old, new), (new, old)))
        assert there
        assert back
        assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-12)


def test_the_value_in_the_metrics_file_is_judged_when_the_predictions_give_it() -> None:
    old, new = examples(), examples(worse=0.2)
    known = one(old, new)
    before, after = round(known.baseline, 4), round(known.value, 4)  # type: ignore[arg-type]
    found = one(old, new, metrics=(auc_row(before, after),))
    assert found.source == "m.json"
    assert found.estimate == known.estimate


def test_scores_that_were_rounded_after_the_metric_was_computed_judge_it() -> None:
    whole = examples(), examples(worse=0.2)
    before = one(*whole)
    sides = [[{**row, "score": round(row["score"], 4)} for row in side] for side in whole]
    row = auc_row(float(before.baseline), float(before.value))  # type: ignore[arg-type]
    exact = one(*sides)
    assert exact.baseline != before.baseline
    found = one(*sides, metrics=(row,))
    assert found.estimate == exact.estimate
    assert found.estimate


def test_a_value_with_an_exponent_has_the_digits_that_it_has() -> None:
    gate = {"metric": "brier", "change": {"max_regression": 1}}
    row = auc_row(2e-05, 2e-05, "brier")
    (found,) = judged(examples(), examples(), gate, metrics=(row,)).outcomes
    assert found.estimate is None
    assert "uncalibrated" in found.reason


def test_a_value_that_the_predictions_do_not_give_cannot_be_judged() -> None:
    old, new = examples(), examples(worse=0.2)
    before = round(one(old, new).baseline, 4)  # type: ignore[arg-type]
    found = one(old, new, metrics=(auc_row(before, 0.99),))
    assert found.result == "inconclusive"
    assert "auc of the candidate is 0.99 in m.json, and 0.87" in found.reason
    assert found.blocks


def test_a_metric_of_other_examples_is_judged_by_tolerance() -> None:
    row = auc_row(0.5, 0.49, "train.auc")
    found = one(examples(), examples(), metrics=(row,), metric="train.auc")
    assert (found.result, found.estimate) == ("pass", None)
    assert "holds; uncalibrated: p.jsonl gives 0.8" in found.reason
    assert found.reason.endswith("of the baseline, m.json states 0.5")
    config = PredictionsConfig(path="p.csv", score="score", metrics={"train.auc": "roc_auc"})
    found = one(examples(), examples(), metrics=(row,), metric="train.auc", config=config)
    assert found.result == "inconclusive"


def test_examples_that_are_gone_or_relabelled_are_not_comparable() -> None:
    old = examples()
    found = judged(old, old[2:], GATE)
    assert found.blocks
    assert "2 examples of the baseline missing from the predictions: 'e0', 'e1'" in (
        found.outcomes[0].reason
    )
    flipped = [{**old[0], "label": 1 - old[0]["label"]}, *old[1:]]
    found = judged(old, flipped, GATE)
    assert found.blocks
    assert "label, unit or slice of 1 example changed: 'e0'" in found.outcomes[0].reason
    assert judged(old[2:], old, GATE).result == "pass"


def test_a_slice_that_vanished_is_said() -> None:
    old = examples()
    found = judged(old, [row for row in old if row["region"] == "US"], SLICED)
    assert found.blocks
    assert "all of region=EU" in found.outcomes[0].reason


def test_examples_that_moved_to_another_slice_are_not_comparable() -> None:
    old = examples()
    moved = [{**row, "region": "US"} for row in old]
    assert "not comparable" in judged(old, moved, SLICED).outcomes[0].reason


def test_slices_are_judged_each() -> None:
    old, bad = examples(800), examples(800, worse=1.5)
    new = [b if b["region"] == "EU" else a for a, b in zip(old, bad, strict=True)]
    found = {one.metric: one for one in judged(old, new, SLICED).outcomes}
    assert set(found) == {"slices.region=EU.auc", "slices.region=US.auc"}
    assert found["slices.region=EU.auc"].result == "fail"
    assert found["slices.region=US.auc"].result == "pass"
    excluded = {**SLICED, "slices": {"by": ["region"], "exclude": ["region=EU"]}}
    assert judged(old, new, excluded).result == "pass"


@pytest.mark.parametrize("metric", ["test.auc", "auc@0.5"])
def test_a_slice_of_a_metric_with_dots_is_waived_by_its_name(metric: str) -> None:
    config = PredictionsConfig(path="p.csv", score="score", metrics={metric: "roc_auc"})
    waiver = {"gate": "g0", "reason": "r", "approved_by": "a", "expires": "2999-01-01"}
    old, new = examples(), examples(worse=1.5)
    half = [b if b["region"] == "EU" else a for a, b in zip(old, new, strict=True)]
    found = judged(old, half, {**SLICED, "metric": metric}, config=config)
    assert {one.result for one in found.outcomes} == {"fail", "pass"}
    (bad,) = [one for one in found.outcomes if one.result == "fail"]
    assert slice_of(bad.metric) == "region=EU"
    known = [WaiverConfig(**waiver, slice="region=EU")]
    assert waive(bad, known, date(2026, 1, 1)).result == "waived"


def test_a_small_slice_is_not_judged_and_never_a_pass() -> None:
    old = examples(60)
    found = judged(old, old, SLICED)
    assert {one.result for one in found.outcomes} == {"skipped"}
    assert "30 examples, its gate asks for 50" in found.outcomes[0].reason
    assert found.result == "unarmed"


def test_slices_without_predictions_or_column_block() -> None:
    model = ModelComparison(model="m", metrics=(auc_row(0.9, 0.9),))
    assert judge(model, policy(SLICED)).blocks
    unknown = {**GATE, "slices": {"by": ["nope"]}}
    found = judged(examples(), examples(), unknown)
    assert found.blocks
    assert "no column 'nope'" in found.outcomes[0].reason


def test_predictions_that_vanished_or_cannot_be_read_block() -> None:
    found = judged(examples(), None, GATE, metrics=(auc_row(0.9, 0.9),))
    assert found.blocks
    assert "p.jsonl has vanished" in found.outcomes[0].reason
    broken = PredictionPair(config=CONFIG, path="p.csv", reason="the candidate's p.csv: no")
    model = ModelComparison(model="m", metrics=(auc_row(0.9, 0.9),), predictions=broken)
    assert judge(model, policy(GATE)).blocks


def test_the_first_predictions_are_judged_by_tolerance() -> None:
    found = judged(None, examples(), GATE, metrics=(auc_row(0.9, 0.9),))
    assert found.result == "pass"
    assert found.outcomes[0].estimate is None
    assert judged(None, examples(), SLICED).outcomes[0].result == "skipped"


@pytest.mark.parametrize("score", ["nan", "x", None, "inf", 10**400])
def test_a_score_that_is_no_number_names_its_example(score: Any) -> None:
    old = examples()
    new = [{**old[0], "score": score}, *old[1:]]
    found = judged(old, new, GATE)
    assert found.blocks
    assert "score of example 'e0' is not a number" in found.outcomes[0].reason


def test_a_score_for_each_class_is_no_number() -> None:
    rows = [{**row, "score": [1 - row["score"], row["score"]]} for row in examples()]
    found = judged(rows, rows, GATE)
    assert found.blocks
    assert "score of example 'e0' is not a number: [" in found.outcomes[0].reason


def test_clusters_widen_the_interval() -> None:
    old, new = examples(), examples(worse=0.5)
    doubled = [
        [{**row, "id": f"{row['id']}-{n}", "user": row["id"]} for row in side for n in range(4)]
        for side in (old, new)
    ]
    config = PredictionsConfig(path="p.csv", score="score", unit="user")
    for metric in ("accuracy", "auc"):
        alone = one(*doubled, metric=metric).estimate
        grouped = one(*doubled, metric=metric, config=config).estimate
        assert alone
        assert grouped
        assert (grouped.count, grouped.units) == (1600, 400)
        ratio = (grouped.high - grouped.low) / (alone.high - alone.low)
        assert ratio == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("metric", ["accuracy", "auc", "average_precision", "log_loss"])
def test_one_unit_says_nothing_of_others(metric: str) -> None:
    """Each resample of one user is that user: a small loss would be certain to be no larger."""
    config = PredictionsConfig(path="p.csv", score="score", unit="user")
    old, new = (
        [{**row, "user": "u"} for row in side] for side in (examples(), examples(worse=0.3))
    )
    found = one(old, new, metric=metric, limit=0.5, config=config)
    assert found.result == "inconclusive"
    assert found.reason == "one independent unit says too little: no interval can be given"
    assert one(old, old, metric=metric, limit=0.5, config=config).result == "pass"


def test_more_gates_ask_for_more_evidence_before_one_fails() -> None:
    old, new = examples(), examples(worse=0.75)
    alone = one(old, new, limit=0.03)
    many = judged(
        old,
        new,
        {"metric": "auc", "change": {"max_regression": 0.03}},
        *({"metric": name, "change": {"max_regression": 0.5}} for name in ("f1", "recall")),
    )
    assert alone.estimate
    assert many.outcomes[0].estimate
    assert many.outcomes[0].estimate.adjusted == pytest.approx(3 * (alone.estimate.p or 0))


def test_classes_and_numbers_are_judged_too() -> None:
    random = np.random.default_rng(2)
    label = random.integers(3, size=300)
    config = PredictionsConfig(path="p.csv", prediction="said")
    sides = [
        [
            {"id": at, "label": f"c{y}", "said": f"c{(y + (random.random() < wrong)) % 3}"}
            for at, y in enumerate(label)
        ]
        for wrong in (0.1, 0.5)
    ]
    for metric in ("accuracy", "f1_macro", "balanced_accuracy"):
        assert one(*sides, metric=metric, config=config).result == "fail"
        assert one(sides[1], sides[0], metric=metric, config=config).result == "pass"
    config = PredictionsConfig(path="p.csv", prediction="said", task="regression")
    numbers = [
        [
            {"id": at, "label": float(y), "said": float(y + random.normal(0, s))}
            for at, y in enumerate(label)
        ]
        for s in (0.1, 0.5)
    ]
    for metric in ("rmse", "mae", "r2"):
        assert one(*numbers, metric=metric, config=config, limit=0.05).result == "fail"
        assert one(numbers[1], numbers[0], metric=metric, config=config).result == "pass"


def test_a_stricter_policy_never_passes_what_a_laxer_one_fails() -> None:
    order = ("pass", "inconclusive", "fail")
    for seed in range(12):
        old, new = examples(150), examples(150, worse=0.15 * (seed % 4), seed=seed)
        found = [judged(old, new, {**GATE, "change": {"max_regression": m}}) for m in (0.05, 0.02)]
        lax, strict = (order.index(one.result) for one in found)
        assert strict >= lax
        assert found[1].blocks or not found[0].blocks
        firm = judged(old, new, {**GATE, "on_inconclusive": "fail"})
        assert firm.blocks or not found[1].blocks
