"""`mlops-ci status` side by side with `gto show`, on a repository with many tags: whole processes.

    python bench/status.py [--tags 5000] [--runs 5]

Prints median seconds and the ratio. gto comes with dvc.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = 1_700_000_000


def repository(folder: Path, tags: int) -> Path:
    """Ten models; each version at a commit of its own, in turn assigned to dev, staging and prod."""
    who = "Ada <ada@example.com>"
    stream = []
    for number in range(tags // 20 + 1):
        stream += [
            f"commit refs/heads/main\nmark :{number + 1}\ncommitter {who} {START + number} +0000\ndata 0\n"
        ]
    for number in range(tags):
        model, event = number % 10, number // 10
        commit = event // 2 + 1
        name = f"model-{model}#{('dev', 'staging', 'prod')[event % 3]}#{event}"
        if event % 2 == 0:
            name = f"model-{model}@v1.{event // 2}.0"
        stream += [
            f"tag {name}\nfrom :{commit}\ntagger {who} {START + event * 60} +0000\ndata 5\nhello\n"
        ]
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, input="".join(stream).encode(), check=True
    )
    subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/main"], cwd=folder, check=True)
    return folder


def seconds(command: list[str], folder: Path, runs: int) -> float:
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tags", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as temporary:
        folder = repository(Path(temporary) / "repo", asked.tags)
        ours = seconds([str(programs / "mlops-ci"), "status"], folder, asked.runs)
        theirs = seconds([str(programs / "gto"), "show"], folder, asked.runs)
    print(
        f"{asked.tags} tags: mlops-ci status {ours:.2f} s, gto show {theirs:.2f} s: {theirs / ours:.1f}x"
    )


if __name__ == "__main__":
    main()
