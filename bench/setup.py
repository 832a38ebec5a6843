"""How long it takes until mlops-ci can run in a job: the set-up of the actions, and venv + pip install of the project.

    python bench/setup.py [ROUNDS]

Cold: nothing of it is in the caches of uv and pip. Warm: what a second job on the same machine finds. Ready: the
second step of a job. Medians of whole processes, in seconds; CPU is user and system time of all of them.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
Times = tuple[float, float]


def timed(command: list[str], env: dict[str, str]) -> Times:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def without_uv(folder: Path) -> str:
    """A PATH with what run.sh calls, this Python, and no uv."""
    folder.mkdir()
    for name in ("bash", "cat", "cksum", "dirname", "rm", "touch"):
        (folder / name).symlink_to(shutil.which(name) or name)
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return str(folder)


def action(folder: Path, env: dict[str, str]) -> Times:
    return timed(
        ["bash", str(ROOT / "actions/run.sh"), "--version"], {**env, "RUNNER_TEMP": str(folder)}
    )


def pip_install(folder: Path, env: dict[str, str]) -> Times:
    """As a step without the actions would: an environment, the project with what it needs, and the first call."""
    place = folder / "venv"
    python, bin_ = f'"{sys.executable}"', f'"{place}/bin"'
    script = (
        f'{python} -m venv "{place}" && {bin_}/pip install -q "{ROOT}" && {bin_}/mlops-ci --version'
    )
    return timed(["bash", "-c", script], env)


def measure(
    how: Callable[[Path, dict[str, str]], Times], env: dict[str, str], rounds: int
) -> list[Times]:
    """Cold, warm and ready."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            place = Path(name, str(number))
            caches = {"UV_CACHE_DIR": f"{place}/uv", "PIP_CACHE_DIR": f"{place}/pip"}
            times = []
            for job in ("one", "two"):
                (place / job).mkdir(parents=True)
                times.append(how(place / job, env | caches))
            ready = how(place / "two", env | caches) if how is action else (0.0, 0.0)
            found.append([*times, ready])
    return [
        (statistics.median(one[0] for one in column), statistics.median(one[1] for one in column))
        for column in zip(*found, strict=True)
    ]


def main() -> None:
    rounds = int(sys.argv[1]) if sys.argv[1:] else 5
    env = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    }
    with tempfile.TemporaryDirectory() as name:
        rows = {
            "action, uv": measure(action, env, rounds),
            "action, pip": measure(action, env | {"PATH": without_uv(Path(name, "bin"))}, rounds),
            "venv + pip install": measure(pip_install, env, rounds),
        }
    print(f"{'':20}{'cold':>16}{'warm':>16}{'ready':>16}   seconds (CPU), medians of {rounds}")
    for name, times in rows.items():
        print(f"{name:20}" + "".join(f"{wall:9.2f} ({cpu:4.2f})" for wall, cpu in times))
    peer = rows["venv + pip install"]
    for name in ("action, uv", "action, pip"):
        shares = [times[1] / base[1] for times, base in zip(rows[name][:2], peer, strict=False)]
        print(f"{name}: {shares[0]:.2f} of the peer's CPU time cold, {shares[1]:.2f} warm")


if __name__ == "__main__":
    main()
