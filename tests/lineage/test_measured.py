"""Budgets on what a Record tells, without any code of a user: training time and the size of the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.git import Repository
from mlops_ci.lineage import notes, store
from mlops_ci.lineage.run import StageRun
from tests.lineage import project

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]

GATES = """\
gates:
- {id: size, metric: record.model_bytes, threshold: {max: 1000}}
- {id: time, metric: record.training_seconds, threshold: {max: 60}, change: {max_regression: "50%"}}
"""


def took(seconds: float, result: Any = "ran") -> dict[str, Any]:
    return {"stages": (StageRun(name="train", result=result, seconds=seconds),)}


def verdict(capsys: Any, *arguments: str, code: int) -> dict[str, Any]:
    assert run(["gate", "--json", "main", *arguments]) == code
    (model,) = json.loads(capsys.readouterr().out)["models"]
    return {
        f"{one['gate']} {one.get('kind', '')}".strip(): one for one in model["verdict"]["outcomes"]
    }


@pytest.fixture
def gated(trained: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Main is trained in 20 s, which its notes tell; a branch is checked out."""
    trained.commit(**{"mlops-ci.yaml": GATES})
    path = project.record(trained, **took(20.0))
    head = trained.git("rev-parse", "HEAD")
    notes.add(Repository.discover(trained.path), head, store.read(path))
    path.unlink()
    trained.git("switch", "-qc", "feature")
    monkeypatch.chdir(trained.path)
    return trained


def retrain(repo: Repo, rate: float, **known: Any) -> None:
    repo.write("params.yaml", f"lr: {rate}\nseed: {int(rate * 100)}\n")
    project.dvc(repo.path, "repro")
    repo.commit()
    project.record(repo, **known)


@pytest.mark.parametrize(
    ("seconds", "result", "code"),
    [(25.0, "pass", 0), (31.0, "fail", 1), (61.0, "fail", 1)],
)
def test_a_training_is_held_against_its_budget_and_its_baseline(
    gated: Repo, capsys: Any, seconds: float, result: str, code: int
) -> None:
    retrain(gated, 0.2, **took(seconds))
    found = verdict(capsys, code=code)
    assert found["time regression"]["result"] == result
    assert (found["time regression"]["baseline"], found["time regression"]["value"]) == (
        20.0,
        seconds,
    )
    assert found["time most"]["result"] == ("fail" if seconds > 60 else "pass")
    size = gated.path.joinpath("model.bin").stat().st_size
    assert (found["size most"]["result"], found["size most"]["value"]) == ("pass", size)
    assert found["size most"]["source"] == "record"


def test_a_change_that_trains_nothing_has_the_numbers_of_the_baseline(
    gated: Repo, capsys: Any
) -> None:
    gated.commit(**{"README.md": "x"})
    found = verdict(capsys, code=0)
    assert {one["result"] for one in found.values()} == {"pass"}
    assert found["time most"]["value"] == 20.0


def test_a_stage_that_was_skipped_took_as_long_as_when_it_made_this_model(
    gated: Repo, capsys: Any
) -> None:
    project.record(gated, **took(0.0, "skipped"))
    assert verdict(capsys, code=0)["time most"]["value"] == 20.0


def test_a_skipped_stage_of_which_nobody_knows_the_time_is_no_zero(
    gated: Repo, capsys: Any
) -> None:
    retrain(gated, 0.2, **took(0.0, "skipped"))
    found = verdict(capsys, code=1)
    assert found["time"]["result"] == "fail"
    assert found["time"]["reason"] == "no Record of a training tells it: train with mlops-ci train"
    assert found["size most"]["result"] == "pass"


def test_without_a_record_of_the_candidate_the_gates_fail(gated: Repo, capsys: Any) -> None:
    gated.write("params.yaml", "lr: 0.2\nseed: 7\n")
    project.dvc(gated.path, "repro")
    gated.commit()
    found = verdict(capsys, code=1)
    assert {one["result"] for one in found.values()} == {"fail"}


@pytest.mark.parametrize(
    ("how", "result", "code"), [("bootstrap", "fail", 1), ("skip", "skipped", 0)]
)
def test_without_a_record_of_the_baseline_a_change_is_not_judged(
    gated: Repo, capsys: Any, how: str, result: str, code: int
) -> None:
    gated.git("switch", "-q", "main")
    gated.commit(**{"mlops-ci.yaml": f"{GATES}baseline: {{on_missing: {how}}}\n"})
    gated.git("switch", "-q", "feature")
    gated.git("merge", "-q", "main")
    gated.git("update-ref", "-d", "refs/notes/mlops-ci")
    retrain(gated, 0.2, **took(25.0))
    found = verdict(capsys, code=code)
    (change,) = [one for one in found.values() if "baseline is here" in one["reason"]]
    assert change["result"] == result
    assert found["time most"]["result"] == "pass"


def test_the_gates_of_main_ask_for_a_record_also_where_the_change_has_none(
    gated: Repo, capsys: Any
) -> None:
    gated.commit(**{"mlops-ci.yaml": "version: 1\n"})
    assert verdict(capsys, code=0)["size most"]["result"] == "pass"
