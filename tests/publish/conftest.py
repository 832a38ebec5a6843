"""One job of a workflow, as the tests of `mlops-ci publish` share it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from tests.github.api.server import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO, FORK = "octo/churn", "fork/churn"
TOKEN = "ghs_0123456789"
DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""
GATES = "version: 1\nmodels: {churn: {}}\ngates: [{id: floor, metric: accuracy, threshold: {min: 0.9}}]\n"


@dataclass
class Job:
    """One job of a workflow: its pull request, what the runner gives it, and what it has written."""

    api: Api
    repo: Any
    folder: Path
    patch: pytest.MonkeyPatch
    base: str
    head: str = ""
    run_id: int = 100
    files: int = field(default=0)

    def commit(self, accuracy: float, **files: str) -> str:
        metrics = json.dumps({"accuracy": accuracy, "loss": 0.25})
        self.head = self.repo.commit(**{"metrics.json": metrics + "\n", **files})
        self.api.state.repos[REPO].files[self.head] = {"mlops-ci.yaml": GATES}
        if 7 in self.api.state.repos[REPO].pulls:
            self.api.push(REPO, 7, self.head)
        return self.head

    def event(self, name: str, content: Any, **environ: Any) -> None:
        file = self.folder / "event.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        values = {
            "GITHUB_API_URL": self.api.url,
            "GITHUB_REPOSITORY": REPO,
            "GITHUB_SHA": self.head,
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": file,
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_RUN_ATTEMPT": 1,
            "GITHUB_STEP_SUMMARY": self.folder / "summary.md",
            "GITHUB_OUTPUT": self.folder / "output",
            "GITHUB_TOKEN": TOKEN,
        }
        for key, value in {**values, **environ}.items():
            self.patch.setenv(key, str(value))

    def pull_request(self, repo: str = REPO, **environ: Any) -> None:
        pull = {
            "number": 7,
            "head": {"sha": self.head, "ref": "topic", "repo": {"full_name": repo}},
            "base": {"ref": "main"},
        }
        self.event("pull_request", {"pull_request": pull}, **environ)

    def workflow_run(self, repo: str = FORK, **fields: Any) -> None:
        of = {
            "id": self.run_id,
            "run_attempt": 1,
            "head_sha": self.head,
            "head_branch": "topic",
            "head_repository": {"full_name": repo},
            "pull_requests": [{"number": 8}],
        }
        self.event("workflow_run", {"workflow_run": {**of, **fields}})

    def publish(self, *arguments: str) -> int:
        return run(["publish", *(arguments or ("main", "HEAD"))])

    def write(self, *arguments: str) -> Path:
        """What `gate --json --all` says, as an artifact would hold it."""
        from click.testing import CliRunner

        from mlops_ci.cli import cli

        told = CliRunner().invoke(cli, ["gate", "main", "HEAD", "--json", *arguments])
        self.files += 1
        file = self.folder / f"gate{self.files}.json"
        file.write_text(told.stdout, encoding="utf-8")
        return file

    @property
    def body(self) -> str:
        (comment,) = self.api.comments(REPO)
        return str(comment["body"])

    @property
    def statuses(self) -> dict[str, str]:
        found = self.api.state.repos[REPO].statuses.get(self.head, [])
        return {one["context"]: one["state"] for one in reversed(found)}

    @property
    def summary(self) -> str:
        file = self.folder / "summary.md"
        return file.read_text(encoding="utf-8") if file.exists() else ""


def outputs(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {lines[at].partition("<<")[0]: lines[at + 1] for at in range(0, len(lines), 3)}


@pytest.fixture
def job(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A change that is not yet measured: `commit` does that."""
    base = repo.commit(
        **{
            ".dvc/config": "",
            "dvc.yaml": DVC_YAML,
            "params.yaml": "lr: 0.1\n",
            "train.py": "print()\n",
            "metrics.json": '{"accuracy": 0.93, "loss": 0.25}\n',
            "mlops-ci.yaml": GATES,
        }
    )
    repo.git("switch", "--quiet", "-c", "topic")
    monkeypatch.chdir(repo.path)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving() as api:
        api.add_repo(REPO, refs={"refs/heads/main": base}, files={base: {"mlops-ci.yaml": GATES}})
        api.add_token(TOKEN)
        made = Job(api, repo, tmp_path, monkeypatch, base)
        made.commit(0.8)
        at = {"ref": "topic", "sha": made.head}
        api.add_pull(REPO, 7, head=at, base={"ref": "main", "sha": base})
        made.pull_request()
        yield made
        assert api.state.wrong == []
