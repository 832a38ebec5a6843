"""Metrics and params files; DVC's own readers are the oracle."""

from __future__ import annotations

import copy
import io
import json
import math
import posixpath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_ci import formats
from mlops_ci.errors import UnreadableError

SUFFIXES = (".json", ".yaml", ".toml", ".py", "")


def error(path: str, data: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        formats.parse(path, data)
    return str(caught.value)


# What all formats share


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("m.json", b'{"a": {"b": 1.5, "c": [1, "x"]}, "d": true}'),
        ("m.JSON", b'{"a": {"b": 1.5, "c": [1, "x"]}, "d": true}'),
        ("m.yaml", b"a: {b: 1.5, c: [1, x]}\nd: true"),
        ("m", b"a: {b: 1.5, c: [1, x]}\nd: true"),
        ("v1.json/m", b"a: {b: 1.5, c: [1, x]}\nd: true"),
        ("m.toml", b"d = true\n[a]\nb = 1.5\nc = [1, 'x']"),
        ("m.py", b"class a:\n    b = 1.5\n    c = [1, 'x']\nd = True"),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_the_same_values_in_every_format(path, data, bom):
    values = formats.parse(path, bom + data)
    assert dict(formats.flatten(values)) == {"a.b": 1.5, "a.c": [1, "x"], "d": True}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("data", [b"", b"\n", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_empty_mapping(suffix, data):
    assert formats.parse(f"m{suffix}", data.strip(b" ") if suffix == ".py" else data) == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_utf_8_is_unreadable(suffix):
    assert error(f"m{suffix}", b"a\xff") == f"m{suffix}: not UTF-8 text (byte 1)"
    assert error(f"m{suffix}", b"\xff\xfea").startswith(f"m{suffix}: not UTF-8 text (byte ")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read(encoding):
    """PowerShell's `>` writes it."""
    for path, text in (("m.json", '{"é": 1}'), ("m.yaml", "é: 1"), ("m.toml", '"é" = 1')):
        assert formats.parse(path, f"\ufeff{text}".encode(encoding)) == {"é": 1}


def test_a_file_that_is_no_metrics_file_is_refused_by_its_size(monkeypatch):
    monkeypatch.setattr(formats, "MAX_BYTES", 1000)
    assert formats.parse("m.yaml", b" " * 1000) == {}
    assert error("m.yaml", b" " * 1001) == "m.yaml: 1,001 bytes, more than the limit of 1,000"


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("d/m.json", b'{\n "a": }', "d/m.json:2:7: broken JSON: "),
        ("m.json", b'{"a": 1', "m.json:1:8: broken JSON: "),
        ("m.json", b"[1] 2", "m.json:1:5: broken JSON: "),
        ("m.json", b"'a'", "m.json:1:1: broken JSON: "),
        ("m.json", b'{"a": {"b": 1, "b": 1}}', "m.json: duplicate key 'b'"),
        ("m.json", b"9" * 5000, "m.json: broken JSON: "),
        ("m.yaml", b"a: 1\nb: ]", "m.yaml:2:4: broken YAML: "),
        ("m.yaml", b"a: 1\na: 1", "m.yaml:2:1: duplicate key 'a'"),
        ("m.yaml", b"a: " + b"9" * 5000, "m.yaml:1:4: "),
        ("m.toml", b"a = 1\nb = = 2", "m.toml:2:5: broken TOML: Invalid value"),
        ("m.toml", b"a = 1\na = 1", "m.toml: broken TOML: "),
        ("m.toml", b"a = " + b"9" * 5000, "m.toml: broken TOML: "),
        ("m.py", b"a = 1\nb = (", "m.py:2: broken Python: "),
        ("m.py", b"a = '\0'", "m.py: broken Python: "),
        ("m.py", b"a = " + b"9" * 5000, "m.py:1: broken Python: "),
    ],
)
def test_a_broken_file_is_one_line_that_says_where(path, data, message):
    found = error(path, data)
    assert found.startswith(message)
    assert "\n" not in found


def read(path: str, data: bytes) -> list[tuple[str, Any]] | None:
    """All a file holds, or None when it is refused in one line; anything else is a bug."""
    try:
        return list(formats.flatten(formats.parse(path, data), "m"))
    except UnreadableError as refused:
        assert str(refused).startswith(path)  # noqa: PT017 - either answer is right
        assert "\n" not in str(refused)  # noqa: PT017
        return None


@pytest.mark.parametrize("depth", [300, 450, 900, 3000, 100_000])
@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("m.json", b"[", b"]"),
        ("m.json", b'{"a":', b"}"),
        ("m.py", b"-", b""),
        ("m.py", b"[", b"]"),
        ("m.toml", b"[", b"]"),
    ],
)
def test_deep_nesting_is_read_or_refused(path, before, after, depth):
    start = b"" if path == "m.json" else b"a = "
    read(path, start + before * depth + b"1" + after * depth)


