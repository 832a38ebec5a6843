"""`mlops-ci publish` as a workflow calls it, against GitHub's API on loopback: what is shown, where, in which order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.github.files import MAX_SUMMARY
from tests.publish.conftest import FORK, GATES, REPO, TOKEN, outputs

if TYPE_CHECKING:
    from tests.publish.conftest import Job

pytestmark = pytest.mark.contract


def test_a_blocked_change_is_shown_everywhere(job: Job) -> None:
    assert job.publish() == 1
    assert job.body.splitlines()[1].startswith("### ❌ `churn` breaks its bound of `accuracy`")
    assert job.statuses == {"mlops-ci/churn": "failure"}
    assert "### ❌" in job.summary
    found = outputs(job.folder / "output")
    assert found["verdict"] == "fail"
    assert found["blocked"] == "true"
    assert json.loads(found["metrics"]) == {"churn": {"accuracy": 0.8, "loss": 0.25}}
    assert json.loads(found["counts"])["fail"] == 1
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


def test_a_pull_request_that_is_named_is_judged_by_the_gates_of_its_base(job: Job) -> None:
    """No variable tells the base of one in a run that a comment or a person has started."""
    strict = GATES.replace("0.9}", "0.99}")
    job.repo.git("switch", "--quiet", "-c", "release", "main")
    tip = job.repo.commit(**{"mlops-ci.yaml": strict})
    job.repo.git("switch", "--quiet", "topic")
    job.commit(0.95)
    job.api.state.repos[REPO].pulls[7]["base"] = {"ref": "release", "sha": tip}
    job.event("issue_comment", {"issue": {"number": 7, "pull_request": {"url": "x"}}})
    assert run(["publish"]) == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}


@pytest.mark.parametrize("event", ["pull_request", "issue_comment", "workflow_run"])
def test_two_pull_requests_of_one_commit_do_not_let_each_other_pass(
    job: Job, event: str, capsys: Any
) -> None:
    """A status is of the commit: that of #7, by the gates of main, would be that of #8, by those of release."""
    job.commit(0.95)
    file = job.write("--all")
    job.api.add_pull(
        REPO, 8, head={"ref": "topic", "sha": job.head}, base={"ref": "release", "sha": job.base}
    )
    given = ("main", "HEAD")
    job.pull_request()
    if event == "workflow_run":
        job.workflow_run(REPO)
        given = ("--from", str(file))
    elif event == "issue_comment":
        job.event(event, {"issue": {"number": 7, "pull_request": {"url": "x"}}})
    assert job.publish(*given) == 0
    assert job.statuses == {"mlops-ci/churn": "pending"}
    assert "#8 into release has the same commit" in capsys.readouterr().err
    assert "### ✅" in job.body
    job.api.state.repos[REPO].pulls[8]["state"] = "closed"
    assert job.publish(*given) == 0
    assert job.statuses == {"mlops-ci/churn": "success"}


@pytest.mark.parametrize("ref", ["other", "topic"])
def test_another_branch_or_a_fork_at_the_same_commit_counts_as_well(
    job: Job, ref: str, capsys: Any
) -> None:
    """Whoever pushes a branch once more, under another name, has two pull requests of one commit."""
    job.commit(0.95)
    repo = FORK if ref == "topic" else REPO
    head = {"ref": ref, "sha": job.head, "repo": repo}
    job.api.add_pull(REPO, 8, head=head, base={"ref": "release", "sha": job.base})
    job.pull_request()
    assert job.publish() == 0
    assert job.statuses == {"mlops-ci/churn": "pending"}
    assert "#8 into release has the same commit" in capsys.readouterr().err
    job.api.state.repos[REPO].pulls[8]["base"] = {"ref": "main", "sha": job.base}
    assert job.publish() == 0  # the same gates
    assert job.statuses == {"mlops-ci/churn": "success"}


def test_a_run_that_began_before_the_base_was_another_sets_no_success(job: Job) -> None:
    """To run it again would bring back the verdict by the gates of the base before."""
    job.commit(0.95)
    job.pull_request()
    job.api.state.repos[REPO].pulls[7]["base"] = {"ref": "release", "sha": job.base}
    assert job.publish() == 0
    assert job.statuses == {"mlops-ci/churn": "pending"}


def test_a_run_of_a_push_does_not_let_a_pull_request_into_another_branch_pass(
    job: Job, capsys: Any
) -> None:
    """It is judged by the gates of the default branch, whatever pull request the commit is the head of."""
    job.commit(0.95)
    strict = {"mlops-ci.yaml": GATES.replace("0.9}", "0.99}")}
    job.repo.git("switch", "--quiet", "-c", "release", "main")
    tip = job.repo.commit(**strict)
    job.repo.git("switch", "--quiet", "topic")
    job.api.state.repos[REPO].pulls[7]["base"] = {"ref": "release", "sha": tip}
    job.event("push", {}, GITHUB_REF="refs/heads/topic")
    assert run(["publish"]) == 0
    assert job.statuses == {}
    assert "No status: #7 into release has the same commit" in capsys.readouterr().err


