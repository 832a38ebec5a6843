"""The hooks on commit side by side with check-added-large-files: whole processes, as a runner starts them.

    pip install pre-commit-hooks
    python bench/hooks.py [--files 10000] [--runs 21] [--peer PATH]

Prints a markdown table: median milliseconds, the ratio to the peer, and heavy modules that were imported. Each round
runs every program once, so that all see the same machine; the first round does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlops_ci.checks import catalog

PROGRAM = "#!{python}\nimport sys\nfrom mlops_ci_hooks.{module} import main\nsys.exit(main())\n"
HEAVY = ("jsonschema", "referencing", "git", "click", "dvc", "mlflow", "numpy")
PINNED = "numpy==2.1.0\npandas==2.2.3\n"
SCHEMA = {
    "type": "object",
    "properties": {"lr": {"type": "number", "exclusiveMinimum": 0}, "epochs": {"type": "integer"}},
    "additionalProperties": False,
}
CONFIG = """\
gates: [{id: floor, metric: auc, threshold: {min: 0.8}}]
checks: {config-schema: {schemas: {params.yaml: params.schema.json}}}
"""
STAGED = {
    "params.yaml": "lr: 2e-3\nepochs: 20\n",
    "requirements.txt": f"{PINNED}scipy==1.14.1\n",
    "src/part0/file0.py": "x = 2\n",
    "dvc.yaml": "stages: {t: {cmd: t, deps: [x], metrics: [metrics.json: {cache: false}]}}\n",
    "notes.md": "text\n",
}


def git(folder: Path, *command: str) -> None:
    subprocess.run(("git", "-C", folder, *command), check=True, stdout=subprocess.DEVNULL)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(folder, "add", "--all")


def repository(folder: Path, count: int, *, has_schema: bool) -> Path:
    """`count` tracked files, of which five are changed in the index."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    files = {f"src/part{i % 50}/file{i}.py": f"x = {i}\n" for i in range(count)}
    own = {
        ".dvc/config": "",
        "dvc.yaml": "stages: {t: {cmd: t, metrics: [metrics.json: {cache: false}]}}\n",
        "metrics.json": '{"auc": 0.9}',
        "params.yaml": "lr: 1e-3\nepochs: 10\n",
        "requirements.txt": PINNED,
    }
    if has_schema:
        own |= {"params.schema.json": json.dumps(SCHEMA), "mlops-ci.yaml": CONFIG}
    write(folder, files | own)
    git(folder, "-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "-m", "a")
    write(folder, STAGED)
    return folder


def programs(folder: Path) -> dict[str, Path]:
    """Console scripts, as pip would make them."""
    found = {}
    for one in catalog.CATALOG:
        if one.on_commit:
            path = folder / one.script
            path.write_text(PROGRAM.format(python=sys.executable, module=one.module))
            path.chmod(0o755)
            found[one.id] = path
    return found


def environment() -> dict[str, str]:
    """Without compiled files imports take up to 2.5 times as long, which is no user's case."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def milliseconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=False)
    taken = (time.perf_counter() - start) * 1000
    if done.returncode not in (0, 1, 3):
        sys.exit(f"{command}: {done.stderr.decode()}")
    return taken


def imported(program: Path, folder: Path) -> str:
    command = [sys.executable, "-X", "importtime", program]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=False)
    names = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines()}
    return ", ".join(name for name in HEAVY if name in names) or "none"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--peer", default=shutil.which("check-added-large-files"))
    chosen = parser.parse_args()
    if not chosen.peer:
        sys.exit("no check-added-large-files: pip install pre-commit-hooks, or --peer PATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hooks = programs(folder)
        peer = [chosen.peer, *STAGED]
        print(f"{chosen.files:,} tracked files, {len(STAGED)} staged; median of {chosen.runs}\n")
        print(
            "| repository | hook | ms | peer ms | ratio | heavy imports |\n|:--|:--|--:|--:|--:|:--|"
        )
        for has_schema in (False, True):
            place = repository(folder / f"repo{has_schema}", chosen.files, has_schema=has_schema)
            commands = {"": peer} | {key: [str(path)] for key, path in hooks.items()}
            times: dict[str, list[float]] = {key: [] for key in commands}
            for key in [*commands, *list(commands) * chosen.runs]:
                times[key].append(milliseconds(commands[key], place))
            medians = {key: statistics.median(values[1:]) for key, values in times.items()}
            for key, path in hooks.items():
                cells = (
                    "with mlops-ci.yaml" if has_schema else "plain",
                    f"`{key}`",
                    f"{medians[key]:.0f}",
                    f"{medians['']:.0f}",
                    f"{medians[key] / medians['']:.2f}",
                    imported(path, place),
                )
                print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
