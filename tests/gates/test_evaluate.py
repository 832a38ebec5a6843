"""A Comparison judged by a Policy: no metric passes that is missing, unreadable, no number, or not judged at all."""

from __future__ import annotations

import itertools
import json
import locale
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci import config as configuration
from mlops_ci.gates import Policy, judge, policy_of
from mlops_ci.model import Change, ModelComparison, Note, Outcome, Verdict

if TYPE_CHECKING:
    import random

NAN, INF = math.nan, math.inf
MIN = {"threshold": {"min": 0.8}}
MAX = {"threshold": {"max": 40}}
NO_WORSE = {"change": {"max_regression": 0}}
PERCENT = {"change": {"max_regression": "1%"}}
BROKEN = Note(kind="unreadable", message="m.json: broken JSON", side="candidate", path="m.json")


def row(name: str, before: Any = None, after: Any = None, **more: Any) -> Change:
    change: Any = "added" if before is None else "removed" if after is None else "changed"
    given = {"source": "m.json", "change": change, "baseline": before, "candidate": after}
    return Change(name=name, **{**given, **more})


def unknown(name: str, before: Any = None, after: Any = None) -> Change:
    return row(name, before, after, change="unknown", reason="broken JSON")


def policy_from(*gates: dict[str, Any], **config: Any) -> Policy:
    """As a config has them: gates without an id are numbered."""
    named = [{"id": f"g{number}", **gate} for number, gate in enumerate(gates)]
    text = json.dumps({"gates": named, **config}).encode()
    found = configuration.load(lambda path: text if path == configuration.FILE else None)
    return policy_of(found, "m", rev="r")


def judged(rows: list[Change], policy: Policy, *notes: Note, **more: Any) -> Verdict:
    return judge(ModelComparison(model="m", metrics=tuple(rows), notes=notes), policy, **more)


def one(rows: list[Change], gate: dict[str, Any], *notes: Note, **config: Any) -> Outcome:
    """The only Outcome of a gate on `auc`, unless it names another metric."""
    found = judged(rows, policy_from({"metric": "auc", **gate}, **config), *notes)
    (outcome,) = found.outcomes
    return outcome


@pytest.mark.parametrize("gate", [MIN, NO_WORSE, PERCENT, {"change": {"max_improvement": 0.5}}])
@pytest.mark.parametrize("value", [NAN, INF, -INF, True, "0.99", [0.99]])
def test_a_candidate_that_is_no_number_fails_every_rule(gate: Any, value: Any) -> None:
    found = one([row("auc", 0.9, value)], gate)
    assert found.result == "fail"
    assert "is not a finite number" in found.reason
    assert one([row("auc", 0.9, value)], {**gate, "on_nan": "warn"}).result == "warn"
    assert one([row("auc", 0.9, value)], gate, defaults={"on_nan": "warn"}).result == "warn"


@pytest.mark.parametrize("gate", [NO_WORSE, PERCENT])
@pytest.mark.parametrize("value", [NAN, INF, -INF, "0.9", True])
def test_a_baseline_that_is_no_number_is_inconclusive(gate: Any, value: Any) -> None:
    found = one([row("auc", value, 0.9)], {**gate, "on_nan": "warn"})
    assert found.result == "inconclusive"
    assert "the baseline is not a finite number" in found.reason


def test_an_infinite_value_is_not_above_a_minimum_nor_below_a_maximum() -> None:
    assert one([row("auc", 0.9, INF)], MIN).result == "fail"
    assert one([row("auc", 0.9, -INF)], MAX).result == "fail"


def test_a_percentage_of_zero_is_inconclusive_and_an_absolute_limit_judges() -> None:
    assert one([row("auc", 0.0, 0.0)], PERCENT).result == "inconclusive"
    assert one([row("auc", 0.0, -0.1)], NO_WORSE).result == "fail"
    assert judged([row("auc", 0.0, 0.9)], policy_from({"metric": "auc", **PERCENT})).blocks