def test_a_run_of_a_push_sets_success_by_the_gates_that_a_pull_request_is_judged_by(
    job: Job,
) -> None:
    job.commit(0.95)
    job.event("push", {}, GITHUB_REF="refs/heads/topic")
    assert run(["publish"]) == 0
    assert job.statuses == {"mlops-ci/churn": "success"}
    assert job.publish("--from", str(job.write("--all"))) == 0
    assert job.statuses == {"mlops-ci/churn": "success"}
    job.api.state.repos[REPO].pulls[7]["base"] = {"ref": "gone", "sha": job.base}
    assert run(["publish"]) == 0


def test_a_merge_queue_judges_by_the_gates_of_its_branch(job: Job) -> None:
    strict = GATES.replace("0.9}", "0.99}")
    job.repo.git("switch", "--quiet", "-c", "release", "main")
    job.repo.commit(**{"mlops-ci.yaml": strict})
    job.repo.git("switch", "--quiet", "topic")
    job.commit(0.95)
    queue = f"refs/heads/gh-readonly-queue/release/pr-7-{job.base}"
    job.event("merge_group", {"merge_group": {"base_ref": "refs/heads/release"}}, GITHUB_REF=queue)
    assert run(["publish"]) == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}


def test_what_is_not_the_pull_request_sets_no_status_on_it(job: Job, capsys: Any) -> None:
    """A comment on it starts a run with the default branch checked out, which is fine."""
    job.repo.git("switch", "--quiet", "main")
    issue = {"number": 7, "pull_request": {"url": "x"}}
    job.event("issue_comment", {"issue": issue}, GITHUB_SHA=job.base)
    job.api.state.repos[REPO].merge_bases[job.base] = job.base
    assert job.publish("main") == 4
    assert f"{job.base[:7]}, is not #7 at {job.head[:7]}" in capsys.readouterr().err
    assert job.statuses == {}
    assert job.api.comments(REPO) == []
    assert "### ✅" in job.summary


def test_the_test_merge_of_a_named_pull_request_is_that_pull_request(job: Job) -> None:
    job.repo.git("switch", "--quiet", "--detach", "main")
    job.repo.git("merge", "--quiet", "--no-ff", "topic")
    merge = job.repo.git("rev-parse", "HEAD").strip()
    repo = job.api.state.repos[REPO]
    repo.commits.add(merge)
    repo.merge_bases[merge] = job.head
    job.event("issue_comment", {"issue": {"number": 7, "pull_request": {"url": "x"}}})
    assert job.publish("main") == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}


@pytest.mark.parametrize(("accuracy", "code"), [(0.95, 4), (0.8, 1)])
def test_a_named_pull_request_that_cannot_be_read_does_not_hide_the_verdict(
    job: Job, capsys: Any, accuracy: float, code: int
) -> None:
    job.commit(accuracy)
    job.event("workflow_dispatch", {})
    job.api.add_fault("pulls/7", status=502, times=99)
    assert job.publish("main", "HEAD", "--pull", "7") == code
    assert "GitHub is broken" in capsys.readouterr().err
    assert outputs(job.folder / "output")["verdict"] == {4: "pass", 1: "fail"}[code]
    assert "### " in job.summary


@pytest.mark.parametrize("left", [0, 60, 900])
def test_a_summary_never_outgrows_what_the_runner_takes(job: Job, capsys: Any, left: int) -> None:
    """It drops one that does, and so all that other lines of the step have written to it."""
    file = job.folder / "summary.md"
    file.write_text("x" * (MAX_SUMMARY - left), encoding="utf-8")
    assert job.publish() == 1
    assert file.stat().st_size <= MAX_SUMMARY
    assert "The summary of this step is full" in capsys.readouterr().err


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


def named(job: Job, *models: str) -> list[str]:
    """The same report as `--from`, for each of these models."""
    data = json.loads(job.write("--all").read_text())
    paths = []
    for name in models:
        data["models"][0]["name"] = name
        file = job.folder / f"{name}.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        paths += ["--from", str(file)]
    return paths


def test_another_workflow_of_the_same_push_is_not_overwritten(job: Job, capsys: Any) -> None:
    """Each has a run of its own, and either may come first."""
    job.commit(0.95)
    alpha, beta = named(job, "alpha"), named(job, "beta")
    for run_id, report in ((101, alpha), (102, beta), (100, beta)):
        job.run_id = run_id
        job.pull_request()
        assert job.publish(*report) == (0 if report == alpha else 4)
        assert "`alpha`" in job.body
    assert "1 models would be lost" in capsys.readouterr().err
    assert job.statuses == {"mlops-ci/alpha": "success", "mlops-ci/beta": "success"}


@pytest.mark.parametrize(("status", "left"), [(422, {"mlops-ci/beta": "failure"}), (403, {})])
def test_a_status_that_is_refused_does_not_stop_that_of_another_model(
    job: Job, status: int, left: Any
) -> None:
    reports = named(job, "alpha", "beta")
    job.api.add_fault("statuses", status=status, times=1 if status == 422 else 9)
    assert job.publish(*reports) == 1
    assert job.statuses == left


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
