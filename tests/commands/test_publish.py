"""`mlops-ci publish` as a workflow calls it, against GitHub's API on loopback: what is shown, where, in which order."""

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

pytestmark = pytest.mark.contract

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


def test_a_blocked_change_is_shown_everywhere(job: Job) -> None:
    assert job.publish() == 1
    assert job.body.splitlines()[1].startswith("### ❌ `churn` breaks its bound of `accuracy`")
    assert job.statuses == {"mlops-ci/churn": "failure"}
    assert "### ❌" in job.summary
    found = outputs(job.folder / "output")
    assert found["verdict"] == "fail"
    assert found["blocked"] == "true"
    assert json.loads(found["metrics"]) == {"churn": {"accuracy": 0.8, "loss": 0.25}}
    assert json.loads(found["counts"]) == {"fail": 1}
    assert found["comment-url"].endswith("#issuecomment-1002")


def test_a_good_change(job: Job) -> None:
    job.commit(0.95)
    job.pull_request()
    assert job.publish() == 0
    assert job.statuses == {"mlops-ci/churn": "success"}
    assert "> [!TIP]" in job.body


def test_what_needs_no_right_comes_first_then_the_status_then_the_comment(job: Job) -> None:
    job.publish()
    paths = [one["path"] for one in job.api.state.log]
    assert paths[0].startswith(f"/repos/{REPO}/statuses/")
    assert all("/issues/" in one for one in paths[1:])


def test_the_trajectory_of_three_pushes(job: Job) -> None:
    for at, accuracy in enumerate((0.8, 0.85, 0.95)):
        job.commit(accuracy)
        job.run_id = 100 + at
        job.pull_request()
        job.publish()
    assert "`churn: accuracy` by push: `▁▃█` 0.8\u00a0→\u00a00.85\u00a0→\u00a00.95" in job.body
    assert job.api.comments(REPO)[0]["_edits"] == 2


def test_a_rerun_that_says_the_same_edits_nothing(job: Job, capsys: Any) -> None:
    job.publish()
    before = job.body
    job.pull_request(GITHUB_RUN_ATTEMPT=2)
    job.publish()
    assert "comment unchanged" in capsys.readouterr().out
    assert job.body == before


def test_an_old_run_never_overwrites_a_newer_one(job: Job) -> None:
    old = job.head
    job.commit(0.95)
    job.run_id = 101
    job.pull_request()
    job.publish()
    newer = job.body
    job.repo.git("checkout", "--quiet", old)
    job.head, job.run_id = old, 100
    job.pull_request(GITHUB_RUN_ATTEMPT=2)
    assert job.publish() == 1
    assert job.body == newer


@pytest.mark.parametrize(
    ("mode", "accuracy", "created"),
    [
        ("always", 0.93, True),
        ("on-change", 0.93, False),
        ("on-change", 0.94, True),
        ("on-failure", 0.94, False),
        ("on-failure", 0.8, True),
        ("never", 0.8, False),
    ],
)
def test_when_there_is_a_comment(job: Job, mode: str, accuracy: float, created: bool) -> None:
    job.commit(accuracy)
    job.pull_request()
    job.publish("main", "HEAD", "--comment", mode)
    assert len(job.api.comments(REPO)) == created


def test_a_failure_that_is_mended_says_so(job: Job) -> None:
    job.publish("main", "HEAD", "--comment", "on-failure")
    job.commit(0.95)
    job.run_id = 101
    job.pull_request()
    job.publish("main", "HEAD", "--comment", "on-failure")
    assert "### ✅" in job.body


def test_a_refusal_does_not_hide_the_verdict(job: Job, capsys: Any) -> None:
    job.api.add_token("reader", contents="read")
    job.pull_request(GITHUB_TOKEN="reader")
    assert job.publish() == 1
    said = capsys.readouterr().err
    assert said.count("not published") == 2
    assert "give the job the permission statuses: write" in said
    assert outputs(job.folder / "output")["verdict"] == "fail"
    assert "### ❌" in job.summary
    job.commit(0.95)
    job.pull_request(GITHUB_TOKEN="reader")
    assert job.publish() == 4


def test_one_refusal_does_not_stop_the_rest(job: Job) -> None:
    job.api.add_token("comments", pull_requests="write")
    job.pull_request(GITHUB_TOKEN="comments")
    assert job.publish() == 1
    assert job.statuses == {}
    assert "### ❌" in job.body


def test_a_locked_conversation(job: Job, capsys: Any) -> None:
    job.commit(0.95)
    job.pull_request()
    job.api.state.repos[REPO].pulls[7]["locked"] = True
    assert job.publish() == 4
    assert "issue is locked" in capsys.readouterr().err
    assert job.statuses == {"mlops-ci/churn": "success"}


