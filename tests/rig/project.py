"""A repository as users have them: Git, DVC, data that only the cache holds, and a model that is trained for real.

Logistic regression in plain Python: a training takes milliseconds, and its numbers are what the params make of them.
"""

from __future__ import annotations

import random
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests import loaded

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = """\
import csv, json, math, pathlib, sys

import yaml

params = yaml.safe_load(pathlib.Path("params.yaml").read_text())
rows = [[float(x) for x in row] for row in csv.reader(open("data.csv"))]
train, test = rows[100:], rows[:100]
weights = [0.0, 0.0, 0.0]


def predict(row):
    score = weights[0] + weights[1] * row[0] + weights[2] * row[1]
    return 1 / (1 + math.exp(-max(-30, min(30, score))))


for _ in range(params["epochs"]):
    for row in train:
        error = predict(row) - row[2]
        for i, x in enumerate((1, *row[:2])):
            weights[i] -= params["lr"] * error * x
hits = [(predict(row) > 0.5) == (row[2] > 0.5) for row in test]
loss = -sum(math.log(max(1e-9, predict(r) if r[2] else 1 - predict(r))) for r in test) / len(test)
pathlib.Path("model.json").write_text(json.dumps(weights))
pathlib.Path("metrics.json").write_text(json.dumps({"accuracy": sum(hits) / len(hits), "loss": round(loss, 6)}))
"""
DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [data.csv, train.py]
    params: [epochs, lr]
    outs: [model.json]
    metrics:
    - metrics.json: {cache: false}
"""
POLICY = """\
version: 1
gates:
- {id: floor, metric: accuracy, threshold: {min: 0.8}}
- {id: no-regression, metric: accuracy, change: {max_regression: 0.05}}
- {id: loss, metric: loss, change: {max_regression: 0.01}, level: warn}
"""
# What a change sets, and what the gates of main say of what comes out.
PARAMS = {
    "main": {"epochs": 3, "lr": 0.03},
    "better": {"epochs": 20, "lr": 0.05},
    "warned": {"epochs": 2, "lr": 0.03},
    "worse": {"epochs": 0, "lr": 0.03},
}

# Of the monorepo.
THREE = ("ads", "churn", "fraud")


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def dvc(folder: Path, *arguments: str) -> None:
    run(folder, str(loaded.dvc() / "dvc"), *arguments)


def mlops_ci(folder: Path, *arguments: str) -> None:
    run(folder, sys.executable, "-m", "mlops_ci", *arguments)


def data() -> str:
    """Two clouds that overlap a little."""
    drawn = random.Random(7)
    rows = []
    for _ in range(300):
        label = drawn.random() < 0.5
        rows.append([drawn.gauss(1.4 * label, 0.7), drawn.gauss(-1.1 * label, 0.7), int(label)])
    return "".join(",".join(f"{x:g}" for x in row) + "\n" for row in rows)


def requirements() -> str:
    """What the tests run with: to install it is to find it there."""
    return "".join(f"{name}=={version(name)}\n" for name in ("dvc", "pyyaml"))


def params(name: str) -> str:
    return "".join(f"{key}: {value}\n" for key, value in PARAMS[name].items())


def create(folder: Path, remote: Path) -> None:
    """A trained model on `main`, data in the remote, and a branch for each other entry of PARAMS, trained as well."""
    begin(folder, remote, (".",))
    for name in PARAMS:
        if name != "main":
            run(folder, "git", "switch", "-q", "-c", name, "main")
        train(folder, f"Train {name}", {".": name})
    dvc(folder, "push", "-q", "--all-branches")
    run(folder, "git", "switch", "-q", "main")


def create_three(folder: Path, remote: Path) -> None:
    """Three models in folders of their own, trained on `main`; on `change` one is better and one is worse."""
    begin(folder, remote, THREE)
    train(folder, "Train three", dict.fromkeys(THREE, "main"))
    run(folder, "git", "switch", "-q", "-c", "change")
    train(folder, "Change two", {THREE[0]: "better", THREE[1]: "worse"})
    dvc(folder, "push", "-q", "--all-branches")
    run(folder, "git", "switch", "-q", "main")


def begin(folder: Path, remote: Path, places: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "config", "user.name", "Test")
    run(folder, "git", "config", "user.email", "test@example.com")
    dvc(folder, "init", "-q")
    dvc(folder, "remote", "add", "-q", "-d", "store", str(remote))
    folder.joinpath("mlops-ci.yaml").write_text(POLICY, encoding="utf-8")
    folder.joinpath("requirements.txt").write_text(requirements(), encoding="utf-8")
    for place in places:
        (folder / place).mkdir(exist_ok=True)
        for name, content in (("train.py", TRAIN), ("dvc.yaml", DVC_YAML), ("data.csv", data())):
            (folder / place / name).write_text(content, encoding="utf-8")
    dvc(folder, "add", "-q", *(f"{place}/data.csv" for place in places))


def train(folder: Path, message: str, chosen: dict[str, str]) -> None:
    for place, name in chosen.items():
        (folder / place / "params.yaml").write_text(params(name), encoding="utf-8")
    dvc(folder, "repro", "-q", "--all-pipelines")
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "-q", "-m", message)