def test_every_outcome_states_its_numbers() -> None:
    found = one([row("auc", 0.9, 0.85)], {"change": {"max_regression": 0.02}})
    assert (found.value, found.baseline, found.bound) == (0.85, 0.9, pytest.approx(0.88))
    assert found.headroom == pytest.approx(-0.03)
    assert found.rule == "at most 0.02 worse"
    assert found.reason == "at most 0.02 worse: broken by 0.03"
    assert (found.gate, found.metric, found.source) == ("g0", "auc", "m.json")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("acu", "auc"), ("AUC", "auc"), ("eval.auc", "auc"), ("slices.*.recal", "slices.a.recall")],
)
def test_a_misspelt_metric_fails_with_the_name_that_is_meant(name: str, meant: str) -> None:
    rows = [row("auc", 0.9, 0.9), row("slices.a.recall", 0.9, 0.9), row("gone", 0.9)]
    found = one(rows, {"metric": name, **MIN})
    assert found.result == "fail"
    assert found.reason == f"there is no such metric, did you mean {meant}?"


def test_a_vanished_metric_fails() -> None:
    found = one([row("auc", 0.9), row("f1", 0.5, 0.5)], MIN)
    assert found.result == "fail"
    assert "has vanished" in found.reason


@pytest.mark.parametrize(
    ("how", "result"), [("fail", "fail"), ("warn", "warn"), ("skip", "skipped")]
)
@pytest.mark.parametrize("rows", [[row("auc", 0.9)], [row("f1", 0.9, 0.9)], []])
def test_on_missing_metric(how: str, result: str, rows: list[Change]) -> None:
    assert one(rows, {**MIN, "on_missing_metric": how}).result == result
    assert one(rows, MIN, defaults={"on_missing_metric": how}).result == result


@pytest.mark.parametrize("how", ["fail", "warn", "skip"])
@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([unknown("auc", before=0.9)], BROKEN),
        ([], BROKEN),
        ([], replace(BROKEN, kind="unread-same", side="")),
        ([], Note(kind="unreadable", message="mlflow: away", side="candidate", path="mlflow")),
        # A name that stands twice in a file: which one counts must not be chance.
        ([row("auc", 0.9, 0.99)], BROKEN),
    ],
)
def test_an_unreadable_metric_is_inconclusive_and_never_skipped(
    how: str, rows: list[Change], note: Note
) -> None:
    found = one(rows, {**MIN, "on_missing_metric": how}, note)
    assert found.result == "inconclusive"
    assert "cannot be judged" in found.reason


def test_what_may_be_in_an_unreadable_file_has_not_vanished_by_permission() -> None:
    other = replace(BROKEN, path="more/*.json")
    rows = [row("auc", 0.9), row("f1", 0.9, 0.9)]
    for how in ("skip", "warn"):
        assert one(rows, {**MIN, "on_missing_metric": how}, other).result == "inconclusive"
    assert one(rows, MIN, other).result == "fail"


def test_what_holds_no_metrics_makes_no_metric_uncertain() -> None:
    locks = replace(BROKEN, path="requirements.txt")
    baseline = replace(BROKEN, side="baseline")
    for note in (locks, baseline):
        assert one([row("auc", 0.9, 0.9)], MIN, note).result == "pass"
        assert "no such metric" in one([row("f1", 0.9, 0.9)], MIN, note).reason
        assert one([row("recall", 0.9, 0.9)], {"metric": "rec*", **MIN}, note).result == "pass"


def test_a_baseline_that_cannot_be_read_is_not_a_first_measurement() -> None:
    broken = replace(BROKEN, side="baseline")
    elsewhere = row("auc", None, 0.1, source="new.json")
    for mode in ("bootstrap", "skip", "warn", "fail"):
        policy = {"baseline": {"on_missing": mode}}
        assert one([unknown("auc", after=0.1)], NO_WORSE, **policy).result == "inconclusive"
        assert one([elsewhere], NO_WORSE, broken, **policy).result == "inconclusive"
        assert one([row("auc", 0.9, 0.1)], NO_WORSE, broken, **policy).result == "inconclusive"


