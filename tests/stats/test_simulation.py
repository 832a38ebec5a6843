"""Whether intervals hold what they promise, by simulation with fixed seeds from models whose truth is known.

Scores are normal around 0 and 1 with a common part, so that both models err on the same examples, as real ones do.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from mlops_ci.gate_config import NoiseConfig
from mlops_ci.gates import repeated
from mlops_ci.gates.noninferiority import ALPHA, decide, p_of_loss
from mlops_ci.model import Change
from mlops_ci.repeats import Repeats, Run
from mlops_ci.stats import paired
from mlops_ci.stats.hypothesis import holm, paired_t, sign_flip, welch_t
from mlops_ci.stats.signs import signs

if TYPE_CHECKING:
    from collections.abc import Callable

POSITIVE, SHARED = 0.3, 0.6
OWN = (0.5, 0.8)  # the noise of each model alone


def spread(own: float) -> float:
    return math.hypot(SHARED, own)


def right(own: float) -> float:
    """How often a score is on its side of 0.5."""
    return float(ndtr(0.5 / spread(own)))


def f1(own: float) -> float:
    good = right(own)
    wrong = POSITIVE * (1 - good) + (1 - POSITIVE) * (1 - good)
    return 2 * POSITIVE * good / (2 * POSITIVE * good + wrong)


TRUTH = {
    "roc_auc": lambda own: float(ndtr(1 / (spread(own) * math.sqrt(2)))),
    "accuracy": right,
    "recall": right,
    "f1": f1,
    "mse": lambda own: spread(own) ** 2,
}


def drawn(random: np.random.Generator, count: int, own: tuple[float, float] = OWN) -> Any:
    label = random.random(count) < POSITIVE
    common = label + SHARED * random.normal(0, 1, count)
    return label, *(common + one * random.normal(0, 1, count) for one in own)


def change(metric: str, label: Any, old: Any, new: Any) -> Any:
    if metric in ("accuracy", "recall", "f1"):
        old, new = old > 0.5, new > 0.5
    if metric == "mse":
        label = label.astype(float)
    return paired.change(metric, label, old, new)


@pytest.mark.parametrize("metric", TRUTH)
def test_coverage(metric: str, scale: Callable[[int, int], int]) -> None:
    """95 % nominal: 93 to 97 % of 250 examples, of which 75 are positive."""
    truth = TRUTH[metric](OWN[1]) - TRUTH[metric](OWN[0])
    random = np.random.default_rng(11)
    runs = scale(150 if metric == "mse" else 400, 4000)
    hits = 0
    for _ in range(runs):
        low, high = change(metric, *drawn(random, 250)).interval(0.95)
        hits += low <= truth <= high
    # The band of the promise, and three standard errors of so many runs.
    slack = 3 * math.sqrt(0.95 * 0.05 / runs)
    assert 0.95 - max(0.02, slack) <= hits / runs <= 0.95 + max(0.02, slack)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "mse"])
def test_two_models_alike_rarely_fail(metric: str, scale: Callable[[int, int], int]) -> None:
    """At the worst margin there is, 0, a single gate fails in 5 % of comparisons of equals, and no more."""
    random = np.random.default_rng(5)
    runs = scale(300, 2000) if metric == "mse" else scale(500, 5000)
    failed = 0
    for _ in range(runs):
        gain = change(metric, *drawn(random, 300, (0.6, 0.6)))
        found = decide(gain, 0.0, units=300, adjusted=p_of_loss(gain, 0.0))
        failed += found.result == "fail"
    assert failed / runs <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_few_positives_do_not_fail_equals(scale: Callable[[int, int], int]) -> None:
    """15 of 300: by the normal distribution 6 % fail, and more of fewer."""
    random, runs, failed = np.random.default_rng(23), scale(4000, 20_000), 0
    for _ in range(runs):
        label, common = np.arange(300) < 15, random.normal(0, SHARED, 300)
        old, new = (label + common + random.normal(0, 0.6, 300) for _ in range(2))
        gain = paired.change("roc_auc", label, old, new)
        failed += p_of_loss(gain, 0.0) <= ALPHA
    assert failed / runs <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def paired_right(lost: int, won: int, both: int) -> Any:
    """Accuracy where the candidate gets `lost` wrong and `won` right that the baseline did not."""
    old, new = (np.repeat(right, [lost, won, both]) for right in ([1, 0, 1], [0, 1, 1]))
    return paired.change("accuracy", np.ones(len(old), int), old, new)


@pytest.mark.parametrize(("count", "discordant"), [(100, 0.1), (1000, 0.05)])
def test_equals_fail_in_alpha_of_all_cases_at_most(count: int, discordant: float) -> None:
    """Not by drawing: each number of examples that differ, times how likely so many of them are lost or more."""
    rate = 0.0
    for differ in range(*binom.ppf([1e-3, 1 - 1e-3], count, discordant).astype(int)):
        losses = range(differ // 2, differ + 1)
        at = bisect.bisect_left(
            losses,
            -ALPHA,
            key=lambda lost: -p_of_loss(paired_right(lost, differ - lost, count - differ), 0.0),
        )
        rate += binom.pmf(differ, count, discordant) * binom.sf(losses[0] + at - 1, differ, 0.5)
    assert ALPHA / 4 < rate <= ALPHA


def test_five_gates_together_rarely_fail(scale: Callable[[int, int], int]) -> None:
    random, runs, margin = np.random.default_rng(6), scale(120, 2000), 0.0
    failed = 0
    for _ in range(runs):
        sides = drawn(random, 300, (0.6, 0.6))
        gains = [change(metric, *sides) for metric in ("roc_auc", "accuracy", "recall", "f1")]
        adjusted = holm([p_of_loss(gain, margin) for gain in gains])
        failed += any(
            decide(gain, margin, units=300, adjusted=p).result == "fail"
            for gain, p in zip(gains, adjusted, strict=True)
        )
    assert failed / runs <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def paired_accuracy(random: np.random.Generator, worse: float, discordant: float = 0.1) -> Any:
    """Right and wrong of 1,000 examples under two models, of which `discordant` differ."""
    lost = (discordant + worse) / 2
    shares = [0.85 - lost, lost, discordant - lost, 0.15 - (discordant - lost)]
    both, only_old, only_new, neither = random.multinomial(1000, shares)
    old = np.repeat([1, 1, 0, 0], [both, only_old, only_new, neither])
    new = np.repeat([1, 0, 1, 0], [both, only_old, only_new, neither])
    return paired.change("accuracy", np.ones(1000, int), old, new)


def test_three_points_worse_do_not_pass(scale: Callable[[int, int], int]) -> None:
    random, runs = np.random.default_rng(8), scale(400, 10_000)
    passed = blocked = 0
    for _ in range(runs):
        gain = paired_accuracy(random, 0.03)
        found = decide(gain, 0.01, units=1000, adjusted=p_of_loss(gain, 0.01))
        passed += found.result == "pass"
        blocked += found.blocks
    assert passed / runs < 0.01
    assert blocked / runs > 0.9


def test_equal_models_pass_as_often_as_theory_says(scale: Callable[[int, int], int]) -> None:
    """26 % of 1,000 examples with one in ten discordant and a margin of a point: power is a number, too."""
    random, runs = np.random.default_rng(9), scale(400, 10_000)
    passed = 0
    for _ in range(runs):
        gain = paired_accuracy(random, 0.0)
        passed += decide(gain, 0.01, units=1000, adjusted=1.0).result == "pass"
    assert passed / runs == pytest.approx(0.26, abs=3 * math.sqrt(0.26 * 0.74 / runs) + 0.01)


@pytest.mark.parametrize("units", [2, 4, 10])
def test_few_units_do_not_pass_what_is_worse_by_the_limit(
    units: int, scale: Callable[[int, int], int]
) -> None:
    """Of 50 examples each: by percentiles 29 %, 14 % and 8 % pass, and by t 5 to 7 %, as equal units are no spread."""
    random, runs, passed = np.random.default_rng(29), scale(300, 3000), 0
    unit = np.repeat(np.arange(units), 50)
    for _ in range(runs):
        right = np.clip(0.8 + random.normal(0, 0.08, units), 0.05, 0.98)[unit]
        worse = np.clip(right - 0.05 + random.normal(0, 0.1, units)[unit], 0, 1)
        luck = random.random(len(unit))
        other = np.where(random.random(len(unit)) < 0.7, luck, random.random(len(unit)))
        sides = ((luck < right).astype(int), (other < worse).astype(int))
        gain = paired.change("accuracy", np.ones(len(unit), int), *sides, unit, resamples=500)
        passed += decide(gain, 0.05, units=units, adjusted=1.0).result == "pass"
    assert passed / runs <= 0.07 + 2 * math.sqrt(0.07 * 0.93 / runs)


@pytest.mark.full
def test_small_samples_are_reported(record_property: Callable[[str, object], None]) -> None:
    """What is not promised is measured all the same: coverage of 40 examples."""
    random = np.random.default_rng(12)
    for metric, of in TRUTH.items():
        truth = of(OWN[1]) - of(OWN[0])
        ends = [change(metric, *drawn(random, 40)).interval(0.95) for _ in range(1000)]
        covered = float(np.mean([low <= truth <= high for low, high in ends]))
        record_property(f"coverage of {metric}, n = 40", covered)
        assert covered > 0.5


@pytest.mark.parametrize("test", ["paired t", "Welch", "signs"])
def test_seeds_keep_their_level(test: str, scale: Callable[[int, int], int]) -> None:
    """At a margin of 0 a gate over six seeds fails in 5 % of comparisons of equals, and no more."""
    random, runs = np.random.default_rng(21), scale(2000, 20_000)
    failed = 0
    for _ in range(runs):
        common = random.normal(0, 1, 6) if test != "Welch" else 0
        old, new = (common + random.normal(0, 1, 6) for _ in range(2))
        how = {"paired t": paired_t, "Welch": welch_t, "signs": lambda a, b: signs(b - a)}[test]
        gain = how(old, new)
        found = decide(gain, 0.0, units=6, adjusted=p_of_loss(gain, 0.0), of="seeds")
        failed += found.result == "fail"
    assert failed / runs <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    assert failed / runs > ALPHA / 3


def test_history_keeps_its_level(scale: Callable[[int, int], int]) -> None:
    random, runs = np.random.default_rng(22), scale(300, 5000)
    noise = NoiseConfig(source="history")
    failed = judged = 0
    for _ in range(runs):
        values = random.normal(0.9, 0.01, 11)
        kept = tuple(Run(commit="", values={("f", "a"): float(one)}) for one in values[1:])
        row = Change(name="a", source="f", baseline=float(values[1]), candidate=float(values[0]))
        found = repeated.spread(row, Repeats(path="", runs=kept), noise)
        if isinstance(found, repeated.Spread):
            judged += 1
            failed += found.change.p_below(0.0) <= ALPHA
    assert judged / runs > 0.85
    assert failed / judged <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / judged)


def test_random_signs_keep_their_level(scale: Callable[[int, int], int]) -> None:
    random, runs = np.random.default_rng(13), scale(200, 5000)
    found = [sign_flip(random.normal(0, 1, 6), "less") for _ in range(runs)]
    assert np.mean(np.array(found) <= ALPHA) <= ALPHA + 2 * math.sqrt(ALPHA / runs)
