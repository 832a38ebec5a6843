"""What a tracking server is sent, as the real MLflow client sends it too, and servers that misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import traceback
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.http import MAX_BYTES, redact
from mlops_ci.stack.base import RunQuery, TrackerSettings
from mlops_ci.stack.trackers import mlflow as tracker
from mlops_ci.stack.trackers.mlflow import rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.stack.base import TrackedRun

RUN_ID = "a" * 32
SECRET = "s3cr3t/@:?#ü"  # all the signs that mean something in an address
API = "/team/mlflow/api/2.0/mlflow/"
METRICS = {"auc": 0.5, "loss": "NaN", "worst": "Infinity", "best": "-Infinity"}
INFO = {"run_id": RUN_ID, "experiment_id": "1", "status": "FINISHED", "lifecycle_stage": "active"}
RUN = {"info": INFO, "data": {"metrics": [{"key": k, "value": v} for k, v in METRICS.items()]}}
EXPERIMENT = {"experiment_id": "1", "name": "churn", "lifecycle_stage": "active"}
ANSWERS = {
    "runs/get": {"run": RUN},
    "runs/search": {"runs": [RUN]},
    "experiments/get": {"experiment": EXPERIMENT},
    "experiments/get-by-name": {"experiment": EXPERIMENT},
}
# The same three questions, asked by the real client.
CLIENT = """
import mlflow
client = mlflow.MlflowClient()
client.get_run("a" * 32)
experiment = client.get_experiment_by_name("churn")
client.search_runs([experiment.experiment_id], "tags.`mlops_ci.lock` = 'b'")
"""

Answer = tuple[int, dict[str, str], bytes]


def as_mlflow(path: str, _: str) -> Answer:
    return 200, {}, json.dumps(ANSWERS[path.removeprefix(API)]).encode()


@dataclass
class Loopback:
    """A server: what it answers to a path and an Authorization, and what it was sent."""

    port: int
    answer: Callable[[str, str], Answer] = as_mlflow
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    def settings(self, user: str = "") -> TrackerSettings:
        uri = f"http://{user}127.0.0.1:{self.port}/team/mlflow/"
        return TrackerSettings(uri=uri, root=Path(), experiment="churn")


class Handler(BaseHTTPRequestHandler):
    loopback: ClassVar[Loopback]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, auth = urlsplit(self.path).path, self.headers.get("Authorization", "")
        self.loopback.seen.append((self.command, path, auth))
        status, headers, body = self.loopback.answer(path, auth)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Nothing: pytest shows what matters."""


