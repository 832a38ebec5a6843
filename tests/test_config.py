"""`mlops-ci.yaml`: what it means, what is wrong with it and where, and the schema that editors use."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import mlops_ci
from mlops_ci import config
from mlops_ci.config import Config, MetricConfig
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.schema import config_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(mlops_ci.__file__).parent / "config.schema.json"


def load(text: str | bytes, **files: str) -> Config:
    """The config `text`, and `files` by path."""
    contents = {config.FILE: text, **files}

    def read(path: str) -> bytes | None:
        content = contents.get(path)
        return content.encode() if isinstance(content, str) else content

    found = config.load(read)
    assert found is not None
    return found


def errors(text: str | bytes, **files: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, **files)
    assert caught.value.exit_code == 2
    return str(caught.value).split("\n")


DIRECTIONS = "one of: higher_is_better, lower_is_better, neutral"
FULL = """\
version: 1
models:
  churn:
    path: models/churn
    metrics_files: [reports/*.json]
    params_files: [conf.py]
    metrics:
      auc: {direction: higher_is_better, tolerance: 1}
      "test.*":
    mlflow: {tracking_uri: sqlite:///runs.db, experiment: churn}
metrics:
  cost: {direction: lower_is_better}
baseline: {ref: develop}
data: {dvc: .venv/bin/dvc}
"""


def test_every_key_arrives_where_it_belongs():
    found = load(FULL)
    churn = found.models["churn"]
    assert (churn.path, churn.metrics_files) == ("models/churn", ["reports/*.json"])
    assert churn.params_files == ["conf.py"]
    assert churn.metrics == {
        "auc": MetricConfig(direction="higher_is_better", tolerance=1.0),
        "test.*": MetricConfig(direction=None, tolerance=0.0),
    }
    assert isinstance(churn.metrics["auc"].tolerance, float)
    assert (churn.mlflow.tracking_uri, churn.mlflow.experiment) == ("sqlite:///runs.db", "churn")
    assert found.metrics == {"cost": MetricConfig(direction="lower_is_better")}
    assert (found.baseline.ref, found.data.dvc) == ("develop", ".venv/bin/dvc")
    assert found.mlflow.tracking_uri is None


def test_no_file_is_no_config_and_an_empty_file_is_all_defaults():
    assert config.load({}.get) is None
    assert load("") == load("# nothing yet\n") == load(b"\xef\xbb\xbf{}") == Config()


def test_another_name_can_be_read():
    other = {"ci/models.yaml": b"models: {a: {path: x}}"}
    found = config.load(other.get, "ci/models.yaml")
    assert found is not None
    assert found.models["a"].path == "ci/x"


# Errors


def test_all_errors_are_told_at_once_in_the_order_of_the_file():
    text = """\
version: 2
modles: {}
models:
  a:
    path: 7
    metrics_files: x.json
    params_files: [a.yaml, 3, [b]]
    metrics:
      auc: {direction: up, tolerence: 1, tolerance: high}
      f1: 3
    mlflow: sqlite
  b: []
baseline: {ref: yes, rev: main}
data:
  dvc: [dvc]
"""
    assert errors(text) == [
        "mlops-ci.yaml:1:1: version: 2 is not possible, one of: 1",
        "mlops-ci.yaml:2:1: modles: unknown key, did you mean models?",
        "mlops-ci.yaml:5:5: models.a.path: needs text, not 7: put it in quotes",
        "mlops-ci.yaml:6:5: models.a.metrics_files: needs a list, not 'x.json': write ['x.json']",
        "mlops-ci.yaml:7:28: models.a.params_files.1: needs text, not 3: put it in quotes",
        "mlops-ci.yaml:7:31: models.a.params_files.2: needs text, not a list",
        f"mlops-ci.yaml:9:13: models.a.metrics.auc.direction: 'up' is not possible, {DIRECTIONS}",
        "mlops-ci.yaml:9:28: models.a.metrics.auc.tolerence: unknown key, did you mean tolerance?",
        "mlops-ci.yaml:9:42: models.a.metrics.auc.tolerance: needs a number, not 'high'",
        "mlops-ci.yaml:10:7: models.a.metrics.f1: needs a mapping, not 3",
        "mlops-ci.yaml:11:5: models.a.mlflow: needs a mapping, not 'sqlite'",
        "mlops-ci.yaml:12:3: models.b: needs a mapping, not a list",
        "mlops-ci.yaml:13:22: baseline.rev: unknown key, did you mean ref?",
        "mlops-ci.yaml:15:3: data.dvc: needs text, not a list",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: {a: {direction: higher}}", "did you mean higher_is_better? one of: "),
        ("metrics: {a: {direction: lower-is-better}}", "did you mean lower_is_better? one of: "),
        ("metrics: {a: {dirction: neutral}}", "unknown key, did you mean direction?"),
        ("metric: {}", "unknown key, did you mean metrics?"),
        ("models: {a: {metric_files: []}}", "unknown key, did you mean metrics_files?"),
        ("models: {a: {includes: x}}", "unknown key, did you mean include?"),
        ("base_line: {}", "unknown key, did you mean baseline?"),
        ("mlflow: {uri: x}", "unknown key, "),
        ("1: x", "1: unknown key, one of: version, models, metrics, "),
    ],
)
def test_a_key_or_a_choice_that_is_nearly_right_is_named(text, message):
    (found,) = errors(text)
    assert message in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: {}\nmodels: ]", "mlops-ci.yaml:2:9: broken YAML: "),
        ("models: {}\nmodels: {}", "mlops-ci.yaml:2:1: duplicate key 'models'"),
        (b"\xff\xfe", "mlops-ci.yaml: not UTF-8 text (byte 0)"),
        ("- version: 1", "mlops-ci.yaml:1:1: needs a mapping, not a list"),
        ("just text", "mlops-ci.yaml:1:1: needs a mapping, not 'just text'"),
        ("models:", "mlops-ci.yaml:1:1: models: needs a mapping of names, not nothing"),
        ("version: true", "mlops-ci.yaml:1:1: version: "),
        ("metrics: {a: {tolerance: }}", "mlops-ci.yaml:1:15: metrics.a.tolerance: needs a number"),
        (
            f"metrics: {{a: {{tolerance: 1{'0' * 400}}}}}",
            "mlops-ci.yaml:1:15: metrics.a.tolerance: ",
        ),
        ("metrics: {a: {tolerance: -1}}", "mlops-ci.yaml:1:15: metrics.a.tolerance: "),
        ("metrics: {a: {tolerance: .nan}}", "mlops-ci.yaml:1:15: metrics.a.tolerance: "),
        ("metrics: {a: {range: [1, 0]}}", "mlops-ci.yaml:1:15: metrics.a.range: needs the least "),
        ("metrics: {a: {range: [0, .nan]}}", "mlops-ci.yaml:1:15: metrics.a.range: needs the "),
        (
            "gates: [{id: g, metric: a, threshold: {min: true}}]",
            "mlops-ci.yaml:1:40: gates.0.threshold.min: needs a number, not True",
        ),
        (
            "gates: [{id: g, metric: a, threshold: {min: 1}}, {id: g, metric: b, threshold: {min: 1}}]",
            "mlops-ci.yaml:1:1: gates: the id 'g' stands there twice",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error_with_its_place(text, message):
    (found,) = errors(text)
    assert found.startswith(message)


@pytest.mark.parametrize("branch", ["7", "007", "1.10", "1_0", "true", "1e3"])
def test_the_text_to_write_is_the_text_that_was_written(branch):
    (found,) = errors(f"baseline: {{ref: {branch}}}")
    assert found.startswith("mlops-ci.yaml:1:12: baseline.ref: needs text, ")
    assert found.endswith("put it in quotes")


def test_a_hostile_key_cannot_write_lines_or_escapes_of_its_own():
    text = r'"x\n::error::y\e[31m\u202e": 1'
    (found,) = errors(text)
    assert found.startswith("mlops-ci.yaml:1:1: ")
    assert found.isprintable()


# One file per model, many models


def test_an_included_file_is_the_model_and_its_paths_start_at_its_folder():
    found = load(
        "models: {a: {include: teams/a/model.yaml}, b: {path: b}}",
        **{"teams/a/model.yaml": "metrics: {cost: {direction: lower_is_better}}"},
    )
    assert found.models["a"].path == "teams/a"
    assert found.models["a"].metrics["cost"].direction == "lower_is_better"
    assert found.models["b"].path == "b"
    found = load("models: {a: {include: t/m.yaml}}", **{"t/m.yaml": "path: ../src/"})
    assert found.models["a"].path == "src"


def test_an_empty_included_file_is_a_model():
    assert load("models: {a: {include: a/m.yaml}}", **{"a/m.yaml": ""}).models["a"].path == "a"


def test_errors_of_all_files_are_told_at_once():
    included = {"a.yaml": "path: 1\nmetrcs: {}", "b.yaml": "- x"}
    text = "models: {a: {include: a.yaml}, b: {include: b.yaml}}"
    of_included = [
        "a.yaml:1:1: path: needs text, not 1: put it in quotes",
        "a.yaml:2:1: metrcs: unknown key, did you mean metrics?",
        "b.yaml:1:1: needs a mapping, not a list",
    ]
    assert errors(text, **included) == of_included
    assert errors(f"{text}\nbase: {{}}", **included) == [
        *of_included,
        "mlops-ci.yaml:2:1: base: unknown key, did you mean baseline?",
    ]


def test_what_cannot_be_included_is_an_error_that_names_both():
    (missing,) = errors("models: {a: {include: gone.yaml}}")
    assert "gone.yaml" in missing
    assert "models.a.include" in missing
    (nested,) = errors("models: {a: {include: b.yaml}}", **{"b.yaml": "include: c.yaml"})
    assert nested == "b.yaml: an included file cannot include another"

    def read(path: str) -> bytes:
        if path == config.FILE:
            return b"models: {a: {include: ../../secret}}"
        raise UnreadableError(f"{path}: is outside of the repository")

    with pytest.raises(ConfigError, match="outside of the repository"):
        config.load(read)


def test_a_repository_can_hold_hundreds_of_models():
    names = [f"m{number}" for number in range(200)]
    text = "models:\n" + "".join(f"  {name}: {{include: {name}/ci.yaml}}\n" for name in names)
    found = load(text, **{f"{name}/ci.yaml": f"params_files: [{name}.yaml]" for name in names})
    assert [model.path for model in found.models.values()] == names
    assert found.models["m199"].params_files == ["m199.yaml"]


# The schema


def test_the_committed_schema_is_up_to_date():
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(config_schema(), indent=2) + "\n"


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, one in schema.get("properties", {}).items():
        yield name, one
        yield from properties(one)
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from properties(schema[inner])


def test_every_key_is_explained():
    found = dict(properties(config_schema()))
    assert {"version", "models", "path", "direction", "tracking_uri", "ref", "dvc"} <= found.keys()
    short = [name for name, one in found.items() if len(one.get("description", "")) < 15]
    assert not short


def test_the_schema_is_a_schema():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(config_schema())


words = st.text("ab/*.", max_size=4)
metrics = st.dictionaries(
    words,
    st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "direction": st.sampled_from(["higher_is_better", "lower_is_better", "neutral", None]),
            "tolerance": st.floats(0, 1e9) | st.integers(0, 100),
            "aliases": st.lists(words, max_size=2),
        },
    ),
    max_size=2,
)
mlflow = st.fixed_dictionaries(
    {}, optional={"tracking_uri": words | st.none(), "experiment": words | st.none()}
)
numbers = st.floats(0, 9) | st.integers(0, 9)
condition = {
    "threshold": st.fixed_dictionaries({"min": numbers}, optional={"max": numbers | st.none()}),
    "change": st.fixed_dictionaries(
        {"max_regression": numbers | st.just("1%")}, optional={"max_improvement": st.none()}
    ),
}
gates = st.lists(
    st.fixed_dictionaries(
        {"id": words, "metric": words},
        optional={**condition, "level": st.sampled_from(["error", "warn", "off", None])},
    ),
    max_size=2,
)
model = st.fixed_dictionaries(
    {},
    optional={
        "path": words,
        "metrics_files": st.lists(words, max_size=2),
        "params_files": st.lists(words, max_size=2),
        "metrics": metrics,
        "gates": gates,
        "mlflow": mlflow,
        "include": words | st.none(),
    },
)
valid = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(1),
        "models": st.dictionaries(words, st.none() | model, max_size=2),
        "metrics": metrics,
        "gates": gates,
        "mlflow": mlflow,
        "baseline": st.fixed_dictionaries({}, optional={"ref": words | st.none()}),
        "data": st.fixed_dictionaries({}, optional={"dvc": words | st.none()}),
    },
)
scalars = st.sampled_from([None, True, False, 0, 1, 1.5, -2, 1.0, "", "x", "1", "neutral"])
other = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.sampled_from(["x", "path", "direction", "ref"]), scalars, max_size=2)
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a document with every key in it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in list(entries):
        yield value, key
        if isinstance(child, (dict, list)):
            yield from places(child)


@st.composite
def damaged(draw):
    document = copy.deepcopy(draw(valid))
    if found := list(places(document)):
        where, key = draw(st.sampled_from(found))
        kind = draw(st.sampled_from(["replace", "rename", "add", "nothing"]))
        if kind == "replace":
            where[key] = draw(other)
        elif kind == "rename" and isinstance(where, dict):
            where[draw(st.sampled_from(["x", "path", "metric", "direction"]))] = where.pop(key)
        elif kind == "add" and isinstance(where, dict):
            where["extra"] = draw(other)
    return document


@settings(deadline=None)
@given(damaged())
@example({"version": True})
@example({"version": 1.0})
@example({"version": None})
@example({"models": None})
@example({"models": {"a": None}, "metrics": {"b": None}})
@example({"models": {"a": {"metrics": None}}})
@example({"models": {"a": {"path": None}}})
@example({"metrics": {"a": {"tolerance": True}}})
@example({"metrics": {"a": {"tolerance": None}}})
@example({"metrics": {"a": {"tolerance": -1}}})
@example({"metrics": {"a": {"direction": None}}})
@example({"mlflow": None})
@example({"data": {"dvc": None}})
def test_the_schema_accepts_what_the_loader_accepts(document):
    from jsonschema import Draft202012Validator

    text = json.dumps(document).encode()
    try:
        config.load(lambda path: text if path == config.FILE else b"")
    except ConfigError:
        accepted = False
    else:
        accepted = True
    valid = Draft202012Validator(config_schema()).is_valid(document)
    # What the parts of a gate need of one another, and that include stands alone, only the loader knows.
    if accepted or not re.search('"(gates|include|waivers)"', json.dumps(document)):
        assert valid == accepted
