"""Hashing new outputs: SHA-256 and MD5 in one pass, side by side with DVC's own hashing, which is MD5 alone.

    python bench/hashing.py [--megabytes 512] [--files 5000] [--runs 5]

Needs `pip install dvc`. Three kinds of outputs: one large file, eight files of a model, a folder of many small files.
Both run in this process, one after the other in turns, on files that the page cache has, without any cache of hashes.
Prints medians of wall and processor time and the ratio (below 1: faster than DVC); where the MD5s differ, it stops.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.lineage.hashing import Digests, Folder, hash_paths

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 8 * 1024


def make(root: Path, megabytes: int, files: int) -> dict[str, list[str]]:
    """Outputs by what they are here for."""
    block = os.urandom(1024 * 1024)

    def write(path: str, size: int) -> None:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            out.write(path.encode())
            for _ in range(size // len(block)):
                out.write(block)
            out.write(block[: size % len(block)])

    write("large.bin", megabytes << 20)
    for number in range(8):
        write(f"part-{number}.bin", (megabytes << 20) // 8)
    for number in range(files):
        write(f"small/{number % 50}/{number}.txt", SMALL)
    parts = [f"part-{number}.bin" for number in range(8)]
    return {
        f"1 file of {megabytes} MiB": ["large.bin"],
        f"8 files of {megabytes // 8} MiB": parts,
        f"a folder of {files:,} files of {SMALL >> 10} KiB": ["small"],
    }


def of_mlops_ci(root: Path, paths: list[str]) -> dict[str, str]:
    found = hash_paths(root, paths, lambda _: False)
    return {path: _md5(one) for path, one in found.items() if isinstance(one, (Digests, Folder))}


def _md5(one: Digests | Folder) -> str:
    return one.md5 + (".dir" if isinstance(one, Folder) else "")


def of_dvc(root: Path, paths: list[str]) -> dict[str, str]:
    """What `dvc add` and `dvc repro` do with a new output, without their database of known hashes."""
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    files = LocalFileSystem()
    store = HashFileDB(files, str(root / "cache"))
    found = {}
    for path in paths:
        _, _, made = build(store, str(root / path), files, "md5", dry_run=True)
        found[path] = str(made.hash_info.value)
    return found


def timed(
    function: Callable[[Path, list[str]], dict[str, str]], root: Path, paths: list[str]
) -> tuple[float, float, dict[str, str]]:
    wall, processor = time.perf_counter(), time.process_time()
    found = function(root, paths)
    return time.perf_counter() - wall, time.process_time() - processor, found


def compare(label: str, root: Path, paths: list[str], runs: int) -> None:
    ours, theirs = [], []
    for _ in range(runs + 1):
        ours.append(timed(of_mlops_ci, root, paths))
        theirs.append(timed(of_dvc, root, paths))
        if ours[-1][2] != theirs[-1][2]:
            sys.exit(f"{label}: the hashes differ: {ours[-1][2]} and {theirs[-1][2]}")
    # The first turn loads modules.
    wall, processor = (
        [statistics.median(one[kind] for one in side[1:]) for side in (ours, theirs)]
        for kind in (0, 1)
    )
    print(
        f"{label:<36} {wall[0]:8.3f} s {wall[1]:8.3f} s  ×{wall[0] / wall[1]:.2f}"
        f"   processor {processor[0]:7.3f} s {processor[1]:7.3f} s  ×{processor[0] / processor[1]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} processors; sha256+md5 by mlops-ci, md5 by DVC, ratio")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for label, paths in make(root, chosen.megabytes, chosen.files).items():
            compare(label, root, paths, chosen.runs)


if __name__ == "__main__":
    main()
