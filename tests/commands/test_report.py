"""`mlops-ci report` as a user calls it: formats, files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import mlops_ci
from mlops_ci.cli import run

SCHEMA = json.loads((Path(mlops_ci.__file__).parent / "diff.schema.json").read_text())
DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""
GATES = "version: 1\ngates: [{id: floor, metric: accuracy, threshold: {min: 0.9}}]\n"


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A change that breaks a gate of `main`, not committed."""
    repo.commit(
        **{
            ".dvc/config": "",
            "dvc.yaml": DVC_YAML,
            "params.yaml": "lr: 0.1\n",
            "train.py": "print()\n",
            "metrics.json": '{"accuracy": 0.93}\n',
            "mlops-ci.yaml": GATES,
        }
    )
    repo.write("metrics.json", '{"accuracy": 0.8}\n')
    monkeypatch.chdir(repo.path)
    return repo


BLOCKED = "breaks its bound of"


def test_a_report_informs_and_does_not_block(project: Any, capsys: Any) -> None:
    assert run(["report"]) == 0
    assert BLOCKED in capsys.readouterr().out
    assert run(["gate"]) == 1


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.md", "### ❌"),
        ("r.html", "<!doctype html>"),
        ("r.HTM", "<!doctype"),
        ("r.json", "{"),
        ("r.txt", "main "),
    ],
)
def test_the_ending_of_the_file_says_the_format(
    project: Any, capsys: Any, name: str, start: str
) -> None:
    assert run(["report", "-o", name]) == 0
    assert Path(name).read_text(encoding="utf-8").startswith(start)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"wrote {name}\n")


def test_a_format_that_is_named_stands_before_the_ending(project: Any) -> None:
    assert run(["report", "--format", "html", "-o", "r.md"]) == 0
    assert Path("r.md").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_json_is_that_of_gate(project: Any, capsys: Any) -> None:
    assert run(["report", "-o", "r.json"]) == 0
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))
    Draft202012Validator(SCHEMA).validate(found)
    capsys.readouterr()
    assert run(["gate", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == found
    assert found["models"][0]["verdict"]["result"] == "fail"


def test_a_file_is_replaced_whole_and_nothing_else_is_left(project: Any) -> None:
    folder = project.path / "out"
    folder.mkdir()
    for _ in range(2):
        assert run(["report", "-o", "out/r.html"]) == 0
    assert [path.name for path in folder.iterdir()] == ["r.html"]
    assert (folder / "r.html").read_text(encoding="utf-8").endswith("</html>\n")


def test_an_old_report_stays_when_a_new_one_cannot_be_written(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("r.md").write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert run(["report", "-o", "r.md"]) == 3
    assert Path("r.md").read_text(encoding="utf-8") == "old"
    assert not list(project.path.glob(".*.part"))


def test_a_folder_that_is_not_there_is_said(project: Any, capsys: Any) -> None:
    assert run(["report", "-o", "no/r.md"]) == 2
    assert "mkdir -p no" in capsys.readouterr().err


def test_what_cannot_be_read_is_shown_and_undecided(project: Any, capsys: Any) -> None:
    project.write("metrics.json", "{")
    assert run(["report", "--format", "md"]) == 3
    shown = capsys.readouterr().out
    assert "cannot tell whether" in shown
    assert "metrics.json" in shown


def test_two_revisions_can_be_named(project: Any, capsys: Any) -> None:
    project.git("switch", "-qc", "feature")
    head = project.commit("worse")
    assert run(["report", "main", "HEAD", "--format", "md"]) == 0
    shown = capsys.readouterr().out
    assert BLOCKED in shown
    assert f"git fetch origin {project.git('rev-parse', 'main')} {head}" in shown


def test_plots_are_in_the_report_and_in_no_other_command(
    project: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plots = "    plots:\n    - log.csv: {cache: false, x: epoch, y: loss}\n"
    log = "epoch,loss\n1,0.5\n2,0.4\n"
    project.commit(**{"dvc.yaml": DVC_YAML + plots, "log.csv": log, "metrics.json": "{}"})
    project.write("log.csv", log.replace("0.4", "0.3"))
    assert run(["report", "HEAD", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA).validate(data)
    (plot,) = data["models"][0]["plots"]
    assert (plot["kind"], plot["y"]) == ("curve", "loss")
    assert plot["candidate"]["points"] == [[1, 0.5], [2, 0.3]]
    project.write("log.csv", "broken")
    assert run(["report", "HEAD", "-o", "r.md"]) == 0
    assert "not drawn: candidate: holds no rows" in Path("r.md").read_text(encoding="utf-8")
    monkeypatch.setattr("mlops_ci.plot_changes.between", None)
    capsys.readouterr()
    assert run(["diff", "HEAD", "--json"]) == 0
    assert "plots" not in json.loads(capsys.readouterr().out)["models"][0]
