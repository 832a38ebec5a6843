"""Random signs as a distribution: against scipy's permutation test, and the published value of Fisher's maize."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_ci.stats.hypothesis import sign_flip
from mlops_ci.stats.signs import signs

MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_darwins_maize() -> None:
    found = signs(MAIZE).mirrored()
    assert found.p_below(0) == pytest.approx(863 / 32768, abs=1e-12)
    assert found.p_below(0) == pytest.approx(sign_flip([-one for one in MAIZE], "less"))


def test_p_values_are_those_of_the_shifted_differences_and_the_interval_inverts_them() -> None:
    values = np.random.default_rng(3).normal(-0.1, 1, 9)
    found = signs(values)
    for bound in np.linspace(-1.3, 1.1, 13):
        assert found.p_below(bound) == pytest.approx(sign_flip(values - bound, "less"))
    low, high = found.interval(0.9)
    assert found.p_below(high + 1e-9) <= 0.05 < found.p_below(high - 1e-9)
    assert found.mirrored().p_below(-low + 1e-9) <= 0.05 < found.mirrored().p_below(-low - 1e-9)


def test_so_few_pairs_have_no_interval() -> None:
    assert signs([1.0, 2.0, 3.0, 4.0]).least_p == 1 / 16
    assert all(map(math.isnan, signs([1.0, 2.0, 3.0, 4.0]).interval(0.9)))
    assert signs([1.0, 2.0, 3.0, 4.0, 5.0]).interval(0.9) == (1.0, 5.0)


def test_swapped_sides_mirror_it() -> None:
    values = np.random.default_rng(4).normal(0.3, 1, 7)
    low, high = signs(values).interval(0.9)
    assert signs(-values).interval(0.9) == pytest.approx((-high, -low))
    assert signs(values).mirrored().interval(0.9) == (-high, -low)
    assert signs(values[::-1]).interval(0.9) == (low, high)
