"""What a reviewer sees of a run: the comment and the status, of forks, re-runs, many models and folders as well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.rig.runner import ROOT, git

if TYPE_CHECKING:
    from tests.rig.runner import Hub

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rig-published")]

JUDGE = """\
on: pull_request
permissions: {contents: read, pull-requests: write, statuses: write}
jobs:
  model:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v7
      with: {fetch-depth: 0, persist-credentials: false}
    - uses: mlops-ci/mlops-ci@v0.1.0
"""


def template(name: str) -> str:
    return (ROOT / "templates/workflows" / f"{name}.yml").read_text(encoding="utf-8")


def pull_of(hub: Hub, branch: str, **options: str) -> dict[str, Any]:
    git(hub.work, "switch", "-q", branch)
    return hub.open_pull(7, **options)


def states(hub: Hub, pull: dict[str, Any]) -> dict[str, str]:
    """The newest of each context."""
    found = hub.api.state.repos[hub.full].statuses.get(pull["pull_request"]["head"]["sha"], [])
    return {one["context"]: one["state"] for one in reversed(found)}


def test_the_readme_s_workflow_comments_and_sets_a_status(hub: Hub) -> None:
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
    quiet = JUDGE.replace(", pull-requests: write, statuses: write", "")
    run = hub.run(quiet, pull_of(hub, "better"))
    assert run.jobs == {"model": "failure"}
    assert "not published" in run.text
    assert "pull-requests: write" in run.text
    assert run.outputs["publish"]["verdict"] == "pass"


@pytest.mark.parametrize(("branch", "state"), [("better", "pending"), ("worse", "failure")])
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
