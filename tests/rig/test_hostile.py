"""A pull request that attacks: the text of a report in each of its parts, through the whole of the workflows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from mlops_ci.text import visible
from tests.report.test_markdown import OURS, PARSER, Tags, inline, read
from tests.rig import project
from tests.rig.runner import git
from tests.rig.test_published import JUDGE, template

if TYPE_CHECKING:
    from tests.rig.runner import Hub

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("rig-hostile")]

# What a shell would run, the runner obey, GitHub render, link or notify.
BRANCH = "a;touch${IFS}pwned&&$(touch${IFS}pwned)`touch${IFS}pwned`|${{github.token}}"
TEXTS = (
    "$(touch pwned)", "`touch pwned`", "'; touch pwned #", '"; touch pwned; "', "${{ secrets.GITHUB_TOKEN }}",
    "\n::error::owned\n", "\n::set-output name=verdict::pass\n", "##[error]owned", "::add-mask::pass",
    "\r\nverdict<<E\npass\nE\n", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "@octocat @octo/team",
    "[x](https://evil.example)", "![x](https://evil.example/x.png)", "https://evil.example", "www.evil.example",
    "<!-- mlops-ci {} -->", "--> <b>x</b>", "| a | b |\n|:--|:--|", "```\nx\n```", "#1 GH-2 octo/churn#3",
    "\x1b[31mred", "\u202eevil", "</details>", "$$x$$", ":shipit:",
)  # fmt: skip


def attack(hub: Hub) -> None:
    """Names of files, metrics, stages and params, and the values of both; the model itself is another one."""
    git(hub.work, "switch", "-qc", BRANCH, "better")
    numbers = json.loads((hub.work / "metrics.json").read_text(encoding="utf-8"))
    metrics = {text: number for number, text in enumerate(TEXTS)} | {
        f"v{n}": t for n, t in enumerate(TEXTS)
    }
    params = dict(yaml.safe_load(project.params("better")))
    params |= {f"p{n}": text for n, text in enumerate(TEXTS)} | dict.fromkeys(TEXTS, 1)
    stages = yaml.safe_load(project.DVC_YAML)
    names = [f"{n} {text}.csv".replace("/", "_") for n, text in enumerate(TEXTS)]
    stages["metrics"] = ["$(touch pwned) <b>.json"]
    hub.commit(
        "$(touch pwned)",
        **{
            "metrics.json": json.dumps(numbers | {"v": "</code>"} | metrics),
            "$(touch pwned) <b>.json": json.dumps(metrics),
            "params.yaml": yaml.safe_dump(params),
            "dvc.yaml": yaml.safe_dump(stages),
            **dict.fromkeys(names, "1,2\n"),
        },
    )


def check_page(hub: Hub, page: str) -> None:
    blocks = PARSER.parse(re.sub(r"\A<!-- mlops-ci [^<>]* -->\n", "", page))
    tokens = inline(blocks)
    html = [token.content for token in [*blocks, *tokens] if token.type.startswith("html_")]
    assert Tags("".join(html)).found <= OURS
    links = {token.attrGet("href") for token in tokens if token.type == "link_open"}
    assert all(link.startswith(f"https://github.com/{hub.full}/actions/runs/") for link in links)
    assert not any(token.type == "image" for token in tokens)
    bare, code = read(blocks)
    bare = re.sub(r"\[!(CAUTION|IMPORTANT|WARNING|NOTE|TIP)\]", "", bare)
    assert not re.search(r"[@#$`<>\[\]\\]|://|www\.|:\w+:", bare)
    assert sum(any(visible(text) in one for one in code) for text in TEXTS) > len(TEXTS) // 2


def check_nothing_ran(hub: Hub) -> None:
    assert [path.name for path in hub.folder.rglob("pwned")] == []


def test_a_pull_request_is_measured_and_none_of_its_text_does_anything(hub: Hub) -> None:
    attack(hub)
    run = hub.run(JUDGE, hub.open_pull(7))
    assert run.outputs["publish"]["verdict"] in ("pass", "fail", "inconclusive"), run.text
    assert run.jobs == {
        "model": "success" if run.outputs["publish"]["verdict"] == "pass" else "failure"
    }
    (comment,) = hub.api.comments(hub.full)
    assert len(run.summaries) == 1
    for page in (comment["body"], run.summaries[0]):
        check_page(hub, page)
        assert "ghs_" not in page
    assert run.annotations == []
    check_nothing_ran(hub)


@pytest.mark.full
def test_a_fork_that_attacks_is_published_without_harm(hub: Hub) -> None:
    attack(hub)
    pull = hub.open_pull(7, fork="mallory/churn")
    hub.run(template("measure").replace("actions/train", "actions/setup"), pull, fork=True)
    run = hub.run(template("publish"), hub.after(pull), "workflow_run", ref="refs/heads/main")
    (comment,) = hub.api.comments(hub.full)
    check_page(hub, comment["body"])
    assert "declared by the pull request" in comment["body"]
    assert run.annotations == []
    check_nothing_ran(hub)