@pytest.mark.parametrize(
    ("mode", "first", "later"),
    [
        ("bootstrap", "skipped", "fail"),
        ("fail", "fail", "fail"),
        ("warn", "warn", "warn"),
        ("skip", "skipped", "skipped"),
    ],
)
def test_a_baseline_that_has_no_value(mode: str, first: str, later: str) -> None:
    new, other = row("auc", None, 0.9), row("f1", 0.5, 0.5)
    config = {"baseline": {"on_missing": mode}}
    assert one([new], NO_WORSE, **config).result == first
    assert one([new, other], NO_WORSE, **config).result == later
    # A bound on the value needs no baseline.
    assert one([new, other], MIN, **config).result == "pass"


def test_a_change_that_left_before_the_first_measurement_is_not_the_first() -> None:
    policy = policy_from({"metric": "auc", **NO_WORSE})
    found = judged([row("auc", None, 0.1)], policy, measured_since=True)
    assert found.result == "inconclusive"
    assert "merge it into this change" in found.outcomes[0].reason


def test_no_gates_and_unarmed_and_only_skipped_are_no_pass() -> None:
    rows = [row("auc", 0.9, 0.9)]
    policy = policy_from({"metric": "auc", **MIN})
    assert judged(rows, policy).result == "pass"
    assert judged(rows, Policy(rev="r")).result == "no gates"
    assert judged(rows, policy_of(None, "m", rev="r")).result == "no gates"
    unarmed = judged([row("auc", 0.9, 0.1)], replace(policy, armed=False))
    assert (unarmed.result, unarmed.blocks, unarmed.outcomes[0].result) == (
        "unarmed",
        False,
        "fail",
    )
    assert judged(rows, policy_from({"metric": "auc", "level": "off", **MIN})).result == "unarmed"
    skipped = policy_from({"metric": "acu", "on_missing_metric": "skip", **MIN})
    assert judged(rows, skipped).result == "unarmed"


def test_a_direction_that_is_not_known_is_inconclusive() -> None:
    rows = [row("score_x", 0.9, 0.9)]
    found = one(rows, {"metric": "score_x", **NO_WORSE})
    assert found.result == "inconclusive"
    assert "set metrics.score_x.direction" in found.reason
    for direction, result in (("higher_is_better", "fail"), ("lower_is_better", "pass")):
        metrics = {"score_*": {"direction": direction}}
        worse = [row("score_x", 0.9, 0.8)]
        assert one(worse, {"metric": "score_x", **NO_WORSE}, metrics=metrics).result == result


def test_the_policy_says_which_way_is_better_and_not_the_change_under_review() -> None:
    flipped = row("auc", 0.9, 0.5, direction="lower_is_better", change="better", tolerance=1.0)
    assert one([flipped], NO_WORSE).result == "fail"
    assert one([row("loss", 0.5, 0.9)], {"metric": "loss", **NO_WORSE}).result == "fail"


def test_a_metric_that_is_renamed_to_an_alias_is_still_compared() -> None:
    metrics = {"auc": {"aliases": ["score"]}}
    rows = [row("auc", 0.9), row("score", None, 0.8)]
    for gate in ({"metric": "auc"}, {"metric": "score"}):
        found = one(rows, {**gate, **NO_WORSE}, metrics=metrics)
        assert (found.result, found.value, found.baseline) == ("fail", 0.8, 0.9)
    assert (
        one([row("auc", 0.9), row("score", None, 0.9)], NO_WORSE, metrics=metrics).result == "pass"
    )


