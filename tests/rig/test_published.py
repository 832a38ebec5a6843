"""What a reviewer sees of a run: the comment and the status, of forks, re-runs, many models and folders as well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.rig.runner import ROOT, git

if TYPE_CHECKING:
    from tests.rig.runner import Hub

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rig-published")]


def documented(name: str) -> str:
    """A workflow that docs/actions.md shows."""
    page = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    shown = page.partition(f"<!-- {name}: begin -->\n```yaml\n")[2]
    return shown.partition(f"```\n<!-- {name}: end -->")[0]


JUDGE = documented("quick")
QUIET = JUDGE.replace(", pull-requests: write, statuses: write", "")


def template(name: str) -> str:
    return (ROOT / "templates/workflows" / f"{name}.yml").read_text(encoding="utf-8")


def pull_of(hub: Hub, branch: str, **options: str) -> dict[str, Any]:
    git(hub.work, "switch", "-q", branch)
    return hub.open_pull(7, **options)


def states(hub: Hub, pull: dict[str, Any]) -> dict[str, str]:
    """The newest of each context."""
    found = hub.api.state.repos[hub.full].statuses.get(pull["pull_request"]["head"]["sha"], [])
    return {one["context"]: one["state"] for one in reversed(found)}


def test_the_shortest_workflow_comments_and_sets_a_status(hub: Hub) -> None:
    pull = pull_of(hub, "worse")
    run = hub.run(JUDGE, pull)
    assert run.jobs == {"model": "failure"}, run.text
    (comment,) = hub.api.comments(hub.full)
    assert "worse in accuracy: blocked" in comment["body"].replace("`", "")
    assert run.outputs["publish"]["comment-url"] == comment["html_url"]
    assert states(hub, pull) == {"mlops-ci/churn": "failure"}
    # What a re-run says is what was there; what the next push says takes its place.
    again = hub.run(JUDGE, pull, attempt=2)
    assert again.jobs == {"model": "failure"}
    assert [one["_edits"] for one in hub.api.comments(hub.full)] == [0]
    git(hub.work, "switch", "-q", "--detach", "worse")
    git(hub.work, "switch", "-qC", "worse", "better")
    better = hub.open_pull(7)
    assert hub.run(JUDGE, better).jobs == {"model": "success"}
    (newer,) = hub.api.comments(hub.full)
    assert newer["id"] == comment["id"]
    assert states(hub, better) == {"mlops-ci/churn": "success"}


def test_a_token_that_may_not_comment_is_told_and_hides_no_verdict(hub: Hub) -> None:
    run = hub.run(QUIET, pull_of(hub, "better"))
    assert run.jobs == {"model": "failure"}
    assert "not published" in run.text
    assert "pull-requests: write" in run.text
    assert run.outputs["publish"]["verdict"] == "pass"


@pytest.mark.parametrize(
    ("branch", "state"),
    [("better", "pending"), pytest.param("worse", "failure", marks=pytest.mark.full)],
)
def test_a_fork_is_measured_without_rights_and_published_without_its_code(
    hub: Hub, branch: str, state: str
) -> None:
    pull = pull_of(hub, branch, fork="mallory/churn")
    measured = hub.run(template("measure"), pull, fork=True)
    assert measured.jobs == {"measure": "success" if branch == "better" else "failure"}, (
        measured.text
    )
    assert hub.api.comments(hub.full) == []
    run = hub.run(template("publish"), hub.after(pull), "workflow_run", ref="refs/heads/main")
    assert run.jobs == {"publish": "success" if branch == "better" else "failure"}, run.text
    (comment,) = hub.api.comments(hub.full)
    assert "declared by the pull request" in comment["body"]
    assert "also changes the gates" not in comment["body"]
    assert states(hub, pull) == {"mlops-ci/churn": state}


def test_what_a_fork_says_of_itself_does_not_count(hub: Hub) -> None:
    pull = pull_of(hub, "worse", fork="mallory/churn")
    hub.run(template("measure"), pull, fork=True)
    (file,) = (hub.folder / "artifacts").glob("*/report/report.json")
    said = json.loads(file.read_text(encoding="utf-8"))
    for model in said["models"]:
        model["verdict"] = {**model["verdict"], "result": "pass", "outcomes": []}
    file.write_text(json.dumps(said), encoding="utf-8")
    run = hub.run(template("publish"), hub.after(pull), "workflow_run", ref="refs/heads/main")
    assert run.jobs == {"publish": "failure"}, run.text
    assert states(hub, pull) == {"mlops-ci/churn": "failure"}


def test_jobs_of_a_matrix_share_one_comment(hub_of_three: Hub) -> None:
    hub = hub_of_three
    pull = pull_of(hub, "change")
    run = hub.run(documented("matrix"), pull)
    assert sorted(run.jobs) == ["measure-1", "measure-2", "measure-3", "publish"], run.text
    # act reports one result for all jobs of a matrix: which of them was red is in the statuses.
    assert run.jobs["publish"] == "failure", run.text
    (comment,) = hub.api.comments(hub.full)
    assert all(model in comment["body"] for model in ("ads", "churn", "fraud"))
    assert states(hub, pull) == {
        "mlops-ci/ads": "success",
        "mlops-ci/churn": "failure",
        "mlops-ci/fraud": "success",
    }


@pytest.mark.full
def test_a_monorepo_is_judged_in_one_job_and_one_of_its_folders_alone(hub_of_three: Hub) -> None:
    hub = hub_of_three
    pull = pull_of(hub, "change")
    whole = hub.run(JUDGE, pull)
    assert json.loads(whole.outputs["publish"]["verdicts"]) == {
        "ads": "pass",
        "churn": "fail",
        "fraud": "pass",
    }
    one = JUDGE + "      with: {model: ads, key: ads, working-directory: ads}\n"
    alone = hub.run(one, pull)
    assert alone.jobs == {"model": "success"}, alone.text
    assert json.loads(alone.outputs["publish"]["verdicts"]) == {"ads": "pass"}
    assert len(hub.api.comments(hub.full)) == 2


def test_a_checkout_in_a_path_with_spaces(hub: Hub) -> None:
    place = "my model $(id) & more"
    workflow = JUDGE.replace("fetch-depth: 0,", f"fetch-depth: 0, path: '{place}',")
    workflow += f"      with: {{working-directory: '{place}'}}\n"
    run = hub.run(workflow, pull_of(hub, "better"))
    assert run.jobs == {"model": "success"}, run.text
    assert states(hub, pull_of(hub, "better")) == {"mlops-ci/churn": "success"}
