"""`mlops-ci record` as a user calls it: output, exit codes, hostile files."""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.lineage.run import TrackingRun
from tests.conftest import HOSTILE
from tests.lineage import project
from tests.lineage.conftest import _template, trained  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]


@pytest.fixture
def recorded(trained: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:  # noqa: F811
    project.record(trained)
    monkeypatch.chdir(trained.path)
    return trained


def test_show_tells_what_made_the_model(recorded: Repo, capsys: Any) -> None:
    assert run(["record", "show"]) == 0
    shown = capsys.readouterr().out
    for word in ("dvc repro", "model.bin", "accuracy 0.8", "loss NaN", "lr 0.1", "data  8"):
        assert word in shown


def test_show_as_json_is_the_statements(recorded: Repo, capsys: Any) -> None:
    assert run(["record", "show", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["schema_version"] == 1
    assert body["statements"] == [json.loads(recorded.path.joinpath(body["record"]).read_text())]


def test_what_is_the_same_is_exit_code_0(recorded: Repo, capsys: Any) -> None:
    assert run(["record", "verify"]) == 0
    assert "different" not in capsys.readouterr().out


def test_what_differs_is_exit_code_1_and_named(recorded: Repo, capsys: Any) -> None:
    recorded.write("params.yaml", "lr: 0.3\nseed: 7\n")
    assert run(["record", "verify"]) == 1
    assert "params.yaml:lr  recorded 0.1, found 0.3" in capsys.readouterr().out


def test_what_is_not_here_is_exit_code_3_with_the_command(recorded: Repo, capsys: Any) -> None:
    recorded.path.joinpath("model.bin").unlink()
    assert run(["record", "verify"]) == 3
    shown = capsys.readouterr().out
    assert "? model       model.bin  is not here" in shown
    assert "dvc pull model.bin" in shown


def test_json_has_whole_digests(recorded: Repo, capsys: Any) -> None:
    recorded.path.joinpath("model.bin").unlink()
    recorded.write("model.bin", "x")
    assert run(["record", "verify", "--json"]) == 1
    body = json.loads(capsys.readouterr().out)
    (model,) = body["models"]
    (fact,) = [one for one in model["facts"] if one["result"] == "different"]
    assert body["exit_code"] == 1
    assert fact["found"] == (
        "sha256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    )


def test_no_record_is_a_usage_error(repo: Repo, monkeypatch: Any, capsys: Any) -> None:
    repo.commit()
    monkeypatch.chdir(repo.path)
    assert run(["record", "verify"]) == 2
    assert "mlops-ci train" in capsys.readouterr().err


def test_push_without_a_run_is_a_usage_error_and_a_note_is_enough(
    recorded: Repo, capsys: Any
) -> None:
    assert run(["record", "push"]) == 2
    assert "--note" in capsys.readouterr().err
    assert run(["record", "push", "--note"]) == 0
    assert run(["record", "push", "--note", "--json"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["note_added"] is False
    shown = recorded.git("notes", "--ref=mlops-ci", "show")
    (path,) = recorded.path.joinpath(".mlops-ci/records").iterdir()
    assert f"{shown}\n" == path.read_text()


def test_push_asks_no_server_that_only_a_file_names(
    trained: Repo,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    uri = "http://127.0.0.1:9"
    trained.commit(**{"mlops-ci.yaml": f"mlflow: {{tracking_uri: '{uri}'}}\n"})
    project.record(trained, tracking=TrackingRun(uri=uri, run_ids=("a" * 32,)))
    monkeypatch.chdir(trained.path)
    assert run(["record", "push"]) == 2
    assert "stands only in mlops-ci.yaml" in capsys.readouterr().err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:8")
    assert run(["record", "push"]) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert run(["record", "push"]) == 3
    assert "Connection refused" in capsys.readouterr().err


class Denied(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, ThreadingHTTPServer)
        self.send_error(self.server.status)  # type: ignore[attr-defined]

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("status", [401, 403])
def test_push_where_we_may_not_write_is_exit_code_4(
    trained: Repo,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    status: int,
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Denied) as server:
        server.status = status  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        project.record(trained, tracking=TrackingRun(uri=uri, run_ids=("a" * 32,)))
        monkeypatch.chdir(trained.path)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert run(["record", "push"]) == 4
        server.shutdown()
    said = capsys.readouterr().err
    assert f"answers {status}: the Record may not be kept there" in said
    assert "MLFLOW_TRACKING_TOKEN" in said


def hostile_files(folder: Path) -> list[Path | str]:
    """What somebody may name as a Record."""
    made = {
        "empty": b"",
        "deep": b"[" * 100_000 + b"\n",
        "wide": b'{"a":' * 30 + b"1" + b"}" * 30 + b"\n",
        "huge": b"x" * (17 << 20),
        "binary": bytes(range(256)) + b"\n",
        "twice": b'{"_type": "a", "_type": "b"}\n',
        "nan": b'{"_type": NaN}\n',
        "number": b"1" * 5000 + b"\n",
        "escape": b'{"\\u001b[31m": "::error::x"}\n',
    }
    for name, content in made.items():
        folder.joinpath(name).write_bytes(content)
    found: list[Path | str] = [folder / name for name in made]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        found += [folder / "pipe", "/dev/zero"]
    return [*found, folder]


@pytest.mark.parametrize("verb", ["show", "verify"])
def test_what_is_no_record_is_one_clear_line(
    repo: Repo, tmp_path: Path, monkeypatch: Any, capsys: Any, verb: str
) -> None:
    repo.commit()
    monkeypatch.chdir(repo.path)
    for path in hostile_files(tmp_path):
        assert run(["record", verb, str(path)]) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {path}"), line
        assert line.isprintable()


def test_hostile_names_are_made_visible(recorded: Repo, capsys: Any) -> None:
    (path,) = recorded.path.joinpath(".mlops-ci/records").iterdir()
    statement = json.loads(path.read_text())
    external = statement["predicate"]["buildDefinition"]["externalParameters"]
    lines = []
    for text in HOSTILE.values():
        external |= {"model": text, "command": [text], "params": {text: {text: text}}}
        lines.append(f"{json.dumps(statement)}\n")
    path.write_text("".join(lines))
    assert run(["record", "show"]) == 0
    assert run(["record", "verify"]) == 3
    for line in capsys.readouterr().out.splitlines():
        assert line.replace("\N{NO-BREAK SPACE}", " ").isprintable(), line
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line
