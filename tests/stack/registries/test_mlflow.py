"""The registry adapter against a real MLflow server, started once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.stack.base import Registration, TrackerSettings
from mlops_ci.stack.registries import mlflow as registry
from mlops_ci.stack.registries.mlflow.names import alias_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.stack.base import RegisteredVersion

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("mlflow-server")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackerSettings]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--workers",
        "1",
        "--backend-store-uri",
        "sqlite:///mlflow.db",
        "--artifacts-destination",
        "art",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process, folder / "log")
        yield TrackerSettings(uri=address, root=folder)
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/health"):
                return
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
    pytest.fail(f"no MLflow server after 120 s: {log.read_text()}")


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
    assert registry.find(server, "churn", "churn@v1.0.0") is None
    first = registry.register(server, wanted("churn", "v1.0.0"))
    assert registry.register(server, wanted("churn", "v1.0.0")) == first
    assert first.git_tag == "churn@v1.0.0"
    assert first.tags["mlops_ci.record"] == "sha256:0"
    assert registry.find(server, "churn", "churn@v1.0.0") == first
    assert count(server, "churn") == 1


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
    registry.register(
        server, wanted("race", "v1.0.0")
    )  # removes what a timed-out request made late
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


def test_a_server_that_is_not_there() -> None:
    gone = TrackerSettings(uri="http://127.0.0.1:9", root=Path())
    with pytest.raises(UnreadableError, match=r"127\.0\.0\.1:9"):
        registry.find(gone, "churn", "churn@v1.0.0")