def test_an_alias_in_another_file_does_not_stand_in_for_a_vanished_metric() -> None:
    rows = [row("auc", 0.9, source="test.json"), row("AUC", None, 0.99, source="train.json")]
    policy = policy_from({"metric": "auc", **NO_WORSE}, metrics={"auc": {"aliases": ["AUC"]}})
    assert judged(rows, policy).result == "fail"


def test_a_metric_that_is_in_another_file_now_is_told_where() -> None:
    rows = [row("auc", 0.9, source="a.json"), row("auc", None, 0.9, source="b.json")]
    old, new = judged(rows, policy_from({"metric": "auc", **NO_WORSE})).outcomes
    assert (old.result, old.reason) == ("fail", "has vanished from a.json: b.json has it now")
    assert (new.result, new.reason) == ("fail", "is not in the baseline, which has it in a.json")
    both = [row("auc", 0.9, 0.9, source="b.json"), row("auc", 0.9, source="a.json")]
    found = judged(both, policy_from({"metric": "auc", **NO_WORSE})).outcomes
    assert [one.reason for one in found if "b.json" in one.reason] == []


def test_a_value_outside_of_its_range_fails_and_a_baseline_there_is_inconclusive() -> None:
    metrics = {"loss": {"range": [0, 1]}}
    gate = {"metric": "loss", **NO_WORSE}
    assert one([row("loss", 0.5, -0.1)], gate, metrics=metrics).result == "fail"
    assert one([row("loss", 50, 0.6)], gate, metrics=metrics).result == "inconclusive"
    assert one([row("loss", 0.5, 0.0)], gate, metrics=metrics).result == "pass"


def test_a_fraction_and_a_percentage_are_not_compared() -> None:
    found = one([row("auc", 0.93, 60.0, scale_jump=True)], NO_WORSE)
    assert found.result == "inconclusive"
    assert "0.93 and 60.0" in found.reason


def test_a_suspicious_improvement_fails() -> None:
    assert one([row("auc", 0.8, 0.95)], {"change": {"max_improvement": 0.1}}).result == "fail"
    assert (
        one(
            [row("loss", 0.8, 0.1)], {"metric": "loss", "change": {"max_improvement": "50%"}}
        ).result
        == "fail"
    )
    assert one([row("auc", 0.8, 0.1)], {"change": {"max_improvement": 0.1}}).result == "pass"


def test_a_pattern_holds_for_every_match_and_does_not_shrink() -> None:
    gate = {"metric": "slices.*.recall", **MIN}
    rows = [row(f"slices.{name}.recall", 0.9, 0.9) for name in "abc"] + [row("recall", 0.1, 0.1)]
    policy = policy_from(gate)
    assert [o.result for o in judged(rows, policy).outcomes] == ["pass"] * 3
    vanished = [*rows, row("slices.d.recall", 0.9)]
    assert [o.result for o in judged(vanished, policy).outcomes] == [*["pass"] * 3, "fail"]
    unread = [*rows, unknown("slices.d.recall", before=0.9)]
    assert judged(unread, policy).result == "inconclusive"
    # Neither side could be read: nobody knows which slices are in it.
    other = replace(BROKEN, path="slices.json")
    assert judged(rows, policy, other).result == "inconclusive"
    same = replace(other, kind="unread-same", side="")
    assert judged(rows, policy, same).result == "inconclusive"
    assert (
        judged(rows, policy_from({"metric": "slices.*.recall", **NO_WORSE}), same).result == "pass"
    )


def test_a_pattern_without_a_match_fails() -> None:
    found = one([row("auc", 0.9, 0.9)], {"metric": "slices.*.recall", **MIN})
    assert (found.result, found.metric) == ("fail", "slices.*.recall")


def test_a_name_with_brackets_means_itself() -> None:
    assert one([row("f1[macro]", 0.9, 0.9)], {"metric": "f1[macro]", **MIN}).result == "pass"


