"""What is said of a gate's errors, against theory, and against the same gate on simulated trainings."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from mlops_ci.gates import judge
from mlops_ci.gates.calibration import calibrate
from mlops_ci.model import Change, ModelComparison
from mlops_ci.predictions import PredictionPair
from mlops_ci.repeats import Repeats, Run
from tests.gates.test_measured import CONFIG, examples, file, policy
from tests.gates.test_repeated import MAIN, OLD, seeds

if TYPE_CHECKING:
    from mlops_ci.gate_trials import Calibrated, Calibration

GATE = {"metric": "acc", "change": {"max_regression": 0.005}}


def calibrated(
    *gates: Any, repeats: Repeats | None = None, value: float = OLD[0], **more: Any
) -> Calibration:
    row = Change(name="acc", source="m.json", baseline=value, candidate=value)
    model = ModelComparison(model="m", metrics=(row,), repeats=repeats)
    return calibrate(model, policy(*gates, **more))


def by_seeds(values: list[float] = OLD) -> Repeats:
    return Repeats(path="s", baseline=seeds(values), candidate=seeds(values))


def by_runs(values: list[float] = MAIN) -> Repeats:
    runs = (Run(commit=f"{at}", values={("m.json", "acc"): one}) for at, one in enumerate(values))
    return Repeats(path="s", runs=tuple(runs))


def only(found: Calibration) -> Calibrated:
    (rule,) = found.rules
    return rule


def test_a_limit_alone_fails_as_often_as_two_trainings_differ_by_more() -> None:
    rule = only(calibrated({**GATE, "noise": {"from": "examples"}}, repeats=by_seeds()))
    sd = statistics.stdev(OLD)
    assert rule.judged_by == "limit"
    assert rule.noise
    assert (rule.noise.sd, rule.noise.count, rule.noise.of) == (pytest.approx(sd), 5, "seeds")
    assert rule.false_fail == pytest.approx(stats.t(4).cdf(-0.005 / (sd * math.sqrt(2))))
    assert rule.proposed == pytest.approx(stats.t(4).ppf(0.95) * sd * math.sqrt(2))
    assert [loss for loss, _ in rule.power] == pytest.approx([0.005, 0.0075, 0.01, 0.015])
    assert rule.power[0][1] == pytest.approx(0.5)
    assert rule.power[-1][1] == pytest.approx(stats.t(4).cdf(0.01 / (sd * math.sqrt(2))))


def test_several_seeds_and_the_history_need_less_room_than_the_limit_alone() -> None:
    alone = only(calibrated({**GATE, "noise": {"from": "examples"}}, repeats=by_seeds()))
    five = only(calibrated(GATE, repeats=by_seeds()))
    assert five.judged_by == "seeds"
    assert five.false_fail is not None
    assert alone.false_fail is not None
    assert five.false_fail < alone.false_fail
    history = only(
        calibrated({**GATE, "noise": {"from": "history"}}, repeats=by_runs(), value=MAIN[0])
    )
    assert history.judged_by == "history"
    assert history.noise
    sd = math.sqrt(statistics.fmean((b - a) ** 2 for a, b in itertools.pairwise(MAIN)) / 2)
    assert (history.noise.sd, history.noise.count) == (pytest.approx(sd), 10)


def test_the_rate_is_that_of_simulated_trainings() -> None:
    """A gate with the proposed limit stops equals at alpha, once noise is known from many seeds."""
    random = np.random.default_rng(1)
    known = [float(one) for one in random.normal(0.9, 0.004, 200)]
    gate = {**GATE, "noise": {"from": "examples"}}
    rule = only(calibrated(gate, repeats=by_seeds(known), value=known[0]))
    assert rule.false_fail == pytest.approx(
        stats.norm.cdf(-0.005 / (0.004 * math.sqrt(2))), abs=0.02
    )
    judging = policy({**GATE, "change": {"max_regression": rule.proposed}})
    stopped = 0
    for old, new in random.normal(0.9, 0.004, (2000, 2)):
        row = Change(name="acc", source="m.json", baseline=old, candidate=new, change="changed")
        stopped += judge(ModelComparison(model="m", metrics=(row,)), judging).blocks
    assert stopped / 2000 == pytest.approx(0.05, abs=0.02)


def test_a_bound_is_proposed_where_one_more_training_lies() -> None:
    floor = only(calibrated({"metric": "acc", "threshold": {"min": 0.895}}, repeats=by_seeds()))
    se = statistics.stdev(OLD) * math.sqrt(1.2)
    assert floor.false_fail == pytest.approx(stats.t(4).cdf(-0.005 / se))
    assert floor.proposed == pytest.approx(0.9 - stats.t(4).ppf(0.95) * se)
    ceiling = only(calibrated({"metric": "acc", "threshold": {"max": 0.905}}, repeats=by_seeds()))
    assert ceiling.false_fail == pytest.approx(floor.false_fail)


def test_gates_are_replayed_on_what_was_measured() -> None:
    group = {"all": [{"metric": "acc", "threshold": {"min": 0.897}}, {"metric": "acc", **GATE}]}
    group["all"][1] = {key: group["all"][1][key] for key in ("metric", "change")}
    found = calibrated(GATE, group, {**GATE, "level": "off"}, repeats=by_seeds())
    values = {(one.gate, one.of): (one.stopped, one.total) for one in found.replays}
    pairs = [(a, b) for a in OLD for b in OLD if a is not b]
    worse = sum(a - b > 0.005 + 1e-9 for a, b in pairs)
    low = sum(a - b > 0.005 + 1e-9 or b < 0.897 for a, b in pairs)
    assert values == {("g0", "seeds"): (worse, 20), ("g1", "seeds"): (low, 20)}
    runs = calibrated(GATE, repeats=by_runs([0.9, 0.91, 0.9, 0.9]), value=0.9)
    assert [(one.of, one.stopped, one.total) for one in runs.replays] == [("runs", 1, 3)]


def test_without_seeds_and_history_nothing_is_known() -> None:
    found = calibrated(GATE)
    assert (only(found).noise, only(found).false_fail, found.is_known) == (None, None, False)
    assert calibrated(GATE, repeats=by_seeds()).is_known


def test_of_examples_the_standard_error_is_that_of_the_last_two_runs() -> None:
    sides = [file(examples(400, worse=worse)) for worse in (0.0, 0.3)]
    old, new = (
        PredictionPair(config=CONFIG, path="p.jsonl", baseline=one, candidate=other)
        for one, other in ((sides[1], sides[1]), (sides[0], sides[1]))
    )
    gate = {"metric": "auc", "change": {"max_regression": 0.02}}
    found = calibrate(
        ModelComparison(model="m", predictions=old),
        policy(gate),
        ModelComparison(model="m", predictions=new),
    )
    rule = only(found)
    (outcome,) = judge(ModelComparison(model="m", predictions=new), policy(gate)).outcomes
    assert rule.judged_by == "examples"
    assert rule.noise
    assert outcome.estimate
    reach = (outcome.estimate.high - outcome.estimate.low) / 2
    assert rule.noise.sd == pytest.approx(reach / stats.norm.ppf(0.95))
    assert rule.false_fail == pytest.approx(stats.norm.cdf(-0.02 / rule.noise.sd))
