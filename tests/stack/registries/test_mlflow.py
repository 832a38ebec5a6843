"""The registry adapter against a real MLflow server, started once."""

from __future__ import annotations

import json
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.http import StatusError, post_json
from mlops_ci.promote import grammar
from mlops_ci.stack.base import Registration, TrackerSettings
from mlops_ci.stack.registries import mlflow as registry
from mlops_ci.stack.registries.mlflow import server as rest_registry
from mlops_ci.stack.registries.mlflow.names import alias_of
from mlops_ci.stack.trackers.mlflow.rest import RestStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.stack.base import RegisteredVersion

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("mlflow-server")]


@pytest.fixture
def server(mlflow_server: str, tmp_path: Path) -> TrackerSettings:
    return TrackerSettings(uri=mlflow_server, root=tmp_path)


def wanted(model: str, version: str) -> Registration:
    return Registration(
        model=model,
        git_tag=f"{model.replace(':', '=')}@{version}",
        source=f"dvc://{version}/model.pkl",
        tags={"mlops_ci.record": "sha256:0"},
    )


def count(server: TrackerSettings, name: str) -> int:
    address = f"{server.uri}/api/2.0/mlflow/model-versions/search?filter=name%3D%27{name}%27"
    with urllib.request.urlopen(address) as answer:
        return len(json.load(answer).get("model_versions", []))


def test_what_is_registered_twice_is_one_version(server: TrackerSettings) -> None:
    assert registry.find(server, wanted("twice", "v1.0.0")) is None
    first = registry.register(server, wanted("twice", "v1.0.0"))
    assert registry.register(server, wanted("twice", "v1.0.0")) == first
    assert first.git_tag == "twice@v1.0.0"
    assert first.tags["mlops_ci.record"] == "sha256:0"
    assert registry.find(server, wanted("twice", "v1.0.0")) == first
    assert count(server, "twice") == 1


def test_a_version_that_somebody_else_made_under_the_name_is_not_taken(
    server: TrackerSettings,
) -> None:
    """MLflow's tags can be written by anybody, and what they name is what would be served."""
    own = wanted("forged", "v1.0.0")
    forged = registry.register(server, replace(own, source="s3://evil/model.pkl"))
    made = registry.register(server, own)
    assert (made.source, registry.register(server, own)) == (own.source, made)
    assert made.number != forged.number
    assert registry.find(server, own) == made
    assert registry.find(server, replace(own, tags={"mlops_ci.record": "sha256:1"})) is None


def test_nor_is_one_of_very_many(server: TrackerSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow answers by pages: theirs, which are newer, would hide ours, and one more would be made each time."""
    own = wanted("hidden", "v1.0.0")
    made = registry.register(server, own)
    for number in range(4):
        registry.register(server, replace(own, source=f"s3://evil/{number}"))
    monkeypatch.setattr(rest_registry, "_PAGE", 2)
    assert registry.find(server, own) == registry.register(server, own) == made
    assert count(server, "hidden") == 5


def test_a_stage_moves_and_is_given_back(server: TrackerSettings) -> None:
    one = registry.register(server, wanted("moves", "v1.0.0"))
    two = registry.register(server, wanted("moves", "v2.0.0"))
    assert registry.holder(server, "moves", "prod") is None
    for version in (one, two, one):
        registry.assign(server, "moves", "prod", version)
        assert registry.holder(server, "moves", "prod") == version
    registry.withdraw(server, "moves", "prod")
    registry.withdraw(server, "moves", "prod")
    assert registry.holder(server, "moves", "prod") is None


def test_many_at_once_make_one_version_of_one_tag(
    server: TrackerSettings, scale: Callable[[int, int], int]
) -> None:
    def register(_: int) -> RegisteredVersion:
        return registry.register(server, wanted("race", "v1.0.0"))

    jobs = scale(6, 20)
    with ThreadPoolExecutor(jobs) as pool:
        made = {one.number for one in pool.map(register, range(jobs))}
    assert len(made) == 1
    # Removes what a timed-out request made late.
    registry.register(server, wanted("race", "v1.0.0"))
    assert count(server, "race") == 1


def test_many_versions_at_once_and_the_first_alias(
    server: TrackerSettings, scale: Callable[[int, int], int]
) -> None:
    def promote(number: int) -> None:
        version = registry.register(server, wanted("many", f"v1.{number}.0"))
        registry.assign(server, "many", "prod", version)

    jobs = scale(6, 20)
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(promote, range(jobs)))
    for number in range(jobs):
        registry.register(server, wanted("many", f"v1.{number}.0"))
    assert count(server, "many") == jobs
    assert registry.holder(server, "many", "prod") is not None


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_first_alias_that_another_sets_at_once(
    server: TrackerSettings, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """MLflow inserts it without a lock, and refuses the second with what its database says."""
    one = registry.register(server, wanted(f"first-{times}", "v1.0.0"))
    ask, left = RestStore.ask, [None] * times

    def refused(store: RestStore, call: Any, path: str, body: dict[str, Any]) -> Any:
        if call is post_json and path == "registered-models/alias" and left:
            left.pop()
            raise StatusError(path, 400, {"error_code": "BAD_REQUEST", "message": "IntegrityError"})
        return ask(store, call, path, body)

    monkeypatch.setattr(RestStore, "ask", refused)
    if times == 3:
        with pytest.raises(StatusError):
            registry.assign(server, f"first-{times}", "prod", one)
        return
    registry.assign(server, f"first-{times}", "prod", one)
    assert registry.holder(server, f"first-{times}", "prod") == one


def test_models_in_folders_keep_apart(server: TrackerSettings) -> None:
    registry.register(server, wanted("team:churn", "v1.0.0"))
    with pytest.raises(
        UnreadableError, match=r"team\.churn in MLflow belongs to the model team:churn"
    ):
        registry.register(server, wanted("team/churn", "v1.0.0"))


@pytest.mark.parametrize("stage", ["latest", "LATEST", "v1", "v12"])
def test_a_stage_that_mlflow_reserves(stage: str) -> None:
    with pytest.raises(UsageError, match="cannot be an alias"):
        alias_of(stage)


@given(st.from_regex(r"[ab]([ab/_-]*[ab])?", fullmatch=True))
def test_no_two_stages_share_an_alias(stage: str) -> None:
    """It can be read back."""
    assert grammar.parse(f"churn#{stage}#1")
    alias = alias_of(stage)
    read = re.sub("_([_-])", lambda m: "_" if m[1] == "_" else "/", alias.removesuffix("-"))
    assert (read if alias.endswith("-") else alias) == stage
    assert alias_of("a/b") != alias_of("a-b") == "a-b"


def test_a_server_that_is_not_there() -> None:
    gone = TrackerSettings(uri="http://127.0.0.1:9", root=Path())
    with pytest.raises(UnreadableError, match=r"127\.0\.0\.1:9"):
        registry.find(gone, wanted("churn", "v1.0.0"))
