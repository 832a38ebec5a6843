"""Training scripts that are reproducible in different ways, in place of the one of `project`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lineage import project

if TYPE_CHECKING:
    from tests.conftest import Repo

PREDICT_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data]
    outs: [model.bin, run.json: {cache: false}]
  predict:
    cmd: python predict.py
    deps: [predict.py, model.bin, data]
    outs: [scores.csv]
    metrics:
    - metrics.json: {cache: false}
"""
TIMESTAMP = "pathlib.Path('model.bin').write_text(str(time.time_ns()))\n"
HEAD = "import json, os, pathlib, random, time\n"
RUN = "pathlib.Path('run.json').write_text(json.dumps({'run_id': os.urandom(16).hex()}))\n"
METRICS = "pathlib.Path('metrics.json').write_text(json.dumps({'accuracy': %s}))\n"
NOISE = "0.5 + 1e-12 * (time.time_ns() % 1000)"
PREDICT = (
    HEAD
    + f"pathlib.Path('scores.csv').write_text('id,score\\n1,' + str({NOISE}) + '\\n')\n"
    + METRICS % "0.9"
)

# What train.py does, by what it is an example of.
TRAIN = {
    "timestamp": HEAD + TIMESTAMP + METRICS % "0.9",
    "unseeded": HEAD + TIMESTAMP + METRICS % "0.9 + random.random() / 100",
    "threads": HEAD
    + "value = int(os.environ.get('OMP_NUM_THREADS', 8))\n"
    + "pathlib.Path('model.bin').write_text(str(value))\n"
    + METRICS % "value",
    "seeded": HEAD
    + "random.seed(os.environ['MLOPS_CI_SEED'])\nvalue = random.random()\n"
    + "pathlib.Path('model.bin').write_text(str(value))\n"
    + METRICS % "value",
}


def trained(repo: Repo, **files: str) -> str:
    """Other files, run by DVC, pushed and committed."""
    for path, content in files.items():
        repo.write(path, content)
    project.dvc(repo.path, "repro")
    project.dvc(repo.path, "push")
    return repo.commit("train again")


def with_predictions(repo: Repo) -> str:
    files = {"dvc.yaml": PREDICT_YAML, "train.py": HEAD + TIMESTAMP + RUN, "predict.py": PREDICT}
    return trained(repo, **files)
