"""The hand-over to CML: what it is called with, and what its failures mean. A recorded `cml`, not the real one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publish.conftest import Job

pytestmark = pytest.mark.stub

CML = """\
#!{python}
import pathlib, sys
here = pathlib.Path({folder!r})
(here / "arguments").write_text("\\n".join(sys.argv[1:-1]))
(here / "report").write_bytes(pathlib.Path(sys.argv[-1]).read_bytes())
print("token ghs_0123456789", file=sys.stderr)
sys.exit({code})
"""


@pytest.fixture
def cml(tmp_path: Path, monkeypatch: Any) -> Any:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(code: int) -> Path:
        file = folder / "cml"
        file.write_text(CML.format(python=sys.executable, folder=str(folder), code=code))
        file.chmod(0o755)
        return folder

    return install


def test_it_gets_the_report_and_no_leave_to_upload(job: Job, cml: Any, capsys: Any) -> None:
    folder = cml(0)
    job.event("push", {}, GITHUB_REPOSITORY="", GITHUB_TOKEN="")  # as on another forge
    assert job.publish("main", "HEAD", "--via", "cml", "--key", "a b=--publish") == 1
    assert (folder / "arguments").read_text().splitlines() == [
        "comment",
        "update",
        "--publish=false",
        "--watermark-title=mlops-ci-a-b---publish",
    ]
    assert (folder / "report").read_text(encoding="utf-8").startswith("### ❌ `churn`")
    assert job.api.state.log == []
    assert "fail" in capsys.readouterr().out


def test_its_failure_hides_neither_the_verdict_nor_shows_a_token(
    job: Job, cml: Any, capsys: Any
) -> None:
    cml(1)
    assert job.publish("main", "HEAD", "--via", "cml") == 1
    told = capsys.readouterr().err
    assert "cml comment update failed with exit code 1" in told
    assert "ghs_" not in told
    job.commit(0.95)
    assert job.publish("main", "HEAD", "--via", "cml") == 4


def test_without_one_it_says_so(job: Job, monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    from mlops_ci import process

    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    file = job.write("--all")
    monkeypatch.setattr(process.subprocess, "run", missing)
    assert job.publish("--from", str(file), "--via", "cml") == 3
    assert "cml is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("event", ["workflow_run", "pull_request_target"])
def test_numbers_of_an_unknown_run_do_not_go_this_way(
    job: Job, cml: Any, capsys: Any, event: str
) -> None:
    folder = cml(0)
    file = job.write("--all")
    job.event(event, {})
    assert job.publish("--from", str(file), "--via", "cml") == 2
    assert not (folder / "report").exists()
    assert event in capsys.readouterr().err
