"""Compare the lock check with DVC's own resolution of stages, in process, on the work tree of any repositories.

    python bench/lock_against_dvc.py CLONE...

Prints one line a repository: stages, how many of them each side calls stale, what is undecided, stages in files that
DVC 3 refuses to load, and every stage on which the two disagree. Where the data of a dependency is not there, DVC's
recorded hash of the output that it is stands for it, so that a clone without data can be judged. Needs
`pip install dvc`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import posixpath
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_ci.errors import MlopsCiError
from mlops_ci.git import Repository
from mlops_ci.git.tree import CommitTree
from mlops_ci.stack.data.dvc import Project
from mlops_ci.stack.data.dvc.status import Status, statuses

# (path of dvc.yaml, stage)
Name = tuple[str, str]


@dataclass
class Truth:
    """What DVC says: what changed of each stage, and what it could not look at because the data is not there.

    `refused`: files that DVC does not load, with its reason. `roots`: the folders that have a `.dvc` folder; in a file
    below none of them DVC refuses to run.
    """

    changed: dict[Name, set[str]] = field(default_factory=dict)
    unknown: dict[Name, set[str]] = field(default_factory=dict)
    always: set[Name] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)


def of_dvc(root: Path) -> Truth:
    truth = Truth()
    for dvc_root in sorted(path.parent for path in root.rglob(".dvc") if path.is_dir()):
        prefix = "" if dvc_root == root else dvc_root.relative_to(root).as_posix()
        truth.roots.add(prefix)
        with contextlib.chdir(dvc_root):
            _of_one(truth, dvc_root, prefix)
    return truth


def _of_one(truth: Truth, dvc_root: Path, prefix: str) -> None:
    from dvc.repo import Repo

    with Repo(str(dvc_root)) as repo:
        loaded: list[Any] = []

        def note(path: str, error: Exception) -> None:
            truth.refused[posixpath.normpath(posixpath.join(prefix, os.path.relpath(path)))] = str(
                error
            )

        repo.stage_collection_error_handler = note
        loaded = list(repo.index.stages)
        outs = {out.fs_path: out for stage in loaded for out in stage.outs}
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--full-name"], capture_output=True, check=True
        )
        tracked = set(os.fsdecode(listed.stdout).split("\0"))
        for stage in loaded:
            if getattr(stage, "name", None):
                _of_stage(truth, stage, outs, prefix, tracked)


def _of_stage(
    truth: Truth, stage: Any, outs: dict[str, Any], prefix: str, tracked: set[str]
) -> None:
    name = (posixpath.normpath(posixpath.join(prefix, stage.path_in_repo)), stage.name)
    changed = truth.changed.setdefault(name, set())
    unknown = truth.unknown.setdefault(name, set())
    if stage.is_callback or stage.always_changed:
        truth.always.add(name)
    if stage.cmd_changed:
        changed.add("command")
    for dep in [] if stage.frozen else stage.deps:
        path = _path(prefix, dep, stage)
        try:
            _of_dep(changed, unknown, path, dep, outs)
        except Exception as error:  # noqa: BLE001 - what DVC refuses it cannot judge
            truth.refused[f"{name}: {path}"] = str(error)
            unknown.add(path)
    for out in stage.outs:
        path = _path(prefix, out, stage)
        if not out.hash_info:
            changed.add(path)
        elif not out.exists:
            continue
        elif (not out.use_cache or path in tracked) and out.changed_checksum():
            changed.add(path)


def _of_dep(
    changed: set[str], unknown: set[str], path: str, dep: Any, outs: dict[str, Any]
) -> None:
    if dep.protocol != "local" or not (dep.is_in_repo or Path(dep.fs_path).exists()):
        unknown.add(path)
        return
    found = dep.status()
    for what in found.values():
        if isinstance(what, dict):
            changed |= {f"{path}:{key}" for key in what}
        elif hasattr(dep, "params") or not dep.hash_info:
            (unknown if what == "deleted" and dep.hash_info else changed).add(path)
        elif (out := outs.get(dep.fs_path)) is not None and _is_elsewhere(out):
            if out.hash_info != dep.hash_info:
                changed.add(path)
        elif what == "deleted" or any(
            place.startswith(f"{dep.fs_path}/") and _is_elsewhere(out)
            for place, out in outs.items()
        ):
            unknown.add(path)
        else:
            changed.add(path)


def _is_elsewhere(out: Any) -> bool:
    """Whether the data of an output is not here, so that its recorded hash must stand for it."""
    return bool(out.hash_info and out.use_cache and (not out.exists or out.changed_checksum()))


def _path(prefix: str, entry: Any, stage: Any) -> str:
    if entry.protocol != "local" or Path(entry.def_path).is_absolute():
        return str(entry.def_path)
    wdir = os.path.relpath(stage.wdir, stage.repo.root_dir)
    found = posixpath.normpath(posixpath.join(prefix, wdir, entry.def_path))
    return "" if found == "." else found


def of_mlops_ci(root: Path, rev: str = "HEAD", *, disk: bool = True) -> list[Status]:
    repository = Repository.discover(root)
    commit = repository.commit(rev)
    project = Project(CommitTree(repository, commit.oid), [root])
    return statuses(project, repository, root if disk else None)


def subjects(status: Status) -> set[str]:
    """What is stale of a stage, in the words of `Truth.changed`."""
    found = {one.subject for one in status.reasons if one.kind not in {"command", "never-run"}}
    return found | {"command" for one in status.reasons if one.kind == "command"}


def differences(truth: Truth, ours: list[Status]) -> list[str]:
    """Where the two disagree on what was looked at by both."""
    wrong = []
    mine = {(one.pipeline, one.name): one for one in ours}
    for name in sorted(truth.changed):
        one = mine.get(name)
        if one is None:
            wrong.append(f"only DVC has {name}")
            continue
        unsure = {doubt.subject for doubt in (*one.doubts, *one.absent)} | truth.unknown[name]
        if any(
            doubt.subject in (one.pipeline, posixpath.dirname(one.pipeline) + "/dvc.lock")
            for doubt in one.doubts
        ):
            continue
        if any(reason.kind == "never-run" for reason in one.reasons):
            if not truth.changed[name]:
                wrong.append(f"{name}: never run, but DVC finds nothing")
            continue
        for subject in sorted(subjects(one) ^ truth.changed[name]):
            if not any(subject == path or subject.startswith(f"{path}:") for path in unsure):
                side = "only mlops-ci" if subject in subjects(one) else "only DVC"
                wrong.append(f"{name}: {side}: {subject}")
    wrong += [
        f"only mlops-ci has {name}"
        for name in sorted(mine.keys() - truth.changed.keys())
        if not mine[name].doubts and not refused(truth, name)
    ]
    return wrong


def refused(truth: Truth, name: Name) -> bool:
    if not any(not root or name[0].startswith(f"{root}/") for root in truth.roots):
        return True
    lock = posixpath.join(posixpath.dirname(name[0]), "dvc.lock")
    return any(file in (name[0], lock) for file in truth.refused)


@dataclass
class Row:
    stages: int = 0
    stale: int = 0
    dvc_stale: int = 0
    undecided: int = 0
    absent: int = 0
    refused: int = 0
    wrong: int = 0


def compare_clone(root: Path) -> Row:
    started = time.perf_counter()
    ours = of_mlops_ci(root, disk=False)
    own = time.perf_counter() - started
    try:
        truth = of_dvc(root)
    except Exception as error:  # noqa: BLE001 - some repositories DVC cannot load at all
        truth = Truth(refused={one.pipeline: str(error) for one in ours})
        print(f"{root.name}: DVC cannot run: {str(error)[:150]}")
    wrong = differences(truth, ours)
    row = Row(
        stages=len(ours),
        stale=sum(bool(one.reasons) for one in ours),
        dvc_stale=sum(bool(changed) for changed in truth.changed.values()),
        undecided=sum(bool(one.doubts) and not one.reasons for one in ours),
        absent=sum(bool(one.absent) and not one.reasons and not one.doubts for one in ours),
        refused=sum(refused(truth, one.key) for one in ours),
        wrong=len(wrong),
    )
    counts = f"{row.stages:6} {row.stale:6} {row.dvc_stale:6} {row.undecided:9} {row.absent:6} {row.refused:7}"
    print(f"{root.name[:44]:44} {counts} {row.wrong:5}  {own:.2f} s")
    for line in wrong[:6]:
        print(f"    {line[:200]}")
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clones", nargs="+", type=Path)
    parser.add_argument("--why", action="store_true", help="print why stages are undecided")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    os.environ["DVC_NO_ANALYTICS"] = "1"
    print(f"{'':44} stages  stale    dvc undecided absent refused wrong")
    rows = []
    for clone in arguments.clones:
        try:
            rows.append(compare_clone(clone.resolve()))
        except MlopsCiError as error:
            print(f"{clone.name}: {error}")
        if arguments.why:
            show_doubts(clone.resolve())
    total = {name: sum(getattr(row, name) for row in rows) for name in vars(Row())}
    share = total["undecided"] / max(1, total["stages"])
    print(f"{len(rows)} repositories: {total}; undecided {share:.1%}")
    return int(total["wrong"] > 0)


def show_doubts(root: Path) -> None:
    for one in of_mlops_ci(root, disk=False):
        for doubt in one.doubts if not one.reasons else ():
            print(f"    undecided {one.target}: {doubt.subject}: {doubt.why}")


if __name__ == "__main__":
    sys.exit(main())
