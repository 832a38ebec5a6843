"""Metrics that are only in a DVC remote, in a folder that DVC tracks: fetched by the project's own dvc."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from tests import loaded

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("dvc")]

DVC_YAML = (
    "stages: {train: {cmd: 'true', deps: [seed], outs: [live]}}\nmetrics: [live/metrics.json]\n"
)


def dvc(folder: Path, *words: str) -> None:
    command = [loaded.dvc() / "dvc", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two trainings whose metrics are in a remote and nowhere else."""
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", f"{loaded.dvc()}{os.pathsep}{os.environ['PATH']}")
    repo.write(
        ".dvc/config", f"[core]\n remote = r\n['remote \"r\"']\n url = {tmp_path / 'remote'}\n"
    )
    repo.write("dvc.yaml", DVC_YAML)
    repo.write(".gitignore", "/live\n/.dvc/cache\n/.dvc/tmp\n")
    for seed, accuracy in enumerate((0.9, 0.8)):
        repo.write("live/metrics.json", json.dumps({"accuracy": accuracy}))
        repo.write("seed", str(seed))
        dvc(repo.path, "commit", "--force")
        dvc(repo.path, "push")
        repo.commit()
    shutil.rmtree(repo.path / ".dvc" / "cache")
    shutil.rmtree(repo.path / "live")
    monkeypatch.chdir(repo.path)
    return repo


@pytest.mark.parametrize("head", [["HEAD"], []])
def test_a_folder_that_is_only_in_the_remote_is_read(
    clone: Any, capsys: Any, head: list[str]
) -> None:
    assert run(["diff", "--no-fetch", "--exact", "HEAD~1", *head]) == 3
    assert "the listing of live is not in the DVC cache" in capsys.readouterr().out
    assert run(["diff", "--json", "--exact", "HEAD~1", *head]) == 0
    (row,) = json.loads(capsys.readouterr().out)["models"][0]["metrics"]
    assert (row["baseline"], row["candidate"]) == (0.9, 0.8)
