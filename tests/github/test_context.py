"""What started the run, from the variables and the payload that the runner gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import UsageError
from mlops_ci.github.context import read

if TYPE_CHECKING:
    from pathlib import Path

HEAD, MERGE = "a" * 40, "c" * 40
ENV = {
    "GITHUB_REPOSITORY": "octo/churn",
    "GITHUB_SHA": MERGE,
    "GITHUB_RUN_ID": "771",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_API_URL": "https://github.example/api/v3",
}
PULL = {
    "number": 7,
    "head": {"sha": HEAD, "ref": "topic", "repo": {"full_name": "octo/churn"}},
    "base": {"ref": "main"},
}
RUN = {
    "id": 5,
    "run_attempt": 3,
    "head_sha": HEAD,
    "head_branch": "topic",
    "head_repository": {"full_name": "fork/churn"},
    "pull_requests": [{"number": 666}],
}


def environ(folder: Path, name: str, event: Any) -> dict[str, str]:
    file = folder / "event.json"
    file.write_text(event if isinstance(event, str) else json.dumps(event), encoding="utf-8")
    return {**ENV, "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file)}


def test_a_pull_request_is_judged_at_its_head(tmp_path: Path) -> None:
    found = read(environ(tmp_path, "pull_request", {"pull_request": PULL}))
    assert (found.pull, found.sha, found.base, found.run, found.attempt) == (
        7,
        HEAD,
        "main",
        771,
        2,
    )
    assert not found.is_fork
    assert found.api == "https://github.example/api/v3"
    assert found.run_url == "https://github.example/octo/churn/actions/runs/771"


@pytest.mark.parametrize("repo", [{"full_name": "fork/churn"}, None])
def test_a_fork_is_one_also_when_it_is_deleted(tmp_path: Path, repo: Any) -> None:
    pull = {**PULL, "head": {**PULL["head"], "repo": repo}}
    assert read(environ(tmp_path, "pull_request", {"pull_request": pull})).is_fork


def test_of_a_workflow_run_nothing_names_the_pull_request(tmp_path: Path) -> None:
    found = read(environ(tmp_path, "workflow_run", {"workflow_run": RUN}))
    assert found.pull is None
    assert found.is_trusted_side
    assert (found.run, found.attempt, found.sha) == (5, 3, HEAD)
    assert (found.head_repository, found.head_branch) == ("fork/churn", "topic")


def test_a_push_has_no_pull_request(tmp_path: Path) -> None:
    found = read(environ(tmp_path, "push", {"after": HEAD}))
    assert (found.pull, found.sha) == (None, MERGE)


def test_a_comment_on_a_pull_request(tmp_path: Path) -> None:
    issue = {"number": 7, "pull_request": {"url": "x"}}
    assert read(environ(tmp_path, "issue_comment", {"issue": issue})).pull == 7
    assert read(environ(tmp_path, "issue_comment", {"issue": {"number": 7}})).pull is None


def test_a_pull_request_can_be_named(tmp_path: Path) -> None:
    assert read(environ(tmp_path, "workflow_dispatch", {}), pull=9).pull == 9


@pytest.mark.parametrize("event", ["[]", "3", '{"pull_request": 3}', '{"pull_request": {}}'])
def test_an_odd_payload_names_nothing(tmp_path: Path, event: str) -> None:
    assert read(environ(tmp_path, "pull_request", event)).pull is None


@pytest.mark.parametrize("event", ["", "[", "[" * 100_000])
def test_a_broken_payload_is_an_error_of_one_line(tmp_path: Path, event: str) -> None:
    with pytest.raises(UsageError, match="is not the JSON of an event") as caught:
        read(environ(tmp_path, "pull_request", event))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", ""),
        ("GITHUB_REPOSITORY", "octo"),
        ("GITHUB_REPOSITORY", "octo/churn/../../x"),
        ("GITHUB_REPOSITORY", "octo/churn?x"),
        ("GITHUB_SHA", ""),
        ("GITHUB_SHA", "HEAD"),
    ],
)  # fmt: skip
def test_what_cannot_be_in_an_address_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        read({**environ(tmp_path, "push", {}), name: value})


def test_a_hostile_head_does_not_get_into_an_address(tmp_path: Path, hostile: str) -> None:
    pull = {**PULL, "head": {**PULL["head"], "sha": hostile}}
    with pytest.raises(UsageError):
        read(environ(tmp_path, "pull_request", {"pull_request": pull}))
