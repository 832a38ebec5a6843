"""Each hook side by side with `check-added-large-files`, and `mlops-ci check` with `dvc status -q`: whole processes.

    python bench/hooks.py [--files 10000] [--pointers 100] [--runs 9]

Needs `pip install . pre-commit-hooks dvc` in one environment; with `-e` each start takes longer. Three commits are made
ready: one of code only, as most are; one of params, `dvc.lock` and a pointer, for which DVC files have to be read; and
one of params that have a JSON Schema. Prints medians and ratios. All are the console scripts of this environment, in
turns.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlops_ci.checks import catalog

SCRIPTS = Path(sys.executable).parent
PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py, data/d0.csv]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""
LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - {{path: data/d0.csv, hash: md5, md5: {data}, size: {size}}}
    - {{path: train.py, hash: md5, md5: {code}, size: 7}}
    params:
      params.yaml: {{lr: {lr}}}
    outs:
    - {{path: metrics.json, hash: md5, md5: {metrics}, size: 2}}
"""
CONFIG = "checks: {config-schema: {schemas: {params.yaml: params.schema.json}}}\n"
SCHEMA = """\
{"type": "object", "additionalProperties": false, "required": ["lr"],
 "properties": {"lr": {"type": "number", "exclusiveMinimum": 0}, "epochs": {"type": "integer"}}}
"""


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def write(folder: Path, name: str, content: bytes | str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def write_data(folder: Path, number: int, version: int) -> str:
    """A data set of 20 kB in the work tree and in DVC's cache, and its pointer."""
    content = f"{number},{version}\n".encode() * 4_000
    digest = md5(content)
    write(folder, f"data/d{number}.csv", content)
    write(folder, f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", content)
    size = len(content)
    pointer = f"outs:\n- md5: {digest}\n  size: {size}\n  hash: md5\n  path: d{number}.csv\n"
    write(folder, f"data/d{number}.csv.dvc", pointer)
    return LOCK.format(
        data=digest, size=size, code=md5(b"x = 1\n\n"), lr=f"0.{version}", metrics=md5(b"{}")
    )


def make(folder: Path, files: int, pointers: int) -> None:
    git(folder, "init", "-q")
    for number in range(files - pointers - 8):
        kind = ("py", "py", "py", "yaml", "json")[number % 5]
        text = {"py": f"x = {number}\n", "yaml": f"x: {number}\n", "json": f'{{"x": {number}}}\n'}
        write(folder, f"src/part{number % 100}/f{number}.{kind}", text[kind])
    locks = [write_data(folder, number, 1) for number in range(pointers)]
    write(folder, ".dvc/config", "[core]\n    analytics = false\n")
    write(folder, ".dvc/.gitignore", "/cache\n/tmp\n/config.local\n")
    write(folder, ".gitignore", "/data/*.csv\n")
    write(folder, "dvc.yaml", PIPELINE)
    write(folder, "dvc.lock", locks[0])
    write(folder, "train.py", "x = 1\n\n")
    write(folder, "params.yaml", "lr: 0.1\n")
    write(folder, "metrics.json", "{}")
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "all")


def stage_code(folder: Path) -> list[str]:
    names = [
        f"src/part{number}/f{number}.{'yaml' if number == 3 else 'py'}"
        for number in (0, 1, 2, 3, 5)
    ]
    for name in names:
        write(folder, name, "y = 1\n" if name.endswith("py") else "y: 1\n")
    git(folder, "add", "--all")
    return names


def stage_run(folder: Path) -> list[str]:
    write(folder, "dvc.lock", write_data(folder, 0, 2))
    write(folder, "params.yaml", "lr: 0.2\n")
    write(folder, "src/part0/f0.py", "z = 1\n")
    write(folder, "src/part1/f1.py", "z = 1\n")
    git(folder, "add", "--all")
    return ["dvc.lock", "params.yaml", "data/d0.csv.dvc", "src/part0/f0.py", "src/part1/f1.py"]


def stage_params(folder: Path) -> list[str]:
    """`mlops-ci.yaml` maps a schema, both are in Git already."""
    write(folder, "mlops-ci.yaml", CONFIG)
    write(folder, "params.schema.json", SCHEMA)
    git(folder, "add", "--all")
    git(folder, "commit", "-qm", "schema")
    write(folder, "params.yaml", "lr: 2e-1\n")
    write(folder, "src/part0/f0.py", "w = 1\n")
    git(folder, "add", "--all")
    return ["params.yaml", "src/part0/f0.py"]


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(folder: Path, script: str, arguments: list[str]) -> tuple[float, float]:
    """By the clock, and of the processor: the latter also means something on a busy machine."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start, before = time.perf_counter(), processor()
    done = subprocess.run(
        [SCRIPTS / script, *arguments], cwd=folder, env=env, capture_output=True, check=False
    )
    took, used = time.perf_counter() - start, processor() - before
    if done.returncode:
        sys.exit(f"{script} {arguments}: {(done.stdout + done.stderr).decode(errors='replace')}")
    return took, used


Medians = dict[str, tuple[float, float]]


def measure(folder: Path, staged: list[str], runs: int) -> Medians:
    hooks = [one for one in catalog.CATALOG if one.on_commit]
    programs = {
        "check-added-large-files": ("check-added-large-files", staged),
        **{one.id: (one.script, []) for one in hooks},
        "mlops-ci check": ("mlops-ci", ["check"]),
        "dvc status -q": ("dvc", ["status", "-q"]),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for turn in range(runs + 1):  # the first turn warms up
        for name, (script, arguments) in programs.items():
            took = seconds(folder, script, arguments)
            if turn:
                taken[name].append(took)
    return {
        name: (
            statistics.median(one[0] for one in times),
            statistics.median(one[1] for one in times),
        )
        for name, times in taken.items()
    }


def show(title: str, medians: Medians) -> None:
    peer, suite, dvc = (
        medians[name] for name in ("check-added-large-files", "mlops-ci check", "dvc status -q")
    )
    print(
        f"\n| {title} | ms | beside the first | CPU ms | beside the first |\n|:--|--:|--:|--:|--:|"
    )
    for name, (took, used) in medians.items():
        print(
            f"| {name} | {took * 1000:.0f} | {took / peer[0]:.2f} | {used * 1000:.0f} | {used / peer[1]:.2f} |"
        )
    clock, processor = dvc[0] / suite[0], dvc[1] / suite[1]
    print(
        f"\nmlops-ci check is {clock:.1f} times as fast as dvc status -q; by CPU {processor:.1f} times"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--pointers", type=int, default=100)
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder, asked.files, asked.pointers)
        size = f"{asked.files:,} files, {asked.pointers:,} pointers"
        cases = {"code": stage_code, "run": stage_run, "params with a schema": stage_params}
        for name, stage in cases.items():
            title = f"{name} staged"
            show(f"{size}, {title}", measure(folder, stage(folder), asked.runs))
            git(folder, "commit", "-qm", title)


if __name__ == "__main__":
    main()
