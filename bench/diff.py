"""`mlops-ci diff` side by side with `dvc metrics diff` + `dvc params diff`: whole processes, from a shell's view.

    python bench/diff.py [--runs 5] [--dvc PATH]

Prints a markdown table: median seconds, the ratio, and the peak memory of mlops-ci. DVC's two commands run one after
the other, as a workflow runs them.
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

DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr, depth]
    metrics:
    - metrics.json: {cache: false}
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def model(seed: int) -> dict[str, str]:
    metrics = {"accuracy": 0.9 + seed / 1000, "loss": {"train": 0.1 * seed, "val": 0.2}}
    return {
        "dvc.yaml": DVC_YAML,
        "train.py": "",
        "metrics.json": json.dumps(metrics),
        "params.yaml": f"lr: 0.{seed}\ndepth: 3\n",
    }


def files_of(count: int, seed: int) -> dict[str, str]:
    """A repository of `count` files, most of which are none of our business."""
    others = {f"src/part{i % 50}/file{i}.py": f"x = {i}\n" for i in range(count - 5)}
    return {".dvc/config": "", **model(seed), **others}


def many_metrics(seed: int) -> dict[str, str]:
    values = {f"group{i % 100}": {} for i in range(10_000)}
    for i in range(10_000):
        values[f"group{i % 100}"][f"metric{i}"] = i * seed / 7
    return {".dvc/config": "", **model(seed), "metrics.json": json.dumps(values)}


def many_models(seed: int) -> dict[str, str]:
    models = {f"models/m{i}/{name}": text for i in range(200) for name, text in model(seed).items()}
    lock = "".join(f'[[package]]\nname = "p{i}"\nversion = "1.{seed}"\n' for i in range(150))
    return {".dvc/config": "", "uv.lock": lock, **models}


def pointers(seed: int) -> dict[str, str]:
    data = {
        f"data/d{i}.csv.dvc": f"outs:\n- md5: {i + seed:032x}\n  size: 20\n  hash: md5\n  path: d{i}.csv\n"
        for i in range(1000)
    }
    return {**files_of(1000, seed), **data}


CASES = {
    "10 files": lambda seed: files_of(10, seed),
    "1,000 files": lambda seed: files_of(1_000, seed),
    "10,000 files": lambda seed: files_of(10_000, seed),
    "10,000 metrics in one file": many_metrics,
    "200 models": many_models,
    "1,000 `.dvc` pointers": pointers,
}


def make(folder: Path, case: str) -> None:
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    for seed in (1, 2):
        write(folder, CASES[case](seed))
        subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-qm", str(seed)], cwd=folder, check=True)


def measure(commands: list[list[str]], folder: Path, runs: int) -> tuple[float, int]:
    """Median seconds of all commands together, and the largest peak memory in KB of a child."""
    times, peak = [], 0
    for run in range(runs + 1):
        started = time.perf_counter()
        for command in commands:
            peak = max(peak, spawn(command, folder))
        if run:  # the first run warms the disk cache
            times.append(time.perf_counter() - started)
    return statistics.median(times), peak


def spawn(command: list[str], folder: Path) -> int:
    env = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    child = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} failed with exit code {child.returncode}")
    return usage.ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--dvc",
        default=shutil.which(
            "dvc", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ),
    )
    arguments = parser.parse_args()
    ours = [[str(Path(sys.executable).parent / "mlops-ci"), "diff", "--json", "HEAD~1", "HEAD"]]
    theirs = [
        [arguments.dvc, part, "diff", "--json", "HEAD~1", "HEAD"] for part in ("metrics", "params")
    ]
    print(
        "| repository | mlops-ci diff | dvc metrics diff + dvc params diff | ratio | peak memory, mlops-ci |"
    )
    print("|:--|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as root:
        for number, case in enumerate(CASES):
            folder = Path(root, str(number))
            make(folder, case)
            own, peak = measure(ours, folder, arguments.runs)
            peer, _ = measure(theirs, folder, arguments.runs)
            print(
                f"| {case} | {own:.3f} s | {peer:.2f} s | **{peer / own:.0f}x** | {peak / 1000:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
