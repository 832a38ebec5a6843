"""`mlops-ci report` on large input: whole processes, from a shell's view.

    python bench/report.py [--runs 5]

Prints a markdown table: median seconds and, in brackets, processor seconds with those of git, which other work on the
machine disturbs less; and the size of what was written.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""
POINTER = "outs:\n- md5: {:032x}\n  size: 20\n  hash: md5\n  path: d{}.csv\n"
GATES = """\
version: 1
metrics: {"*": {direction: higher_is_better}}
gates:
- {id: no-regression, metric: "*", change: {max_regression: 0.01}}
"""


def model(count: int, seed: int) -> dict[str, str]:
    """Metrics, of which every third is worse in the second commit."""
    metrics = {f"m{i}": 0.5 + i / 1e4 + (seed * (0.02 if i % 3 else -0.02)) for i in range(count)}
    return {
        "dvc.yaml": DVC_YAML,
        "train.py": "",
        "metrics.json": json.dumps(metrics),
        "params.yaml": f"lr: 0.{seed + 1}\n",
    }


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": content for name, content in files.items()}


def models(count: int, metrics: int, seed: int) -> dict[str, str]:
    found = [below(f"models/m{i}", model(metrics, seed)) for i in range(count)]
    return {name: content for one in found for name, content in one.items()}


def tracked(count: int, seed: int) -> dict[str, str]:
    """A folder of `count` data files: one pointer each."""
    return {f"data/d{i}.csv.dvc": POINTER.format(i + seed, i) for i in range(count)}


# As users have it: without bytecode, a fifth of the time would go into compiling.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

CASES = {
    "500 metrics": lambda seed: model(500, seed),
    "200 models, 3 metrics each": lambda seed: models(200, 3, seed),
    "10,000 data files": lambda seed: {**model(3, seed), **tracked(10_000, seed)},
    "500 metrics, 200 models": lambda seed: {**models(199, 2, seed), **model(102, seed)},
    "500 metrics, 200 models, 10,000 data files": lambda seed: {
        **models(199, 2, seed),
        **model(102, seed),
        **tracked(10_000, seed),
    },
}


def make(folder: Path, case: str) -> None:
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    for seed in (0, 1):
        files = {".dvc/config": "", "mlops-ci.yaml": GATES, **CASES[case](seed)}
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", str(seed)], cwd=folder, check=True)


def processor() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


def measure(folder: Path, output: str, runs: int) -> tuple[str, int]:
    """Median seconds of a whole process, its processor seconds, and the characters that it wrote."""
    program = str(Path(sys.executable).parent / "mlops-ci")
    times = []
    for run in range(runs + 1):
        before = processor()
        started = time.perf_counter()
        subprocess.run(
            [program, "report", "HEAD~1", "HEAD", "-o", output], cwd=folder, check=True,
            stderr=subprocess.DEVNULL, env=ENVIRONMENT,
        )  # fmt: skip
        if run:  # the first run warms the disk cache
            times.append((time.perf_counter() - started, processor() - before))
    passed, worked = (statistics.median(one) for one in zip(*times, strict=True))
    return f"{passed:.2f} s ({worked:.2f} s)", len((folder / output).read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print("| repository | markdown | characters | HTML | characters |")
    print("|:--|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as root:
        for number, case in enumerate(CASES):
            folder = Path(root, str(number))
            make(folder, case)
            text, length = measure(folder, "report.md", arguments.runs)
            page, size = measure(folder, "report.html", arguments.runs)
            print(f"| {case} | {text} | {length:,} | {page} | {size:,} |", flush=True)


if __name__ == "__main__":
    main()
