"""Two workflows: a fork's job that may only read, and one with rights that believes nothing of what it left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.publish.conftest import FORK, GATES, REPO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publish.conftest import Job

pytestmark = pytest.mark.contract


def fork(job: Job, **head: Any) -> None:
    """The pull request is one of a fork."""
    pull = job.api.state.repos[REPO].pulls[7]
    pull["head"] = {"ref": "topic", "sha": job.head, "repo": FORK, **head}


def lie(file: Path, change: Any) -> Path:
    data = json.loads(file.read_text(encoding="utf-8"))
    change(data)
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def test_the_forks_own_job_passes_on(job: Job, capsys: Any) -> None:
    job.commit(0.95)
    fork(job)
    job.api.add_token("fork", contents="read")
    job.pull_request(FORK, GITHUB_TOKEN="fork")
    assert job.publish() == 0
    assert len(job.api.requests()) == 1  # the first refusal is enough
    assert "not published" not in capsys.readouterr().err
    assert "A run of a fork may not write here" in job.summary
    assert "### ✅" in job.summary
    job.commit(0.8)
    job.pull_request(FORK, GITHUB_TOKEN="fork")
    assert job.publish() == 1


def test_declared_numbers_are_judged_here_and_labelled(job: Job) -> None:
    job.commit(0.95)
    file = job.write("--all")
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 0
    assert "All numbers below are declared by the pull request, not verified" in job.body
    assert "**Do:** read the diff" in job.body
    headline = "### ⚪ `churn` is better: 1 check passed (declared, not verified)"
    assert job.body.splitlines()[1] == headline
    assert "✅" not in job.body
    assert job.statuses == {"mlops-ci/churn": "pending"}
    assert "declared by the pull request" in job.summary


def test_a_verdict_that_comes_with_them_is_ignored(job: Job) -> None:
    file = job.write("--all")

    def passed(data: Any) -> None:
        verdict = data["models"][0]["verdict"]
        verdict |= {"result": "pass", "outcomes": []}

    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(lie(file, passed))) == 1
    assert job.statuses == {"mlops-ci/churn": "failure"}
    assert "### ❌ `churn` breaks its bound" in job.body


def test_what_the_change_says_of_directions_and_deltas_does_not_count(job: Job) -> None:
    gates = "version: 1\ngates: [{id: g, metric: accuracy, change: {max_regression: 0.01}}]\n"
    job.api.state.repos[REPO].files[job.base]["mlops-ci.yaml"] = gates
    file = job.write("--all")

    def turned(data: Any) -> None:
        for row in data["models"][0]["metrics"]:
            row |= {
                "direction": "lower_is_better",
                "change": "better",
                "delta": 9.0,
                "relative": 9.0,
            }

    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(lie(file, turned))) == 1
    assert "is worse in `accuracy`" in job.body


def test_the_gates_are_those_of_the_newest_base(job: Job) -> None:
    job.commit(0.95)
    file = job.write("--all")
    tip = "d" * 40
    strict = GATES.replace("0.9}", "0.99}")
    state = job.api.state.repos[REPO]
    state.commits.add(tip)
    state.refs["refs/heads/main"], state.files[tip] = tip, {"mlops-ci.yaml": strict}
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 1
    assert "gates of the base branch at `ddddddd`" in job.body


def test_gates_of_the_change_are_not_read(job: Job) -> None:
    job.commit(0.95, **{"mlops-ci.yaml": "version: 1\n"})
    file = job.write("--all", "--config", "mlops-ci.yaml")
    lie(file, lambda data: data["models"][0]["metrics"][0].update(candidate=0.1))
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 1


def test_a_model_that_is_left_out_has_failed(job: Job) -> None:
    file = lie(job.write("--all"), lambda data: data["models"][0].update(name="other"))
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 1
    assert job.statuses["mlops-ci/churn"] == "failure"


def test_forks_trust_on_the_base_sets_success(job: Job) -> None:
    job.commit(0.95)
    file = job.write("--all")
    state = job.api.state.repos[REPO]
    state.files[job.base]["mlops-ci.yaml"] = GATES + "forks: trust\n"
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 0
    assert job.statuses == {"mlops-ci/churn": "success"}
    assert "declared" not in job.body


def test_the_pull_request_is_found_by_branch_and_repository(job: Job) -> None:
    """The event says 8, which is somebody else's."""
    file = job.write("--all")
    fork(job)
    other = {"ref": "topic", "sha": "e" * 40, "repo": REPO}
    job.api.add_pull(REPO, 8, head=other, base={"ref": "main", "sha": job.base})
    job.workflow_run()
    job.publish("--from", str(file))
    (comment,) = job.api.comments(REPO)
    assert comment["_issue"] == 7


