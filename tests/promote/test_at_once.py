"""Many promotions at once, each a process with a clone of its own, against a real MLflow server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_ci.stack.base import TrackerSettings
from mlops_ci.stack.registries import REGISTRIES
from tests.conftest import Repo
from tests.promote.conftest import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("mlflow-server")]


def add_version(repo: Repo, number: int) -> None:
    """As DVC leaves it after a training: lock, metrics, the model in the cache. Each is better than the one before."""
    lock = yaml.safe_load((repo.path / "dvc.lock").read_text())
    model = f"model {number}\n".encode()
    metrics = json.dumps({"accuracy": 2.0 + number, "loss": 0.1}).encode()
    for out in lock["stages"]["train"]["outs"]:
        content = model if out["path"] == "model.bin" else metrics
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        out |= {"md5": md5, "size": len(content)}
        (repo.path / out["path"]).unlink(missing_ok=True)
        repo.write(out["path"], content)
        if content is model:
            repo.write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", content)
    repo.commit(f"train v2.{number}.0", **{"dvc.lock": yaml.safe_dump(lock)})
    record(repo)
    repo.git("tag", "-a", "-m", "x", f"churn@v2.{number}.0")


@pytest.fixture
def jobs(scale: Callable[[int, int], int]) -> int:
    return scale(8, 20)


@pytest.fixture
def many(released: Repo, jobs: int) -> Repo:
    for number in range(jobs):
        add_version(released, number)
    released.git("push", "-q", "origin", "main", "--tags", "refs/notes/*:refs/notes/*")
    return released


def stage_of(number: int) -> str:
    """Half of them want prod, each of the others a stage that nobody ever held."""
    return "prod" if number % 2 else f"only-{number}"


def job(many: Repo, number: int) -> subprocess.CompletedProcess[str]:
    """Tag, push and promote, as a workflow of its own. They start together, and push at any time."""
    clone = Repo(many.path.parent / f"clone-{number}")
    tag = f"churn#{stage_of(number)}#{number + 1}"
    environ = {**os.environ, "GIT_COMMITTER_DATE": f"{1_800_000_000 + number} +0000"}
    command = ["git", "tag", "-a", "-m", "x", tag, f"churn@v2.{number}.0^{{}}"]
    subprocess.run(command, cwd=clone.path, env=environ, check=True)
    clone.git("push", "-q", "origin", tag)
    return subprocess.run(
        [sys.executable, "-m", "mlops_ci", "promote", tag],
        cwd=clone.path, capture_output=True, text=True, check=False,
    )  # fmt: skip


def served(address: str, root: Path, stages: Iterable[str]) -> dict[str, str]:
    found = {}
    for stage in stages:
        held = REGISTRIES["mlflow"].holder(TrackerSettings(uri=address, root=root), "churn", stage)
        found[stage] = held.git_tag if held else ""
    return found


def test_nothing_is_lost_and_the_newest_wins(
    many: Repo,
    jobs: int,
    mlflow_server: str,
    cli: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    for number in range(jobs):
        many.git("clone", "-q", "--no-hardlinks", "../origin.git", f"../clone-{number}")
        (tmp_path / f"clone-{number}/.dvc/cache").symlink_to(many.path / ".dvc/cache")
    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(lambda number: job(many, number), range(jobs)))
    for number, one in enumerate(done):
        superseded = "is not the newest word on churn#prod" in one.stderr
        assert one.returncode == 0 or (superseded and stage_of(number) == "prod"), one.stderr
    wanted = {stage_of(number): f"churn@v2.{number}.0" for number in range(jobs)}
    assert served(mlflow_server, tmp_path, wanted) == wanted
    code, out, _ = cli("sync", "--check")
    assert code == 0, out
    assert out.count("as promoted\n") == len(wanted)
    granted = sum(one.returncode == 0 for one in done)
    assert granted >= len(wanted)
    noted = [one for one in history(cli) if one["verified"]]
    assert (len(noted), {one["kind"] for one in noted}) == (granted, {"promote"})
    assert versions(mlflow_server) == granted


def history(cli: Any) -> list[dict[str, Any]]:
    (churn,) = json.loads(cli("history", "--json")[1])["models"]
    return [event for stage in churn["stages"] for event in stage["events"]]


def versions(address: str) -> int:
    """How many MLflow has; each tag has one."""
    import urllib.request

    query = "filter=name%3D%27churn%27&max_results=1000"
    with urllib.request.urlopen(
        f"{address}/api/2.0/mlflow/model-versions/search?{query}"
    ) as answer:
        found = json.load(answer).get("model_versions", [])
    tags = [
        tag["value"] for one in found for tag in one["tags"] if tag["key"] == "mlops_ci.git_tag"
    ]
    ours = [tag for tag in tags if tag.startswith("churn@v2.")]
    assert len(ours) == len(set(ours))
    return len(ours)
