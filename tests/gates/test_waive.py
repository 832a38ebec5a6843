"""What a waiver does to an Outcome: never a pass, never beyond its cap, never after its day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mlops_ci.config import Config
from mlops_ci.gate_config import ChangeConfig, ConditionConfig, GateConfig, ThresholdConfig
from mlops_ci.gates import judge, policy_of
from mlops_ci.model import Change, ModelComparison, Outcome
from mlops_ci.repeats import Repeats, SeedRuns
from mlops_ci.waivers import WaiverConfig

TODAY = date(2026, 11, 25)
CHANGE = GateConfig(id="g", metric="auc", change=ChangeConfig(max_regression=0.01))
LEAST = GateConfig(id="g", metric="auc", threshold=ThresholdConfig(min=0.9))


def row(candidate: Any = 0.85, name: str = "auc") -> Change:
    return Change(
        name=name,
        source="m.json",
        baseline=0.9,
        candidate=candidate,
        direction="higher_is_better",
        change="worse",
    )


def waiver(**keys: Any) -> WaiverConfig:
    known = {"gate": "g", "reason": "r", "approved_by": "@a", "expires": "2026-12-31"}
    return WaiverConfig(**{**known, **keys})


def outcome(gate: GateConfig, *known: WaiverConfig, found: Change | None = None) -> Outcome:
    comparison = ModelComparison(model="m", metrics=(found or row(),))
    policy = policy_of(Config(gates=[gate], waivers=list(known)), "m", rev="r")
    verdict = judge(comparison, policy, today=TODAY)
    (one,) = verdict.outcomes
    assert verdict.result == one.result
    return one


def test_a_covered_failure_is_waived_and_not_passed() -> None:
    one = outcome(CHANGE, waiver())
    assert one.result == "waived"
    assert one.waiver
    assert (one.waiver.until, one.waiver.days, one.waiver.by) == ("2026-12-31", 36, "@a")


def test_what_passes_needs_no_waiver() -> None:
    one = outcome(CHANGE, waiver(), found=row(0.9))
    assert one.result == "pass"
    assert one.waiver is None


def test_an_expired_waiver_leaves_the_failure_and_is_said() -> None:
    one = outcome(CHANGE, waiver(expires="2026-11-24"))
    assert one.result == "fail"
    assert one.reason.startswith("waiver expired 2026-11-24; ")


def test_its_last_day_counts() -> None:
    assert outcome(CHANGE, waiver(expires="2026-11-25")).result == "waived"


@pytest.mark.parametrize(
    ("gate", "cap", "result", "shown"),
    [
        (CHANGE, 0.05, "waived", "0.05"),
        (CHANGE, 0.049, "fail", "0.049"),
        (CHANGE, "6%", "waived", "6%"),
        (CHANGE, "5%", "fail", "5%"),
        (LEAST, 0.05, "waived", "0.85"),
        (LEAST, 0.04, "fail", "0.86"),
    ],
)
def test_the_cap_is_inclusive_and_shown(
    gate: GateConfig, cap: float | str, result: str, shown: str
) -> None:
    one = outcome(gate, waiver(max_regression=cap))
    assert one.result == result
    assert one.waiver
    assert one.waiver.cap == shown


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_cap_covers_only_a_number(value: float | None) -> None:
    assert outcome(CHANGE, waiver(max_regression=1.0), found=row(value)).result == "fail"
    assert outcome(CHANGE, waiver(), found=row(value)).result == "waived"


def test_a_cap_of_a_loss_says_nothing_about_a_gain() -> None:
    gate = GateConfig(id="g", metric="auc", change=ChangeConfig(max_improvement=0.01))
    assert outcome(gate, waiver(max_regression=1.0), found=row(0.99)).result == "fail"


def test_every_part_of_a_group_has_to_be_within_the_cap() -> None:
    parts = [
        ConditionConfig(metric="auc", threshold=ThresholdConfig(min=0.9)),
        ConditionConfig(metric="auc", change=ChangeConfig(max_regression=0.01)),
    ]
    gate = GateConfig(id="g", all=parts)
    assert outcome(gate, waiver(max_regression=0.05)).result == "waived"
    assert outcome(gate, waiver(max_regression=0.04)).result == "fail"


def test_the_slice_scopes_it() -> None:
    gate = GateConfig(id="g", metric="slices.*.auc", change=ChangeConfig(max_regression=0.01))
    found = row(name="slices.region=EU.auc")
    assert outcome(gate, waiver(slice="region=EU"), found=found).result == "waived"
    assert outcome(gate, waiver(slice="region=NA"), found=found).result == "fail"
    assert outcome(gate, waiver(), found=found).result == "waived"


def test_the_gate_and_the_model_scope_it() -> None:
    assert outcome(CHANGE, waiver(gate="other")).result == "fail"
    assert outcome(CHANGE, waiver(model="other")).result == "fail"
    assert outcome(CHANGE, waiver(model="m")).result == "waived"


def test_a_valid_waiver_within_its_cap_stands_before_others() -> None:
    small, old = waiver(max_regression=0.02, expires="2027-12-31"), waiver(expires="2026-01-01")
    assert outcome(CHANGE, old, small, waiver(max_regression=0.06)).result == "waived"
    assert "not covered by its waiver" in outcome(CHANGE, old, small).reason


def test_without_a_day_no_waiver_counts() -> None:
    policy = policy_of(Config(gates=[CHANGE], waivers=[waiver()]), "m", rev="r")
    assert judge(ModelComparison(model="m", metrics=(row(),)), policy).result == "fail"


def test_waivers_are_part_of_the_digest() -> None:
    digests = {
        policy_of(Config(waivers=known), "m", rev="r").digest
        for known in ([], [waiver()], [waiver(reason="other")])
    }
    assert len(digests) == 3


@pytest.mark.parametrize(("cap", "result"), [(0.01, "fail"), (0.07, "waived")])
def test_a_cap_is_on_what_the_seeds_lost(cap: float, result: str) -> None:
    """The first seed, whose value the metrics file has, lost nothing."""
    runs = ((0.9, 0.88, 0.881, 0.882, 0.88), (0.9, 0.8, 0.8, 0.8, 0.8))
    sides = (SeedRuns(seeds=(0, 1, 2, 3, 4), values={("m.json", "auc"): values}) for values in runs)
    repeats = Repeats(path="s.json", **dict(zip(("baseline", "candidate"), sides, strict=True)))
    comparison = ModelComparison(model="m", metrics=(row(0.9),), repeats=repeats)
    config = Config(gates=[CHANGE], waivers=[waiver(max_regression=cap)])
    verdict = judge(comparison, policy_of(config, "m", rev="r"), today=TODAY)
    assert verdict.result == result
