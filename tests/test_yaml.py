"""YAML 1.2 as DVC reads it: ruamel.yaml, which DVC uses, is the oracle."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML, YAMLError

from mlops_ci import yaml
from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = (
    "yes no on off y n true false null nan inf .nan .inf -.inf +.inf -.nan ~ _ . - + e E"
).split()

scalars = st.one_of(
    st.text("0189_.eE+-xobaf", min_size=1, max_size=8),
    st.from_regex(r"[-+]?[0-9_]{0,3}\.?[0-9_]{0,3}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[-+]?0[xob][0-9a-fA-F_]{0,4}", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{1,3}(:[0-5]?[0-9]){1,2}(\.[0-9]*)?", fullmatch=True),  # base 60
    st.sampled_from(CASES).flatmap(lambda w: st.sampled_from([w, w.upper(), w.title()])),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc <:#'\"01", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def as_dvc(text: str) -> Any:
    return YAML(typ="safe").load(text)


def error(text: str) -> str:
    with pytest.raises(UnreadableError) as caught:
        yaml.load(text, "f")
    with pytest.raises(UnreadableError) as marked:
        yaml.load_marked(text, "f")
    assert str(marked.value) == str(caught.value)
    return str(caught.value)


def typed(value: Any) -> tuple[type, Any]:
    """Tells 1, 1.0 and True apart, and takes NaN for itself."""
    return type(value), "nan" if isinstance(value, float) and math.isnan(value) else value


@settings(deadline=None)
@given(scalars)
@example("010")
@example("0o17")
@example("1e-3")
@example("1_000")
@example("1:30")
@example("0b11")
@example("-0x1f")
@example("+0o7")
@example("-0b1")
@example("-_1")
@example("._5")
def test_a_plain_scalar_is_what_it_is_for_dvc(text):
    # Without a sign in the exponent ruamel takes .5e3 for text: see the next test.
    assume(not re.fullmatch(r"[-+]?\.[0-9_]+[eE][0-9]+", text))
    try:
        found = yaml.load(f"k: {text}", "f")["k"]
    except UnreadableError:
        found = text
    try:
        expected = as_dvc(f"k: {text}")["k"]
    except (ValueError, YAMLError):  # `0x_` looks like a number to ruamel and is none
        expected = text
    assert typed(found) == typed(expected)


def test_an_exponent_needs_no_sign_as_the_specification_says():
    assert yaml.load("[.5e3, 5e3, 5.e3, .5e+3]", "f") == [500.0, 5000.0, 5000.0, 500.0]


def test_dates_stay_text():
    assert yaml.load("[2001-01-01, 2001-01-01T10:00:00Z]", "f") == [
        "2001-01-01",
        "2001-01-01T10:00:00Z",
    ]


@settings(deadline=None)
@given(json_values)
def test_json_is_yaml(value):
    assert yaml.load(json.dumps(value), "f") == value


@st.composite
def merges(draw):
    """Flow mappings that merge earlier ones: `c: &c {<<: [*a, *b], x: 1}`, `<<` at any place."""
    lines = []
    for number, name in enumerate("abcd"[: draw(st.integers(2, 4))]):
        keys = draw(st.lists(st.sampled_from("wxyz"), unique=True, max_size=4))
        entries = [f"{key}: {draw(st.integers(0, 9))}" for key in keys]
        if number:
            bases = st.sampled_from([f"*{one}" for one in "abcd"[:number]])
            several = st.lists(bases, min_size=1, max_size=3).map(lambda b: f"[{', '.join(b)}]")
            place = draw(st.integers(0, len(entries)))
            entries.insert(place, f"<<: {draw(bases | several)}")
        lines.append(f"{name}: &{name} {{{', '.join(entries)}}}")
    return "\n".join(lines)


@settings(deadline=None)
@given(merges())
@example("a: &a {x: 1}\nb: &b {x: 2}\nc: {<<: [*a, *b]}")
@example("a: &a {x: 1, y: 1}\nb: {x: 2, <<: *a}")
def test_merge_keys_give_what_they_give_dvc(text):
    assert yaml.load(text, "f") == as_dvc(text)


def test_only_a_plain_merge_key_merges():
    assert yaml.load("'<<': {a: 1}", "f") == {"<<": {"a": 1}}
    assert yaml.load("- <<", "f") == ["<<"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: duplicate key 'a'"),
        ("x: {a: 1, a: 1}", "f:1:11: duplicate key 'a'"),
        ("10: a\n0xa: b", "f:2:1: duplicate key 10"),
        ("- a: 1\n  'a': 2", "f:2:3: duplicate key 'a'"),
    ],
)
def test_a_duplicate_key_is_an_error_at_the_second(text, where):
    assert error(text) == where


def test_a_key_that_overrides_a_merged_one_is_no_duplicate():
    assert yaml.load("a: &a {x: 1}\nb: {<<: *a, x: 2}", "f")["b"] == {"x": 2}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\n---\nb: 2", "f:2:1: broken YAML: "),
        ("a:\n\tb: 1", "f:2:1: broken YAML: "),
        ("a: *b", "f:1:4: broken YAML: "),
        ("a: 1\nb: ]", "f:2:4: broken YAML: "),
        ("a: b: c", "f:1:5: broken YAML: "),
        ("a: \0", "f: broken YAML: "),
        ("a: \udc80", "f: broken YAML: "),
        ("a: !!int x", "f:1:4: 'x' is not a int"),
        ("a: !!binary a", "f:1:4: 'a' is not a binary"),
        ("? [1]\n: 2", "f:1:3: a list or a mapping cannot be a key"),
        ("a: 1\n<<: 1", "f:2:5: `<<` needs a mapping"),
        ("<<: [{a: 1}, b]", "f:1:14: `<<` needs a mapping"),
    ],
)
def test_broken_yaml_is_one_line_with_its_place(text, where):
    message = error(text)
    assert message.startswith(where)
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "# nothing", "---", "--- \n...", "~"])
def test_an_empty_document_is_none(text):
    assert yaml.load(text, "f") is None


def test_anchors_stand_for_their_value():
    assert yaml.load("a: &x [1, 2]\nb: *x\n&y c: *y", "f") == {"a": [1, 2], "b": [1, 2], "c": "c"}


def test_aliases_may_not_expand_without_end():
    names = "abcdefghij"
    lines = ["a: &a [lol]"]
    lines += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in itertools.pairwise(names)
    ]
    assert error("\n".join(lines)) == "f: its YAML aliases expand to more than 1,000,000 values"
    merging = [re.sub(r"\[(.*)\]", r"{<<: [\1]}", line) for line in lines[1:]]
    text = "\n".join(["a: &a {x: 1}", *merging])
    assert error(text) == "f: its YAML aliases expand to more than 1,000,000 values"


@pytest.mark.parametrize(
    "text", ["a: &a [*a]", "&a {k: *a}", "&a\nx: 1\n<<: *a", "a: &a {b: [{c: *a}]}"]
)
def test_an_alias_may_not_contain_itself(text):
    assert error(text) == "f: a YAML alias contains itself"


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_a_hundred_levels_are_read():
    assert yaml.load(nested(100), "f") == json.loads(nested(100))
    assert yaml.load_marked("{a: " * 100 + "1" + "}" * 100, "f")[1][("a",) * 100] == (1, 398)


@pytest.mark.parametrize("load", [yaml.load, yaml.load_marked])
@pytest.mark.parametrize("text", [nested(900), "{a: " * 900 + "1" + "}" * 900, "- " * 900 + "1"])
def test_900_levels_are_read_or_refused(load, text):
    try:
        load(text, "f")
    except UnreadableError as refused:
        assert str(refused) == "f: nested too deeply"  # noqa: PT017 - either answer is right


def test_depth_is_not_blamed_on_an_alias():
    text = f"a: &x 1\nb: *x\nc: {nested(600)}"
    try:
        yaml.load(text, "f")
    except UnreadableError as refused:
        assert str(refused) == "f: nested too deeply"  # noqa: PT017 - either answer is right


@pytest.mark.parametrize("level", ["[", "{a: ", "- ", "? "])
def test_100_000_levels_do_not_take_the_process_down(level):
    """In a process of its own, which is what the C parser's stack overflow ends."""
    script = (
        "from mlops_ci import errors, yaml\n"
        f"try: yaml.load({level!r} * 100_000, 'f')\n"
        "except errors.UnreadableError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "refused\n")


def test_unknown_tags_are_ignored_and_construct_nothing():
    text = "a: !mine [1]\nb: !<x> {c: 1}\nd: !!python/object/apply:os.system [exit]\ne: !x text"
    assert yaml.load(text, "f") == {"a": [1], "b": {"c": 1}, "d": ["exit"], "e": "text"}


def test_known_tags_decide():
    text = "[!!str 1, !!int '2', !!float 3, !!bool 'true', !!null '', !!binary aGk=]"
    assert yaml.load(text, "f") == ["1", 2, 3.0, True, None, "6869"]


def test_marks_are_where_keys_and_items_begin():
    text = "# first\nmodels:\n  a:\n    files: [x,  y]\n  'b': &b\n    - c: 1\n    -  2\nd: *b\n"
    assert yaml.load_marked(text, "f")[1] == {
        (): (2, 1),
        ("models",): (2, 1),
        ("models", "a"): (3, 3),
        ("models", "a", "files"): (4, 5),
        ("models", "a", "files", 0): (4, 13),
        ("models", "a", "files", 1): (4, 17),
        ("models", "b"): (5, 3),
        ("models", "b", 0): (6, 7),
        ("models", "b", 0, "c"): (6, 7),
        ("models", "b", 1): (7, 8),
        ("d",): (8, 1),
        ("d", 0): (6, 7),
        ("d", 0, "c"): (6, 7),
        ("d", 1): (7, 8),
    }


@settings(deadline=None)
@given(json_values)
def test_every_value_has_a_mark_at_its_text(value):
    text = json.dumps(value, indent=2)
    lines = text.splitlines()
    marks = yaml.load_marked(text, "f")[1]
    for path, expected in begins(value, (), value):
        line, column = marks[path]
        assert lines[line - 1][column - 1 :].startswith(expected)


def begins(value: Any, path: tuple[Any, ...], first: Any) -> Iterator[tuple[Any, str]]:
    """Each path, and the text where it begins: the key in a mapping, the value elsewhere."""
    yield path, json.dumps(first)[0] if isinstance(first, (dict, list)) else json.dumps(first)
    if isinstance(value, dict):
        for key, child in value.items():
            yield from begins(child, (*path, key), key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from begins(child, (*path, index), child)