@pytest.mark.parametrize("depth", [300, 450, 900])
@pytest.mark.parametrize(("before", "after"), [(b"[", b"]"), (b"{a: ", b"}"), (b"- ", b"")])
def test_deep_yaml_is_read_or_refused(before, after, depth):
    read("m.yaml", before * depth + b"1" + after * depth)


def test_deep_tables_are_read_or_refused():
    read("m.toml", b"a" + b".a" * 3000 + b" = 1")
    read("m.py", b"if 0: pass\n" + b"elif 0: pass\n" * 20_000)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_noise_is_read_or_refused(suffix):
    @settings(deadline=None)
    @given(st.binary() | st.text("{}[]()<>&*:=,.#'\"\\-_ \n\taé01e!|%@`~?", max_size=30))
    def check(data):
        read(f"m{suffix}", data if isinstance(data, bytes) else data.encode())

    check()


# JSON


def test_json_has_the_numbers_that_python_writes():
    values = formats.parse("m.json", b"[NaN, Infinity, -Infinity, 1e999, 1E2, -0.0]")
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, math.inf, 100.0, 0.0]
    assert formats.parse("m.json", b"123456789012345678901") == 123456789012345678901


# Numbers

HUGE, HEX = 10**400, "0x" + "f" * 5000


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("m.json", f'{{"a": {HUGE}, "b": [-{HUGE}]}}'),
        ("m.yaml", f"a: {HEX}\nb: [-{HUGE}]"),
        ("m.toml", f"a = {HEX}\nb = [-{HUGE}]"),
        ("m.py", f"a = {HEX}\nb = [-{HEX}]"),
    ],
    ids=["json", "yaml", "toml", "py"],
)
def test_an_integer_beyond_every_float_is_infinite(path, text):
    assert dict(read(path, text.encode())) == {"m.a": math.inf, "m.b": [-math.inf]}
    exact = formats.parse("m.yaml", f"a: {2**900}".encode())
    assert dict(formats.flatten(exact)) == {"a": 2**900}


# Python


names = st.sampled_from(["a", "b", "Lr", "_x", "é"])
literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text("ab", max_size=2) | st.integers(), inner, max_size=3)
        | st.frozensets(st.integers(), min_size=1, max_size=3).map(set)
    ),
    max_leaves=5,
).map(repr)
# nan and inf are names in Python, as are f() and the rest: no literals, so they are left out.
values = literals | st.sampled_from(
    "f() | b | 1 + 1 | 1 + 2j | -5 | +5 | not 1 | -True | [f()] | {'k': f()} | {**a} | 'a' 'b' | "
    "f'{a}' | [*a] | (1,) | () | set() | lambda: 1 | x if 1 else 2 | ...".split(" | ")
)
targets = names | names.map("self.{}".format)
odd = st.sampled_from(
    "a, b = 1, 2 | a = b = 1 | a += 1 | a.b = 1 | a.b.c = 1 | a[0] = 1 | a: int | import os | "
    "pass | 'doc' | if 1: a = 1 | for a in []: pass | (a := 1) | del a".split(" | ")
)


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines or ["pass"]]


