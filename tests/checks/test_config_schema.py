"""Config files against their schemas: every error, with its place, and nothing from the network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci import config
from mlops_ci.checks import config_schema
from mlops_ci.checks.scope import Asked, find_scope
from mlops_ci.errors import ConfigError
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from mlops_ci.finding import Finding

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lr": {"type": "number", "exclusiveMinimum": 0},
        "on": {"type": "string"},
        "optimizer": {"enum": ["adam", "sgd"]},
        "train": {
            "type": "object",
            "properties": {"epochs": {"type": "integer"}},
            "required": ["epochs"],
            "additionalProperties": False,
        },
    },
}


def found(repo: Any, mapped: dict[str, str] | None = None) -> list[Finding]:
    """Of what is staged, or of all files where nothing is."""
    repository = Repository.discover(repo.path)
    text = json.dumps({"checks": {"config-schema": {"schemas": mapped or {}}}}).encode()
    scope = find_scope(repository, Asked(all_files=True), {})
    scope = scope._replace(config=config.load(lambda _: text))
    return list(config_schema.check(scope))


def staged(repo: Any, **files: str) -> None:
    for path, content in files.items():
        repo.write(path, content)
    repo.git("add", "--all")


def judged(repo: Any, text: str, name: str = "params.yaml", schema: Any = None) -> list[Finding]:
    staged(repo, **{name: text, "s.json": json.dumps(SCHEMA if schema is None else schema)})
    return found(repo, {name: "s.json"})


def test_all_errors_with_their_places(repo: Any) -> None:
    text = "lr: fast\noptimizer: adm\ntrain:\n  epoch: 3\n"
    shown = [(one.line, one.column, one.what) for one in judged(repo, text)]
    assert shown == [
        (1, 1, 'lr: needs number, not "fast"'),
        (2, 1, 'optimizer: "adm" is not possible, only "adam", "sgd", did you mean adam?'),
        (3, 1, "train: needs the key epochs"),
        (4, 3, "train.epoch: unknown key, did you mean epochs?"),
    ]


def test_it_is_yaml_1_2(repo: Any) -> None:
    assert judged(repo, "lr: 1e-3\non: on\n") == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("p.json", '{\n\t"lr": 1,\n\t"train": {\n\t\t"epochs": "x"\n\t}\n}', 4),
        ("p.toml", 'lr = 1\n\n[train]\n# c\nepochs = "x"\n', 5),
        ("p.toml", 'train.epochs = "x"\n', 1),
        ("p.toml", 'train = { epochs = "x" }\n', 1),
        ("sub dir/é\n.yaml", "train:\n  epochs: x\n", 2),
    ],
)
def test_other_formats_have_places_too(repo: Any, name: str, text: str, line: int) -> None:
    (one,) = judged(repo, text, name)
    assert (one.path, one.line) == (name, line)
    assert 'train.epochs: needs integer, not "x"' in one.what


@pytest.mark.parametrize(
    ("name", "text", "place", "what"),
    [
        ("p.yaml", "lr: 1\ntrain: [1\n", (3, 1), "broken YAML: "),
        ("p.yaml", "lr: 1\nlr: 2\n", (2, 1), "duplicate key 'lr'"),
        ("p.json", '{"lr": 1,\n "on": }', (2, 8), "broken JSON: "),
        ("p.json", '{"lr": 1,\n "lr": 2}', (2, 2), "duplicate key 'lr'"),
        ("p.toml", "lr = 1\non = = 3\n", (2, 6), "broken TOML: "),
    ],
)
def test_a_broken_file_has_a_place_in_every_format(
    repo: Any, name: str, text: str, place: tuple[int, int], what: str
) -> None:
    (one,) = judged(repo, text, name)
    assert (one.rule, one.path) == ("config-schema/broken", name)
    assert (one.line, one.column) == place
    assert one.what.startswith(what)


@pytest.mark.parametrize(("name", "text"), [("p.yaml", "lr: .nan"), ("p.json", '{"lr": NaN}')])
def test_nan_is_no_number(repo: Any, name: str, text: str) -> None:
    (one,) = judged(repo, text, name)
    assert one.what == "lr: needs number, not NaN"


def test_findings_are_in_the_order_of_lines(repo: Any) -> None:
    text = "train: {epochs: x}\noptimizer: 3\nlr: x\n"
    assert [one.line for one in judged(repo, text)] == [1, 2, 3]


def test_the_index_counts_and_not_the_work_tree(repo: Any) -> None:
    staged(repo, **{"p.yaml": "lr: 1", "s.json": json.dumps(SCHEMA)})
    repo.write("p.yaml", "lr: x")
    repo.write("s.json", "false")
    assert found(repo, {"p.yaml": "s.json"}) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c/p.json", '{"$schema": "../s.json", "lr": "x"}'),
        ("c/p.yaml", "# yaml-language-server: $schema=../s.json\nlr: x\n"),
        ("c/p.toml", '#:schema ../s.json\nlr = "x"\n'),
    ],
)
def test_a_file_can_name_its_schema(repo: Any, name: str, text: str) -> None:
    staged(repo, **{name: text, "s.json": json.dumps(SCHEMA)})
    (one,) = found(repo)
    assert "lr: needs number" in one.what


def test_a_schema_on_the_network_is_a_remark(repo: Any) -> None:
    staged(repo, **{"p.json": '{"$schema": "https://example.com/s.json"}'})
    (one,) = found(repo)
    assert (one.level, one.rule) == ("note", "config-schema/remote")


def test_a_schema_is_checked_as_one(repo: Any) -> None:
    text = '{"$schema": "https://json-schema.org/draft/2020-12/schema",\n "type": "numbr"}'
    staged(repo, **{"s.json": text})
    assert found(repo)
    assert found(repo)[0].line == 2


def test_a_bundled_schema_has_a_name_and_an_address(repo: Any) -> None:
    url = "https://raw.githubusercontent.com/mlops-ci/mlops-ci/main/mlops_ci/config.schema.json"
    text = f"# yaml-language-server: $schema={url}\ngatse: []\n"
    staged(repo, **{"a.yaml": text, "b.yaml": "gatse: []\n"})
    assert [one.path for one in found(repo, {"b.yaml": "mlops-ci"})] == ["a.yaml", "b.yaml"]


def test_references_stay_in_the_repository(repo: Any) -> None:
    staged(repo, **{"sub/b.json": '{"type": "integer"}', "p.yaml": "a: x\n"})
    schemas = (
        {"properties": {"a": {"$ref": "sub/b.json"}}},
        {"$id": "https://example.com/x/s.json", "properties": {"a": {"$ref": "sub/b.json"}}},
    )
    for schema in schemas:
        (one,) = judged(repo, "a: x\n", schema=schema)
        assert one.what == 'a: needs integer, not "x"'


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"a": {"$ref": "https://example.com/b.json"}}}, "on the network"),
        ({"properties": {"a": {"$ref": "../../etc/passwd"}}}, "leads nowhere"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "leads nowhere"),
        ({"$defs": {"x": {"$ref": "#/$defs/x"}}, "$ref": "#/$defs/x"}, "refers to itself"),
        ({"properties": {"a": {"pattern": "("}}}, "schema"),
        ({"type": "numbr"}, "is no valid schema"),
        ([], "not a mapping"),
    ],
)
def test_a_schema_that_cannot_decide_is_no_pass(repo: Any, schema: Any, why: str) -> None:
    (one,) = judged(repo, "a: x\n", schema=schema)
    assert one.undecided
    assert why in one.what
    assert "\n" not in one.what


def test_a_schema_that_is_not_there_cannot_decide(repo: Any) -> None:
    staged(repo, **{"p.yaml": "a: 1"})
    (one,) = found(repo, {"p.yaml": "gone.json"})
    assert one.undecided


def test_a_broken_file_breaks_its_schema(repo: Any) -> None:
    (one,) = judged(repo, "a: 1\nb: [\n")
    assert (one.rule, one.undecided) == ("config-schema/broken", False)
    assert one.line


def test_a_broken_file_without_a_schema_is_not_ours(repo: Any) -> None:
    staged(
        repo, **{"p.yaml": "schema: [\n", "q.json": '{"$schema": 3}', "r.yaml": "{{ x }}: schema"}
    )
    assert found(repo) == []


def test_a_config_cannot_name_an_address() -> None:
    text = "checks: {config-schema: {schemas: {p.yaml: 'https://example.com/s.json'}}}\n"
    with pytest.raises(ConfigError, match="never fetched"):
        config.load(lambda _: text.encode())


def test_a_changed_schema_judges_all_its_files(repo: Any) -> None:
    repo.commit(**{"p.yaml": "lr: x", "s.json": "{}", "q.yaml": "lr: x"})
    staged(repo, **{"s.json": json.dumps(SCHEMA)})
    repository = Repository.discover(repo.path)
    scope = find_scope(repository, Asked(), {})
    text = b"checks: {config-schema: {schemas: {p.yaml: s.json}}}"
    scope = scope._replace(config=config.load(lambda _: text))
    assert [one.path for one in config_schema.check(scope)] == ["p.yaml"]


@pytest.mark.parametrize(("text", "loaded"), [("a: 1", False), ('{"$schema": "s.json"}', True)])
def test_jsonschema_is_loaded_only_for_a_file_with_a_schema(
    repo: Any, text: str, loaded: bool
) -> None:
    staged(repo, **{"p.json": text, "s.json": "{}"})
    code = (
        "import sys\nfrom mlops_ci.checks.hook import run\nassert run('config-schema', []) == 0\n"
        "print('jsonschema' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.stdout == f"{loaded}\n", done.stderr