def test_a_metric_in_several_files_is_judged_in_each() -> None:
    rows = [row("auc", 0.9, 0.9), row("auc", 0.9, 0.1, source="b.json")]
    found = judged(rows, policy_from({"metric": "auc", **MIN}))
    assert [(o.source, o.result) for o in found.outcomes] == [
        ("m.json", "pass"),
        ("b.json", "fail"),
    ][::-1]


ROWS = {
    "pass": row("p", 0.9, 0.9),
    "fail": row("f", 0.9, 0.1),
    "inconclusive": unknown("i", before=0.9),
}


@pytest.mark.parametrize("results", list(itertools.product(ROWS, repeat=3)))
def test_groups_are_three_valued(results: tuple[str, ...]) -> None:
    conditions = [{"metric": ROWS[one].name, **MIN} for one in results]
    rows = list(ROWS.values())
    for kind, order in (("all", "fail inconclusive pass"), ("any", "pass inconclusive fail")):
        (found,) = judged(rows, policy_from({kind: conditions})).outcomes
        assert found.result == next(one for one in order.split() if one in results)
        assert [part.result for part in found.parts] == list(results)
        assert found.rule == f"{'all' if kind == 'all' else 'one'} of 3 conditions"
        named = {ROWS[one].name for one in results if one == found.result}
        assert all(f"{name}: " in found.reason for name in named)


def test_a_condition_with_two_rules_or_many_matches_has_to_hold_as_a_whole() -> None:
    both = {"metric": "auc", **MIN, **NO_WORSE}
    assert judged([row("auc", 0.95, 0.9)], policy_from({"any": [both]})).result == "fail"
    rows = [row("s.a", 0.9, 0.9), row("s.b", 0.9, 0.1)]
    assert judged(rows, policy_from({"any": [{"metric": "s.*", **MIN}]})).result == "fail"


@pytest.mark.parametrize(
    ("after", "level", "result", "blocks"),
    [
        (0.1, "error", "fail", True),
        (0.1, "warn", "warn", False),
        (0.1, "off", "unarmed", False),
        (0.9, "warn", "pass", False),
        (NAN, "warn", "warn", False),
        (None, "warn", "warn", False),
    ],
)
def test_levels(after: Any, level: str, result: str, blocks: bool) -> None:
    for gate, config in (({"level": level}, {}), ({}, {"defaults": {"level": level}})):
        policy = policy_from({"metric": "auc", **MIN, **gate}, **config)
        found = judged([row("auc", 0.9, after)], policy)
        assert (found.result, found.blocks) == (result, blocks)
        grouped = policy_from({"all": [{"metric": "auc", **MIN}], **gate}, **config)
        assert judged([row("auc", 0.9, after)], grouped).result == result


def test_a_warning_stays_one_when_it_cannot_be_judged() -> None:
    found = one([row("auc", 0.0, 0.0)], {**PERCENT, "level": "warn"})
    assert found.result == "warn"
    assert "baseline of zero" in found.reason


def test_the_worst_outcome_decides() -> None:
    rows = [*ROWS.values(), row("n", 0.9, NAN)]
    gates = {name: {"metric": one.name, **MIN} for name, one in ROWS.items()}
    gates["warn"] = {"metric": "n", "on_nan": "warn", **MIN}
    order = ["pass", "warn", "inconclusive", "fail"]
    for size in range(1, 5):
        for names in itertools.permutations(order, size):
            found = judged(rows, policy_from(*(gates[name] for name in names)))
            assert found.result == max(names, key=order.index)
            assert found.blocks == (found.result in ("fail", "inconclusive"))


values = st.sampled_from([0.0, 0.5, 0.9, 0.1 + 0.2, 0.3, -0.4, 1, 93.0, NAN, INF, True, "x", None])
names = ["auc", "AUC", "loss", "slices.a.recall", "slices.b.recall", "score"]


@st.composite
def comparisons(draw: Any) -> list[Change]:
    keys = draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(["a", "b"])), unique=True)
    )
    rows = []
    for name, source in keys:
        before, after = draw(values), draw(values)
        if before is not None or after is not None:
            change: Any = draw(st.sampled_from(["changed", "same", "unknown"]))
            rows.append(row(name, before, after, source=source, hidden=draw(st.booleans())))
            rows[-1] = replace(rows[-1], change=change) if None in (before, after) else rows[-1]
    return rows


