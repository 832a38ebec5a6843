"""The `dvc` that tests run is the one that is installed: the same words, the same exit codes, the same end."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import loaded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = pytest.mark.real
STAGE = "stages:\n  one:\n    cmd: '%s'\n    deps: [a b]\n    outs: [out]\n"


def said(program: Path, repo: Repo, *arguments: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [program / "dvc", *arguments], cwd=repo.path, capture_output=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("touch out", ["status", "--json"]),
        ("touch out", ["nonsense"]),
        ('echo "$X" && exit 3', ["repro"]),
        ("kill -TERM $PPID", ["repro"]),
    ],
)
def test_it_says_and_returns_what_the_installed_one_does(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, command: str, arguments: list[str]
) -> None:
    monkeypatch.setenv("X", "here \udcff")
    assert said(loaded.dvc(), repo, "init", "--quiet") == (0, b"", b"")
    repo.write("a b", "1")
    repo.write("dvc.yaml", STAGE % command)
    found = said(loaded.dvc(), repo, *arguments)
    shutil.rmtree(repo.path / ".dvc/tmp")
    assert found == said(loaded.BIN, repo, *arguments)


@pytest.mark.skipif(not loaded.used, reason="is DVC's own program here")
def test_where_it_is_killed_so_is_what_it_runs(repo: Repo) -> None:
    said(loaded.dvc(), repo, "init", "--quiet")
    repo.write("a b", "1")
    repo.write("dvc.yaml", STAGE % "exec sleep 600 >pipe")
    os.mkfifo(repo.path / "pipe")
    command = [loaded.dvc() / "dvc", "repro", "--quiet"]
    with (
        subprocess.Popen(command, cwd=repo.path) as process,
        (repo.path / "pipe").open() as held,
    ):
        process.kill()
        assert held.read() == ""  # not before nobody can write to it
