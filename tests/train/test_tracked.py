"""MLflow runs are known without a change to the user's code, and a tracker that is down costs no training."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from mlops_ci.lineage import store
from mlops_ci.stack.base import TrackerSettings
from mlops_ci.stack.trackers.mlflow import BACKENDS
from tests.train.conftest import train

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Repo

LOGS = """\
import mlflow
with mlflow.start_run():
    mlflow.log_metric("accuracy", 0.9)
open("model.bin", "w").write("m")
open("metrics.json", "w").write("{}")
"""
# What MLflow's client does to a training when the server goes away: it raises.
ASKS = """\
import os, sys, urllib.request
uri = os.environ["MLFLOW_TRACKING_URI"]
open("model.bin", "w").write("m")
open("metrics.json", "w").write("{}")
if uri.startswith("http"):
    try:
        urllib.request.urlopen(uri + "/last", timeout=20)
    except OSError as error:
        sys.exit(str(error) if sys.argv[1] != "end" else 0)
"""


def tracked(repo: Repo, record: str) -> list[dict]:
    (statement,) = store.read(repo.path / record)
    byproducts = statement["predicate"]["runDetails"]["byproducts"]
    return [one["annotations"] for one in byproducts if one["annotations"]["kind"] == "mlflow"]


@pytest.mark.real
@pytest.mark.xdist_group("mlflow")
def test_runs_are_logged_beside_the_repository_while_mlflow_is_down(pipeline: Repo) -> None:
    commit = pipeline.commit(**{"train.sh": "python train.py\n", "train.py": LOGS})
    uri, context = "http://127.0.0.1:9", '{"team": "vision"}'
    run_url = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/churn",
        "GITHUB_RUN_ID": "7",
    }
    done = train(pipeline, "--json", MLFLOW_TRACKING_URI=uri, MLFLOW_RUN_CONTEXT=context, **run_url)
    assert done.code == 0, done.err
    assert "MLflow does not answer" in done.err
    assert "mlops-ci record push" in done.err
    (logged,) = tracked(pipeline, done.data["record"])
    assert logged["local"]
    settings = TrackerSettings(uri="sqlite:///.mlops-ci/mlflow.db", root=pipeline.path)
    with BACKENDS["sqlite"](settings) as database:
        found = database.get(logged["run_id"], "run id")
    assert found is not None
    tags = found[1].tags
    assert tags["team"] == "vision"
    assert tags["mlops_ci.sha"] == commit
    assert tags["mlops_ci.dirty"] == "false"
    (statement,) = store.read(pipeline.path / done.data["record"])
    internal = statement["predicate"]["buildDefinition"]["internalParameters"]
    assert tags["mlops_ci.lock"] == internal["mlopsci_lock_digest"] != ""
    assert tags["mlops_ci.data"].startswith("raw.csv=md5:")
    assert tags["mlops_ci.run_url"] == "https://github.example/acme/churn/actions/runs/7/attempts/1"


WELL = (200, "application/json", b"{}")
LOGIN = b"<!doctype html><title>Sign in</title>"
# Nobody behind a proxy, a login page in the place of the server, its database down.
FAILS = {
    "behind": (503, "text/html", b""),
    "portal": (200, "text/html", LOGIN),
    "redirect": (302, "text/html", LOGIN),
    "database": (500, "application/json", b'{"error_code": "INTERNAL_ERROR"}'),
}


class Server(ThreadingHTTPServer):
    """Answers until somebody asks for `/last`; after that as `then` says, or nobody is there."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers, self.then = WELL, ""
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def end(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        status, kind, body = self.server.answers
        if status == 302 and self.path == "/login":
            status = 200
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/login")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path != "/last":
            self.do_POST()
        elif self.server.then:
            self.server.answers = FAILS[self.server.then]
            self.send_error(400)
        else:
            self.server.end()
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.end()


@pytest.mark.stub
@pytest.mark.parametrize("when", ["middle", "behind", "redirect", "end"])
def test_a_server_that_goes_away_costs_no_training(
    pipeline: Repo, server: Server, when: str
) -> None:
    server.then = when if when in FAILS else ""
    pipeline.commit(**{"train.sh": f"python train.py {when}\n", "train.py": ASKS})
    uri = f"http://127.0.0.1:{server.server_port}"
    done = train(pipeline, "--json", MLFLOW_TRACKING_URI=uri)
    assert done.code == 0, done.err
    assert [(one["name"], one["result"]) for one in done.data["stages"]][-1] == ("train", "ran")
    if when != "end":
        assert "does not answer any more" in done.err
        assert "mlops-ci record push" in done.err
    else:
        assert "MLflow cannot be read after the run" in done.err
        (logged,) = tracked(pipeline, done.data["record"])
        assert (logged["run_id"], len(logged["mark"])) == ("", 32)


@pytest.mark.stub
@pytest.mark.parametrize("what", ["portal", "database"])
def test_what_does_not_answer_as_mlflow_is_down_before_the_run(
    pipeline: Repo, server: Server, what: str
) -> None:
    server.answers = FAILS[what]
    done = train(pipeline, "--json", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.server_port}")
    assert done.code == 0, done.err
    assert "MLflow does not answer" in done.err
    assert done.data["tracking"]["local"]


@pytest.mark.stub
@pytest.mark.parametrize("status", [403, 400])
def test_a_server_that_refuses_is_there(pipeline: Repo, server: Server, status: int) -> None:
    body = b'{"error_code": "BAD_REQUEST"}' if status == 400 else LOGIN
    server.answers = status, "application/json", body
    done = train(pipeline, "--json", MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.server_port}")
    assert done.code == 0, done.err
    assert "MLflow does not answer" not in done.err
    assert not done.data["tracking"]["local"]


@pytest.mark.stub
def test_a_stage_that_fails_while_mlflow_answers_is_not_run_again(
    pipeline: Repo, server: Server
) -> None:
    pipeline.commit(**{"train.sh": "exit 3\n"})
    done = train(pipeline, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.server_port}")
    assert done.code == 1
    assert done.err.count("▸ train") == 1
