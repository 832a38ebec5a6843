"""Profiles: what each judges, which are refused, and that a stricter one never lets pass what a laxer one stops."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci import config as configuration
from mlops_ci.errors import ConfigError, UsageError
from mlops_ci.gates import Policy, judge, policy_of
from mlops_ci.gates.loosened import loosened
from mlops_ci.model import Change, ModelComparison
from mlops_ci.predictions import PredictionPair, PredictionsConfig
from mlops_ci.predictions.files import read
from mlops_ci.profile_config import choose

GATES = [
    {"id": "floor", "metric": "auc", "threshold": {"min": 0.6}},
    {"id": "worse", "metric": "accuracy", "change": {"max_regression": 0.1}},
    {"id": "budget", "metric": "ms", "threshold": {"max": 40}, "on_inconclusive": "warn"},
]
PROFILES = {
    "merge": {"include": ["*"], "levels": {"budget": "warn"}},
    "staging": {"extends": "merge", "levels": {"budget": "error"}},
    "production": {"extends": "staging", "on_inconclusive": "fail", "alpha": 0.01},
}


def load(profiles: Any, **more: Any) -> configuration.Config:
    text = json.dumps({"gates": GATES, "profiles": profiles, **more}).encode()
    found = configuration.load(lambda path: text)
    assert found
    return found


def policy(profile: str, profiles: Any = PROFILES, **more: Any) -> Policy:
    return policy_of(load(profiles, **more), "m", rev="r", profile=profile)


def levels(found: Policy) -> dict[str, str | None]:
    return {gate.id: gate.level for gate in found.gates}


def test_a_profile_says_only_what_differs_from_the_one_that_it_extends() -> None:
    assert levels(policy("merge")) == {"floor": None, "worse": None, "budget": "warn"}
    assert levels(policy("staging"))["budget"] == "error"
    found = policy("production")
    assert levels(found) == levels(policy("staging"))
    assert found.defaults.on_inconclusive == "fail"
    assert {gate.on_inconclusive for gate in found.gates} == {None}  # no gate is laxer by itself
    assert found.defaults.alpha == 0.01
    assert policy("").gates == policy("", {}).gates
    assert len({policy(name).digest for name in ("", *PROFILES)}) == 4


def test_a_profile_may_leave_gates_out_and_another_takes_them_in_again() -> None:
    chosen = {"a": {"include": ["fl*", "budget"]}, "b": {"extends": "a"}, "c": {"include": ["*"]}}
    assert [gate.id for gate in policy("b", chosen).gates] == ["floor", "budget"]
    assert len(policy("c", chosen).gates) == 3


@pytest.mark.parametrize(
    ("profiles", "why"),
    [
        ({"a": {"extends": "b"}}, "profiles.a.extends: there is no profile 'b'"),
        ({"merge": {}, "b": {"extends": "mrge"}}, "no profile 'mrge', did you mean merge?"),
        ({"a": {"extends": "b"}, "b": {"extends": "a"}}, "a circle: a → b → a"),
        ({"a": {"extends": "a"}}, "a circle: a → a"),
        ({"a": {"levels": {"flor": "warn"}}}, "there is no gate 'flor', did you mean floor?"),
        ({"a": {"include": ["x*"]}}, "profiles.a.include: there is no gate 'x*'"),
        ({"a": {"on_inconclusive": "warn"}}, "'warn' is not possible"),
        ({"a": {"alpha": 0.1}}, "profiles.a.alpha: 0.1 is laxer than 0.05"),
        ({"a": {"alpha": 0.02}, "b": {"extends": "a", "alpha": 0.03}}, "0.03 is laxer than 0.02"),
        ({"a": {"alpha": 0.5}}, "profiles.a.alpha: needs a number between 0 and 0.5"),
        ({"a": {"alpha": float("nan")}}, "needs a number between 0 and 0.5"),
    ],
)
def test_profiles_that_are_refused(profiles: Any, why: str) -> None:
    text = json.dumps({"gates": GATES, "profiles": profiles}).replace("NaN", ".nan")
    with pytest.raises(ConfigError, match=r"^mlops-ci\.yaml:") as caught:
        configuration.load(lambda path: text.encode())
    assert why in str(caught.value)


def test_which_profile_judges() -> None:
    profiles = load(PROFILES).profiles
    assert choose(profiles, None, ("merge",), "here") == "merge"
    assert choose(profiles, None, ("prod", "production"), "here") == "production"
    assert choose({}, None, ("merge",), "here") == ""
    assert choose(profiles, "staging", ("merge",), "here") == "staging"
    with pytest.raises(UsageError, match="no profile 'prod' here") as caught:
        choose(profiles, "prod", ("merge",), "here")
    assert caught.value.hint == "the profiles there: merge, production, staging"


CONFIG = PredictionsConfig(path="p.jsonl", score="s")
_LEVEL = st.sampled_from(["off", "warn", "error"])
_PROFILE = st.fixed_dictionaries(
    {},
    optional={
        "levels": st.dictionaries(st.sampled_from(["floor", "worse", "budget"]), _LEVEL),
        "include": st.lists(st.sampled_from(["floor", "worse", "*"]), max_size=2),
        "on_inconclusive": st.just("fail"),
        "alpha": st.sampled_from([0.001, 0.01, 0.04]),
    },
)


_KEYS = ("levels", "include", "on_inconclusive", "alpha")


@st.composite
def models(draw: Any) -> ModelComparison:
    """Metrics on both sides, and sometimes the examples that they were computed from."""
    values = st.sampled_from([*6 * [0.7], 0.5, float("nan"), None])
    rows = [
        Change(name=name, source="m.json", baseline=draw(values), candidate=draw(values), change="changed")
        for name in ("auc", "ms")
    ]  # fmt: skip
    count, flipped = draw(st.integers(4, 60)), draw(st.integers(0, 12))
    pair = draw(st.sampled_from([None, *2 * [_pair(count, min(flipped, count))]]))
    return ModelComparison(model="m", metrics=tuple(rows), predictions=pair)


def _pair(count: int, flipped: int) -> PredictionPair:
    def side(wrong: int) -> Any:
        lines = [
            {"id": at, "label": at % 2, "s": abs((at % 2) - (at < wrong)) * 0.8 + 0.1}
            for at in range(count)
        ]
        return read("p.jsonl", "\n".join(map(json.dumps, lines)).encode(), CONFIG, [])

    return PredictionPair(config=CONFIG, path="p.jsonl", baseline=side(1), candidate=side(flipped))


@settings(deadline=None)
@given(models(), _PROFILE, _PROFILE, st.sampled_from(["", *_KEYS]))
def test_a_stricter_profile_never_passes_what_a_laxer_one_fails(
    model: ModelComparison, lax: Any, own: Any, dropped: str
) -> None:
    """Stricter is what `loosened` finds nothing in: by it a change of the policy is flagged, too."""
    strict = {key: value for key, value in {**lax, **own}.items() if key != dropped}
    one, other = (policy(name, {"lax": lax, "strict": strict}) for name in ("lax", "strict"))
    if loosened(one, other):
        return
    before, after = judge(model, one), judge(model, other)
    assert after.blocks or not before.blocks
    if before.result == "fail":
        assert after.result not in ("pass", "warn", "no gates", "unarmed")
