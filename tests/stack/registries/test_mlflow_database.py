"""The registry adapter against a store in a file, which the real MLflow made and writes."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.base import TrackerSettings
from mlops_ci.stack.registries import mlflow as registry
from mlops_ci.stack.trackers.mlflow import client_script
from tests import loaded
from tests.stack.registries.test_mlflow import wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.stack.base import RegisteredVersion
    from tests.conftest import Repo

pytestmark = pytest.mark.real

MAKE = "import mlflow; mlflow.MlflowClient('sqlite:///mlflow.db').search_registered_models()"


@pytest.fixture(scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    subprocess.run([sys.executable, "-c", MAKE], cwd=folder, check=True, capture_output=True)
    return folder / "mlflow.db"


@pytest.fixture
def store(repo: Repo, _empty: Path, monkeypatch: pytest.MonkeyPatch) -> TrackerSettings:
    """Its address is relative to the repository, as in mlops-ci.yaml."""
    monkeypatch.setenv("VIRTUAL_ENV", str(loaded.environment("python")))
    shutil.copy(_empty, repo.path)
    return TrackerSettings(uri="sqlite:///mlflow.db", root=repo.path)


def count(store: TrackerSettings) -> int:
    select = "SELECT COUNT(*) FROM model_versions WHERE current_stage != 'Deleted_Internal'"
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        return int(database.execute(select).fetchone()[0])


def test_versions_are_known_by_their_tag_and_a_stage_moves(store: TrackerSettings) -> None:
    assert registry.find(store, wanted("churn", "v1.0.0")) is None
    assert registry.holder(store, "churn", "prod") is None
    one = registry.register(store, wanted("churn", "v1.0.0"))
    two = registry.register(store, wanted("churn", "v2.0.0"))
    assert registry.register(store, wanted("churn", "v1.0.0")) == one
    assert (one.number, one.git_tag, one.source) == ("1", "churn@v1.0.0", "dvc://v1.0.0/model.pkl")
    assert registry.find(store, wanted("churn", "v2.0.0")) == two
    for version in (two, one):
        registry.assign(store, "churn", "prod", version)
        assert registry.holder(store, "churn", "prod") == version
    for _ in range(2):
        registry.withdraw(store, "churn", "prod")
    assert registry.holder(store, "churn", "prod") is None
    assert count(store) == 2
    forged = registry.register(store, replace(wanted("churn", "v1.0.0"), source="s3://evil/x"))
    assert registry.register(store, wanted("churn", "v1.0.0")) == one
    assert registry.find(store, wanted("churn", "v1.0.0")) == one != forged


def test_many_at_once_make_one_version_of_one_tag(
    store: TrackerSettings, scale: Callable[[int, int], int]
) -> None:
    def register(_: int) -> RegisteredVersion:
        return registry.register(store, wanted("race", "v1.0.0"))

    jobs = scale(2, 6)
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(register, range(jobs)))
    registry.register(store, wanted("race", "v1.0.0"))
    assert count(store) == 1


def test_what_cannot_be_done_is_one_line(store: TrackerSettings) -> None:
    registry.register(store, wanted("team:churn", "v1.0.0"))
    with pytest.raises(UnreadableError, match=r"team\.churn in MLflow belongs to the model team:c"):
        registry.register(store, wanted("team/churn", "v1.0.0"))
    gone = TrackerSettings(uri="sqlite:///gone.db", root=store.root)
    with pytest.raises(UnreadableError, match=r"there is no file .*gone\.db"):
        registry.register(gone, wanted("churn", "v1.0.0"))
    assert not (store.root / "gone.db").exists()
    with pytest.raises(UnreadableError, match=r"only sqlite:///path and http\(s\)://host"):
        registry.holder(TrackerSettings(uri="databricks", root=store.root), "churn", "prod")


def test_all_pages_are_read() -> None:
    class Page(list[int]):
        token: str | None = None

    def search(wanted: str, page_token: str = "0") -> Page:
        page = Page([int(page_token)])
        page.token = str(page[0] + 1) if page[0] < 3 else None
        return page

    assert list(client_script.pages(search, "")) == [0, 1, 2, 3]
