"""Two Snapshots side by side: deltas, words for them, and honest notes."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_ci.compare import compare, is_same
from mlops_ci.config import MetricConfig
from mlops_ci.evaluation import Evaluation
from mlops_ci.fact import Fact
from mlops_ci.model import (
    Baseline,
    CodeFile,
    Comparison,
    DataRef,
    Measurement,
    Origin,
    Package,
    Snapshot,
    Unknown,
)
from mlops_ci.stage_inputs import StageInputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.model import Change

NAN, INF, HUGE = math.nan, math.inf, 10**400
HIGHER = MetricConfig(direction="higher_is_better")
LOWER = MetricConfig(direction="lower_is_better")


def short(value: Any) -> str:
    """The name of a case, which 400 digits would fill."""
    return f"{value!r:.12}"


def measured(values: Mapping[str, Any], source: str = "m.json") -> tuple[Measurement, ...]:
    return tuple(
        Measurement(name=name, source=source, value=value, where=f"{source}:{name}")
        for name, value in values.items()
    )


def snapshot(metrics: Mapping[str, Any] | None = None, **parts: Any) -> Snapshot:
    origin = Origin(rev="main", commit="1a2b3c4d" * 5)
    return Snapshot(model="m", origin=origin, metrics=measured(metrics or {}), **parts)


def row(before: Any, after: Any, configured: MetricConfig | None = None, name: str = "x") -> Change:
    """One metric; None is absent."""
    old = snapshot({} if before is None else {name: before})
    new = snapshot({} if after is None else {name: after})
    (found,) = compare(old, new, {name: configured} if configured else {}).metrics
    return found


# Numbers


@pytest.mark.parametrize(
    ("before", "after", "delta", "relative"),
    [
        (0.5, 0.75, 0.25, 0.5),
        (4, 5, 1, 0.25),
        (-2.0, -1.0, 1.0, 0.5),
        (-1.0, 1.0, 2.0, 2.0),
        (0, 3, 3, None),
        (0.0, 0.5, 0.5, None),
        (-0.0, 0.5, 0.5, None),
        (1, 1.5, 0.5, 0.5),
        (1.0, INF, INF, INF),
        (10**30, 10**30 + 1, 1, 1e-30),
        (HUGE, 1.5, None, None),
        (1.5, HUGE, None, None),
        (1, HUGE, None, None),
        (None, 1.0, None, None),
        (1.0, None, None, None),
        (True, False, None, None),
        (1, True, None, None),
        ("1", 2, None, None),
        ([1], [2], None, None),
    ],
    ids=short,
)
def test_delta_is_candidate_minus_baseline_and_relative_to_its_size(before, after, delta, relative):
    found = row(before, after)
    assert (found.delta, found.relative) == (delta, relative)
    assert type(found.delta) is type(delta)
    assert (found.baseline, found.candidate) == (before, after)


@pytest.mark.parametrize(
    ("before", "after", "higher", "lower", "neutral"),
    [
        (0.5, 0.75, "better", "worse", "changed"),
        (0.75, 0.5, "worse", "better", "changed"),
        (-1.0, 0, "better", "worse", "changed"),
        (1.0, INF, "better", "worse", "changed"),
        (-INF, 1.0, "better", "worse", "changed"),
        (1.5, HUGE, "better", "worse", "changed"),
        (1, 1.0, "same", "same", "same"),
        (0.0, -0.0, "same", "same", "same"),
        (INF, INF, "same", "same", "same"),
        (NAN, NAN, "same", "same", "same"),
        (NAN, 1.0, "changed", "changed", "changed"),
        (1.0, NAN, "changed", "changed", "changed"),
        (INF, -INF, "worse", "better", "changed"),
        (True, True, "same", "same", "same"),
        (True, False, "changed", "changed", "changed"),
        (True, 1, "changed", "changed", "changed"),
        (0.0, False, "changed", "changed", "changed"),
        ("a", "a", "same", "same", "same"),
        ("a", "b", "changed", "changed", "changed"),
        ("1", 1, "changed", "changed", "changed"),
        ([1, 2], [1, 2], "same", "same", "same"),
        ([1, 2], [2, 1], "changed", "changed", "changed"),
        ([1], [1, 2], "changed", "changed", "changed"),
        ([1], 1, "changed", "changed", "changed"),
        (None, 0.5, "added", "added", "added"),
        (0.5, None, "removed", "removed", "removed"),
    ],
    ids=short,
)
def test_one_word_says_what_a_change_is(before, after, higher, lower, neutral):
    assert row(before, after, HIGHER).change == higher
    assert row(before, after, LOWER).change == lower
    assert row(before, after).change == neutral


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (0.1 + 0.2, 0.3, True),
        (0.93, 0.93 + 1e-10, True),
        (0.93, 0.930001, False),
        (1e9, 1e9 + 0.5, True),
        (1e-13, -4e-13, True),
        (0.0, 1e-11, False),
        (10**15, 10**15 + 1, False),
        (2**53, float(2**53), True),
        ([0.1 + 0.2, "a"], [0.3, "a"], True),
        ([[0.1 + 0.2]], [[0.3]], True),
        ([1], [True], False),
        ([None], [0], False),
        ([{"a": 0.1 + 0.2}], [{"a": 0.3}], True),
        ([{"a": 1}], [{"a": True}], False),
        ([{"a": 1}], [{"a": 1, "b": 2}], False),
    ],
    ids=short,
)
def test_float_noise_is_no_change_and_all_else_is(before, after, same):
    assert is_same(before, after) is same
    assert is_same(after, before) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.lists(json_values, max_size=3) | st.floats())
@example([NAN])
@example([{"a": [NAN]}])
def test_a_value_that_is_read_again_is_the_same(value):
    assert is_same(value, json.loads(json.dumps(value)))


# Tolerance and direction


@pytest.mark.parametrize(
    ("before", "after", "tolerance", "change"),
    [
        (0.91, 0.915, 0.01, "same"),
        (0.91, 0.92, 0.01, "same"),  # 0.92 - 0.91 is 0.010000000000000009
        (0.92, 0.91, 0.01, "same"),
        (0.91, 0.9201, 0.01, "better"),
        (0.91, 0.8999, 0.01, "worse"),
        (100, 101, 1, "same"),
        (100, 102, 1, "better"),
        (10**12, 10**12 + 3, 1, "better"),
        (10**30, 10**30 + 1, 1, "same"),
        (1.0, INF, 1, "better"),
        (1.0, NAN, 1, "changed"),
        ("a", "b", 1, "changed"),
        (False, True, 1, "changed"),
    ],
    ids=short,
)
def test_a_change_up_to_the_tolerance_is_the_same(before, after, tolerance, change):
    configured = MetricConfig(direction="higher_is_better", tolerance=tolerance)
    assert row(before, after, configured).change == change
    assert row(before, after, configured).tolerance == tolerance


def test_the_exact_name_is_heard_before_a_pattern_and_the_closest_pattern_before_others():
    configured = {
        "test.*": LOWER,
        "*.f1": MetricConfig(tolerance=1),
        "test.auc": HIGHER,
        "[a]": LOWER,
    }
    names = ["test.auc", "test.f1", "val.f1", "TEST.x", "[a]"]
    old, new = (snapshot(dict.fromkeys(names, value)) for value in (1, 2))
    for order in itertools.permutations(configured):
        found = compare(old, new, {name: configured[name] for name in order}).metrics
        assert {one.name: one.change for one in found} == {
            "test.auc": "better",
            "test.f1": "worse",
            "val.f1": "same",
            "TEST.x": "changed",
            "[a]": "worse",
        }


def test_well_known_names_have_a_direction_and_the_config_has_the_last_word():
    assert row(1, 2, name="val_loss").change == "worse"
    assert row(1, 2, name="val_loss").direction == "lower_is_better"
    assert row(1, 2, HIGHER, name="val_loss").change == "better"
    neutral = MetricConfig(direction="neutral")
    assert row(1, 2, neutral, name="val_loss").change == "changed"


def test_bookkeeping_is_hidden_and_a_param_never_is():
    old, new = measured({"lr": 1, "acc": 1}), measured({"lr": 2, "acc": 2})
    found = compare(snapshot({"lr": 1, "acc": 1}, params=old), snapshot({"lr": 2}, params=new))
    assert [(one.name, one.hidden) for one in found.metrics] == [("acc", False), ("lr", True)]
    assert [(one.change, one.hidden, one.direction) for one in found.params] == [
        ("changed", False, "neutral")
    ] * 2


@pytest.mark.parametrize(
    ("before", "after", "jump"),
    [
        (0.93, 93.1, True),
        (93.1, 0.93, True),
        (1.0, 99.0, True),
        (0.93, 0.94, False),
        (0.93, 1.2, False),
        (0.93, 930.0, False),
        (0.01, 50.0, False),
        (1, 100, False),
        (True, 50.0, False),
        (0.93, NAN, False),
        (0.93, INF, False),
        (0.93, HUGE, False),
        (None, 93.1, False),
    ],
    ids=short,
)
def test_a_fraction_that_becomes_a_percentage_is_seen(before, after, jump):
    assert row(before, after).scale_jump is jump
    notes = compare(
        snapshot({} if before is None else {"acc": before}), snapshot({"acc": after})
    ).notes
    assert [note.kind for note in notes] == (["scale-jump"] if jump else [])


# Both sides


numbers = st.integers(-5, 5) | st.floats() | st.sampled_from([0.1 + 0.2, 0.3, 10**300])
values = numbers | st.booleans() | st.sampled_from(["a", "b", [1], [1.0], [0.5, "a"]])
sides = st.dictionaries(st.sampled_from(["acc", "loss", "x", "n_rows"]), values)
MIRROR = {"better": "worse", "worse": "better", "added": "removed", "removed": "added"}


@settings(deadline=None)
@given(sides, sides, st.sampled_from([0.0, 0.5, 1.0]))
def test_the_other_way_round_is_the_mirror_image(old, new, tolerance):
    configured = {"*": MetricConfig(tolerance=tolerance)}
    there = compare(snapshot(old), snapshot(new), configured).metrics
    back = compare(snapshot(new), snapshot(old), configured).metrics
    assert [one.change for one in back] == [MIRROR.get(o.change, o.change) for o in there]
    for one, other in zip(there, back, strict=True):
        if one.delta is not None:
            assert other.delta == -one.delta or math.isnan(one.delta)
        assert one.scale_jump == other.scale_jump


@settings(deadline=None)
@given(sides)
def test_nothing_changed_against_itself(values):
    found = compare(snapshot(values), snapshot(values))
    assert {one.change for one in found.metrics} <= {"same"}
    assert not found.notes


@st.composite
def shuffled(draw):
    """A Snapshot, and the same with all its parts in another order."""
    names = st.sampled_from("abc")
    sources = st.sampled_from(["x.json", "y.json"])
    versions = st.sampled_from(["1", "2"])
    parts = {
        "metrics": st.builds(Measurement, name=names, source=sources, value=values, where=names),
        "params": st.builds(Measurement, name=names, source=sources, value=values, where=names),
        "data": st.builds(DataRef, path=names, id=versions),
        "evaluation": st.builds(DataRef, path=names, id=versions),
        "environment": st.builds(Package, name=names, version=versions, source=sources),
        "code": st.builds(CodeFile, path=names, blob=versions),
    }
    keys = {
        "metrics": lambda one: (one.source, one.name),
        "params": lambda one: (one.source, one.name),
        "environment": repr,
    }
    lists = {
        part: draw(st.lists(one, unique_by=keys.get(part, lambda x: x.path), max_size=4))
        for part, one in parts.items()
    }
    other = {part: tuple(draw(st.permutations(one))) for part, one in lists.items()}
    first = snapshot(lock_digest="1")
    return (
        replace(first, **_parts({part: tuple(one) for part, one in lists.items()})),
        replace(first, **_parts(other)),
    )


def _parts(lists: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    ids = {ref.path: ref.id for ref in lists["evaluation"]}
    return {**lists, "evaluation": Evaluation(data=ids, code=ids, unsure=ids)}


@settings(deadline=None)
@given(shuffled(), shuffled())
def test_order_says_nothing(old, new):
    assert repr(compare(old[0], new[0])) == repr(compare(old[1], new[1]))


def test_a_name_that_a_file_has_twice_is_the_same_in_any_order():
    """`{"a.b": 1, "a": {"b": 2}}` has `a.b` twice."""
    once, again = measured({"a.b": 1}), measured({"a.b": 2})
    old, new = (replace(snapshot(), metrics=pair) for pair in (once + again, again + once))
    assert {one.change for one in compare(old, new).metrics} == {"same"}


def test_rows_are_aligned_by_name_and_source_and_sorted():
    two = (*measured({"b": 1, "a": 1}, "y.json"), *measured({"b": 2}, "x.json"))
    found = compare(replace(snapshot(), metrics=two), snapshot({"a": 3})).metrics
    assert [(one.source, one.name, one.change) for one in found] == [
        ("m.json", "a", "added"),
        ("x.json", "b", "removed"),
        ("y.json", "a", "removed"),
        ("y.json", "b", "removed"),
    ]
    assert found[0].where == ("", "m.json:a")
    assert found[1].where == ("x.json:b", "")


# What could not be read


@pytest.mark.parametrize(
    ("kind", "subject", "source"),
    [("metrics", "d/m.json", "d/m.json"), ("tracker", "mlflow", "mlflow:churn")],
)
def test_what_one_side_could_not_read_is_unknown_and_neither_added_nor_removed(
    kind, subject, source
):
    lost = snapshot(unknown=(Unknown(kind=kind, subject=subject, reason="broken"),))
    whole = replace(snapshot(), metrics=measured({"acc": 1}, source))
    for old, new in ((lost, whole), (whole, lost)):
        (found,) = compare(old, new).metrics
        assert (found.change, found.reason) == ("unknown", "broken")
        assert found.delta is None


def test_only_what_could_not_be_read_is_unknown():
    elsewhere = Unknown(kind="metrics", subject="other.json", reason="broken")
    data = Unknown(kind="data", subject="m.json", reason="gone")
    old = snapshot({"b": 1}, unknown=(elsewhere, data))
    found = compare(old, snapshot({"a": 1, "b": 2})).metrics
    assert [one.change for one in found] == ["added", "changed"]


# What may explain a change


def test_data_and_code_are_added_removed_or_changed_by_their_content():
    def with_parts(**ids: str) -> Snapshot:
        return snapshot(
            data=tuple(DataRef(path=path, id=f"md5:{one}") for path, one in ids.items()),
            code=tuple(CodeFile(path=path, blob=one) for path, one in ids.items()),
        )

    found = compare(with_parts(a="1", b="1", d="1"), with_parts(d="1", c="1", b="2"))
    words = [("a", "removed"), ("b", "changed"), ("c", "added"), ("d", "same")]
    assert [(one.path, one.change) for one in found.data] == words
    assert [(one.path, one.change) for one in found.code] == words
    assert found.data[1].baseline == DataRef(path="b", id="md5:1")
    assert found.data[1].candidate == DataRef(path="b", id="md5:2")


def test_packages_are_compared_lock_by_lock_with_all_their_versions():
    def locked(*packages: str) -> Snapshot:
        parts = (one.split() for one in packages)
        return snapshot(
            environment=tuple(Package(source=s, name=n, version=v) for s, n, v in parts)
        )

    found = compare(
        locked("b.lock numpy 1.0", "a.lock numpy 1.0", "a.lock torch 2", "a.lock torch 1"),
        locked("b.lock numpy 2.0", "a.lock numpy 1.0", "a.lock torch 1", "a.lock click 8"),
    ).environment
    assert [(o.source, o.name, o.change, o.baseline, o.candidate) for o in found] == [
        ("a.lock", "click", "added", None, "8"),
        ("a.lock", "numpy", "same", "1.0", "1.0"),
        ("a.lock", "torch", "changed", "1, 2", "1"),
        ("b.lock", "numpy", "changed", "1.0", "2.0"),
    ]


# Notes


def kinds(old: Snapshot, new: Snapshot) -> list[str]:
    return [note.kind for note in compare(old, new).notes]


def stage(lock: str | None = "d1", name: str = "train", **inputs: str) -> StageInputs:
    return StageInputs(name=name, inputs=inputs, lock_digest=lock)


def test_a_stage_whose_inputs_changed_and_whose_lock_did_not_was_not_run():
    old, new = snapshot(stages=(stage(lr="1"),)), snapshot(stages=(stage(lr="2"),))
    (note,) = compare(old, new).notes
    assert note.kind == "nothing-retrained"
    assert note.message == "nothing was retrained: lr changed, and train did not run"
    assert (note.side, note.fix) == ("candidate", "dvc repro")


@pytest.mark.parametrize(
    "new",
    [
        stage(lr="1"),
        stage(lock="d2", lr="2"),
        stage(lock=None, lr="2"),
        stage(name="other", lr="2"),
    ],
)
def test_a_stage_that_ran_or_of_which_nothing_is_known_is_not_blamed(new):
    assert kinds(snapshot(stages=(stage(lr="1"),)), snapshot(stages=(new,))) == []


def test_a_long_list_of_names_is_cut():
    changed = snapshot(stages=(stage(**dict.fromkeys("abcde", "1")),))
    (note,) = compare(snapshot(stages=(stage(),)), changed).notes
    assert "a, b, c and 2 more changed" in note.message


def test_what_neither_side_can_read_but_is_the_same_leaves_nothing_undecided():
    def lost(content: str) -> Snapshot:
        return snapshot(
            unknown=(Unknown(kind="metrics", subject="m.json", reason="gone", content=content),)
        )

    assert kinds(lost("md5:1"), lost("md5:1")) == ["unread-same"]
    assert kinds(lost("md5:1"), lost("md5:2")) == ["unreadable", "unreadable"]
    assert kinds(lost(""), lost("")) == ["unreadable", "unreadable"]


def test_other_evaluation_data_makes_the_numbers_incomparable():
    def on(**ids: str) -> Snapshot:
        return snapshot(evaluation=Evaluation(data=ids))

    (note,) = compare(on(a="1", b="1"), on(a="1", b="2")).notes
    assert (note.kind, note.side, note.path) == ("evaluation-differs", "", "b")
    assert note.message == "the evaluation data differs: b"
    assert note.untrusted
    assert kinds(on(a="1"), on(moved="1")) == []
    assert kinds(on(a="1"), on(a="1", b="2")) == ["evaluation-differs"]
    assert kinds(on(a="1"), on(a="1")) == []
    assert kinds(on(), on(a="1")) == []  # nothing is known of one side


IDS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "1", "2", "3"]), max_size=4)
EVALUATIONS = st.builds(
    Evaluation,
    data=IDS,
    code=IDS,
    unsure=IDS,
    named=st.sampled_from([frozenset(), frozenset({"data"}), frozenset({"data", "code"})]),
    version=st.sampled_from(["", "1", "2"]),
)


def incomparable(old: Evaluation, new: Evaluation) -> list[bool]:
    notes = compare(snapshot(evaluation=old), snapshot(evaluation=new)).notes
    assert {note.kind for note in notes} <= {"evaluation-differs"}
    return sorted(note.untrusted for note in notes)


def renamed(one: Evaluation) -> Evaluation:
    parts = {name: getattr(one, name) for name in ("data", "code", "unsure")}
    moved = {name: {f"z/{path}": x for path, x in ids.items()} for name, ids in parts.items()}
    return replace(one, **moved)


@settings(deadline=None)
@given(EVALUATIONS, EVALUATIONS)
def test_whether_two_sides_are_comparable_depends_on_content_alone(old, new):
    new = replace(new, named=old.named)  # one config speaks of both sides
    found = incomparable(old, new)
    assert incomparable(renamed(old), renamed(new)) == found
    lost = any("" in getattr(side, kind).values() for side in (old, new) for kind in old.named)
    if not lost:
        assert incomparable(new, old) == found
        assert incomparable(old, old) == []
        assert incomparable(old, renamed(old)) == []


@given(EVALUATIONS)
def test_the_digest_of_evaluation_data_is_of_its_content(one):
    assert renamed(one).digest == one.digest
    more = replace(one, data={**one.data, "more": "9"})
    assert more.digest != one.digest
    assert len(more.digest) == 64


def test_notes_say_first_what_cannot_be_told_then_what_not_to_trust():
    unknown = Unknown(kind="data", subject="d", reason="no remote", hint="dvc pull")
    fact = Fact(kind="dirty", message="not committed", fix="git commit", paths=("a.py", "b.py"))
    old = snapshot(
        {"acc": 0.9}, unknown=(unknown,), facts=(fact,), evaluation=Evaluation(data={"e": "1"})
    )
    new = snapshot({"acc": 90.0}, facts=(fact,), evaluation=Evaluation(data={"e": "2"}))
    found = compare(old, new)
    assert [(note.kind, note.side) for note in found.notes] == [
        ("unreadable", "baseline"),
        ("dirty", "baseline"),
        ("dirty", "candidate"),
        ("evaluation-differs", ""),
        ("scale-jump", ""),
    ]
    first, second = found.notes[:2]
    assert (first.message, first.fix, first.path) == ("d: no remote", "dvc pull", "d")
    assert (second.message, second.fix, second.path) == ("not committed", "git commit", "a.py")
    whole = Comparison(
        baseline=Baseline(origin=old.origin, how="", tip="1"),
        candidate=new.origin,
        models=(found,),
    )
    assert whole.undecided
    assert not replace(whole, models=(replace(found, notes=found.notes[1:]),)).undecided
