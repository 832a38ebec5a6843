"""The API within its limits: what is waited for, what is repeated, what is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import PublishError
from mlops_ci.github.client import Client, DeniedError, LostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.github.api.server import Api

pytestmark = pytest.mark.contract

COMMENTS = "/issues/7/comments"


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 7, 8.1),
        ({"status": 403, "headers": {"Retry-After": "30"}}, 30, 31.1),
        ({"status": 429, "headers": {"Retry-After": "\u00b2"}}, 60, 61.1),
        ({"status": 403, "message": "You have exceeded a secondary rate limit."}, 60, 61.1),
        ({"status": 429}, 60, 61.1),
        ({"status": 403, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}}, 60, 61.1),
        ({"status": 403, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}}, 1, 1.6),
    ],
)  # fmt: skip
def test_a_limit_is_waited_for_also_when_something_is_created(
    api: Api, client: Client, waits: list[float], fault: Any, least: float, most: float
) -> None:
    api.add_fault("comments", **fault)
    client.post(COMMENTS, {"body": "x"})
    assert len(api.comments()) == 1
    assert least <= waits[0] <= most
    assert len(waits) == 1


def test_nobody_waits_for_an_hour(api: Api, client: Client, waits: list[float]) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    api.add_fault("comments", status=403, headers=reset)
    with pytest.raises(PublishError, match=r"wait until \d\d:\d\d UTC"):
        client.post(COMMENTS, {"body": "x"})
    assert waits == []


def test_patience_is_shared_by_all_requests(api: Api, client: Client, waits: list[float]) -> None:
    api.add_fault("comments", status=429, headers={"Retry-After": "50"}, times=9)
    with pytest.raises(PublishError, match="rate limit"):
        client.get(COMMENTS)
    assert sum(waits) <= 180


@pytest.mark.parametrize("fault", [{"status": 502}, {"lost": True}, {"status": 503}])
def test_reading_and_editing_are_repeated(
    api: Api, client: Client, waits: list[float], fault: Any
) -> None:
    key = client.post(COMMENTS, {"body": "x"})["id"]
    api.add_fault("comments", times=3, **fault)
    assert client.patch(f"/issues/comments/{key}", {"body": "y"})["body"] == "y"
    assert len(waits) == 3


@pytest.mark.parametrize("fault", [{"status": 502}, {"lost": True}])
def test_creating_is_not_repeated_blindly(
    api: Api, client: Client, waits: list[float], fault: Any
) -> None:
    api.add_fault("comments", **fault)
    with pytest.raises(LostError):
        client.post(COMMENTS, {"body": "x"})
    assert waits == []
    assert len(api.requests("POST")) == 1


def test_a_server_that_stays_broken_is_given_up(api: Api, client: Client) -> None:
    api.add_fault("comments", status=502, times=99)
    with pytest.raises(LostError, match=r"GitHub is broken: GET .*comments answers 502"):
        client.get(COMMENTS)
    assert len(api.requests()) == 5


def test_nobody_there(waits: list[float]) -> None:
    client = Client("http://127.0.0.1:9", "octo/churn", "secret", sleep=waits.append)
    with pytest.raises(LostError, match="no answer from GitHub") as caught:
        client.get("")
    assert "secret" not in str(caught.value)


def test_a_token_without_the_right_says_which(api: Api, client_of: Callable[[str], Client]) -> None:
    api.add_token("reader", contents="read")
    with pytest.raises(DeniedError, match="403 Resource not accessible by integration") as caught:
        client_of("reader").post(COMMENTS, {"body": "x"})
    assert "issues: write or pull-requests: write" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_wrong_token_is_not_shown(client_of: Callable[[str], Client]) -> None:
    with pytest.raises(DeniedError, match="401 Bad credentials") as caught:
        client_of("ghs_wrong").get("")
    assert "ghs_wrong" not in str(caught.value) + caught.value.hint


def test_all_pages_are_read(api: Api, client: Client) -> None:
    for at in range(250):
        api.add_comment("octo/churn", 7, "octocat", str(at))
    assert [one["body"] for one in client.pages(COMMENTS)] == [str(at) for at in range(250)]
    assert len(api.requests()) == 3


def test_the_next_page_is_at_the_same_server(client: Client) -> None:
    """It would get the token."""
    with pytest.raises(PublishError, match="another address"):
        client._below("https://example.com/repos/octo/churn")


def test_what_is_gone_need_not_be_deleted(client: Client) -> None:
    client.delete("/issues/comments/99")


def test_the_servers_words_cannot_command(api: Api, client: Client) -> None:
    api.add_fault("comments", status=422, message="::add-mask::x\n::error::pwned \x1b[31m")
    with pytest.raises(DeniedError) as caught:
        client.post(COMMENTS, {"body": "x"})
    assert len(str(caught.value).splitlines()) == 1
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://uploads.example.com/assets{?name}", "http://uploads.github.com/x", "https://x"]
)
def test_a_file_goes_where_github_takes_files_and_nowhere_else(url: str) -> None:
    """The address is in an answer, and the token goes with the file."""
    client = Client("https://api.github.com", "octo/churn", "ghs_1")
    with pytest.raises(PublishError, match="takes files at another address"):
        client.upload(url, "a.jsonl", b"{}")
