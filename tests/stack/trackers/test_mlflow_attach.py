"""Files and whole runs are kept at the real MLflow, over REST and through its own client, and read back by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.http import post_json
from mlops_ci.lineage import store
from mlops_ci.lineage.collect import collect
from mlops_ci.lineage.run import TrackingRun, TrainingRun
from mlops_ci.stack.base import Attachment, RunQuery, TrackerSettings
from mlops_ci.stack.trackers import mlflow as tracker
from mlops_ci.stack.trackers.mlflow import client
from tests import loaded
from tests.lineage.test_collect import FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Repo
    from tests.stack.trackers.conftest import Made

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("mlflow")]

RECORD = Attachment(
    content=b'{"a": 1}\n',
    path="mlops-ci/record.jsonl",
    tag="mlops_ci.record",
    tags={"mlops_ci.lock": "sha256:1"},
)
# The tag and the artifact, as MLflow's own client sees them.
LOOK = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
run = client.get_run(sys.argv[2])
kept = {}
for one in client.list_artifacts(sys.argv[2], "mlops-ci"):
    kept[one.path] = open(client.download_artifacts(sys.argv[2], one.path)).read()
history = [(one.value, one.step) for one in client.get_metric_history(sys.argv[2], "auc")]
print(json.dumps([run.data.tags, kept, run.data.params, history, run.info.status]))
"""


def look(uri: str, run_id: str, folder: Path) -> Any:
    command = [sys.executable, "-c", LOOK, uri, run_id]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def project(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository whose environment is the one that runs the tests."""
    repo.commit()
    monkeypatch.setenv("VIRTUAL_ENV", str(loaded.environment("python")))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return repo


def test_a_file_is_kept_at_a_run_of_a_server(server: str, project: Repo) -> None:
    api = f"{server}/api/2.0/mlflow"
    experiment = post_json(f"{api}/experiments/create", {"name": os.urandom(8).hex()})
    run = post_json(f"{api}/runs/create", {**experiment, "start_time": 1, "tags": []})
    run_id = run["run"]["info"]["run_id"]
    settings = TrackerSettings(uri=server, root=project.path)
    assert tracker.attach(settings, run_id, RECORD)
    assert not tracker.attach(settings, run_id, RECORD)
    tags, kept, *_ = look(server, run_id, project.path)
    assert tags.items() >= RECORD.all_tags.items()
    assert kept == {RECORD.path: RECORD.content.decode()}


def test_a_file_is_kept_at_a_run_of_an_sqlite_store(
    made: Made, project: Repo, scale: Callable[[int, int], int]
) -> None:
    uri, run_id = f"sqlite:///{made.path}", made.ids["tagged"]
    settings = TrackerSettings(uri=uri, root=project.path)
    changed = [tracker.attach(settings, run_id, RECORD) for _ in range(scale(1, 2))]
    assert changed == [True, False][: len(changed)]
    found = tracker.find_run(settings, RunQuery(run_ids=(run_id,)))
    assert found
    assert found.tags.items() >= RECORD.all_tags.items()


def test_a_run_that_was_logged_locally_is_sent_with_its_record(
    made: Made,
    server: str,
    project: Repo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    scale: Callable[[int, int], int],
) -> None:
    run_id = made.ids["search"]
    record = recorded(project, TrackingRun(uri="", run_ids=(run_id,), local=True))
    shutil.copy(made.path, project.path / ".mlops-ci/mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.chdir(project.path)
    pushed = []
    for _ in range(scale(1, 2)):
        assert run(["record", "push", "--json"]) == 0
        pushed += json.loads(capsys.readouterr().out)["runs"]
    assert [one["changed"] for one in pushed] == [True, False][: len(pushed)]
    (sent,) = {one["sent_as"] for one in pushed}
    assert sent != run_id
    tags, kept, params, history, status = look(server, sent, project.path)
    # Here the local store and the server are one: other tests look for the only run with these tags.
    post_json(f"{server}/api/2.0/mlflow/runs/delete", {"run_id": sent})
    assert tags["mlops_ci.local_run"] == run_id
    assert kept == {"mlops-ci/record.intoto.jsonl": record.read_text()}
    assert params == {"lr": "1e-3", "note": "ü 'quoted' \"twice\"", "empty": ""}
    assert [value for value, _ in history][-1] == 0.1 + 0.2
    assert status == "FINISHED"


def test_runs_that_could_not_be_read_back_are_found(
    made: Made, server: str, project: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run_id, mark = made.ids["elsewhere"], os.urandom(16).hex()
    tracker.tag(TrackerSettings(uri=server, root=project.path), run_id, {"mlops_ci.run": mark})
    record = recorded(project, TrackingRun(uri=server, mark=mark))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.chdir(project.path)
    assert run(["record", "push", "--json"]) == 0
    (pushed,) = json.loads(capsys.readouterr().out)["runs"]
    assert pushed["sent_as"] == run_id
    _, kept, *_ = look(server, run_id, project.path)
    assert kept == {"mlops-ci/record.intoto.jsonl": record.read_text()}


def recorded(repo: Repo, tracking: TrackingRun) -> Path:
    repo.write("model.bin", b"weights")
    commit = repo.commit(**FILES)
    run = TrainingRun(
        command=("x",), started="2026-01-02T03:04:05Z", finished="2026-01-02T03:05:05Z",
        commit=commit, tracking=tracking,
    )  # fmt: skip
    return store.write(repo.path, collect(repo.path, run))


def test_what_cannot_be_done_is_one_line(made: Made, server: str, project: Repo) -> None:
    settings = TrackerSettings(uri=server, root=project.path)
    with pytest.raises(UnreadableError, match=r"run 0+ is not in the store"):
        tracker.attach(settings, "0" * 32, RECORD)
    with pytest.raises(UnreadableError, match="is not a run id"):
        tracker.attach(settings, "../x", RECORD)
    with pytest.raises(UnreadableError, match=r"^MLflow at sqlite:.*not found"):
        client.attach(
            TrackerSettings(uri=f"sqlite:///{made.path}", root=project.path), "0" * 32, RECORD
        )


def test_without_mlflow_it_says_what_to_install(
    project: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", "/bin"]))
    with pytest.raises(ToolError, match="there is no mlflow"):
        client.attach(TrackerSettings(uri="sqlite:///x.db", root=project.path), "0" * 32, RECORD)