conditions = st.fixed_dictionaries(
    {"metric": st.sampled_from([*names, "*", "slices.*.recall", "*.recall"])},
).flatmap(
    lambda base: st.sampled_from([MIN, MAX, NO_WORSE, PERCENT]).map(lambda rule: {**base, **rule})
)
gate_lists = st.lists(
    conditions
    | st.lists(conditions, min_size=1, max_size=3).map(lambda found: {"any": found})
    | st.lists(conditions, min_size=1, max_size=3).map(lambda found: {"all": found}),
    min_size=1,
    max_size=3,
)
METRICS = {
    "auc": {"aliases": ["AUC"], "range": [0, 1]},
    "s*": {"direction": "lower_is_better"},
    "*e": {"direction": "higher_is_better"},
    "slices.*": {"direction": "higher_is_better"},
}


def shuffled(value: Any, seed: random.Random) -> Any:
    """The same document with the keys of every mapping in another order."""
    if isinstance(value, list):
        return [shuffled(one, seed) for one in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    seed.shuffle(keys)
    return {key: shuffled(value[key], seed) for key in keys}


@settings(deadline=None)
@given(comparisons(), gate_lists, st.randoms(use_true_random=False))
def test_no_order_changes_a_verdict(rows: list[Change], gates: Any, seed: random.Random) -> None:
    document = {"gates": gates, "metrics": METRICS}
    expected = judged(rows, policy_from(*gates, metrics=METRICS))
    other = shuffled(document, seed)
    seed.shuffle(rows)
    found = judged(rows, policy_from(*other["gates"], metrics=other["metrics"]))
    assert repr(found) == repr(expected)  # NaN equals NaN there


@settings(deadline=None)
@given(comparisons(), gate_lists)
def test_what_a_report_hides_changes_no_outcome(rows: list[Change], gates: Any) -> None:
    policy = policy_from(*gates, metrics=METRICS)
    flipped = [replace(one, hidden=not one.hidden, tolerance=9.0) for one in rows]
    assert repr(judged(flipped, policy)) == repr(judged(rows, policy))


@settings(deadline=None)
@given(comparisons(), gate_lists)
def test_a_pass_is_never_vacuous(rows: list[Change], gates: Any) -> None:
    found = judged(rows, policy_from(*gates, metrics=METRICS))
    told = [part for o in found.outcomes for part in (o.parts or (o,))]
    if found.result == "pass":
        assert any(one.result == "pass" for one in told)
    for one in told:
        if one.result == "pass":
            assert isinstance(one.value, (int, float))
            assert math.isfinite(one.value)
            assert one.bound is not None
            assert one.headroom is not None
            assert one.headroom >= 0


@settings(deadline=None)
@given(comparisons(), st.sampled_from(["min", "max"]), st.floats(-2, 2), st.floats(0, 100))
def test_a_looser_gate_passes_what_a_strict_one_passes(
    rows: list[Change], kind: str, bound: float, more: float
) -> None:
    def result(limit: float) -> str:
        return judged(rows, policy_from({"metric": "*", "threshold": {kind: limit}})).result

    if result(bound) == "pass":
        assert result(bound - more if kind == "min" else bound + more) == "pass"


def test_no_locale_changes_a_verdict() -> None:
    policy = policy_from(
        {"metric": "auc", "change": {"max_regression": "0.5%"}}, {"metric": "loss", **MAX}
    )
    rows = [row("auc", 1234.5, 1200.25), row("loss", 0.5, 1e6)]
    expected = judged(rows, policy)
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("C", "de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue  # not installed here
            assert judged(rows, policy) == expected
    finally:
        locale.setlocale(locale.LC_ALL, before)
