"""One comment, whoever writes at the same time, and whatever goes wrong on the way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import PublishError
from mlops_ci.github import marker
from mlops_ci.github.client import Client, DeniedError
from mlops_ci.github.comments import BOT, Place, upsert
from mlops_ci.github.marker import Marker, Push

if TYPE_CHECKING:
    from tests.github.api.server import Api

pytestmark = pytest.mark.contract

REPO = "octo/churn"
PLACE = Place(pull=7, key="all")


def body(text: str, key: str = "all", **fields: Any) -> str:
    return Marker(key=key, head="a" * 40, **fields).line() + f"\n{text}\n"


def put(
    client: Client, text: str, place: Place = PLACE, *, create: bool = True, **fields: Any
) -> Any:
    return upsert(client, place, lambda _: body(text, place.key, **fields), create=create)


def test_created_updated_left_alone(api: Api, client: Client) -> None:
    assert put(client, "one").action == "created"
    assert put(client, "two").action == "updated"
    written = put(client, "two")
    (comment,) = api.comments()
    assert written.action == "unchanged"
    assert written.url == comment["html_url"]
    assert comment["body"].endswith("two\n")
    assert comment["_edits"] == 1


def test_an_update_among_thirty_comments_needs_three_requests(api: Api, client: Client) -> None:
    for at in range(30):
        api.add_comment(REPO, 7, "octocat", str(at))
    put(client, "one")
    before = len(api.state.log)
    put(client, "two")
    assert len(api.state.log) - before == 3
    put(client, "two")
    assert len(api.state.log) - before == 4


def test_it_is_found_behind_two_hundred_others(api: Api, client: Client) -> None:
    for at in range(150):
        api.add_comment(REPO, 7, "octocat", str(at))
    put(client, "one")
    for at in range(150):
        api.add_comment(REPO, 7, "octocat", str(at))
    assert put(client, "two").action == "updated"
    assert len(api.comments()) == 1


def test_a_marker_of_somebody_else_is_theirs(api: Api, client: Client) -> None:
    api.add_comment(REPO, 7, "octocat", body("mine"))
    put(client, "one")
    assert len(api.comments(login="octocat")) == len(api.comments()) == 1
    assert api.comments(login="octocat")[0]["body"] == body("mine")


def test_another_comment_of_the_same_bot_is_left_alone(api: Api, client: Client) -> None:
    others = [
        f"hello\n{body('x')}",
        "<!-- mlops-ci -->",
        "<!-- mlops-ci {} -->",
        body("x", "other"),
    ]
    for one in others:
        api.add_comment(REPO, 7, BOT, one)
    put(client, "one")
    put(client, "two")
    assert [one["body"] for one in api.comments()][: len(others)] == others
    assert len(api.comments()) == len(others) + 1


def test_each_key_has_a_comment(api: Api, client: Client) -> None:
    put(client, "one", Place(pull=7, key="a"))
    put(client, "one", Place(pull=7, key="b"))
    assert len(api.comments()) == 2


def test_where_there_is_none_none_is_created(api: Api, client: Client) -> None:
    assert put(client, "one", create=False).action == "none"
    assert api.comments() == []
    put(client, "one")
    assert put(client, "two", create=False).action == "updated"


def test_two_that_were_created_at_once_become_one(api: Api, client: Client) -> None:
    api.add_comment(REPO, 7, BOT, body("first"))
    api.add_comment(REPO, 7, BOT, body("second", pushes=(Push(head="b" * 40),)))
    seen: list[Marker | None] = []
    upsert(client, PLACE, lambda old: seen.append(old) or body("three"), create=True)
    (comment,) = api.comments()
    assert comment["body"] == body("three")
    assert seen[0] is not None
    assert seen[0].pushes  # nothing that one of them knew is lost


def test_deleted_between_reading_and_writing(api: Api, client: Client) -> None:
    put(client, "one")
    api.state.repos[REPO].comments.clear()
    (old,) = [api.add_comment(REPO, 7, BOT, body("one"))]

    def compose(_: Marker | None) -> str:
        api.state.repos[REPO].comments.pop(old, None)
        return body("two")

    assert upsert(client, PLACE, compose, create=True).action == "created"
    assert len(api.comments()) == 1


@pytest.mark.parametrize(
    "fault", [{"lost": True}, {"status": 502}, {"status": 429, "headers": {"Retry-After": "1"}}]
)
def test_a_lost_answer_makes_no_second_comment(api: Api, client: Client, fault: Any) -> None:
    api.add_fault("comments", method="POST", **fault)
    put(client, "one")
    assert len(api.comments()) == 1


def test_a_locked_conversation_is_said(api: Api, client: Client) -> None:
    api.state.repos[REPO].pulls[7]["locked"] = True
    with pytest.raises(DeniedError, match="issue is locked"):
        put(client, "one")


def test_too_long_is_said(client: Client) -> None:
    with pytest.raises(DeniedError, match="maximum is 65536"):
        put(client, "x" * 70_000)


def test_another_login_is_learnt_and_does_not_pile_up(api: Api, client_of: Any) -> None:
    api.add_token("app", login="our-app[bot]")
    for at in range(3):
        put(client_of("app"), str(at))
    assert len(api.comments(login="our-app[bot]")) == 1


def test_twenty_at_once_leave_one(api: Api, scale: Any) -> None:
    """Each knows more than it has itself: what is there and its own, as with check runs. They wait for each other."""
    known: set[int] = set()

    def publish(at: int) -> None:
        known.add(at)
        client = Client(api.url, REPO, "ghs_0123456789", sleep=lambda s: time.sleep(s / 100))
        upsert(client, PLACE, lambda _: body(repr(sorted(known))), create=True)

    for at in range(5):
        api.add_fault("comments", method="POST", times=1, delay=0.02 * at)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(publish, range(scale(20, 200))))
    (comment,) = api.comments()
    assert comment["body"] == body(repr(sorted(known)))


def test_one_that_never_settles_is_given_up(api: Api, client: Client) -> None:
    rounds = iter(range(10_000))
    with pytest.raises(PublishError, match="faster than it can be written"):
        upsert(client, PLACE, lambda _: body(str(next(rounds))), create=True)


def test_nothing_ends_the_marker(hostile: str) -> None:
    pushes = (Push(head="a" * 40, result=hostile, values={hostile: 0.5}),)
    made = Marker(
        key=hostile, head="b" * 40, run=5, digest=hostile, sections={hostile: "x"}, pushes=pushes
    )
    line = made.line()
    assert line.count("-->") == line.count("<!--") == 1
    assert len(line.splitlines()) == 1
    assert marker.read(f"{line}\nx") == made


def test_a_marker_is_short() -> None:
    pushes = tuple(Push(head=f"{at:040}", values={"m" * 40: 0.123456}) for at in range(200))
    made = Marker(
        key="all", head="a" * 40, sections={f"{at:08}": "x" * 8 for at in range(50)}, pushes=pushes
    )
    found = marker.read(made.line())
    assert len(made.line()) <= 6_000
    assert found is not None
    assert found.pushes[-1] == pushes[-1]
    assert found.sections == made.sections


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "<!-- mlops-ci { -->", "<!-- mlops-ci [] -->", '<!-- mlops-ci {"key":1,"run":[]} -->',
        '<!-- mlops-ci {"key":"a","pushes":3} -->',
        '<!-- mlops-ci {"key":"a","run":1e999} -->', "<!-- mlops-ci {" + "[" * 9000 + "} -->",
    ],
)  # fmt: skip
def test_what_is_no_marker_is_none(text: str) -> None:
    assert marker.read(text) is None
