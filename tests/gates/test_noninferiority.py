"""From a distribution to pass, fail or inconclusive: what the interval, the limit and the correction say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_ci.gates.noninferiority import decide, p_of_loss
from mlops_ci.stats.distribution import Bootstrap, Student
from mlops_ci.stats.hypothesis import needed


def normal(point: float, se: float) -> Student:
    return Student(point=point, se=se)


def test_an_interval_inside_the_limit_passes_whatever_else_failed() -> None:
    found = decide(normal(0.0, 0.005), 0.01, units=1000, adjusted=1.0)
    assert (found.result, found.blocks) == ("pass", False)
    assert found.reason == "at most 0.0082 lost, 0.01 allowed"
    assert decide(normal(0.05, 0.01), 0, units=9, adjusted=1.0).reason == "nothing lost, 0 allowed"


def test_two_equal_models_pass_a_limit_of_zero() -> None:
    assert decide(normal(0.0, 0.0), 0.0, units=1000, adjusted=1.0).result == "pass"


def test_few_that_all_lost_the_same_are_no_certainty() -> None:
    """Two of two groups do so by chance in one of ten samples."""
    found = decide(normal(-0.04, 0.0), 0.05, units=2, adjusted=1.0, of="independent units")
    assert (found.result, found.blocks) == ("inconclusive", True)
    assert found.reason == "2 independent units say too little: no interval can be given"
    for gain, units in ((0.0, 2), (0.04, 2), (-0.04, 30)):
        assert decide(normal(gain, 0.0), 0.05, units=units, adjusted=1.0).result == "pass"


def test_a_loss_beyond_the_limit_fails_only_if_corrected_it_is_still_real() -> None:
    loss = normal(-0.05, 0.01)
    assert p_of_loss(loss, 0.01) == pytest.approx(3.17e-5, rel=1e-2)
    assert decide(loss, 0.01, units=1000, adjusted=0.05).result == "fail"
    found = decide(loss, 0.01, units=1000, adjusted=0.051)
    assert (found.result, found.blocks, found.needed) == ("inconclusive", True, None)
    assert "more data will not help" in found.reason


def test_a_loss_within_the_limit_that_cannot_be_told_says_how_many_would_tell() -> None:
    found = decide(normal(-0.002, 0.01), 0.01, units=1000, adjusted=1.0)
    assert (found.result, found.blocks) == ("inconclusive", False)
    assert found.needed == needed(1000, 0.01, 0.01) == 6183
    assert found.reason == "needs 6,183 examples, has 1,000"


def test_alpha_moves_the_bound_the_correction_and_the_number_that_is_needed() -> None:
    gain = normal(0.0, 0.006)
    assert decide(gain, 0.01, units=1000, adjusted=1.0).result == "pass"  # 1.645 SE
    strict = decide(gain, 0.01, units=1000, adjusted=1.0, alpha=0.01)  # 2.326 SE
    assert (strict.result, strict.needed) == ("inconclusive", 3613)
    loss = normal(-0.05, 0.01)
    assert decide(loss, 0.01, units=1000, adjusted=0.02).result == "fail"
    assert decide(loss, 0.01, units=1000, adjusted=0.02, alpha=0.01).result == "inconclusive"


def test_what_cannot_be_told_blocks_where_the_change_touched_what_is_evaluated() -> None:
    assert decide(normal(0.0, 0.01), 0.01, units=1000, adjusted=1.0, trusted=False).blocks


def test_a_limit_of_zero_asks_for_no_number_of_examples() -> None:
    found = decide(normal(0.0, 0.01), 0.0, units=1000, adjusted=1.0)
    assert (found.result, found.needed) == ("inconclusive", None)
    assert "allow a little" in found.reason


@pytest.mark.parametrize(
    "gain", [normal(0.0, math.nan), Bootstrap(point=0.0, draws=np.array([])), normal(math.nan, 0.1)]
)
def test_without_an_interval_nothing_passes(gain: Student) -> None:
    found = decide(gain, 0.01, units=3, adjusted=math.nan)
    assert (found.result, found.blocks) == ("inconclusive", True)


@pytest.mark.parametrize(("discordance", "units"), [(0.05, 3092), (0.1, 6184), (0.2, 12367)])
def test_needed_is_what_theory_says_for_accuracy(discordance: float, units: int) -> None:
    assert needed(1000, math.sqrt(discordance / 1000), 0.01) == pytest.approx(units, abs=2)
