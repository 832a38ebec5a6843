"""Hostile text in every field of a report, and in the branch: what GitHub, the runner and a terminal get of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.report import machine
from tests.github.api.server import Api, serving
from tests.publish.conftest import FORK, REPO, TOKEN, outputs
from tests.report.conftest import NEW, OLD, filled, judged
from tests.report.test_markdown import OURS, PARSER, Tags, inline, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.contract

SECRET = "hunter2hunter2"
POLICY = "version: 1\ngates: [{id: floor, metric: '*', threshold: {min: 0.9}, level: warn}]\n"
TYPES = {
    "text", "softbreak", "hardbreak", "code_inline", "html_inline", "strong_open", "strong_close", "link_open",
    "link_close",
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as served:
        served.add_repo(REPO, refs={"refs/heads/main": OLD}, files={OLD: {"mlops-ci.yaml": POLICY}})
        served.add_token(TOKEN)
        yield served
        assert served.state.wrong == []


@pytest.fixture
def report(tmp_path: Path, hostile: str) -> Path:
    """Two models, and every field that holds text from a repository."""
    made = filled(hostile)
    second = replace(made.models[0], model=f"{hostile}2")
    made = replace(made, models=(made.models[0], second))
    verdicts = judged(hostile)
    verdicts[second.model] = replace(verdicts[hostile], model=second.model)
    file = tmp_path / "gate.json"
    file.write_text(machine.render(made, verdicts, everything=True), encoding="utf-8")
    return file


def environ(monkeypatch: Any, api: Api, folder: Path, name: str, event: dict[str, Any]) -> None:
    file = folder / "event.json"
    file.write_text(json.dumps(event), encoding="utf-8")
    values = {
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_SHA": NEW,
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": file,
        "GITHUB_RUN_ID": 5,
        "GITHUB_STEP_SUMMARY": folder / "summary.md",
        "GITHUB_OUTPUT": folder / "output",
        "GITHUB_TOKEN": TOKEN,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for key, value in values.items():
        monkeypatch.setenv(key, str(value))
    monkeypatch.chdir(folder)


def check(markdown: str) -> None:
    """Markup is ours alone; a link leads to the run; nothing outside of code can mean more than it says."""
    markdown = re.sub(r"\A<!-- mlops-ci [^<>]* -->\n", "", markdown)
    blocks = PARSER.parse(markdown)
    tokens = inline(blocks)
    assert {token.type for token in tokens} <= TYPES
    links = [token.attrGet("href") for token in tokens if token.type == "link_open"]
    assert set(links) <= {f"https://github.com/{REPO}/actions/runs/5"}
    html = [token.content for token in [*blocks, *tokens] if token.type.startswith("html_")]
    assert Tags("".join(html)).found <= OURS
    bare, _ = read(blocks)
    bare = re.sub(r"\[!(CAUTION|IMPORTANT|WARNING|NOTE|TIP)\]", "", bare)
    assert not re.search(r"[@#$`<>\[\]\\]|://|www\.|:\w+:|[0-9a-f]{7}", bare)


def check_lines(*texts: str) -> None:
    for text in texts:
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
        assert "##[" not in text
        assert TOKEN not in text
        assert SECRET not in text
        assert "\x1b" not in text


def shown(api: Api, folder: Path) -> list[str]:
    """All that a person reads."""
    texts = [one["body"] for one in api.comments(REPO)]
    texts.append((folder / "summary.md").read_text(encoding="utf-8"))
    texts += [one["output"]["summary"] for one in api.state.repos[REPO].checks.values()]
    return texts


def test_nothing_hostile_gets_out_of_a_report(
    api: Api, report: Path, hostile: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    at = {"ref": hostile, "sha": NEW}
    api.add_pull(REPO, 7, head=at, base={"ref": "main", "sha": OLD})
    pull = {"number": 7, "head": {**at, "repo": {"full_name": REPO}}, "base": {"ref": hostile}}
    environ(monkeypatch, api, tmp_path, "pull_request", {"pull_request": pull})
    assert run(["publish", "--from", str(report), "--check-run"]) == 1
    texts = shown(api, tmp_path)
    assert len(texts) == 3
    for one in texts:
        check(one)
    told = capsys.readouterr()
    check_lines(*texts, told.out, told.err)
    found = outputs(tmp_path / "output")
    assert found["verdict"] == "fail"
    assert set(found) == {
        "verdict", "blocked", "declared", "verdicts", "counts", "metrics", "comment-url", "comment",
    }  # fmt: skip
    for status in api.state.repos[REPO].statuses[NEW]:
        assert status["context"].startswith("mlops-ci/")
        assert status["context"].isprintable()
        assert status["description"].isprintable()


def test_nothing_hostile_gets_out_of_an_artifact(
    api: Api, report: Path, hostile: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    at = {"ref": hostile, "sha": NEW, "repo": FORK}
    api.add_pull(REPO, 7, head=at, base={"ref": "main", "sha": OLD})
    of = {"id": 5, "head_sha": NEW, "head_branch": hostile, "head_repository": {"full_name": FORK}}
    environ(monkeypatch, api, tmp_path, "workflow_run", {"workflow_run": of})
    code = run(["publish", "--from", str(report)])
    told = capsys.readouterr()
    check_lines(told.out, told.err)
    if not api.comments(REPO):
        # A name that is no name of a branch: nothing was found for it, and nothing posted.
        assert code == 0
        assert hostile.encode("utf-8", "replace") != hostile.encode("utf-8", "surrogatepass")
        assert api.requests("POST") == []
        return
    texts = shown(api, tmp_path)
    for one in texts:
        check(one)
    check_lines(*texts)
    assert {one["state"] for one in api.state.repos[REPO].statuses[NEW]} <= {"pending", "failure"}
