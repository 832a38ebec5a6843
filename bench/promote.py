"""`mlops-ci promote` side by side with the same steps by MLflow's own client, against a running MLflow server.

    pip install '.[test]' && python bench/promote.py [--runs 9]

Whole processes, as a step of a job runs them. `registry`: find the version by its Git tag, register it when it is not
there, set the alias, read it back, by each of the two. `promotion`: all that `mlops-ci promote` does, beside a script
with MLflow's client, DVC's API and GitPython that fetches tags and notes, hashes the model as DVC reads it, finds its
Record, compares its metrics with those of what is served, does the steps of `registry` and pushes a note. Prints
median seconds and ratios; each run is of a new version.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.mlflow_server import running  # noqa: E402
from tests.rig.project import requirements  # noqa: E402

PEER = """
import sys
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
name, tag, source = sys.argv[1:]
client = MlflowClient()
try:
    client.create_registered_model(name)
except MlflowException as error:
    if error.error_code != "RESOURCE_ALREADY_EXISTS":
        raise
found = client.search_model_versions(f"name = '{name}' and tags.`mlops_ci.git_tag` = '{tag}'")
version = found[0] if found else client.create_model_version(name, source, tags={"mlops_ci.git_tag": tag})
client.set_registered_model_alias(name, "prod", version.version)
assert client.get_model_version_by_alias(name, "prod").version == version.version
"""
WHOLE = (
    """
import hashlib, json, sys
import dvc.api
from git import Repo
repo = Repo()
repo.git.fetch("--quiet", "--force", "origin", "refs/tags/*:refs/tags/*", "refs/notes/*:refs/notes/*")
name, _, source = sys.argv[1:]
asked, *before = sorted((t for t in repo.tags if "#prod#" in t.name), key=lambda t: -t.tag.tagged_date)
commit = asked.commit.hexsha
digest = hashlib.sha256()
with dvc.api.open("model.bin", rev=commit, mode="rb") as model:
    while block := model.read(1 << 20):
        digest.update(block)
records = map(json.loads, repo.git.notes("--ref=mlops-ci", "show", commit).splitlines())
assert any(s["digest"].get("sha256") == digest.hexdigest() for r in records for s in r["subject"])
accuracy = dvc.api.metrics_show(rev=commit)["accuracy"]
assert accuracy >= 0.5
if before:
    assert accuracy >= dvc.api.metrics_show(rev=before[0].commit.hexsha)["accuracy"]
"""
    + PEER
    + """
repo.git.notes("--ref=theirs", "add", "-f", "-m", json.dumps({"promoted": asked.name}), asked.tag.hexsha)
repo.git.push("--quiet", "origin", "refs/notes/theirs")
"""
)
OURS = """
import os, pathlib, sys
from mlops_ci.stack.base import Registration, TrackerSettings
from mlops_ci.stack.registries import REGISTRIES
name, tag, source = sys.argv[1:]
settings = TrackerSettings(uri=os.environ["MLFLOW_TRACKING_URI"], root=pathlib.Path())
registry = REGISTRIES["mlflow"]
version = registry.register(settings, Registration(model=name, git_tag=tag, source=source))
registry.assign(settings, name, "prod", version)
"""
FILES = {
    "mlops-ci.yaml": "gates: [{id: floor, metric: accuracy, threshold: {min: 0.5}}]\n",
    "dvc.yaml": "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n    outs: [model.bin]\n"
    "    metrics:\n    - metrics.json: {cache: false}\n",
    "requirements.txt": requirements(),
}
TRAIN = (
    "import json, pathlib\n"
    "pathlib.Path('model.bin').write_bytes({number!r}.encode() * 100_000)\n"
    "pathlib.Path('metrics.json').write_text(json.dumps({{'accuracy': 0.6}}))\n"
)


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def repository(folder: Path, versions: int) -> Path:
    """Versions of one model, each trained with its Record in the notes, registered, and asked for in turn."""
    work = folder / "work"
    work.mkdir()
    run(folder, "git", "init", "-q", "--bare", "origin.git")
    run(work, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Bench"), ("user.email", "bench@example.com")):
        run(work, "git", "config", key, value)
    run(work, sys.executable, "-m", "dvc", "init", "-q")
    run(
        work,
        sys.executable,
        "-m",
        "dvc",
        "remote",
        "add",
        "-q",
        "-d",
        "store",
        str(folder / "store"),
    )
    run(work, "git", "remote", "add", "origin", str(folder / "origin.git"))
    for name, content in FILES.items():
        (work / name).write_text(content)
    for number in range(versions):
        (work / "train.py").write_text(TRAIN.format(number=str(number)))
        run(work, sys.executable, "-m", "dvc", "repro", "-q")
        run(work, "git", "add", "--all")
        run(work, "git", "commit", "-q", "-m", f"train {number}")
        run(work, sys.executable, "-m", "mlops_ci", "train", "--force", "--persist", "push")
        run(work, sys.executable, "-m", "mlops_ci", "record", "push", "--note")
        run(work, "git", "tag", "-a", "-m", "x", f"work@v1.{number}.0")
    run(work, "git", "push", "-q", "origin", "main", "--tags", "refs/notes/*:refs/notes/*")
    return work


def seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    passed = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return passed


def measured(work: Path, runs: int) -> dict[str, float]:
    """The four in turn, each on a new version; the first of each does not count."""
    taken: dict[str, list[float]] = {}
    for number in range(runs + 1):
        tag = f"work#prod#{number + 1}"
        when = {**os.environ, "GIT_COMMITTER_DATE": f"{1_900_000_000 + number} +0000"}
        asks = ["git", "tag", "-a", "-m", "x", tag, f"work@v1.{number}.0^{{}}"]
        subprocess.run(asks, cwd=work, env=when, check=True)
        run(work, "git", "push", "-q", "origin", tag)
        what = (f"name@v1.{number}.0", "dvc://x/model.bin")
        commands = {
            "promotion": ("-m", "mlops_ci", "promote", tag),
            "promotion, peer": ("-c", WHOLE, "whole", *what),
            "registry": ("-c", OURS, "ours", *what),
            "registry, peer": ("-c", PEER, "theirs", *what),
        }
        for kind, command in commands.items():
            taken.setdefault(kind, []).append(seconds([sys.executable, *command], work))
    return {name: statistics.median(found[1:]) for name, found in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "server").mkdir()
        work = repository(Path(name), runs + 1)
        with running(Path(name) / "server") as address:
            os.environ["MLFLOW_TRACKING_URI"] = address
            found = measured(work, runs)
    for name in ("registry", "promotion"):
        ours, peer = found[name], found[f"{name}, peer"]
        print(f"{name:9}  {peer:6.2f} s  mlops-ci {ours:6.2f} s  {peer / ours:5.1f} x")


if __name__ == "__main__":
    main()
