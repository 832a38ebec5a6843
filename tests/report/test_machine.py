"""The report for machines: strict JSON, as its schema says."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import mlops_ci
from mlops_ci import model
from mlops_ci.model import Change, ModelComparison
from mlops_ci.report import machine

SCHEMA = json.loads(
    (Path(mlops_ci.__file__).parent / "diff.schema.json").read_text(encoding="utf-8")
)


def strict(shown: str) -> Any:
    """What a reader in another language gets, or an error where one would have one."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(shown, parse_constant=refuse, object_pairs_hook=unique)
    json.dumps(found, ensure_ascii=False).encode()
    Draft202012Validator(SCHEMA).validate(found)
    return found


def test_a_usual_report(comparison):
    found = strict(machine.render(comparison))
    assert found["schema_version"] == 1
    assert found["baseline"] == {
        "rev": "main",
        "commit": "1a2b3c4" + "0" * 33,
        "how": "merge base with main",
        "behind": 3,
        "behind_of": "main",
        "tip": "5d6e7f8" + "0" * 33,
    }
    head = "5d6e7f8" + "0" * 33
    assert found["candidate"] == {"rev": "work tree", "commit": None, "head": head}
    (churn,) = found["models"]
    assert churn["metrics"][0] == {
        "name": "auc",
        "source": "metrics.json",
        "baseline": 0.9123,
        "candidate": 0.931,
        "delta": 0.0187,
        "relative": 0.0204976,
        "direction": "higher_is_better",
        "change": "better",
    }
    assert [one["name"] for one in churn["metrics"]] == ["auc", "loss", "mae", "note"]
    assert churn["metrics"][2] == {
        "name": "mae",
        "source": "m.json",
        "baseline": 3,
        "direction": "neutral",
        "change": "unknown",
        "reason": "m.json: broken",
    }
    assert [one["name"] for one in churn["params"]] == ["train.lr"]
    assert churn["data"] == [
        {
            "path": "data/train.csv",
            "change": "changed",
            "baseline": {"id": "md5:0123456789", "size": 1200, "rows": 10, "role": "input"},
            "candidate": {"id": "md5:9876543210", "size": 2400, "rows": 20, "role": "input"},
        }
    ]
    assert churn["environment"] == [
        {
            "name": "numpy",
            "source": "uv.lock",
            "baseline": "1.0",
            "candidate": "2.0",
            "change": "changed",
        }
    ]
    assert churn["code"] == [{"path": "src/train.py", "change": "added"}]
    assert churn["notes"] == [
        {
            "kind": "unreadable",
            "message": "m.json: broken",
            "fix": "dvc pull",
            "side": "candidate",
            "path": "m.json",
        }
    ]


def test_everything_is_there_on_request(comparison):
    (churn,) = strict(machine.render(comparison, everything=True))["models"]
    assert [one["name"] for one in churn["metrics"]] == [
        one.name for one in comparison.models[0].metrics
    ]
    assert [one["name"] for one in churn["params"]] == ["train.lr", "train.seed"]


def test_a_hostile_name_is_data(hostile, hostile_comparison, hostile_verdicts):
    written = machine.render(hostile_comparison, hostile_verdicts, everything=True)
    assert "##[" not in written  # in the log of a workflow that would be a command
    found = strict(written)
    first = found["models"][0]
    shown = first["metrics"][0]["name"]
    assert {first["name"], first["code"][0]["path"], found["baseline"]["rev"]} == {shown}
    if not any("\ud800" <= one <= "\udfff" for one in hostile):
        assert shown == hostile
        assert first["metrics"][2]["baseline"] == hostile
        assert first["metrics"][3]["candidate"] == [hostile, {hostile: hostile}]


def one_metric(comparison, before: Any, after: Any, **fields: Any) -> dict[str, Any]:
    change = Change(name="x", source="m", baseline=before, candidate=after, **fields)
    models = (ModelComparison(model="m", metrics=(change,)),)
    found = strict(machine.render(replace(comparison, models=models), everything=True))
    return found["models"][0]["metrics"][0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ([math.nan, [math.inf]], ["NaN", ["Infinity"]]),
        ([{"a": -math.inf}], [{"a": "-Infinity"}]),
        (True, True),
        (0, 0),
        (0.0, 0.0),
        ("", ""),
        ([], []),
        (12345678901234567890, 12345678901234567890),
        (2**1000, 2**1000),
    ],
)
def test_a_value_is_as_json_can_say_it(comparison, value, shown):
    found = one_metric(comparison, value, value)
    assert (found["baseline"], found["candidate"]) == (shown, shown)
    assert type(found["baseline"]) is type(shown)


def test_delta_and_relative_may_be_beyond_all_numbers(comparison):
    found = one_metric(comparison, 1.0, math.inf, delta=math.inf, relative=math.nan)
    assert (found["delta"], found["relative"]) == ("Infinity", "NaN")


def test_the_schema_names_every_kind_of_note():
    Draft202012Validator.check_schema(SCHEMA)
    kinds = SCHEMA["$defs"]["note"]["properties"]["kind"]["enum"]
    assert sorted(kinds) == sorted(typing.get_args(model.NoteKind))
