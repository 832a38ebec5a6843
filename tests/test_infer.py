"""First schemas: useful, and no false alarm on the versions that they come from."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.infer import infer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def of(*versions: Any) -> dict[str, Any]:
    return infer(list(versions), "p.yaml")


@settings(deadline=None)  # the cores may be shared
@given(st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), min_size=1, max_size=5))
def test_it_accepts_all_that_it_was_made_from(versions: list[Any]) -> None:
    schema = infer(versions, "p.yaml")
    jsonschema.Draft202012Validator.check_schema(schema)
    for one in versions:
        jsonschema.validate(one, schema, jsonschema.Draft202012Validator)


def test_keys_that_are_no_text_are_as_the_check_reads_them() -> None:
    schema = of({1: 2, None: {True: "a"}, "n": [{2.5: 1}]})
    assert schema["required"] == ["1", "None", "n"]
    assert schema["properties"]["None"]["required"] == ["True"]


def test_keys_that_were_always_there_are_required_and_others_unknown() -> None:
    schema = of({"a": 1, "b": 2}, {"a": 3})
    assert schema["required"] == ["a"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("key", "values", "kind"),
    [
        ("epochs", [1], "integer"),
        ("dropout", [0], "number"),
        ("C", [1], "number"),
        ("depth", [6], "integer"),
        ("lr", [1, 0.1], "number"),
        ("flag", [True], "boolean"),
        ("name", ["a", None], ["string", "null"]),
        ("n", [3, "auto"], ["integer", "string"]),
    ],
)
def test_types(key: str, values: list[Any], kind: Any) -> None:
    assert of(*({key: one} for one in values))["properties"][key]["type"] == kind


def test_a_choice_is_what_came_back() -> None:
    assert of({"o": "a"}, {"o": "b"}, {"o": "a"})["properties"]["o"]["enum"] == ["a", "b"]
    assert "enum" not in of({"o": "a"}, {"o": "b"}, {"o": "c"})["properties"]["o"]


def test_ranges_only_by_name() -> None:
    properties = of({"dropout": 0.5, "lr": 0.1, "threshold": 0.5})["properties"]
    assert properties["dropout"]["maximum"] == 1
    assert properties["lr"] == {"type": "number", "exclusiveMinimum": 0}
    assert properties["threshold"] == {"type": "number"}


def test_of_nan_nothing_is_said() -> None:
    assert of({"a": float("nan"), "b": 1})["properties"]["a"] == {}


def test_keys_that_come_and_go_are_names() -> None:
    schema = of({"m": {"a": 1.5}}, {"m": {"b": 2}}, {"m": {"c": 3}})
    assert schema["properties"]["m"]["additionalProperties"] == {"type": "number"}


def test_a_list_is_no_config() -> None:
    with pytest.raises(ValueError, match="not a mapping"):
        of([1])
