"""The API of the tests is no worse than GitHub's: every operation answers as the description says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.github.api.server import Api, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD, BASE = "a" * 40, "b" * 40
REPO = "/repos/octo/churn"

pytestmark = pytest.mark.contract


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as served:
        served.add_repo(
            refs={"refs/heads/main": BASE},
            files={BASE: {"mlops-ci.yaml": "version: 1\n"}},
            environments={"production": {}},
        )
        served.add_pull(
            "octo/churn", 7, head={"ref": "t", "sha": HEAD}, base={"ref": "main", "sha": BASE}
        )
        served.add_token("t")
        served.add_token("fork", contents="read")
        yield served


def call(api: Api, method: str, path: str, body: Any = None, token: str = "t") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "test"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(api.url + REPO + path, data, headers, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_every_answer_keeps_to_the_description(api: Api) -> None:
    _, comment = call(api, "POST", "/issues/7/comments", {"body": "hello"})
    _, check = call(
        api, "POST", "/check-runs", {"name": "c", "head_sha": HEAD, "status": "in_progress"}
    )
    _, deployment = call(api, "POST", "/deployments", {"ref": "main", "required_contexts": []})
    _, release = call(api, "POST", "/releases", {"tag_name": "v1"})
    tag = {"tag": "v2", "message": "m", "object": BASE, "type": "commit"}
    _, tag = call(api, "POST", "/git/tags", tag)
    output = {"title": "t", "summary": "s", "annotations": [
        {"path": "m.json", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}]}  # fmt: skip
    done = {"status": "completed", "conclusion": "failure", "output": output}
    calls = [
        ("GET", ""), ("GET", "/branches/main"), ("GET", "/pulls"), ("GET", "/pulls/7"), ("GET", "/pulls/7/files"),
        ("GET", f"/commits/{HEAD}/pulls"), ("GET", "/issues/7/comments"),
        ("PATCH", f"/issues/comments/{comment['id']}", {"body": "again"}),
        ("GET", f"/issues/comments/{comment['id']}"), ("DELETE", f"/issues/comments/{comment['id']}"),
        ("PATCH", f"/check-runs/{check['id']}", done), ("GET", f"/check-runs/{check['id']}"),
        ("GET", f"/check-runs/{check['id']}/annotations"), ("GET", f"/commits/{HEAD}/check-runs"),
        ("POST", f"/statuses/{HEAD}", {"state": "failure", "context": "c", "description": "d"}),
        ("GET", f"/commits/{HEAD}/status"), ("GET", f"/contents/mlops-ci.yaml?ref={BASE}"),
        ("GET", "/deployments"), ("GET", f"/deployments/{deployment['id']}"),
        ("POST", f"/deployments/{deployment['id']}/statuses", {"state": "success"}),
        ("GET", f"/deployments/{deployment['id']}/statuses"), ("GET", "/environments"),
        ("GET", "/environments/production"), ("GET", "/releases"), ("GET", "/releases/latest"),
        ("GET", "/releases/tags/v1"), ("PATCH", f"/releases/{release['id']}", {"name": "one"}),
        ("GET", f"/releases/{release['id']}/assets"), ("GET", f"/git/tags/{tag['sha']}"),
        ("POST", "/git/refs", {"ref": "refs/tags/v2", "sha": tag["sha"]}), ("GET", "/git/ref/tags/v2"),
        ("PATCH", "/git/refs/heads/main", {"sha": HEAD}), ("GET", "/git/matching-refs/tags"),
        ("POST", "/dispatches", {"event_type": "train"}), ("GET", "/rules/branches/main"),
    ]  # fmt: skip
    answers = {
        f"{method} {path}": call(api, method, path, *body)[0] for method, path, *body in calls
    }
    assert {one for one, status in answers.items() if status >= 300} == set()
    assert api.state.wrong == []


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status"),
    [
        ("GET", "", None, "wrong", 401),
        ("POST", "/issues/7/comments", {"body": "x"}, "fork", 403),
        ("POST", "/issues/7/comments", {"body": "x" * 65_537}, "t", 422),
        ("POST", "/issues/8/comments", {"body": "x"}, "t", 404),
        ("POST", f"/statuses/{HEAD}", {"state": "fine"}, "t", 422),
        ("POST", f"/statuses/{'c' * 40}", {"state": "success"}, "t", 422),
        ("POST", f"/statuses/{HEAD}", {"state": "success", "description": "x" * 141}, "t", 422),
        ("GET", "/contents/none.yaml", None, "t", 404),
    ],
)  # fmt: skip
def test_what_github_refuses_is_refused(
    api: Api, method: str, path: str, body: Any, token: str, status: int
) -> None:
    assert call(api, method, path, body, token)[0] == status


def test_pages_have_a_hundred_entries_at_most(api: Api) -> None:
    for _ in range(150):
        api.add_comment("octo/churn", 7, "octocat", "x")
    assert len(call(api, "GET", "/issues/7/comments")[1]) == 30
    assert len(call(api, "GET", "/issues/7/comments?per_page=1000")[1]) == 100
    assert len(call(api, "GET", "/issues/7/comments?per_page=100&page=2")[1]) == 50
