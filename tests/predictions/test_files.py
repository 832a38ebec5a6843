"""Predictions in every format are the same; what is wrong is named with its place."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from mlops_ci.errors import UnreadableError
from mlops_ci.predictions import Predictions, PredictionsConfig, named
from mlops_ci.predictions.files import read

ROWS = [
    {"id": 1, "y": True, "s": 0.25, "region": "EU", "more": 1},
    {"id": 2, "y": False, "s": 0.5, "region": 'U,"S', "more": 2},
]
CONFIG = PredictionsConfig(path="p.csv", label="y", score="s")


def delimited(mark: str) -> bytes:
    lines = [["id", "y", "s", "region", "more"], *([str(v) for v in row.values()] for row in ROWS)]
    quoted = [
        [f'"{v.replace(chr(34), chr(34) * 2)}"' if '"' in v else v for v in line] for line in lines
    ]
    return "\r\n".join(mark.join(line) for line in quoted).encode("utf-8-sig")


def table() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


FILES = {
    "p.csv": delimited(","),
    "p.tsv": delimited("\t"),
    "P.JSONL": b"\n".join(json.dumps(row).encode() for row in ROWS) + b"\n\n",
    "p.parquet": table(),
}


def meaning(found: Predictions) -> dict[str, list[str]]:
    return {name: [named(value) for value in column] for name, column in found.columns.items()}


@pytest.mark.parametrize("path", FILES)
def test_every_format_says_the_same(path: str) -> None:
    found = read(path, FILES[path], CONFIG, ["region", "nope"])
    assert found.ids == ("1", "2")
    assert meaning(found) == {
        "id": ["1", "2"],
        "y": ["1", "0"],
        "s": ["0.25", "0.5"],
        "region": ["EU", 'U,"S'],
    }


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("p.csv", b"", "p.csv: has no column 'id'"),
        ("p.csv", b"id,y,s\n", "p.csv: holds no example"),
        ("p.csv", b"id,y\n1,1\n", "p.csv: has no column 's'"),
        ("p.csv", b"id,y,s\n1,1\n", "p.csv: row 2 has 2 columns, not 3"),
        ("p.csv", b"id,y,s\n1,1,1\n1.0,1,1\n", "p.csv: row 2: the id '1' stands there twice"),
        ("p.csv", b"id,y,s,s\n1,1,1,0\n", "p.csv: the column 's' stands there twice"),
        ("p.csv", b"id,y,s\n1,1,1\n2,,1\n", "p.csv: row 2: has no y"),
        ("p.csv", b"id,y,s\n,1,1\n", "p.csv: row 1: has no id"),
        ("p.jsonl", b'{"id": 1, "y": NaN, "s": 1}', "p.jsonl: row 1: has no y"),
        ("p.jsonl", b'{"id": 1, "y": 1, "s": 1}\n{"id": 2, "s": 1}', "p.jsonl: row 2: has no y"),
        ("p.csv", b"\xff\xfe", "p.csv: "),
        ("p.csv", b'id,y,s\n"' + b"x" * 200_000 + b'",1,1\n', "p.csv: line 2: field larger"),
        ("p.jsonl", b"{}\n{", "p.jsonl: line 2 is not JSON"),
        ("p.jsonl", b"[" * 100_000, "p.jsonl: line 1 is not JSON"),
        ("p.jsonl", b"[1]", "p.jsonl: line 1 is not an object"),
        ("p.jsonl", b"", "p.jsonl: has no column 'id'"),
        ("p.parquet", b"PAR1", "p.parquet: is not Parquet"),
    ],
)
def test_what_is_wrong_is_one_line(path: str, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        read(path, content, CONFIG, [])
    assert str(error.value).startswith(why)
    assert "\n" not in str(error.value)


def test_a_text_in_json_may_hold_a_line_end_of_unicode() -> None:
    content = '{"id": "a\u2028b\x85c", "y": 1, "s": 1}\n'.encode()
    assert read("p.jsonl", content, CONFIG, []).ids == ("a\u2028b\x85c",)


@pytest.mark.parametrize(
    ("names", "when", "why"),
    [
        (["id", "y", "s", "s"], (None, 0), "the column 's' stands there twice"),
        (["id", "y", "s"], (None, 2**61), "id cannot be read: "),
        (["id", "y", "s"], ("Mars/Olympus", 0), "id cannot be read: "),
    ],
)
def test_parquet_that_python_has_no_value_for_is_one_line(
    names: list[str], when: Any, why: str
) -> None:
    zone, start = when
    first = pa.array([start, start + 1], pa.timestamp("us", zone))
    file = io.BytesIO()
    others = [pa.array([0, 1])] * (len(names) - 1)
    parquet.write_table(pa.Table.from_arrays([first, *others], names), file)
    with pytest.raises(UnreadableError, match=why) as error:
        read("p.parquet", file.getvalue(), CONFIG, [])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ((1, 1.0, True, "1", "1.0", "true", " 1 "), "1"),
        ((0, False, "False", "0.0"), "0"),
        (("a1",), "a1"),
        (("1.5", 1.5), "1.5"),
        ((-2, "-2.0"), "-2"),
        ((None,), "None"),
    ],
)
def test_one_name_for_what_formats_write_differently(values: tuple[Any, ...], name: str) -> None:
    assert {named(value) for value in values} == {name}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"path": "p.txt"}, r"needs one of \.csv"),
        ({"score": None}, "needs score or prediction"),
        ({"task": "regression"}, "is needed for regression"),
    ],
)
def test_a_config_that_no_metric_can_come_of(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PredictionsConfig(**{"path": "p.csv", "score": "s", **more})


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_ci.limits.MAX_PREDICTIONS", 10)
    with pytest.raises(UnreadableError, match=r"p\.csv: 11 bytes, more than the limit of 10"):
        read("p.csv", b"x" * 11, CONFIG, [])