@contextmanager
def serving() -> Iterator[Loopback]:
    bound: Any = type("Bound", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), bound) as server:
        bound.loopback = Loopback(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield bound.loopback
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Its misbehaviour costs no time: what the retries would sleep is added up instead."""
    naps: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=naps.append))
    with serving() as made:
        yield made
    assert sum(naps) < 10


def ask(settings: TrackerSettings, **query: Any) -> TrackedRun | None:
    return tracker.find_run(settings, RunQuery(**query) if query else RunQuery(run_ids=(RUN_ID,)))


def refused(settings: TrackerSettings, **query: Any) -> str:
    """What the error says: one line, and no secret in it or in what led to it."""
    with pytest.raises(UnreadableError) as caught:
        ask(settings, **query)
    said = f"{caught.value} ({caught.value.hint})"
    assert "\n" not in said
    shown = said + "".join(traceback.format_exception(caught.value))
    for secret in (SECRET, quote(SECRET, safe=""), b64encode(f"me:{SECRET}".encode()).decode()):
        assert secret not in shown
    return said


BASIC = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()
LOGIN = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": SECRET}
TOKEN = {"MLFLOW_TRACKING_TOKEN": "t0ken"}


@pytest.mark.parametrize(
    ("env", "user", "sent"),
    [
        ({}, "", ""),
        (LOGIN, "", BASIC),
        (TOKEN, "", "Bearer t0ken"),
        ({"MLFLOW_TRACKING_TOKEN": "t0ken\n"}, "", "Bearer t0ken"),
        (LOGIN | TOKEN, "", BASIC),
        ({"MLFLOW_TRACKING_USERNAME": "me"} | TOKEN, "", "Bearer t0ken"),
        (TOKEN, f"me:{quote(SECRET, safe='')}@", BASIC),
    ],
)
def test_credentials(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], user: str, sent: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    loopback.answer = lambda path, auth: as_mlflow(path, auth) if auth == sent else (401, {}, b"")
    run = ask(loopback.settings(user))
    assert run is not None
    assert repr(run.metrics) == "{'auc': 0.5, 'loss': nan, 'worst': inf, 'best': -inf}"
    assert {auth for _, _, auth in loopback.seen} == {sent}
    loopback.answer = lambda *_: (401, {}, b"{}")
    assert "answers 401 (set MLFLOW_TRACKING_TOKEN, or" in refused(loopback.settings(user))


def test_an_address_that_is_not_trusted_sees_no_credential(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    loopback.answer = lambda *_: (403, {}, b"{}")
    assert "MLFLOW_TRACKING_URI only" in refused(replace(loopback.settings(), trusted=False))
    assert [auth for _, _, auth in loopback.seen] == [""]


@pytest.mark.contract
@pytest.mark.parametrize("env", [LOGIN, TOKEN])
def test_the_real_client_sends_the_same(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, env: dict[str, str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert ask(loopback.settings(), lock_digest="b") is not None
    ours, loopback.seen = set(loopback.seen), []
    uri = {"MLFLOW_TRACKING_URI": loopback.settings().uri, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-c", CLIENT]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, **uri}, check=True)
    assert {one for one in ours if not one[1].endswith("/experiments/get")} == set(loopback.seen)


def test_no_credential_follows_a_redirect(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    with serving() as other:
        loopback.answer = lambda *_: (307, {"Location": f"http://127.0.0.1:{other.port}/"}, b"")
        assert "redirects elsewhere (see `curl" in refused(loopback.settings())
        assert other.seen == []


@pytest.mark.parametrize(
    ("status", "body", "reason", "requests"),
    [
        (500, b"<h1>" + SECRET.encode(), "answers 500", 3),
        (429, b"{}", "answers 429", 3),
        (404, b"<h1>not here", "answers 404", 1),
        (404, b"[]", "answers 404", 1),
        (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', "is not in the store", 1),
        (200, b"<html>sign in", "does not answer in JSON", 1),
        (200, b'{"run": ', "does not answer in JSON", 1),
        (200, b"[" * 100_000, "does not answer in JSON", 1),
        (200, b"", "does not answer in JSON", 1),
        (200, b"[]", "does not answer as MLflow does", 1),
        (200, b'{"run": {}}', "does not answer as MLflow does", 1),
        (200, b'"' + b"x" * MAX_BYTES, "answers with more than 16 MiB", 1),
    ],
)
def test_bad_answers(
    loopback: Loopback, status: int, body: bytes, reason: str, requests: int
) -> None:
    loopback.answer = lambda *_: (status, {"Retry-After": "9999"}, body)
    assert reason in refused(loopback.settings(f"me:{quote(SECRET, safe='')}@"))
    assert len(loopback.seen) == requests


def test_a_bad_moment_passes(loopback: Loopback) -> None:
    moments = [503, 429]
    loopback.answer = lambda *now: (moments.pop(), {}, b"") if moments else as_mlflow(*now)
    assert ask(loopback.settings()) is not None


def test_an_answer_that_never_ends(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the last one never."""
    monkeypatch.setattr("mlops_ci.http._LONGEST_SECONDS", -1)
    assert "the answer takes longer than" in refused(loopback.settings())


def test_pages_without_end(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "MOST_PAGES", 3)
    loopback.answer = lambda *_: (200, {}, b'{"next_page_token": "again"}')
    settings = replace(loopback.settings(), experiment=None)
    assert "lists more than 300 experiments (name the experiment)" in refused(settings, commit="c")
    assert len(loopback.seen) == 3


def test_a_token_that_no_header_can_hold(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", f"t0ken\n{SECRET}")
    assert "the address or the credentials are malformed" in refused(loopback.settings())
    assert loopback.seen == []


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:{closed}", "Connection refused"),
        ("https://127.0.0.1:{open}", "SSL"),
        ("http://127.0.0.1:{open}0000000", "malformed"),
        ("http://", "malformed"),
        ("http://[::1", "is not an address"),
    ],
)
def test_addresses_that_lead_nowhere(loopback: Loopback, uri: str, reason: str) -> None:
    with serving() as gone:
        ports = {"open": loopback.port, "closed": gone.port}
    settings = TrackerSettings(uri=uri.format(**ports), root=Path())
    assert reason in refused(settings)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:pw@host:5000/mlflow?token=pw#pw", "https://host:5000/mlflow"),
        ("https://me:p/w@pw?#pw@host/mlflow", "https://host/mlflow"),
        ("https://me:pw\npw@host/mlflow\nsecond line", "https://host/mlflow"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
    ],
)
def test_what_a_message_shows_of_an_address(uri: str, shown: str) -> None:
    assert redact(uri) == shown
