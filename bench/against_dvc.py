"""Compare `mlops-ci diff` with the real DVC, in process, over the history of any repositories.

    python bench/against_dvc.py CLONE... [--pairs 5]

Prints one line a pair of commits: how many values are equal, and every value that differs. A folder with several
DVC roots is compared root by root. Needs `pip install dvc`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mlops_ci.diff import Request
from mlops_ci.diff import diff as mlops_ci_diff
from mlops_ci.errors import MlopsCiError

Values = dict[tuple[str, str, str], Any]


Refused = set[tuple[str, str]]


def of_dvc(root: Path, base: str, head: str) -> tuple[Values, Refused]:
    """{(source, name, side): value} for metrics and params, and (side, file) that DVC refused; "" is every file."""
    from dvc.repo import Repo

    found: Values = {}
    refused: Refused = set()
    for dvc_root in dvc_roots(root):
        prefix = "" if dvc_root == root else f"{dvc_root.relative_to(root).as_posix()}/"
        with Repo(str(dvc_root)) as repo:
            refused |= hidden_by_missing_cache(repo, prefix, base, head)
            for part in (repo.metrics, repo.params):
                answer = part.diff(a_rev=base, b_rev=head, all=True)
                for rev, error in answer.get("errors", {}).items():
                    side = "baseline" if rev == base else "candidate"
                    files = error if isinstance(error, dict) else {"": error}
                    refused |= {(side, file and os.path.normpath(prefix + file)) for file in files}
                for path, names in answer.get("diff", {}).items():
                    source = os.path.normpath(prefix + path.lstrip("/").replace(os.sep, "/"))
                    for name, values in names.items():
                        for side, key in (("baseline", "old"), ("candidate", "new")):
                            if values[key] is not None:
                                found[source, str(name), side] = values[key]
    return found, refused


def hidden_by_missing_cache(repo: Any, prefix: str, base: str, head: str) -> Refused:
    """DVC shows the whole of its params.yaml, but only the declared keys when a folder's listing is not in the
    cache: the look-up of params.yaml itself then fails, and DVC takes the failure for "does not exist".
    """
    found: Refused = set()
    for rev in repo.brancher(revs=[base, head]):
        try:
            repo.dvcfs.info("/params.yaml")
        except FileNotFoundError:
            continue
        except Exception:  # noqa: BLE001
            found |= {
                (side, f"{prefix}params.yaml")
                for side, name in (("baseline", base), ("candidate", head))
                if name == rev
            }
    return found


def dvc_roots(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.rglob(".dvc") if path.is_dir())


def of_mlops_ci(root: Path, base: str, head: str | None) -> tuple[Values, list[str]]:
    comparison = mlops_ci_diff(Request(start=root, base=base, head=head, exact=True, fetch=False))
    found: Values = {}
    for model in comparison.models:
        for row in [*model.metrics, *model.params]:
            if row.baseline is not None:
                found[row.source, row.name, "baseline"] = row.baseline
            if row.candidate is not None:
                found[row.source, row.name, "candidate"] = row.candidate
    notes = [
        note.message
        for model in comparison.models
        for note in model.notes
        if note.kind == "unreadable"
    ]
    return found, notes


def differences(dvc: Values, ours: Values, refused: Refused, roots: list[str]) -> list[str]:
    """Where the two disagree. No disagreement is: a list that only mlops-ci shows (DVC drops lists in metrics), a
    value of a file that DVC refused to read, and one of a DVC root that is no longer there (DVC looks at today's).
    """
    wrong = []
    for key in sorted({*dvc, *ours}, key=str):
        if key not in ours:
            wrong.append(f"only DVC: {key} = {dvc[key]!r}")
        elif key not in dvc:
            source, _, side = key
            outside = not any(source.startswith(f"{root}/") or root == "." for root in roots)
            if (
                not isinstance(ours[key], list)
                and not outside
                and not {(side, source), (side, "")} & refused
            ):
                wrong.append(f"only mlops-ci: {key} = {ours[key]!r}")
        elif not same(dvc[key], ours[key]):
            wrong.append(f"DVC {dvc[key]!r}, mlops-ci {ours[key]!r}: {key}")
    return wrong


def same(dvc: Any, ours: Any) -> bool:
    if isinstance(dvc, float) and isinstance(ours, float) and math.isnan(dvc):
        return math.isnan(ours)
    if isinstance(ours, list) and not isinstance(dvc, list):
        return str(ours) == str(dvc)
    return (
        bool(dvc == ours)
        or (isinstance(dvc, (tuple, set)) and sorted(dvc) == sorted(ours))
        or str(dvc) == ours
    )


def pairs(root: Path, count: int) -> list[tuple[str, str]]:
    """Neighbouring commits that touch what DVC reads, newest first, and the oldest of them against the newest."""
    patterns = [
        "*dvc.yaml",
        "*dvc.lock",
        "*.dvc",
        "*metrics*.json",
        "*params*.yaml",
        "*scores*.json",
    ]
    log = ["git", "-C", str(root), "log", "--format=%H", "HEAD", "--", *patterns]
    commits = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split()
    step = max(1, len(commits) // (count + 1))
    chosen = commits[::step][: count + 1]
    if len(chosen) < 2:
        return [("HEAD", "HEAD")]
    neighbours = list(zip(chosen[1:], chosen, strict=False))
    return [*neighbours, (chosen[-1], chosen[0])] if len(chosen) > 2 else neighbours


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quiet", action="store_true", help="one line a repository")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    os.environ["DVC_NO_ANALYTICS"] = "1"
    totals = [compare_clone(clone.resolve(), arguments) for clone in arguments.clones]
    print(
        f"{sum(equal for equal, _ in totals)} values equal, {sum(wrong for _, wrong in totals)} different"
    )
    return int(any(wrong for _, wrong in totals))


def compare_clone(root: Path, arguments: argparse.Namespace) -> tuple[int, int]:
    equal = wrong = 0
    seconds = [0.0, 0.0]
    roots = [path.relative_to(root).as_posix() for path in dvc_roots(root)]
    for base, head in pairs(root, arguments.pairs):
        started = time.perf_counter()
        try:
            ours, unread = of_mlops_ci(root, base, head)
        except MlopsCiError as error:
            ours, unread = {}, [str(error)]
        seconds[0] += time.perf_counter() - started
        started = time.perf_counter()
        with contextlib.redirect_stderr(open(os.devnull, "w")):  # noqa: PTH123
            try:
                dvc, refused = of_dvc(root, base, head)
            except Exception as error:  # noqa: BLE001
                dvc, refused = {}, {("baseline", ""), ("candidate", "")}
                print(f"  DVC cannot run: {str(error)[:200]}")
        seconds[1] += time.perf_counter() - started
        found = differences(dvc, ours, refused, roots)
        equal += len([key for key in ours if key in dvc]) - len(
            [one for one in found if one.startswith("DVC ")]
        )
        wrong += len(found)
        if not arguments.quiet:
            show(f"  {base[:7]}..{head[:7]}", found, unread, sorted(map(str, refused)))
    print(
        f"{root.name}: {equal} equal, {wrong} different, mlops-ci {seconds[0]:.2f} s, DVC {seconds[1]:.2f} s"
    )
    return equal, wrong


def show(title: str, found: list[str], unread: list[str], errors: list[str]) -> None:
    print(f"{title}: {len(found)} different")
    for label, lines in (
        ("    ", found),
        ("    ours unread: ", unread),
        ("    DVC refused: ", errors),
    ):
        for line in lines[:8]:
            print(f"{label}{line[:260]}")


if __name__ == "__main__":
    sys.exit(main())
