"""What a note on untrustworthy numbers does to a verdict: it can take a pass away, and never give one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.model import Note, Outcome, Verdict
from tests.gates.test_evaluate import (
    METRICS,
    MIN,
    NO_WORSE,
    comparisons,
    gate_lists,
    judged,
    one,
    policy_from,
    row,
)

if TYPE_CHECKING:
    from mlops_ci.model import Change

RETRAINED = Note(kind="nothing-retrained", message="lr changed", fix="dvc repro", untrusted=True)
EDITED = Note(
    kind="lock-mismatch", message="m.json was edited", concerns=("m.json",), untrusted=True
)
EXAM = Note(kind="evaluation-differs", message="test.csv", path="test.csv", untrusted=True)
ROWS = [row("auc", 0.9, 0.9)]


@pytest.mark.parametrize(
    ("note", "gate", "reason"),
    [
        (RETRAINED, MIN, "not trusted: lr changed"),
        (RETRAINED, NO_WORSE, "not trusted: lr changed"),
        (EDITED, MIN, "not trusted: m.json was edited"),
        (EDITED, NO_WORSE, "not trusted: m.json was edited"),
        (EXAM, NO_WORSE, "not comparable: test.csv"),
        (EXAM, {"change": {"max_improvement": 0.1}}, "not comparable: test.csv"),
    ],
)
@pytest.mark.parametrize("value", [0.9, 0.7])
def test_it_is_not_judged_whatever_it_is(note: Note, gate: Any, reason: str, value: float) -> None:
    found = one([row("auc", 0.9, value)], gate, note)
    assert (found.result, found.reason, found.blocks) == ("inconclusive", reason, True)
    assert one(ROWS, gate, replace(note, untrusted=False)).result == "pass"
    assert one(ROWS, {**gate, "on_untrusted": "warn"}, note).result == "warn"
    assert one(ROWS, gate, note, defaults={"on_untrusted": "warn"}).result == "warn"
    assert one(ROWS, {**gate, "level": "warn"}, note).result == "warn"


def test_what_it_is_not_about_is_judged() -> None:
    assert one(ROWS, MIN, EXAM).result == "pass"
    assert one([row("auc", 0.9, 0.7)], MIN, EXAM).result == "fail"
    assert one([row("auc", 0.9, 0.9, source="other.json")], MIN, EDITED).result == "pass"


def test_a_lax_gate_still_fails() -> None:
    assert one([row("auc", 0.9, 0.7)], {**NO_WORSE, "on_untrusted": "warn"}, EXAM).result == "fail"


def test_one_of_two_that_is_let_through_with_a_warning_is_enough() -> None:
    """Where it would have passed: the other cannot be judged, a percentage of a baseline of 0."""
    either = [
        {"metric": "auc", "threshold": {"min": 0}},
        {"metric": "auc", "change": {"max_regression": "1%"}},
    ]
    rows = [row("auc", 0.0, 0.5)]
    policy = policy_from({"any": either, "on_untrusted": "warn"})
    assert judged(rows, policy).result == "pass"
    found = judged(rows, policy, RETRAINED)
    assert (found.result, found.blocks) == ("warn", False)


NOTES = st.lists(
    st.sampled_from(
        [RETRAINED, EXAM, replace(EDITED, concerns=("a",)), replace(EDITED, concerns=("b",))]
    ),
    max_size=3,
)


def verdicts(rows: list[Change], gates: Any, notes: list[Note]) -> dict[str, Verdict]:
    """Without the notes, with them, and by a policy that relaxes them."""
    strict = policy_from(*gates, metrics=METRICS)
    lax = policy_from(*gates, metrics=METRICS, defaults={"on_untrusted": "warn"})
    return {
        "plain": judged(rows, strict),
        "strict": judged(rows, strict, *notes),
        "lax": judged(rows, lax, *notes),
    }


@settings(deadline=None)
@given(comparisons(), gate_lists, NOTES)
def test_it_never_lets_through_what_would_have_been_stopped(
    rows: list[Change], gates: Any, notes: list[Note]
) -> None:
    found = verdicts(rows, gates, notes)
    assert found["lax"].blocks == found["plain"].blocks
    assert found["strict"].blocks or not found["lax"].blocks
    if found["strict"].result == "pass":
        assert found["plain"].result == "pass"


@settings(deadline=None)
@given(comparisons(), gate_lists)
def test_nothing_passes_where_nothing_was_retrained(rows: list[Change], gates: Any) -> None:
    found = verdicts(rows, gates, [RETRAINED])
    for verdict in (found["strict"], found["lax"]):
        every: list[Outcome] = [
            part for outcome in verdict.outcomes for part in (outcome, *outcome.parts)
        ]
        assert all(outcome.result != "pass" for outcome in every)


@settings(deadline=None)
@given(comparisons(), gate_lists, NOTES)
def test_notes_that_are_not_of_this_change_decide_nothing(
    rows: list[Change], gates: Any, notes: list[Note]
) -> None:
    inherited = [replace(note, untrusted=False) for note in notes]
    found = verdicts(rows, gates, inherited)
    assert repr(found["strict"]) == repr(found["plain"])
