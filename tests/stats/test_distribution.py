"""Intervals and p-values say the same: a bound at an end of the interval has the p-value of that end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_ci.stats.distribution import Bootstrap, Student, bootstrapped

DRAWS = np.sort(np.random.default_rng(0).gamma(4, 0.01, 20_000))
ALL = [
    Student(point=0.1, se=0.02),
    Student(point=0.1, se=0.02, df=4),
    Bootstrap(point=0.04, draws=DRAWS),
    Bootstrap(point=0.04, draws=DRAWS, bias=0.2, acceleration=0.05),
]


@pytest.mark.parametrize("one", ALL)
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.98])
def test_p_inverts_the_interval(one: Student | Bootstrap, confidence: float) -> None:
    low, high = one.interval(confidence)
    assert one.p_below(high) == pytest.approx((1 - confidence) / 2, rel=0.05)
    assert one.p_below(low) == pytest.approx((1 + confidence) / 2, rel=0.05)
    assert one.mirrored().interval(confidence) == pytest.approx((-high, -low))


def test_beyond_all_draws_the_tail_still_tells_how_far() -> None:
    one = ALL[2]
    near, far = DRAWS[-1] + 1e-6, DRAWS[-1] + 0.1
    assert one.p_below(far) < one.p_below(near) <= 1 / 20_001
    assert one.p_below(-1.0) > 0.999
    assert Bootstrap(point=0.0, draws=np.zeros(9)).p_below(0.1) == 0.0


def test_with_many_undefined_draws_there_is_no_interval() -> None:
    draws = np.r_[np.zeros(90), np.full(10, np.nan)]
    found = bootstrapped(0.0, draws, 100)
    assert math.isnan(found.interval(0.9)[0])
    assert math.isnan(found.p_below(0.0))
    assert len(bootstrapped(0.0, draws[:94], 94).draws) == 90


def test_equal_models_have_no_bias() -> None:
    found = bootstrapped(0.0, np.zeros(100), 100, np.zeros(100))
    assert (found.bias, found.acceleration) == (0.0, 0.0)
    assert found.interval(0.9) == (0.0, 0.0)
