"""Waivers: who may write what, and what they do to Findings."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mlops_ci import config, waivers
from mlops_ci.errors import ConfigError
from mlops_ci.finding import Finding
from mlops_ci.waivers import WaiverConfig

TODAY = date(2026, 11, 25)
RULED = {"rule": "data-not-in-git", "reason": "a fixture", "approved_by": "@ml-leads"}


def waiver(**keys: Any) -> WaiverConfig:
    return WaiverConfig(**{"expires": "2026-12-31", **keys})


def finding(path: str = "a.csv", **keys: Any) -> Finding:
    return Finding(rule="data-not-in-git", path=path, what="a.csv: 2 MB", **keys)


def on(found: Finding, *known: WaiverConfig, today: date = TODAY) -> Finding:
    (one,) = waivers.on_findings([found], known, today)
    return one


def test_a_waived_finding_is_a_note_that_names_its_expiry() -> None:
    one = on(finding(), waiver(**RULED))
    assert one.level == "note"
    assert "waived until 2026-12-31 (36 days) by @ml-leads: a fixture" in one.what


def test_an_undecided_finding_can_be_waived() -> None:
    assert not on(finding(undecided=True), waiver(**RULED)).undecided


def test_the_last_day_counts_and_the_next_does_not() -> None:
    one = waiver(**RULED)
    assert on(finding(), one, today=date(2026, 12, 31)).level == "note"
    late = on(finding(), one, today=date(2027, 1, 1))
    assert late.level == "error"
    assert "its waiver expired 2026-12-31" in late.what


@pytest.mark.parametrize(
    ("scope", "path", "waived"),
    [
        ("tests/*", "tests/deep/a.csv", True),
        ("tests/*", "data/tests/a.csv", False),
        ("a[1].csv", "a[1].csv", True),
        (None, "any", True),
    ],
)
def test_the_path_scopes_it(scope: str | None, path: str, waived: bool) -> None:
    assert (on(finding(path), waiver(**RULED, path=scope)).level == "note") == waived


def test_another_rule_is_not_waived() -> None:
    assert on(finding(), waiver(**{**RULED, "rule": "policy-valid"})) == finding()


def test_of_two_waivers_the_longer_counts() -> None:
    expired = waiver(**{**RULED, "expires": "2026-01-01"})
    assert on(finding(), expired, waiver(**RULED)).level == "note"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{reason: r, approved_by: a, expires: 2026-12-31}", "needs one of: gate, rule"),
        ("{gate: g, rule: r, reason: r, approved_by: a, expires: 2026-12-31}", "needs one of"),
        ("{gate: g, path: p, reason: r, approved_by: a, expires: 2026-12-31}", "path: belongs to"),
        ("{rule: r, slice: s, reason: r, approved_by: a, expires: 2026-12-31}", "slice: belongs"),
        ('{gate: g, reason: r, approved_by: "", expires: 2026-12-31}', "approved_by: needs a text"),
        ('{gate: g, reason: " ", approved_by: a, expires: 2026-12-31}', "reason: needs a text"),
        ("{gate: g, reason: r, approved_by: a, expires: 2026-02-30}", "expires: needs a day"),
        ("{gate: g, reason: r, approved_by: a, expires: never}", "expires: needs a day"),
        ("{gate: g, reason: r, approved_by: a}", "needs the key expires"),
        (
            "{gate: g, reason: r, approved_by: a, expires: 2026-12-31, max_regression: much}",
            "max_regression: needs a number or a percentage",
        ),
        (
            "{gate: g, reason: r, approved_by: a, expires: 2026-12-31, max_regression: .inf}",
            "max_regression: needs a number of 0 or more",
        ),
    ],
)
def test_a_wrong_waiver_is_an_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(lambda _: f"waivers:\n- {text}\n".encode())
    assert message in str(caught.value)
    assert str(caught.value).startswith("mlops-ci.yaml:2:")
