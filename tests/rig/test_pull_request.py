"""The gate on a pull request, from the checkout to the colour of the job, on a model that is trained for real."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.rig.runner import ROOT, git

if TYPE_CHECKING:
    from tests.rig.runner import Hub, Run

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rig")]

GATE = """\
on: pull_request
permissions:
  contents: read
jobs:
  model:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v7
      with: {fetch-depth: 0, persist-credentials: false}
    - id: gate
      uses: mlops-ci/mlops-ci/actions/gate@v0
"""


def opened(hub: Hub, branch: str, workflow: str = GATE) -> Run:
    git(hub.work, "switch", "-q", branch)
    return hub.run(workflow, hub.open_pull(7))


@pytest.mark.parametrize(
    ("branch", "job", "verdict"),
    [
        ("warned", "success", "warn"),
        ("worse", "failure", "fail"),
        pytest.param("better", "success", "pass", marks=pytest.mark.full),
    ],
)
def test_a_change_is_judged(hub: Hub, branch: str, job: str, verdict: str) -> None:
    run = opened(hub, branch)
    assert run.jobs == {"model": job}, run.text
    assert run.outputs["gate"]["verdict"] == verdict
    accuracy = json.loads(git(hub.work, "show", f"{branch}:metrics.json"))["accuracy"]
    (metrics,) = json.loads(run.outputs["gate"]["metrics"]).values()
    assert metrics["accuracy"] == accuracy
    (summary,) = run.summaries
    assert "accuracy" in summary


def test_a_broken_config_says_where(hub: Hub) -> None:
    hub.commit("break it", **{"mlops-ci.yaml": "version: 1\ngates: [{id: x, metrik: auc}]\n"})
    git(hub.work, "push", "-q", "origin", "HEAD:main")
    git(hub.work, "switch", "-qc", "change")
    run = opened(hub, "change")
    assert run.jobs == {"model": "failure"}
    (annotation,) = run.annotations
    assert "mlops-ci.yaml:2:" in annotation
    assert run.outputs.get("gate", {}).get("verdict", "") == ""


def test_a_shallow_checkout_is_no_pass(hub: Hub) -> None:
    run = opened(hub, "better", GATE.replace("fetch-depth: 0, ", ""))
    assert run.jobs == {"model": "failure"}
    assert "shallow" in run.text
    assert "fetch-depth: 0" in run.text


def test_the_workspace_and_the_steps_after_it_are_as_they_were(hub: Hub) -> None:
    look = """\
    - run: env | cut -d= -f1 | sort >before && type -a python3 >>before
      shell: bash
    - uses: mlops-ci/mlops-ci/actions/gate@v0
    - run: env | cut -d= -f1 | sort >after && type -a python3 >>after
      shell: bash
    - run: git status --porcelain --ignored && diff before after
      shell: bash
"""
    steps = GATE.partition("    - id: gate")[0] + look
    run = opened(hub, "better", steps)
    assert run.jobs == {"model": "success"}, run.text
    assert "?? after\n?? before\n" in run.text
    assert "!! " not in run.text


CHECK = GATE.replace("id: gate", "id: check").replace("actions/gate", "actions/check")


@pytest.mark.parametrize(("name", "job"), [("large.csv", "failure"), ("README.md", "success")])
def test_what_a_change_adds_is_checked(hub: Hub, name: str, job: str) -> None:
    git(hub.work, "switch", "-qc", "change")
    hub.commit("Add a file", **{name: "1,2\n" * 200_000 if name == "large.csv" else "# churn\n"})
    run = hub.run(CHECK, hub.open_pull(7))
    assert run.jobs == {"model": job}, run.text
    assert run.outputs["check"]["verdict"] == ("fail" if job == "failure" else "pass")
    found = json.loads(run.outputs["check"]["counts"])["findings"]
    assert found == (job == "failure")
    (summary,) = run.summaries
    assert f"{found} finding" in summary
    assert any(name in one for one in run.annotations) == (job == "failure")


def test_a_report_blocks_nothing_and_any_command_can_follow(hub: Hub) -> None:
    """The steps that docs/actions.md shows for other commands, as they are there."""
    page = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- setup: end -->")[2].partition("```yaml\n")[2].partition("```")[0]
    steps = textwrap.indent(re.sub(r"@v\d+\.\d+\.\d+", "@v0", shown), "    ")
    report = GATE.replace("id: gate", "id: report").replace("actions/gate", "actions/report")
    run = opened(hub, "worse", report + steps)
    assert run.jobs == {"model": "success"}, run.text
    assert run.outputs["report"]["verdict"] == "fail"
    assert run.outputs["report"]["blocked"] == "true"
    assert Path(run.outputs["mlops-ci"]["command"]).name == "run.sh"
    assert '"schema_version": 1' in run.text