def blocks(body: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    heads = st.sampled_from(
        "class a: | class K(b): | def __init__(self): | def f(): | async def __init__(self): | "
        "if True: | with a: | try:".split(" | ")
    )
    end = {"try:": ["finally: pass"]}
    block = st.builds(lambda head, inner: [head, *indented(inner), *end.get(head, [])], heads, body)
    return st.lists(block | lines, max_size=4).map(
        lambda parts: [x for part in parts for x in part]
    )


lines = st.one_of(
    st.builds("{} = {}".format, targets, values),
    st.builds("{}: int = {}".format, targets, values),
    odd,
).map(lambda line: [line])


@settings(deadline=None)
@given(st.recursive(lines, blocks, max_leaves=12))
@example(
    ["class T:", "    a = 1", "    def __init__(self):", "        self.b = 2", "        c = 3"]
)
@example(["def __init__(self):", "    class T:", "        a = 1", "    self.x: int = 3"])
@example(["a = 1", "class a:", "    b = 2", "a = f()"])
def test_a_python_file_holds_what_it_holds_for_dvc(source):
    from dvc.utils.serialize import parse_py

    text = "\n".join(source)
    found = formats.parse("m.py", text.encode())
    assert repr(found) == repr(parse_py(text, "m.py"))


def test_a_python_file_is_never_run():
    assert formats.parse("m.py", b"raise SystemExit\nx = 1\ny = open('z', 'w')") == {"x": 1}


def test_an_odd_escape_is_only_a_warning():
    assert formats.parse("m.py", rb"pattern = '\d'") == {"pattern": r"\d"}


# flatten


def test_null_is_missing_and_a_list_is_one_value():
    values = {"a": None, "b": [{"c": None}, [1, 2]], "d": {}, "e": {"f": {"g": 0}}}
    assert list(formats.flatten(values)) == [("b", [{"c": None}, [1, 2]]), ("e.f.g", 0)]


@pytest.mark.parametrize("value", [0.93, "text", [1, {"a": 2}], True])
def test_a_file_of_one_value_is_named_by_its_stem(value):
    data = json.dumps(value).encode()
    for path in ("m.json", "m.yaml"):
        assert list(formats.flatten(formats.parse(path, data), "acc")) == [("acc", value)]


def test_values_become_those_of_json():
    values = formats.parse("m.toml", b"a = 2024-01-02\nb = 10:20:30\nc = [2024-01-02T03:04:05Z]")
    assert dict(formats.flatten(values)) == {
        "a": "2024-01-02",
        "b": "10:20:30",
        "c": ["2024-01-02T03:04:05+00:00"],
    }
    values = formats.parse("m.py", b"a = (1, (2,))\nb = {3, 1, 2}\nc = b'x'\nd = [{1: None}]")
    assert dict(formats.flatten(values)) == {
        "a": [1, [2]],
        "b": [1, 2, 3],
        "c": "b'x'",
        "d": [{"1": None}],
    }


leaves = st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2) | st.text("xyz", max_size=2)
trees = st.dictionaries(
    st.sampled_from(["a", "b", "ab", "a1"]),
    st.recursive(
        leaves,
        lambda inner: st.dictionaries(
            st.sampled_from(["a", "b", "ab", "*", "0"]), inner, min_size=1, max_size=3
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(deadline=None)
@given(trees)
def test_names_are_those_of_dvc(tree):
    from dvc.utils.flatten import flatten

    assert dict(formats.flatten(tree)) == flatten(tree)


# select


class Files:
    """As much of a DVC file system as `read_param_file` needs."""

    def __init__(self, text: str) -> None:
        self.text = text

    def suffix(self, path: str) -> str:
        return posixpath.splitext(path)[1]

    def open(self, _path: str, **_options: Any) -> io.StringIO:
        return io.StringIO(self.text)


parts = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "?", "[ab]", "[!a]", "0", "a1", "none"])
keys = st.lists(parts, min_size=1, max_size=3).map(".".join)


@settings(deadline=None)
@given(trees, st.lists(keys, min_size=1, max_size=3))
@example({"a": {"b": 1, "ab": {"a": 1, "b": 2}}}, ["a.ab.a", "a"])
@example({"a": {"b": 1, "ab": {"a": 1, "b": 2}}}, ["a", "a.ab.a"])
@example({"a": {"b": {"a": 1}, "ab": {"a": 1}}}, ["a.*.a", "a.b"])
@example({"a": {"*": 1, "b": 2}}, ["a.[*]"])
def test_selected_params_are_those_that_dvc_reads(tree, wanted):
    from dvc.dependency.param import read_param_file

    before = copy.deepcopy(tree)
    expected = read_param_file(Files(json.dumps(tree)), "params.json", wanted)
    # Inside a list DVC selects items by making a shorter list; see the next test.
    if not any(isinstance(value, list) for _, value in formats.flatten(tree)):
        assert formats.select(tree, wanted) == expected
    assert tree == before


def test_items_of_a_list_are_selected_by_number():
    tree = {"layers": [{"size": 8}, {"size": 4, "act": "relu"}]}
    assert dict(formats.flatten(formats.select(tree, ["layers.1.size"]))) == {"layers.1.size": 4}
    assert dict(formats.flatten(formats.select(tree, ["layers.*.size"]))) == {
        "layers.0.size": 8,
        "layers.1.size": 4,
    }


def test_numbers_as_keys_are_selected_by_their_text():
    tree = {"rates": {1: 0.1, 2: 0.2}}
    before = copy.deepcopy(tree)
    assert formats.select(tree, ["rates.1"]) == {"rates": {"1": 0.1}}
    assert dict(formats.flatten(formats.select(tree, ["rates", "rates.1"]))) == {
        "rates.1": 0.1,
        "rates.2": 0.2,
    }
    assert tree == before


def test_what_is_absent_is_left_out():
    assert formats.select({"a": 1, "b": [1]}, ["b.5", "a.x", "c", "", "a."]) == {}
    assert formats.select([1, 2], ["a"]) == formats.select(5, ["a"]) == {}
