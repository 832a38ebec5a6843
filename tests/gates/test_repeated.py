"""Gates over seeds and over the history of main: which test judges, and what must not pass."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from scipy import stats

from mlops_ci import config as configuration
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.gates import judge, policy_of
from mlops_ci.model import Change, ModelComparison, Note, Outcome
from mlops_ci.repeats import Repeats, Run, SeedRuns, parse

OLD = [0.900, 0.905, 0.895, 0.902, 0.898]
BETTER = [0.904, 0.908, 0.900, 0.905, 0.903]
WORSE = [0.860, 0.868, 0.853, 0.861, 0.859]


def seeds(values: list[Any] | None, numbers: list[int] | None = None) -> Any:
    if values is None:
        return None
    content = {
        "seeds": numbers or list(range(len(values))),
        "models": {"m": {"m.json": {"acc": values}}},
    }
    return parse("seed-metrics.json", json.dumps(content).encode(), "m")


def load(*gates: Any, **more: Any) -> Any:
    text = json.dumps({"gates": list(gates), **more}).encode()
    return configuration.load(lambda path: text)


def gate(limit: Any = 0.01, **more: Any) -> dict[str, Any]:
    return {"id": "g", "metric": "acc", "change": {"max_regression": limit}, **more}


def outcomes(row: Change, repeats: Repeats | None, *gates: Any, **more: Any) -> list[Outcome]:
    model = ModelComparison(model="m", metrics=(row,), repeats=repeats)
    return list(judge(model, policy_of(load(*gates, **more), "m", rev="r")).outcomes)


def one(
    old: list[Any] | None,
    new: list[Any] | None,
    noise: Any = None,
    *,
    limit: float = 0.01,
    numbers: list[int] | None = None,
    stated: tuple[Any, Any] | None = None,
) -> Outcome:
    before, after = stated or (old[0] if old else 0.9, new[0] if new else 0.9)
    row = Change(name="acc", source="m.json", baseline=before, candidate=after, change="changed")
    repeats = Repeats(path="seed-metrics.json", baseline=seeds(old), candidate=seeds(new, numbers))
    (found,) = outcomes(row, repeats, gate(limit, **({"noise": noise} if noise else {})))
    return found


def test_the_same_seeds_on_both_sides_are_paired() -> None:
    found = one(OLD, BETTER)
    assert (found.result, found.reason) == ("pass", "nothing lost, 0.01 allowed")
    assert found.estimate
    assert (found.estimate.method, found.estimate.count, found.estimate.of) == (
        "paired t",
        5,
        "seeds",
    )
    reference = stats.ttest_rel(BETTER, OLD).confidence_interval(0.9)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(tuple(reference))
    assert one(OLD, WORSE).result == "fail"


def test_the_same_seeds_in_another_order_are_paired() -> None:
    order = [3, 0, 4, 2, 1]
    found = one(OLD, [BETTER[n] for n in order], numbers=order)
    assert found.estimate == one(OLD, BETTER).estimate


def test_other_seeds_are_judged_by_welch() -> None:
    found = one(OLD, BETTER, numbers=[5, 6, 7, 8, 9])
    assert found.estimate
    assert found.estimate.method == "Welch's t"
    reference = stats.ttest_ind(BETTER, OLD, equal_var=False).confidence_interval(0.9)
    assert (found.estimate.low, found.estimate.high) == pytest.approx(tuple(reference))


def test_a_lucky_seed_does_not_pass() -> None:
    """One number on each side says better; five say that it cannot be told, and how many would."""
    lucky = [0.91, 0.88, 0.92, 0.87, 0.91]
    found = one(OLD, lucky)
    assert found.result == "inconclusive"
    assert found.estimate
    assert found.estimate.needed
    assert found.reason.startswith(f"needs {found.estimate.needed} seeds, has 5")


@pytest.mark.parametrize(
    ("old", "new", "noise", "why"),
    [
        (OLD, None, None, "of the candidate has no acc: mlops-ci train --seeds 5"),
        (None, None, {"from": "seeds"}, "of the candidate has no acc"),
        (OLD, BETTER[:2], None, "2 seeds, and 3 are needed"),
        (OLD, BETTER[:4], {"from": "seeds"}, "4 seeds, and 5 are needed"),
        (OLD, [*BETTER[:4], "NaN"], None, "with one of the seeds it is not a finite number"),
        (OLD, [*BETTER[:4], True], None, "not a finite number"),
    ],
)
def test_seeds_that_are_missing_or_no_numbers_block(
    old: Any, new: Any, noise: Any, why: str
) -> None:
    found = one(old, new, noise)
    assert (found.result, found.blocks) == ("inconclusive", True)
    assert why in found.reason


def test_seeds_of_another_training_block_and_those_of_the_baseline_count_for_nothing() -> None:
    found = one(OLD, BETTER, stated=(0.9, 0.95))
    assert (found.result, found.blocks) == ("inconclusive", True)
    assert "acc is 0.95 in m.json, and 0.904 with the first seed" in found.reason
    stale = one(OLD, BETTER, stated=(0.8, 0.904))
    assert (stale.result, stale.estimate) == ("pass", None)
    first = one(None, BETTER, {"from": "seeds"})
    assert (first.result, first.estimate) == ("pass", None)
    assert first.reason.endswith("uncalibrated: the baseline has no seeds")
    assert one(None, BETTER, {"from": "seeds"}, stated=(0.95, 0.904)).result == "fail"


def test_seeds_that_change_nothing_tell_nothing_of_noise() -> None:
    """An interval of no width would call every difference real."""
    found = one(5 * [0.9], 5 * [0.905], {"from": "seeds"})
    assert (found.result, found.estimate) == ("pass", None)
    assert found.reason.endswith("does the training read MLOPS_CI_SEED?")
    assert one(5 * [0.9], 5 * [0.88], {"from": "seeds"}).result == "fail"
    assert one(OLD, 5 * [0.905]).estimate


def test_an_unreadable_file_blocks() -> None:
    row = Change(name="acc", source="m.json", baseline=0.9, candidate=0.9)
    (found,) = outcomes(row, Repeats(path="s", reason="the candidate's s: broken"), gate())
    assert (found.result, found.reason) == ("inconclusive", "the candidate's s: broken")


def test_seeds_do_not_make_other_evaluation_data_comparable() -> None:
    """Examples do: they are joined one by one."""
    row = Change(name="acc", source="m.json", baseline=OLD[0], candidate=BETTER[0])
    repeats = Repeats(path="s", baseline=seeds(OLD), candidate=seeds(BETTER))
    note = Note(kind="evaluation-differs", message="test.csv differs", untrusted=True)
    model = ModelComparison(model="m", metrics=(row,), repeats=repeats, notes=(note,))
    (found,) = judge(model, policy_of(load(gate()), "m", rev="r")).outcomes
    assert (found.result, found.blocks) == ("inconclusive", True)
    assert found.reason == "not comparable: test.csv differs"


def test_random_signs_say_what_the_test_says() -> None:
    noise = {"from": "seeds", "test": "sign_flip"}
    found = one(OLD, WORSE, noise)
    assert found.result == "fail"
    assert found.estimate
    assert found.estimate.p == 1 / 32
    assert found.estimate.low == pytest.approx(min(b - a for a, b in zip(OLD, WORSE, strict=True)))
    others = one(OLD, WORSE, noise, numbers=[5, 6, 7, 8, 9])
    assert "random signs need the same seeds" in others.reason


def test_more_losses_than_so_few_seeds_can_tell_are_said_when_it_runs() -> None:
    """A pattern: how many metrics it matches is not known before."""
    names = ["acc", "b", "c"]
    rows = tuple(
        Change(name=name, source="m.json", baseline=OLD[0], candidate=WORSE[0], change="changed")
        for name in names
    )
    sides = [
        SeedRuns(seeds=tuple(range(5)), values={("m.json", name): tuple(side) for name in names})
        for side in (OLD, WORSE)
    ]
    repeats = Repeats(path="s", baseline=sides[0], candidate=sides[1])
    noise = {"from": "seeds", "test": "sign_flip"}
    config = load(gate(metric="*", noise=noise), metrics={"*": {"direction": "higher_is_better"}})
    model = ModelComparison(model="m", metrics=rows, repeats=repeats)
    found = judge(model, policy_of(config, "m", rev="r"))
    assert {one.result for one in found.outcomes} == {"inconclusive"}
    assert found.blocks
    reason = "5 seeds give no p-value below 0.031, 0.017 is needed: 6 seeds, or test: t"
    assert {one.reason for one in found.outcomes} == {reason}


FLIPS = {"noise": {"from": "seeds", "test": "sign_flip"}}


def refused(*gates: Any, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(*gates, **more)
    return str(caught.value)


def test_gates_that_can_never_be_significant_are_an_error_of_the_config() -> None:
    two = [gate(id="a", **FLIPS), gate(id="b", **FLIPS)]
    assert load(two[0])
    why = refused(*two)
    assert "gate 'a': 5 seeds give no p-value below 0.031" in why
    assert "with 2 losses to tell by Holm one of 0.025 is needed: min_runs: 6, or test: t" in why
    more = {"from": "seeds", "test": "sign_flip", "min_runs": 6}
    assert load(*(gate(id=name, noise=more) for name in "ab"))
    assert load(*two, profiles={"p": {"levels": {"b": "warn"}}}, defaults={"alpha": 0.07})
    assert "in profile p" in refused(two[0], profiles={"p": {"alpha": 0.01}})
    warned = gate(id="b", level="warn", **FLIPS)
    assert load(two[0], warned)
    assert "profile p" in refused(two[0], warned, profiles={"p": {"levels": {"b": "error"}}})
    assert "3 losses" in refused(*two, models={"m": {"gates": [gate(id="own", **FLIPS)]}})
    assert "2 losses" in refused(*(gate(id=name) for name in "ab"), defaults=FLIPS)


@pytest.mark.parametrize(
    ("noise", "why"),
    [
        ({"from": "history", "test": "sign_flip"}, "sign_flip is a test over seeds"),
        ({"from": "history", "runs": 5}, "needs 8 or more"),
        ({"from": "seeds", "min_runs": 2}, "min_runs: needs 3 or more"),
        ({}, "needs the key from"),
        ({"from": "luck"}, "'luck' is not possible"),
    ],
)
def test_noise_that_is_refused(noise: Any, why: str) -> None:
    assert why in refused(gate(noise=noise))


def test_slices_are_of_examples() -> None:
    assert "slices are of examples" in refused(gate(slices={"by": ["a"]}, noise={"from": "seeds"}))


MAIN = [0.901, 0.899, 0.903, 0.897, 0.900, 0.902, 0.898, 0.901, 0.899, 0.900]
HISTORY = {"from": "history"}


def history(values: list[Any], candidate: float, limit: float = 0.01, **more: Any) -> Outcome:
    runs = tuple(
        Run(commit=f"c{at}", values={("m.json", "acc"): one}) for at, one in enumerate(values)
    )
    row = Change(
        name="acc", source="m.json", baseline=values[0], candidate=candidate, change="changed"
    )
    repeats = Repeats(path="s", runs=runs)
    (found,) = outcomes(row, repeats, gate(limit, noise={**HISTORY, **more}))
    return found


def test_one_more_run_is_judged_by_what_the_last_ones_differ_by() -> None:
    found = history(MAIN, 0.8995)
    assert found.result == "pass"
    assert found.estimate
    mean, sd = sum(MAIN) / 10, float(stats.tstd(MAIN))
    reach = stats.t(9).ppf(0.95) * sd * math.sqrt(1.1)
    assert found.estimate.low == pytest.approx(0.8995 - mean - reach)
    assert (found.estimate.count, found.estimate.of) == (10, "runs")
    assert history(MAIN, 0.88).result == "fail"
    unclear = history(MAIN, 0.8955, limit=0.006)
    assert (unclear.result, unclear.blocks) == ("inconclusive", False)
    assert "mlops-ci train --seeds 5" in unclear.reason
    assert unclear.estimate
    assert unclear.estimate.needed is None


def test_few_runs_and_a_step_of_main_leave_the_limit_alone() -> None:
    few = history(MAIN[:7], 0.899)
    assert (few.result, few.estimate) == ("pass", None)
    assert few.reason.endswith("uncalibrated: 7 runs of main, and 8 are needed")
    # Main became better: by the mean of older runs a loss of all of that would pass.
    step = history([0.95, *MAIN], 0.90)
    assert (step.result, step.estimate) == ("fail", None)
    assert "main has just moved from 0.8" in step.reason


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{}", b'{"seeds": [0], "models": []}', b'{"seeds": ["a"], "models": {"m": {}}}',
        b'{"seeds": [0, 0], "models": {"m": {"f": {"a": [1, 2]}}}}',
        b'{"seeds": [0, 1], "models": {"m": {"f": {"a": [1]}}}}',
        b'{"seeds": [0], "models": {"m": {"f": {"a": 1}}}}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_file_of_seeds_is_said(content: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"seed-metrics\.json: "):
        parse("seed-metrics.json", content, "m")


def test_what_slow_progress_has_won_is_not_lost_unsaid() -> None:
    """Twelve runs, each a little better, the newest first: their mean is that of half a year ago."""
    rising = [0.91 - 0.003 * at for at in range(12)]
    found = history(rising, 0.895)
    assert found.result == "fail"
    assert found.estimate is None
    assert "uncalibrated: the last 10 runs of main move one way" in found.reason


@pytest.mark.parametrize(
    "values",
    [
        [0.93, 0.915, 0.92, 0.905, 0.912, 0.90, 0.91, 0.90, 0.905, 0.90],
        [0.95, 0.90, 0.905, 0.895, 0.91, 0.89, 0.90, 0.905, 0.93, 0.895],
    ],
)
def test_to_a_stricter_profile_main_looks_no_more_settled(values: list[float]) -> None:
    """It would judge by the mean of older runs then, and let pass what the laxer one fails."""
    runs = tuple(Run(commit=f"c{n}", values={("m.json", "acc"): v}) for n, v in enumerate(values))
    candidate = values[0] - 0.025
    row = Change(
        name="acc", source="m.json", baseline=values[0], candidate=candidate, change="changed"
    )
    model = ModelComparison(model="m", metrics=(row,), repeats=Repeats(path="s", runs=runs))
    for alpha in (0.05, 0.01, 0.001):
        config = load(
            gate(0.02, noise=HISTORY),
            profiles={"merge": {}, "production": {"extends": "merge", "alpha": alpha}},
        )
        (found,) = judge(model, policy_of(config, "m", rev="r", profile="production")).outcomes
        assert found.blocks, alpha
