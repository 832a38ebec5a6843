"""The waiver that a report proposes is one that the loader takes and that covers the failure."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mlops_ci import config
from mlops_ci.config import Config
from mlops_ci.gate_config import ChangeConfig, GateConfig, ThresholdConfig
from mlops_ci.gates import judge, policy_of
from mlops_ci.model import Change, ModelComparison, Verdict
from mlops_ci.report import accept, checks

CHANGE = {"change": ChangeConfig(max_regression=0.02)}
LEAST = {"threshold": ThresholdConfig(min=0.72)}


def judged(gate: GateConfig, name: str, **keys: Any) -> Verdict:
    row = Change(
        name=name,
        source="m.json",
        baseline=0.7186,
        candidate=0.6593,
        direction="higher_is_better",
        change="worse",
    )
    policy = policy_of(Config(gates=[gate], **keys), "m", rev="r")
    return judge(ModelComparison(model="m", metrics=(row,)), policy, today=date(2026, 11, 25))


def proposed(verdict: Verdict, model: str = "") -> tuple[str, ...]:
    return accept.waivers((model, row) for row in checks.checks_of(verdict))


@pytest.mark.parametrize("rule", [CHANGE, LEAST])
@pytest.mark.parametrize("name", ["recall", "slices.region=EU.recall"])
def test_it_covers_the_failure(rule: dict[str, Any], name: str) -> None:
    gate = GateConfig(id="recall-by-region", metric=name, **rule)
    lines = proposed(judged(gate, name))
    text = "\n".join(lines).replace('""', '"x"').replace("YYYY-MM-DD", "2026-12-31")
    found = config.load(lambda _: text.encode())
    assert found
    assert found.waivers[0].max_regression in (0.06, 0.061)
    assert judged(gate, name, waivers=found.waivers).result == "waived"


@pytest.mark.parametrize(
    "gate", ["a\n```", "`a`", "a b", "@a", "<b>", "- a", "##[error]x", "é: #", "true", "Null", "no"]
)
def test_a_hostile_name_stays_a_name(gate: str) -> None:
    lines = proposed(judged(GateConfig(id=gate, metric="recall", **CHANGE), "recall"))
    assert not [line for line in lines if "\n" in line or "##[" in line or line.startswith("`")]
    text = "\n".join(lines).replace('""', '"x"').replace("YYYY-MM-DD", "2026-12-31")
    found = config.load(lambda _: text.encode())
    assert found
    assert found.waivers[0].gate == gate


def test_among_several_models_it_is_for_one() -> None:
    gate = GateConfig(id="g", metric="recall", **CHANGE)
    text = "\n".join(proposed(judged(gate, "recall"), "other")).replace("YYYY-MM-DD", "2026-12-31")
    found = config.load(lambda _: text.replace('""', '"x"').encode())
    assert found
    assert found.waivers[0].model == "other"
    assert judged(gate, "recall", waivers=found.waivers).result == "fail"


def test_what_is_left_out_is_counted() -> None:
    names = [f"slices.{part}.recall" for part in "abcde"]
    gates = [judged(GateConfig(id="g", metric=name, **CHANGE), name) for name in names]
    rows = [("", row) for verdict in gates for row in checks.checks_of(verdict)]
    lines = accept.waivers(rows)
    assert sum("slice:" in line for line in lines) == 3
    assert lines[-1] == "  # and 2 more, one for each check that fails"
    assert accept.waivers(rows[:3])[-1] != lines[-1]


def test_what_passes_needs_none() -> None:
    gate = GateConfig(id="g", metric="recall", threshold=ThresholdConfig(min=0))
    assert proposed(judged(gate, "recall")) == ()