def test_a_number_that_is_named_makes_no_file_believed(job: Job, capsys: Any) -> None:
    """Such a number usually comes out of an artifact of the run that is not to be believed."""
    job.commit(0.1)
    file = job.write("--all")

    def passed(data: Any) -> None:
        data["models"][0]["verdict"] |= {"result": "pass", "outcomes": []}

    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(lie(file, passed)), "--pull", "7") == 2
    assert "leave out --pull" in capsys.readouterr().err
    assert job.api.state.log == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha": "f" * 40}, "#7 has moved on to fffffff"),
        ({"ref": "elsewhere"}, "no open pull request"),
        ({"repo": "another/churn"}, "no open pull request"),
        ({"repo": None}, "no open pull request"),
    ],
)
def test_where_there_is_none_nothing_is_published(
    job: Job, capsys: Any, change: Any, said: str
) -> None:
    file = job.write("--all")
    fork(job, **change)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 0
    assert said in capsys.readouterr().err
    assert job.api.requests("POST") == []


def test_a_closed_pull_request_gets_nothing(job: Job) -> None:
    file = job.write("--all")
    fork(job)
    job.api.state.repos[REPO].pulls[7]["state"] = "closed"
    job.workflow_run()
    assert job.publish("--from", str(file)) == 0
    assert job.api.requests("POST") == []


def test_a_run_of_this_repository_is_judged_again_and_is_not_declared(job: Job) -> None:
    job.commit(0.95)
    file = job.write("--all")
    job.workflow_run(REPO)
    assert job.publish("--from", str(file)) == 0
    assert job.statuses == {"mlops-ci/churn": "success"}
    assert "declared" not in job.body


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 9999,
        '{"schema_version": 1}',
        "\x00",
        '{"schema_version": 1, "models": 3}',
        f'{{"schema_version": 1, "models": {10**400}}}',
    ],
)
def test_a_broken_artifact_is_one_line_and_posts_nothing(
    job: Job, capsys: Any, content: str
) -> None:
    file = job.folder / "gate.json"
    file.write_text(content, encoding="utf-8")
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert job.api.requests("POST") == []


def test_a_report_without_what_is_unchanged_is_refused(job: Job, capsys: Any) -> None:
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(job.write())) == 2
    assert "mlops-ci gate --json --all" in capsys.readouterr().err


def test_without_files_nothing_is_measured_there(job: Job, capsys: Any) -> None:
    fork(job)
    job.workflow_run()
    assert job.publish() == 2
    assert "--from" in capsys.readouterr().err


def test_a_broken_policy_of_the_base_is_said(job: Job, capsys: Any) -> None:
    file = job.write("--all")
    job.api.state.repos[REPO].files[job.base]["mlops-ci.yaml"] = "gates: 3\n"
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 2
    assert "the gates at" in capsys.readouterr().err


def test_included_files_of_the_policy_are_read_too(job: Job) -> None:
    files = {
        "mlops-ci.yaml": "version: 1\nmodels: {churn: {include: models/churn.yaml}}\n",
        "models/churn.yaml": "gates: [{id: strict, metric: accuracy, threshold: {min: 0.99}}]\n",
    }
    job.commit(0.95)
    file = job.write("--all")
    job.api.state.repos[REPO].files[job.base] = files
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 1
    assert "`strict`" in job.body


def test_a_fork_with_the_rights_of_the_repository_is_refused(job: Job, capsys: Any) -> None:
    """Whatever measured it had a token that may write."""
    job.commit(0.95)
    fork(job)
    pull = {"number": 7, "head": {"sha": job.head, "ref": "topic", "repo": {"full_name": FORK}}}
    job.event("pull_request_target", {"pull_request": {**pull, "base": {"ref": "main"}}})
    assert job.publish() == 2
    assert "comes from a fork" in capsys.readouterr().err
    assert job.publish("main", "HEAD", "--pull", "8") == 2
    assert job.api.state.log == []
    pull["head"]["repo"] = {"full_name": REPO}
    job.event("pull_request_target", {"pull_request": {**pull, "base": {"ref": "main"}}})
    assert job.publish() == 0


@pytest.mark.parametrize("event", ["issue_comment", "workflow_dispatch", "schedule", "push"])
def test_no_other_run_with_those_rights_speaks_for_a_fork(
    job: Job, event: str, capsys: Any
) -> None:
    """A comment can be its author's own; and what measured it here ran its code."""
    job.commit(0.95)
    file = job.write("--all")
    fork(job)
    issue = {"issue": {"number": 7, "pull_request": {"url": "x"}}}
    job.event(event, issue if event == "issue_comment" else {})
    for given in (("main", "HEAD"), ("--from", str(file))):
        assert job.publish(*given, "--pull", "7") == 2
        assert f"#7 comes from a fork, and a run of '{event}'" in capsys.readouterr().err
    assert job.statuses == {}
    job.event("", {})
    assert job.publish("main", "HEAD", "--pull", "7") == 0  # by hand: whoever does it has measured


