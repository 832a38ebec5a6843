"""The workflows that users copy run, as they are, on a project that is trained for real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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


def test_another_base_is_judged_again_and_another_title_is_not(hub: Hub) -> None:
    git(hub.work, "switch", "-q", "worse")
    event = {**hub.open_pull(7), "action": "edited"}
    steps = "    steps: [{run: echo Run}]\n"
    jobs = template("pull-request").partition("    steps:\n")[0] + steps
    jobs += f"  other:\n    runs-on: ubuntu-latest\n{steps}"
    for changed, ran in (("title", {"other"}), ("base", {"other", "model"})):
        run = hub.run(jobs, {**event, "changes": {changed: {"from": "dev"}}})
        assert run.jobs.keys() == ran, run.text


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


def recorded(hub: Hub) -> None:
    """HEAD is trained once more, for its Record; that goes where the promotion looks."""
    project.mlops_ci(hub.work, "train", "--force", "--persist", "push")
    newest = store.newest(hub.work)
    assert newest
    repository = Repository.discover(hub.work)
    notes.add(repository, git(hub.work, "rev-parse", "HEAD"), store.read(newest))
    notes.push(repository, "origin")


def deployed(hub: Hub) -> list[tuple[str, str]]:
    found = hub.api.state.repos[hub.full].deployments.values()
    return [(one["payload"]["version"], one["_statuses"][0]["state"]) for one in found]


def test_a_tag_promotes_what_was_recorded_and_approved_and_nothing_else(hub: Hub) -> None:
    hub.tag("churn@v1.0.0")
    asked = hub.tag("churn#prod#1")
    hub.api.add_approval(hub.full, hub.run_id + 1, environment="prod", login="ada")
    refused = hub.run(template("release"), asked, "push", ref=asked["ref"])
    assert refused.jobs == {"promote": "failure"}, refused.text
    assert "no Record says what made churn" in refused.text
    recorded(hub)
    refused = hub.run(template("release"), asked, "push", ref=asked["ref"])
    assert refused.jobs == {"promote": "failure"}, refused.text
    assert "nobody has approved that prod is taken" in refused.text
    granted = promoted(hub, asked)
    assert granted.outputs["promote"]["version"] == "v1.0.0"
    assert granted.outputs["promote"]["release"].endswith("/releases/tag/churn@v1.0.0")
    assert "/promotion/v1" in git(hub.bare, "log", "-p", "refs/notes/mlops-ci")
    assert deployed(hub) == [("v1.0.0", "success")]


def promoted(hub: Hub, asked: dict[str, Any]) -> Run:
    hub.api.add_approval(hub.full, hub.run_id + 1, environment="prod", login="ada")
    run = hub.run(template("release"), asked, "push", ref=asked["ref"])
    assert run.jobs == {"promote": "success"}, run.text
    return run


def test_a_version_alone_is_promoted_and_rolled_back(hub: Hub) -> None:
    recorded(hub)
    promoted(hub, hub.tag("v1.0.0"))
    project.run(hub.work, "git", "merge", "-q", "better")
    git(hub.work, "push", "-q", "origin", "main")
    recorded(hub)
    promoted(hub, hub.tag("v1.1.0"))
    assert deployed(hub) == [("v1.0.0", "inactive"), ("v1.1.0", "success")]
    inputs = {"model": "churn", "to": "", "reason": "alert 7"}
    back = hub.run(
        template("rollback"), {"inputs": inputs}, "workflow_dispatch", ref="refs/heads/main"
    )
    assert back.jobs == {"rollback": "success"}, back.text
    assert back.outputs["rollback"]["version"] == "v1.0.0"
    assert deployed(hub)[1:] == [("v1.1.0", "inactive"), ("v1.0.0", "success")]
    assert "alert 7" in git(hub.bare, "tag", "-n9", "-l", "churn#prod#3")


def test_what_is_in_production_stands_beside_a_pull_request(hub: Hub) -> None:
    recorded(hub)
    promoted(hub, hub.tag("v1.0.0"))
    run = changed(hub, "better")
    assert run.jobs == {"model": "success"}, run.text
    (comment,) = hub.api.comments(hub.full)
    assert "> **In production:** `prod v1.0.0`: `loss` **−0.0691**" in comment["body"], comment[
        "body"
    ]


def test_what_is_in_production_is_restored_and_a_fault_noticed(hub: Hub) -> None:
    recorded(hub)
    promoted(hub, hub.tag("v1.0.0"))
    hub.commit("Say more", **{"README.md": "# churn\n"})
    run = hub.run(template("drill"), hub.push(), "schedule", ref="refs/heads/main")
    assert run.jobs == {"drill": "success"}, run.text
    assert "churn#prod#1  restored, verified and evaluated in" in run.text
    assert "corrupt-byte was noticed, by verify" in run.text
