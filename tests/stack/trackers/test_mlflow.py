"""One store, made by the real MLflow, read as a file and through the real server.

Run as a script with an address, this file makes the store there and prints the ids of its runs.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.base import RunQuery, TrackerSettings
from mlops_ci.stack.trackers import mlflow as tracker
from mlops_ci.stack.trackers.mlflow import rest, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.stack.base import TrackedRun, Tracker
    from tests.stack.trackers.conftest import Made

# mypy compares the module with the Protocol here.
ADAPTER: Tracker = tracker

REAL = (pytest.mark.real, pytest.mark.xdist_group("mlflow"))


LOCK = "sha256:" + "0" * 64
SEARCHED, TWICE, MANY, UNLUCKY, ELSEWHERE, TAGGED, BOTH = (digit * 40 for digit in "1234567")
COMMIT = "mlflow.source.git.commit"


def make_store(uri: str) -> dict[str, Any]:
    """Fill a new store with runs; returns their ids by what they are here for."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    churn, fraud, gone = (
        client.create_experiment(name) for name in ("churn", "it's fraud", "gone")
    )

    def run(experiment: str, status: str = "FINISHED", **tags: str) -> str:
        run_id: str = client.create_run(experiment, tags=tags).info.run_id
        if status != "RUNNING":
            client.set_terminated(run_id, status)
        return run_id

    mlflow.set_experiment("churn")
    os.environ["MLFLOW_RUN_CONTEXT"] = json.dumps({"mlops_ci.lock": LOCK, "mlops_ci.sha": SEARCHED})
    with mlflow.start_run() as search:
        mlflow.log_params({"lr": "1e-3", "note": "ü 'quoted' \"twice\"", "empty": ""})
        mlflow.log_metric("auc", 0.5, step=1)
        mlflow.log_metric("auc", 0.1 + 0.2, step=2)
        mlflow.log_metrics({"loss": math.nan, "worst": math.inf, "best": -math.inf, "count": 3})
        for _ in range(2):
            with mlflow.start_run(nested=True):
                mlflow.log_metric("auc", 0.9)
    ids = {
        "search": search.info.run_id,
        "twice": sorted(run(churn, **{COMMIT: TWICE}) for _ in range(2)),
        "many": sorted(run(churn, **{COMMIT: MANY}) for _ in range(7)),
        "failed": run(churn, "FAILED", **{COMMIT: UNLUCKY}),
        "running": run(churn, "RUNNING", **{COMMIT: UNLUCKY}),
        "deleted": run(churn, **{COMMIT: UNLUCKY}),
        "elsewhere": run(fraud, **{COMMIT: ELSEWHERE}),
        "tagged": run(churn, **{"mlops_ci.sha": TAGGED}),
        "both": run(churn, **{COMMIT: BOTH, "mlops_ci.sha": BOTH}),
    }
    run(gone, **{COMMIT: UNLUCKY})
    client.delete_run(ids["deleted"])
    client.delete_experiment(gone)
    return ids


def real(test: Callable[..., None]) -> Callable[..., None]:
    for mark in REAL:
        test = mark(test)
    return test


@pytest.fixture(params=[pytest.param("sqlite", marks=REAL), pytest.param("rest", marks=REAL)])
def settings(request: pytest.FixtureRequest, made: Made) -> TrackerSettings:
    """The same store by both ways to it."""
    rest_uri = request.getfixturevalue("server") + "/" if request.param == "rest" else ""
    return TrackerSettings(uri=rest_uri or "sqlite:///mlflow.db", root=made.path.parent)


def refused(settings: TrackerSettings, **query: Any) -> str:
    """What the error says, which is one line."""
    with pytest.raises(UnreadableError) as caught:
        tracker.find_run(settings, RunQuery(**query))
    said = f"{caught.value} ({caught.value.hint})"
    assert "\n" not in said
    return said


def found(settings: TrackerSettings, **query: Any) -> TrackedRun:
    run = tracker.find_run(settings, RunQuery(**query))
    assert run is not None
    return run


def test_a_lock_digest_names_one_run(settings: TrackerSettings, made: Made) -> None:
    run = found(settings, lock_digest=LOCK, commit=TWICE)
    assert (run.run_id, run.bound_by) == (made.ids["search"], "lock digest")
    assert run.experiment == "churn"
    assert math.isnan(run.metrics.pop("loss"))
    assert run.metrics == {"auc": 0.1 + 0.2, "worst": math.inf, "best": -math.inf, "count": 3.0}
    assert run.params == {"lr": "1e-3", "note": "ü 'quoted' \"twice\"", "empty": ""}
    assert run.tags["mlops_ci.sha"] == SEARCHED