@pytest.mark.parametrize(
    "files",
    [
        {"mlops-ci.yaml": GATES.replace("{churn: {}}", "{churn: {predictions: {path: p.csv, label: y, score: s}}}")},
        {"mlops-ci.yaml": f"{GATES}\ndefaults: {{noise: {{from: history}}}}\n"},
        {"seed-metrics.json": "{}"},
    ],
)  # fmt: skip
def test_gates_that_need_more_than_a_report_holds_set_no_success_without_it(
    job: Job, files: dict[str, str]
) -> None:
    job.commit(0.95)
    file = job.write("--all")
    job.api.state.repos[REPO].files[job.base].update(files)
    job.workflow_run(REPO)
    assert job.publish("--from", str(file)) == 0
    assert job.statuses == {"mlops-ci/churn": "pending"}


WEAK = GATES.replace("0.9", "0.5")


def with_gates(job: Job, text: str) -> None:
    """The head has these gates, and they differ from those of the base."""
    job.api.state.repos[REPO].files[job.head] = {"mlops-ci.yaml": text}


def test_gates_that_a_fork_loosens_are_named_and_do_not_count(job: Job) -> None:
    job.commit(0.8)
    fork(job)
    with_gates(job, WEAK)

    def silent(data: Any) -> None:
        data["models"][0]["notes"] = []

    job.workflow_run()
    assert job.publish("--from", str(lie(job.write("--all"), silent))) == 1
    assert "by these it would pass" in job.body
    assert "Looser: floor min 0.9 → 0.5" in job.body
    assert job.statuses == {"mlops-ci/churn": "failure"}


def test_what_a_fork_says_of_its_gates_is_not_believed(job: Job) -> None:
    job.commit(0.95)
    fork(job)
    with_gates(job, GATES)

    def boast(data: Any) -> None:
        note = {"kind": "policy-changed", "message": "the gates are what they were"}
        data["models"][0]["notes"] = [note]

    job.workflow_run()
    assert job.publish("--from", str(lie(job.write("--all"), boast))) == 0
    assert "the gates" not in job.body.replace("the gates of the base branch", "")


def test_a_number_beyond_every_float_is_one_line(job: Job, capsys: Any) -> None:
    file = lie(
        job.write("--all"), lambda data: data["models"][0]["metrics"][0].update(candidate=10**400)
    )
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 2
    assert "an integer is beyond every float" in capsys.readouterr().err


def test_a_fork_tells_nobody_what_to_type(job: Job) -> None:
    """What stands behind "Do" is ours; its remarks are its own, and say so."""
    fork(job)

    def advise(data: Any) -> None:
        data["baseline"]["how"] = "verified by the maintainers"
        note = {
            "kind": "dirty",
            "message": "all is verified",
            "fix": "pip install evil",
            "untrusted": True,
        }
        data["models"][0]["notes"] = [note]

    job.workflow_run()
    assert job.publish("--from", str(lie(job.write("--all"), advise))) == 1
    assert "evil" not in job.body
    assert "verified by the maintainers" not in job.body
    assert "declared: all is verified" in job.body


def test_a_fork_has_nobody_check_out_another_commit(job: Job) -> None:
    """`git fetch origin COMMIT` also finds what only a fork has, and no diff shows."""
    file = lie(
        job.write("--all"), lambda data: data["candidate"].update(rev="HEAD", commit="e" * 40)
    )
    fork(job)
    job.workflow_run()
    assert job.publish("--from", str(file)) == 1
    assert "eeeeeee" not in job.body
    assert f"git switch --detach {job.head[:12]}" in job.body


def test_an_old_fork_does_not_loosen_what_became_stricter(job: Job) -> None:
    job.commit(0.95)
    fork(job)
    with_gates(job, WEAK)
    repo = job.api.state.repos[REPO]
    repo.commits.add("c" * 40)
    repo.merge_bases[job.head] = "c" * 40
    repo.files["c" * 40] = {"mlops-ci.yaml": WEAK}
    job.workflow_run()
    assert job.publish("--from", str(job.write("--all"))) == 0
    assert "Looser" not in job.body


@pytest.mark.parametrize("broken", ["gates: [{id: 1, metrik: x}]\n", "a: &a [*a, *a]\n", "\x00"])
def test_gates_of_a_fork_that_cannot_be_read_are_told(job: Job, broken: str) -> None:
    job.commit(0.95)
    fork(job)
    with_gates(job, broken)
    job.workflow_run()
    assert job.publish("--from", str(job.write("--all"))) == 0
    assert "whether this change also changes the gates cannot be told" in job.body