def test_without_a_token_the_summary_is_there(job: Job, capsys: Any) -> None:
    job.commit(0.95)
    job.pull_request(GITHUB_TOKEN="")
    assert job.publish() == 4
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err
    assert "### ✅" in job.summary
    assert job.publish("main", "HEAD", "--comment", "never", "--no-status") == 0
    assert job.api.state.log == []


def test_the_token_is_in_no_output(job: Job, capfd: Any) -> None:
    for fault in ({"status": 401, "times": 2}, {"status": 502, "times": 99}):
        job.api.add_fault("", **fault)
        job.publish()
    shown = capfd.readouterr()
    assert TOKEN not in shown.out + shown.err + job.summary


def test_a_pull_request_can_be_named(job: Job) -> None:
    job.event("workflow_dispatch", {})
    assert job.publish("main", "HEAD", "--pull", "7") == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}
    assert "### ❌" in job.body


def test_a_push_has_a_status_and_no_comment(job: Job) -> None:
    job.event("push", {})
    assert job.publish() == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}
    assert job.api.comments(REPO) == []


def test_outside_of_actions_it_says_what_is_missing(
    repo: Any, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(repo.path)
    assert run(["publish"]) == 2
    assert "GITHUB_REPOSITORY is not set" in capsys.readouterr().err


def test_gates_that_only_the_change_has_are_no_success(job: Job) -> None:
    job.repo.git("switch", "--quiet", "main")
    job.repo.git("rm", "--quiet", "mlops-ci.yaml")
    base = job.repo.commit()
    job.repo.git("switch", "--quiet", "-c", "new")
    job.commit(0.95, **{"mlops-ci.yaml": GATES})
    job.pull_request()
    assert base != job.base
    assert job.publish() == 0
    assert job.statuses == {"mlops-ci/churn": "pending"}


def test_two_reports_of_one_run_in_one_comment(job: Job) -> None:
    data = json.loads(job.write("--all").read_text())
    paths = []
    for name in ("alpha", "beta"):
        data["models"][0]["name"] = name
        file = job.folder / f"{name}.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        paths += ["--from", str(file)]
    assert job.publish(*paths) == 1
    assert job.statuses == {"mlops-ci/alpha": "failure", "mlops-ci/beta": "failure"}
    assert "2 of 2 models" in job.body
    assert job.publish(*paths[:2]) == 1
    assert "2 of 2 models" in job.body  # what another job has found is not overwritten
    assert job.publish("--from", paths[1], "--from", paths[1]) == 2


def test_jobs_with_check_runs_share_one_comment(job: Job) -> None:
    data = json.loads(job.write("--all").read_text())
    for name in ("alpha", "beta", "gamma"):
        data["models"][0]["name"] = name
        file = job.folder / "one.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        assert job.publish("--from", str(file), "--check-run") == 1
    assert "3 of 3 models" in job.body
    checks = job.api.state.repos[REPO].checks.values()
    assert {one["name"] for one in checks} == {f"mlops-ci: {n}" for n in ("alpha", "beta", "gamma")}
    assert {(one["status"], one["conclusion"]) for one in checks} == {("completed", "failure")}


def test_annotations_are_on_the_lines(job: Job) -> None:
    metrics = '{\n  "accuracy": 0.8,\n  "loss": 0.3\n}\n'
    job.commit(0.8, **{"params.yaml": "# how fast\nlr: 0.2\n", "metrics.json": metrics})
    job.pull_request()
    job.publish("main", "HEAD", "--check-run")
    (check,) = job.api.state.repos[REPO].checks.values()
    found = {
        (one["path"], one["start_line"], one["annotation_level"]) for one in check["_annotations"]
    }
    assert found == {
        ("metrics.json", 2, "failure"),
        ("params.yaml", 2, "notice"),
        ("mlops-ci.yaml", 3, "notice"),
    }


def test_a_check_run_is_not_left_hanging(job: Job, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlops_ci.github.comments.upsert", interrupted)
    assert job.publish("main", "HEAD", "--check-run") == 130
    (check,) = job.api.state.repos[REPO].checks.values()
    assert (check["status"], check["conclusion"]) == ("completed", "cancelled")


def test_what_a_killed_attempt_left_is_completed(job: Job, monkeypatch: Any) -> None:
    monkeypatch.setattr("mlops_ci.publish.check_run.CheckRun.complete", lambda *_: None)
    job.publish("main", "HEAD", "--check-run")
    monkeypatch.undo()
    monkeypatch.chdir(job.repo.path)
    job.pull_request(GITHUB_RUN_ATTEMPT=2)
    job.publish("main", "HEAD", "--check-run")
    conclusions = [one["conclusion"] for one in job.api.state.repos[REPO].checks.values()]
    assert conclusions == ["cancelled", "failure"]
