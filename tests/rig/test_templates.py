"""The workflows that users copy run, as they are, on a project that is trained for real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops_ci.git import Repository
from mlops_ci.lineage import notes, store
from tests.rig import project
from tests.rig.runner import ROOT, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rig.runner import Hub, Run

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rig-templates")]


def template(name: str) -> str:
    return (ROOT / "templates/workflows" / f"{name}.yml").read_text(encoding="utf-8")


def changed(hub: Hub, name: str) -> Run:
    """A pull request that only sets params: what comes of them is left to the workflow."""
    git(hub.work, "switch", "-qc", "change", "main")
    hub.commit("Set params", **{"params.yaml": project.params(name)})
    return hub.run(template("pull-request"), hub.open_pull(7))


@pytest.mark.parametrize(
    ("name", "job"),
    [pytest.param("better", "success", marks=pytest.mark.full), ("worse", "failure")],
)
def test_a_pull_request_is_trained_and_judged(hub: Hub, name: str, job: str) -> None:
    run = changed(hub, name)
    assert run.jobs == {"model": job}, run.text
    trained = json.loads(git(hub.work, "show", f"{name}:metrics.json"))
    assert json.loads(run.outputs["publish"]["metrics"])["churn"] == trained
    assert run.outputs["publish"]["verdict"] == {"success": "pass", "failure": "fail"}[job]


@pytest.mark.full
def test_a_stage_that_fails_is_not_judged(hub: Hub) -> None:
    git(hub.work, "switch", "-qc", "change", "main")
    hub.commit("Break it", **{"params.yaml": "epochs: many\nlr: 0.1\n"})
    run = hub.run(template("pull-request"), hub.open_pull(7))
    assert run.jobs == {"model": "failure"}
    assert "verdict" not in {k for k, v in run.outputs.get("publish", {}).items() if v}
    assert "TypeError" in run.text


def test_main_is_trained_and_its_results_kept(hub: Hub, trained: Path) -> None:
    hub.commit("Set params", **{"params.yaml": "epochs: 9\nlr: 0.04\n"})
    run = hub.run(template("push"), hub.push(), "push", ref="refs/heads/main")
    assert run.jobs == {"baseline": "success"}, run.text
    (record,) = (hub.folder / "artifacts").glob("*/record/*")
    (model,) = json.loads(record.read_text(encoding="utf-8"))["subject"]
    assert model["name"] == "model.json"
    md5 = model["digest"]["md5"]
    assert (trained.parent / "remote/files/md5" / md5[:2] / md5[2:]).is_file()
    assert md5 in git(hub.bare, "log", "-p", "refs/notes/mlops-ci")


@pytest.mark.full
def test_the_weekly_run_finds_nothing_wrong_with_it(hub: Hub) -> None:
    hub.commit("Say more", **{"README.md": "# churn\n"})
    run = hub.run(template("schedule"), hub.push(), "schedule", ref="refs/heads/main")
    assert run.jobs == {"check": "success", "train": "success"}, run.text


def test_a_tag_promotes_what_was_recorded_and_nothing_else(hub: Hub) -> None:
    hub.tag("churn@v1.0.0")
    asked = hub.tag("churn#prod#1")
    refused = hub.run(template("release"), asked, "push", ref=asked["ref"])
    assert refused.jobs == {"promote": "failure"}, refused.text
    assert "Record" in refused.text
    project.mlops_ci(hub.work, "train", "--force", "--persist", "push")
    repository = Repository.discover(hub.work)
    newest = store.newest(hub.work)
    assert newest
    notes.add(repository, git(hub.work, "rev-parse", "HEAD"), store.read(newest))
    notes.push(repository, "origin")
    granted = hub.run(template("release"), asked, "push", ref=asked["ref"])
    assert granted.jobs == {"promote": "success"}, granted.text
    assert "promoted" in granted.text
    assert "/promotion/v1" in git(hub.bare, "log", "-p", "refs/notes/mlops-ci")
