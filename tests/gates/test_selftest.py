"""Faults in what was measured: a sound gate stops each, and one that is disarmed is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.gates import judge
from mlops_ci.gates.selftest import proofs
from mlops_ci.model import Change, ModelComparison
from mlops_ci.predictions import PredictionPair, PredictionsConfig
from mlops_ci.repeats import Repeats, Run
from tests.gates.test_measured import CONFIG, SLICED, auc_row, examples, file, policy
from tests.gates.test_repeated import HISTORY, MAIN, OLD, seeds

if TYPE_CHECKING:
    from mlops_ci.gate_trials import Proof
    from mlops_ci.gates import Policy

BOTH = {"metric": "acc", "threshold": {"min": 0.8}, "change": {"max_regression": 0.01}}
NAMED = {"metrics": {"ms": {"direction": "lower_is_better"}}}
ROWS = {"acc": OLD[0], "ms": 12.0, "loss": 0.3, "mae": 3.0}


def model(
    pair: PredictionPair | None = None, *more: Change, repeats: Any = None
) -> ModelComparison:
    rows = (
        Change(name=name, source="m.json", baseline=value, candidate=value)
        for name, value in ROWS.items()
    )
    return ModelComparison(model="m", metrics=(*rows, *more), predictions=pair, repeats=repeats)


def found(which: Policy, measured: ModelComparison | None = None) -> list[Proof]:
    return list(proofs(measured or model(), which))


def states(own: list[Proof]) -> dict[str, str]:
    return {one.fault: one.state for one in own}


ALL = {
    "nothing changed": "passed",
    "regression": "stopped",
    "not a number": "stopped",
    "vanished metric": "stopped",
}
CHANGE = {**ALL, "missing baseline": "stopped"}


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (BOTH, CHANGE),
        ({"metric": "acc", "threshold": {"min": 0.8}}, ALL),
        ({"metric": "ms", "threshold": {"max": 40}}, ALL),
        ({"metric": "ms", "change": {"max_regression": "5%"}}, CHANGE),
        ({"metric": "loss", "change": {"max_regression": 0}}, CHANGE),
        ({"all": [{"metric": "acc", "threshold": {"min": 0.8}}, {"metric": "ms", "threshold": {"max": 40}}]}, ALL),
        ({"any": [{"metric": "acc", "threshold": {"min": 0.8}}, {"metric": "ms", "threshold": {"max": 40}}]}, ALL),
        ({"metric": "l*", "change": {"max_regression": 0.1}}, CHANGE),
    ],
)  # fmt: skip
def test_a_sound_gate_stops_every_fault(gate: Any, expected: dict[str, str]) -> None:
    assert states(found(policy(gate, **NAMED))) == expected


def test_a_suspicious_improvement_is_a_fault_as_well() -> None:
    gate = {"metric": "acc", "change": {"max_improvement": "5%"}}
    own = states(found(policy(gate)))
    assert own == {
        **{k: v for k, v in CHANGE.items() if k != "regression"},
        "suspicious improvement": "stopped",
    }


@pytest.mark.parametrize(
    ("gate", "more", "fault", "why"),
    [
        ({**BOTH, "on_missing_metric": "skip"}, {}, "vanished metric", "skipped: has vanished"),
        ({**BOTH, "on_nan": "warn"}, {}, "not a number", "warn: is not a finite number"),
        (BOTH, {"baseline": {"on_missing": "skip"}}, "missing baseline", "skipped: is not in the baseline"),
        ({"metric": "acc", "threshold": {"min": 0}}, {"metrics": {"acc": {"range": [0, 1]}}}, "regression",
         "pass: at least 0: holds"),
        ({"metric": "acc", "threshold": {"min": -1}}, {}, "regression", "pass: at least -1: holds"),
        ({"metric": "acc", "change": {"max_regression": 5}}, {}, "regression", "pass: at most 5 worse: holds"),
        ({"metric": "acuracy", "threshold": {"min": 0.8}}, {}, "nothing changed", "there is no such metric"),
        ({"metric": "acc", "threshold": {"min": 0.99}}, {}, "nothing changed", "at least 0.99: broken"),
        ({"metric": "none.*", "threshold": {"min": 1}, "on_missing_metric": "skip"}, {}, "nothing changed",
         "there is no such metric"),
    ],
)  # fmt: skip
def test_a_gate_that_is_disarmed_is_named(gate: Any, more: Any, fault: str, why: str) -> None:
    (missed,) = {(one.fault, one.reason) for one in found(policy(gate, **more)) if not one.holds}
    assert missed[0] == fault
    assert why in missed[1]


def test_a_gate_that_warns_warns_and_one_that_is_off_is_off() -> None:
    own = found(policy({**BOTH, "level": "warn"}, {**BOTH, "level": "off"}))
    assert {one.state for one in own if one.gate == "g0"} == {"passed", "warned"}
    assert [one.state for one in own if one.gate == "g1"] == ["off"]
    assert all(one.holds for one in own)


def test_seeds_move_with_the_metric() -> None:
    repeats = Repeats(path="s", baseline=seeds(OLD), candidate=seeds(OLD))
    measured = model(repeats=None)
    values = {("m.json", "acc"): tuple(OLD)}
    assert repeats.candidate
    assert repeats.candidate.values == values
    own = found(
        policy({**BOTH, "noise": {"from": "seeds"}}),
        ModelComparison(**{**vars(measured), "repeats": repeats}),
    )
    assert states(own) == CHANGE
    (worse, *_) = [
        one for one in own if one.fault == "regression" and "fail: the loss" in one.reason
    ]
    assert worse.state == "stopped"


def test_a_gate_that_cannot_tell_and_blocks_nothing_is_tried() -> None:
    """The last run of main is a little below its mean: no reason to try no fault at all."""
    values = [0.8972, *MAIN]
    runs = tuple(
        Run(commit=f"c{at}", values={("m.json", "acc"): one}) for at, one in enumerate(values)
    )
    row = Change(name="acc", source="m.json", baseline=values[0], candidate=values[0])
    measured = ModelComparison(
        model="m",
        metrics=(row, *model().metrics[1:]),
        repeats=Repeats(path="s", runs=runs),
    )
    gate = {"metric": "acc", "change": {"max_regression": 0.005}, "noise": HISTORY}
    assert judge(measured, policy(gate)).result == "inconclusive"
    assert states(found(policy(gate), measured)) == CHANGE


def pair(config: PredictionsConfig = CONFIG, **more: Any) -> PredictionPair:
    side = file(examples(400, **more), config)
    return PredictionPair(config=config, path="p.jsonl", baseline=side, candidate=side)


def test_predictions_are_made_worse_and_slices_vanish() -> None:
    """The regression fails by its interval, not for numbers and predictions that disagree."""
    whole = {"metric": "auc", "change": {"max_regression": 0.02}}
    value = float(judge(model(pair()), policy(whole)).outcomes[0].value)  # type: ignore[arg-type]
    measured = model(pair(), auc_row(value, value))
    own = found(policy(whole, SLICED), measured)
    assert all(one.holds for one in own)
    worse = [one for one in own if one.fault == "regression"]
    assert {one.metric for one in worse} == {"auc", "slices.region=EU.auc", "slices.region=US.auc"}
    assert {one.reason for one in worse} == {
        "fail: the loss is beyond the limit, and by more than chance would do"
    }
    (vanished, _) = [one for one in own if one.fault == "vanished slice"]
    assert "all of region=EU" in vanished.reason
    nan = [one for one in own if one.fault == "not a number" and one.gate == "g1"]
    assert all("is not a number" in one.reason for one in nan)


def test_classes_and_regressions_are_made_worse_too() -> None:
    def with_columns(rows: Any) -> Any:
        return [
            {**one, "said": one["label"] if at % 9 else 0, "y": one["score"], "q": at // 5}
            for at, one in enumerate(rows)
        ]

    for config, gate in (
        (PredictionsConfig(path="p.csv", prediction="said"), "recall"),
        (PredictionsConfig(path="p.csv", label="y", prediction="score", task="regression"), "rmse"),
        (PredictionsConfig(path="p.csv", score="score", query="q", task="ranking"), "ndcg"),
    ):
        side = file(with_columns(examples(200)), config)
        own = found(
            policy({"metric": gate, "change": {"max_regression": 0.1}}),
            ModelComparison(
                model="m",
                predictions=PredictionPair(config=config, path="p", baseline=side, candidate=side),
            ),
        )
        assert all(one.holds for one in own), own
        (worse,) = [one for one in own if one.fault == "regression"]
        assert worse.reason.startswith("fail: the loss")
