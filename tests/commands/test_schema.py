"""`mlops-ci schema` on a real repository."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_ci.cli import run
from mlops_ci.schema import config_schema


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    repo.commit(**{"params.yaml": "lr: 1\nold: x\n"})
    repo.commit(**{"params.yaml": "broken: [\n"})
    repo.commit(**{"params.yaml": "lr: 1e-3\n"})
    repo.write("params.yaml", "lr: 0.1\nnew: 3\n")
    monkeypatch.chdir(repo.path)
    return repo


def inferred(capsys: Any, *arguments: str) -> dict[str, Any]:
    assert run(["schema", "infer", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_it_reads_the_file_and_its_history(project: Any, capsys: Any) -> None:
    schema = inferred(capsys, "params.yaml")
    assert schema["required"] == ["lr"]
    assert list(schema["properties"]) == ["lr", "new", "old"]
    assert schema == inferred(capsys, "params.yaml")


def test_without_history(project: Any, capsys: Any) -> None:
    assert list(inferred(capsys, "params.yaml", "--history", "0")["properties"]) == ["lr", "new"]


def test_it_is_written_and_enforced(project: Any, capsys: Any) -> None:
    assert run(["schema", "infer", "params.yaml", "-o", "s.json"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    project.write("mlops-ci.yaml", f"{line.strip()}\n")
    project.write("params.yaml", "lr: 0.1\nnwe: 3\n")
    project.git("add", "--all")
    from mlops_ci.checks.hook import run as hook

    assert hook("config-schema", []) == 1
    shown = capsys.readouterr().out
    assert "params.yaml:2:1: [config-schema] nwe: unknown key, did you mean new?" in shown


def test_the_file_itself_is_not_overwritten(project: Any, capsys: Any) -> None:
    before = (project.path / "params.yaml").read_bytes()
    assert run(["schema", "infer", "params.yaml", "-o", "./params.yaml"]) == 2
    assert "-o params.schema.json" in capsys.readouterr().err
    assert (project.path / "params.yaml").read_bytes() == before


def test_from_a_subfolder_the_config_still_names_paths_from_the_root(
    project: Any, capsys: Any, monkeypatch: Any
) -> None:
    project.write("sub/q.yaml", "lr: 1\n")
    monkeypatch.chdir(project.path / "sub")
    assert run(["schema", "infer", "q.yaml", "../params.yaml", "-o", "s.json"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert '{"sub/q.yaml": "sub/s.json", "params.yaml": "sub/s.json"}' in line


@pytest.mark.parametrize("output", [".", "gone/s.json"])
def test_where_it_cannot_be_written(project: Any, capsys: Any, output: str) -> None:
    assert run(["schema", "infer", "params.yaml", "-o", output]) == 2
    assert "folder" in capsys.readouterr().err
    assert not [path.name for path in project.path.iterdir() if path.name.endswith(".part")]


def test_several_files_share_a_schema(project: Any, capsys: Any) -> None:
    project.write("a b\n.toml", "lr = 1\n")
    assert inferred(capsys, "params.yaml", "a b\n.toml")["required"] == ["lr"]


@pytest.mark.parametrize(
    ("name", "text"), [("gone.yaml", None), ("bad.yaml", "a: ["), ("list.yaml", "- 1")]
)
def test_what_cannot_be_read(project: Any, capsys: Any, name: str, text: str | None) -> None:
    if text:
        project.write(name, text)
    assert run(["schema", "infer", name]) == 2
    assert name in capsys.readouterr().err


def test_outside_of_a_repository(tmp_path: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.json").write_text('{"a": 1}')
    assert inferred(capsys, "p.json")["required"] == ["a"]


def test_config(capsys: Any) -> None:
    assert run(["schema", "config"]) == 0
    assert json.loads(capsys.readouterr().out) == config_schema()
