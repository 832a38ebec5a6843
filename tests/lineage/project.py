"""A small pipeline that DVC itself has run, and the Record of that run."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from mlops_ci.lineage import store
from mlops_ci.lineage.collect import collect
from mlops_ci.lineage.run import EnvironmentLock, TrainingRun
from tests import loaded

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

FILES = {
    ".dvc/config": "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    "dvc.yaml": """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data]
    params: [lr, seed]
    outs: [model.bin]
    metrics:
    - metrics.json: {cache: false}
""",
    "params.yaml": "lr: 0.1\nseed: 7\n",
    "requirements.txt": "numpy==1.26.4\nscikit-learn==1.7.1\n",
    "train.py": """\
import json, pathlib, random, re
params = dict(re.findall(r"(\\w+): (.+)", pathlib.Path("params.yaml").read_text()))
random.seed(int(params["seed"]))
data = b"".join(path.read_bytes() for path in sorted(pathlib.Path("data").iterdir()))
pathlib.Path("model.bin").write_bytes(data + str(random.random()).encode())
accuracy = len(data) * float(params["lr"])
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": accuracy, "loss": float("nan")}))
""",
}
DATA = {"data/a.csv": "1,2\n", "data/deep/b ü.csv": "3,4\n"}


def dvc(folder: Path, *arguments: str) -> None:
    command = [loaded.dvc() / "dvc", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make(repo: Repo) -> None:
    """Data in DVC and pushed, code in Git, one stage run by `dvc repro`, all committed."""
    for path, content in {**FILES, **DATA}.items():
        repo.write(path, content.replace("iterdir()", "rglob('*.csv')"))
    dvc(repo.path, "add", "data")
    dvc(repo.path, "repro")
    dvc(repo.path, "push")
    repo.commit("train")


def run_of(repo: Repo, **known: object) -> TrainingRun:
    import hashlib

    file = repo.path / "requirements.txt"
    lock = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    environment = EnvironmentLock(path=file.name, tool="pip", sha256=lock, in_sync="yes")
    facts = {
        "command": ("dvc", "repro"),
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:05Z",
        "commit": repo.git("rev-parse", "HEAD"),
        "environments": (environment,),
        "persist": "push",
        **known,
    }
    return TrainingRun(**facts)  # type: ignore[arg-type]


def record(repo: Repo, **known: object) -> Path:
    return store.write(repo.path, collect(repo.path, run_of(repo, **known)))
