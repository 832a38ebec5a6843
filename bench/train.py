"""`mlops-ci train` side by side with bare `dvc repro`, on a pipeline that is up to date: what the Record costs.

    python bench/train.py [--runs 7]

Prints a markdown table: wall time, and processor time (user and system, children included), medians of whole processes
that take turns. Wall time is what somebody waits, and means something only where nothing else runs. The time to hash
new outputs beside DVC's own is that of bench/hashing.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BIN = Path(sys.executable).parent
CASES = {"2 stages": (2, 10), "50 stages": (50, 10), "2 stages, 3 files of 64 MB": (2, 64_000_000)}


def pipeline(stages: int) -> str:
    lines = ["stages:"]
    for number in range(stages):
        source, target = f"part{number}.csv", f"part{number + 1}.csv"
        lines += [f"  s{number}:", f"    cmd: cp {source} {target}", f"    deps: [{source}]"]
        lines += [f"    outs: [{target}]"]
    return "\n".join(lines) + "\n"


def make(folder: Path, stages: int, size: int) -> None:
    """Run once, and committed."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / "dvc.yaml").write_text(pipeline(stages))
    (folder / "part0.csv").write_bytes(os.urandom(size))
    for command in ([BIN / "dvc", "add", "-q", "part0.csv"], [BIN / "dvc", "repro", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "all"], cwd=folder, check=True)


def spent(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall and processor time."""
    env = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{command} failed:\n{said.read().decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime


def median(times: Sequence[tuple[float, float]]) -> list[float]:
    return [statistics.median(kind) for kind in zip(*times, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print("| pipeline, up to date | dvc repro | mlops-ci train | difference | of processors |")
    print("|:--|--:|--:|--:|--:|")
    for name, (stages, size) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "repo")
            make(root, stages, size)
            commands = [[str(BIN / "dvc"), "repro"], [str(BIN / "mlops-ci"), "train"]]
            # The first of each warms caches of files and of bytecode.
            times = [[spent(one, root) for one in commands] for _ in range(runs + 1)][1:]
            (theirs, busy), (own, own_busy) = (
                median(column) for column in zip(*times, strict=True)
            )
            waits, works = own - theirs, own_busy - busy
            print(
                f"| {name} | {theirs:.2f} s | {own:.2f} s | **+{waits:.2f} s** | +{works:.2f} s |",
                flush=True,
            )
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
