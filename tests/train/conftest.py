"""A small pipeline that real DVC runs in milliseconds, and `mlops-ci train` as a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import loaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Repo

BIN = Path(sys.executable).parent

DVC_YAML = """\
stages:
  prepare:
    cmd: sh prepare.sh
    deps: [prepare.sh, raw.csv]
    outs: [data.csv]
  train:
    cmd: sh train.sh
    deps: [train.sh, data.csv]
    params: [lr]
    outs: [model.bin]
    metrics:
    - metrics.json: {cache: false}
"""
FILES = {
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".dvc/config": "",
    ".gitignore": "/raw.csv\n/data.csv\n/model.bin\n",
    "dvc.yaml": DVC_YAML,
    "params.yaml": "lr: 0.1\n",
    "prepare.sh": "echo preparing && cat raw.csv raw.csv > data.csv\n",
    "train.sh": (
        'echo training && { cat params.yaml data.csv; echo "$MLOPS_CI_SEED"; } > model.bin\n'
        "echo '{\"accuracy\": 0.9}' > metrics.json\n"
    ),
}
RAW = b"1,2\n"


def pointer(name: str, content: bytes) -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return f"outs:\n- md5: {md5}\n  size: {len(content)}\n  hash: md5\n  path: {name}\n"


@pytest.fixture
def programs() -> Path:
    """Where the dvc is. Tests that send signals to it have a process of its own instead."""
    return loaded.dvc()


@pytest.fixture
def pipeline(repo: Repo, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Committed, and not run yet."""
    path = os.pathsep.join([str(programs), str(BIN), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    repo.write("raw.csv", RAW)
    repo.commit(**FILES, **{"raw.csv.dvc": pointer("raw.csv", RAW)})
    return repo


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def errors(self) -> list[str]:
        return [
            line.removeprefix("error: ")
            for line in self.err.splitlines()
            if line.startswith("error: ")
        ]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mlops_ci", *arguments]


def until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it has not happened in a minute")


def train(repo: Repo, *arguments: str, **env: str) -> Done:
    done = subprocess.run(
        command("train", *arguments),
        cwd=repo.path,
        env={**os.environ, **env},
        capture_output=True,
        check=False,
        timeout=600,
        encoding="utf-8",
    )
    return Done(done.returncode, done.stdout, done.stderr)
