"""What jobs leave for each other in check runs: no order of reading and writing loses any of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import PublishError
from mlops_ci.github import checks, marker
from mlops_ci.github.client import Client
from mlops_ci.github.context import Context
from mlops_ci.model import Change
from mlops_ci.publish import sections
from mlops_ci.publish.comment import digests
from mlops_ci.publish.deliver import Options, deliver
from tests.github.api.server import Api, serving
from tests.publish.conftest import REPO, TOKEN
from tests.publish.test_concurrent import HEADS, report
from tests.report.conftest import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.contract


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as served:
        served.add_repo(REPO, refs={"refs/heads/main": OLD}, commits={*HEADS})
        served.add_pull(REPO, 7, head={"ref": "t", "sha": NEW}, base={"ref": "main", "sha": OLD})
        served.add_token(TOKEN)
        yield served
        assert served.state.wrong == []


class Interrupted(Client):
    """Just before its first `method` on a comment, something else happens."""

    method, meanwhile = "", staticmethod(lambda: None)

    def _send(self, method: str, url: str, body: Any = None, **options: Any) -> Any:
        if method == self.method and "/comments" in url:
            self.method = ""
            self.meanwhile()
        return super()._send(method, url, body, **options)


def job(
    api: Api, at: int, head: str = NEW, method: str = "", meanwhile: Callable[[], Any] | None = None
) -> Any:
    client = Interrupted(api.url, REPO, TOKEN, sleep=lambda _: None)
    client.method, client.meanwhile = method, meanwhile or client.meanwhile
    context = Context(
        repository=REPO,
        sha=head,
        event="pull_request",
        run=100 + HEADS.index(head),
        pull=7,
        api=api.url,
    )
    done = deliver(report(head, at), context, client, Options(check_run=True, statuses=False))
    assert done.refused == []
    return done


def shown(api: Api) -> Any:
    (comment,) = api.comments(REPO)
    return marker.read(comment["body"])


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_another_job_in_the_middle_of_it_is_not_lost(api: Api, method: str) -> None:
    if method == "PATCH":
        job(api, 1)
    job(api, 2, method=method, meanwhile=lambda: job(api, 3))
    wanted = [1, 2, 3] if method == "PATCH" else [2, 3]
    assert shown(api).sections == digests([report(NEW, at) for at in wanted])


def test_a_run_of_an_older_head_puts_back_what_it_overwrote(api: Api) -> None:
    api.push(REPO, 7, HEADS[0])
    job(api, 1, HEADS[0])

    def newer() -> None:
        api.push(REPO, 7, NEW)
        job(api, 5)

    job(api, 2, HEADS[0], "PATCH", newer)
    assert shown(api).head == NEW
    assert shown(api).sections == digests([report(NEW, 5)])


def test_an_older_head_shows_until_the_newer_one_is_measured(api: Api) -> None:
    api.push(REPO, 7, HEADS[1])  # nothing is known of it yet
    job(api, 1, HEADS[0])
    assert shown(api).head == HEADS[0]
    job(api, 2, HEADS[1])
    assert shown(api).head == HEADS[1]
    job(api, 3, HEADS[0])
    assert shown(api).head == HEADS[1]


def test_check_runs_of_other_apps_are_not_believed(api: Api) -> None:
    job(api, 1)
    (check,) = api.state.repos[REPO].checks.values()
    text = sections.text_of(report(NEW, 9))
    other = {**check, "id": 5, "app": {**check["app"], "id": 1}, "external_id": "mlops-ci:all:x:999:1",
             "output": {**check["output"], "text": text}}  # fmt: skip
    api.state.repos[REPO].checks[5] = other
    job(api, 2)
    assert shown(api).sections == digests([report(NEW, 1), report(NEW, 2)])


def test_a_job_that_ran_again_replaces_what_it_said() -> None:
    def found(at: int, run: int, value: float) -> checks.Found:
        made = report(NEW, at)
        row = replace(made.comparison.models[0].metrics[0], candidate=value)
        model = replace(made.comparison.models[0], metrics=(row,))
        made = replace(made, comparison=replace(made.comparison, models=(model,)))
        identity = checks.Identity(key="all", job="x", run=run, attempt=1)
        section = checks.unpacked(sections.text_of(made))
        return checks.Found(id=run, identity=identity, status="completed", app=1, section=section)

    held = sections.newest([found(1, 7, 0.7), found(1, 9, 0.9), found(1, 8, 0.8)], 1)
    assert [one.comparison.models[0].metrics[0].candidate for _, one in held] == [0.9]


def test_a_large_report_loses_what_explains_before_what_counts() -> None:
    made = report(NEW, 1)
    (model,) = made.comparison.models
    params = tuple(
        Change(name=f"p{at}", source="params.yaml", baseline=str(at), candidate=f"{at * 7919:x}" * 3, change="changed")
        for at in range(9_000)
    )  # fmt: skip
    model = replace(model, params=params)
    text = sections.text_of(replace(made, comparison=replace(made.comparison, models=(model,))))
    assert len(text) <= checks.MAX_OUTPUT
    back = sections.shown_of(checks.unpacked(text) or {})
    assert back is not None
    assert back.verdicts == made.verdicts
    assert back.comparison.models[0].metrics == made.comparison.models[0].metrics
    assert back.comparison.models[0].params == ()
    rows = tuple(
        replace(model.metrics[0], name=f"m{at}", candidate=at / 7919) for at in range(9_000)
    )
    large = replace(made.comparison, models=(replace(model, metrics=rows),))
    with pytest.raises(PublishError, match="too large for its check run"):
        sections.text_of(replace(made, comparison=large))


@pytest.mark.parametrize(
    "text", ["", "<!-- mlops-ci-section AAAA -->", "<!-- mlops-ci-section !! -->"]
)
def test_what_is_no_section_is_none(text: str) -> None:
    assert checks.unpacked(text) is None


def test_a_bomb_is_no_section() -> None:
    bomb = checks.packed({"x": "0" * 20_000_000})
    assert bomb is not None
    assert checks.unpacked(bomb) is None