def test_equal_results_of_several_commits_are_told_apart(
    settings: TrackerSettings, made: Made
) -> None:
    again = "sha256:" + "a" * 64
    for name in ("tagged", "both"):
        tracker.tag(settings, made.ids[name], {"mlops_ci.lock": again})
    run = found(settings, lock_digest=again, commit=TAGGED)
    assert (run.run_id, run.bound_by) == (made.ids["tagged"], "lock digest")
    assert run.tags["mlops_ci.lock"] == again
    assert "2 runs have this lock digest" in refused(settings, lock_digest=again, commit=TWICE)


def test_run_ids_come_first(settings: TrackerSettings, made: Made) -> None:
    ids = (made.ids["elsewhere"],) * 2
    run = found(settings, run_ids=ids, lock_digest=LOCK, commit=TWICE)
    assert (run.run_id, run.bound_by, run.experiment) == (ids[0], "run id", "it's fraud")


@pytest.mark.parametrize(
    ("commit", "name"),
    [(SEARCHED, "search"), (ELSEWHERE, "elsewhere"), (TAGGED, "tagged"), (BOTH, "both")],
)
def test_a_commit_names_one_run(
    settings: TrackerSettings, made: Made, commit: str, name: str
) -> None:
    run = found(settings, lock_digest="sha256:" + "f" * 64, commit=commit)
    assert (run.run_id, run.bound_by) == (made.ids[name], "commit")


def test_only_the_named_experiment_counts(settings: TrackerSettings, made: Made) -> None:
    fraud, churn = (replace(settings, experiment=name) for name in ("it's fraud", "churn"))
    assert found(fraud, commit=ELSEWHERE).run_id == made.ids["elsewhere"]
    assert tracker.find_run(churn, RunQuery(commit=ELSEWHERE)) is None


@pytest.mark.parametrize("name", ["gone", "never' OR name != '"])
def test_an_experiment_that_is_not_there(settings: TrackerSettings, name: str) -> None:
    assert "no active experiment" in refused(replace(settings, experiment=name), commit=TWICE)


@pytest.mark.parametrize(
    "query", [{}, {"commit": UNLUCKY}, {"commit": "9" * 40, "lock_digest": "9" * 64}]
)
def test_nothing_matches(settings: TrackerSettings, query: dict[str, Any]) -> None:
    assert tracker.find_run(settings, RunQuery(**query)) is None


def test_several_runs_are_listed_and_none_is_picked(settings: TrackerSettings, made: Made) -> None:
    both = ", ".join(made.ids["twice"])
    assert f"2 runs have this commit: {both}" in refused(settings, commit=TWICE)
    assert f"2 different runs: {both}" in refused(settings, run_ids=made.ids["twice"])


