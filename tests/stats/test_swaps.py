"""Random swaps of the sides: McNemar's test for right and wrong, random signs for means."""

from __future__ import annotations

import numpy as np
import pytest

from mlops_ci.stats import hypothesis, paired


@pytest.mark.parametrize(("lost", "won"), [(40, 20), (20, 40), (9, 9), (5, 0)])
def test_of_right_and_wrong_it_is_mcnemars(lost: int, won: int) -> None:
    old, new = (np.repeat(right, [lost, won, 50]) for right in ([1, 0, 1], [0, 1, 1]))
    found = paired.change("accuracy", np.ones(len(old), int), old, new, resamples=20_000)
    assert found.at_all == pytest.approx(  # type: ignore[attr-defined]
        [hypothesis.mcnemar_exact(lost, won, side) for side in ("greater", "less")], abs=0.01
    )


def test_of_a_mean_it_is_random_signs_also_of_units() -> None:
    random = np.random.default_rng(4)
    label, old, new = random.normal(0, 1, (3, 30))
    for units, size in ((None, 1), (np.arange(30) // 2, 2)):
        found = paired.change("mae", label, old, new, units, resamples=20_000)
        losses = (np.abs(new - label) - np.abs(old - label)).reshape(-1, size).sum(axis=1)
        expected = hypothesis.sign_flip(losses, "less")
        assert found.at_all[0] == pytest.approx(expected, abs=0.01)  # type: ignore[attr-defined]


def test_a_loss_is_never_surer_than_by_swaps_and_the_mirror_has_them_mirrored() -> None:
    old, new = (
        np.r_[np.ones(5), np.ones(20)].astype(int),
        np.r_[np.zeros(5), np.ones(20)].astype(int),
    )
    found = paired.change("accuracy", np.ones(25, int), old, new)
    exact = 0.5**5
    assert found.p_below(0.0) >= found.p_below(1e-9)
    assert found.p_below(0.0) == pytest.approx(exact, abs=0.01)
    assert found.p_below(-0.1) >= found.p_below(0.0)
    assert found.mirrored().at_all == found.at_all[::-1]  # type: ignore[attr-defined]
    assert found.mirrored().p_below(0.0) > 0.95


def test_beyond_all_swaps_the_normal_tail_tells_how_far() -> None:
    old, new = np.ones(300, int), np.r_[np.zeros(200), np.ones(100)].astype(int)
    found = paired.change("accuracy", np.ones(300, int), old, new)
    assert 0 < found.at_all[0] < 1e-20  # type: ignore[attr-defined]