def test_many_runs_on_many_pages(
    settings: TrackerSettings, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PAGE_SIZE", 2)
    said = refused(settings, commit=MANY)
    assert f"7 runs have this commit: {', '.join(made.ids['many'][:5])} and 2 more" in said
    assert "commit a file with the id" in said


@pytest.mark.parametrize(
    ("name", "reason"),
    [("failed", "is FAILED"), ("running", "is RUNNING"), ("deleted", "mlflow runs restore")],
)
def test_a_named_run_must_have_finished(
    settings: TrackerSettings, made: Made, name: str, reason: str
) -> None:
    assert reason in refused(settings, run_ids=[made.ids[name]], lock_digest=LOCK)


def test_a_named_run_must_be_in_the_store(settings: TrackerSettings) -> None:
    said = refused(settings, run_ids=["a" * 32], lock_digest=LOCK)
    assert f"run {'a' * 32}, named by a tracked output, is not in the store" in said


@pytest.mark.parametrize(
    "text",
    [
        "' OR '1' = '1",
        "a' OR tags.x != '",
        "`",
        "a\n",
        pytest.param("a" * 257, id="long"),
        "",
        "../x",
    ],
)
def test_no_query_leaves_its_quotes(settings: TrackerSettings, text: str) -> None:
    for query in ({"run_ids": (text,)}, {"lock_digest": text}, {"commit": text}):
        assert "is not a run id, a lock digest or a commit" in refused(settings, **query)


@pytest.fixture
def database(made: Made, tmp_path: Path) -> Path:
    """A copy of the store to do things to."""
    return Path(shutil.copy(made.path, tmp_path / "mlflow.db"))


def at(path: Path, options: str = "") -> TrackerSettings:
    return TrackerSettings(uri=f"sqlite:///{path.name}{options}", root=path.parent)


@real
@pytest.mark.parametrize("folder", ["a b", "what? #1", "100%", "%41", "ünï'\"", "a&mode=rwc"])
def test_odd_paths(database: Path, folder: str) -> None:
    moved = database.parent / folder / "my store?.db"
    moved.parent.mkdir()
    database.rename(moved)
    before = moved.read_bytes()
    for name in (moved.name, str(moved), "my%20store%3F.db"):
        settings = TrackerSettings(uri=f"sqlite:///{name}", root=moved.parent)
        assert found(settings, lock_digest=LOCK).bound_by == "lock digest"
    assert moved.read_bytes() == before
    assert [path.name for path in moved.parent.iterdir()] == [moved.name]


@real
def test_options_of_the_address_are_not_part_of_the_path(database: Path) -> None:
    assert found(at(database, "?timeout=30"), lock_digest=LOCK)


@real
def test_a_store_that_is_being_written(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.01)
    with contextlib.closing(sqlite3.connect(database)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        said = refused(at(database), commit=TWICE)
    assert "database is locked (run again when nothing writes to it)" in said


@real
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE latest_metrics RENAME COLUMN is_nan TO nan",
        "DROP TABLE latest_metrics",
        "DROP TABLE alembic_version",
    ],
)
def test_a_layout_of_another_mlflow(database: Path, change: str) -> None:
    with contextlib.closing(sqlite3.connect(database)) as writer:
        (version,) = writer.execute("SELECT version_num FROM alembic_version").fetchone()
        writer.execute(change)
    said = refused(at(database), lock_digest=LOCK)
    version = "unknown" if "alembic" in change else version
    assert f"alembic version {version} is not a layout that is known: no such " in said
    assert "mlflow server" in said


@real
def test_parents_of_each_other_are_two_runs(database: Path, made: Made) -> None:
    with contextlib.closing(sqlite3.connect(database)) as writer, writer:
        one, other = made.ids["twice"]
        insert = "INSERT INTO tags (run_uuid, key, value) VALUES (?, 'mlflow.parentRunId', ?)"
        writer.executemany(insert, [(one, other), (other, one)])
    assert "2 runs have this commit" in refused(at(database), commit=TWICE)


@real
def test_values_of_the_wrong_type(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as writer, writer:
        writer.execute("UPDATE latest_metrics SET value = 'high' WHERE key = 'auc'")
    assert "could not convert string to float: 'high'" in refused(at(database), lock_digest=LOCK)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n" * 40])
def test_a_file_that_is_no_store(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    said = refused(at(tmp_path / "mlflow.db"), lock_digest=LOCK)
    assert ("file is not a database" if content else "no such table: alembic_version") in said


@pytest.mark.parametrize("path", ["", "/", "/no/mlflow.db", "/:memory:", "/."])
def test_a_file_that_is_not_there(tmp_path: Path, path: str) -> None:
    said = refused(TrackerSettings(uri=f"sqlite://{path}", root=tmp_path), lock_digest=LOCK)
    assert "there is no file" in said
    assert str(tmp_path) in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("databricks", "https:// address of the workspace"),
        ("databricks://profile", "https:// address of the workspace"),
        ("mlruns", "mlflow migrate-filestore"),
        ("file:///srv/mlruns", "mlflow migrate-filestore"),
        ("C:\\mlruns", "mlflow migrate-filestore"),
        ("", "mlflow migrate-filestore"),
        ("postgresql://me:s/e@cret@db/mlflow?password=secret", "mlflow server"),
    ],
)
def test_other_stores_are_not_read(tmp_path: Path, uri: str, advice: str) -> None:
    said = refused(TrackerSettings(uri=uri, root=tmp_path), lock_digest=LOCK)
    assert "only sqlite:///path and http(s)://host can be read" in said
    assert advice in said
    assert "cret" not in said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make_store(sys.argv[1])))
