"""What a push brings: commits that the remote does not have, and the files that they write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.git.tree import CommitTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope

_FILES = ("100644", "100755")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One file as one commit left it. `old`: the blob before, "" for a new file."""

    commit: str
    path: str
    blob: str
    old: str = ""


class Pushed:
    """`tips`: the commits that refs will name."""

    def __init__(self, scope: Scope) -> None:
        self._repository = scope.repository
        self._remote = scope.remote
        self._ranges = list(_ranges(scope))
        self._everything = scope.all_files
        self._trees: dict[str, CommitTree] = {}

    @cached_property
    def tips(self) -> list[str]:
        return list(dict.fromkeys(tip for tip, _ in self._ranges))

    def tree(self, commit: str) -> CommitTree:
        return self._trees.setdefault(commit, CommitTree(self._repository, commit, later=True))

    @cached_property
    def written(self) -> list[Written]:
        """Newest commit first; of a merge, what none of its parents has."""
        if self._everything:
            entries = [(tip, self.tree(tip).modes) for tip in self.tips]
            return [
                Written(commit=tip, path=path, blob=blob)
                for tip, modes in entries
                for path, (mode, blob) in modes.items()
                if mode in _FILES
            ]
        if not self._commits:
            return []
        command = (
            "diff-tree",
            "--stdin",
            "-r",
            "-c",
            "--root",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
        )
        stdin = "".join(f"{commit}\n" for commit in self._commits).encode()
        done = self._repository.git(*command, stdin=stdin)
        if done.returncode:
            raise ToolError(f"git diff-tree: {done.last_line}")
        return list(_parsed(os.fsdecode(done.stdout)))

    @cached_property
    def _commits(self) -> list[str]:
        if not self.tips:
            return []
        has = [known for _, known in self._ranges if known and self._repository.find(known)]
        # With a name there are remote-tracking branches; those of other remotes say nothing of this one.
        remotes = [f"--remotes={self._remote}"] if _is_name(self._remote) else []
        if not self._remote and not has:
            remotes = ["--remotes"]
        return self._repository.lines("rev-list", *self.tips, "--not", *has, *remotes)


def _ranges(scope: Scope) -> Iterator[tuple[str, str]]:
    if scope.pushes is not None:
        for one in scope.pushes:
            yield one.tip, one.known
    elif isinstance(scope.tree, CommitTree):
        base = scope.base.commit if isinstance(scope.base, CommitTree) else ""
        yield scope.tree.commit, base
    elif head := scope.repository.find(os.environ.get("PRE_COMMIT_LOCAL_BRANCH", "") or "HEAD"):
        yield head.oid, ""


def _is_name(remote: str) -> bool:
    return bool(remote) and not set(remote) & set(":/*?[\\")


def _parsed(output: str) -> Iterator[Written]:
    """`:mode mode id id status`, and for a merge of n parents n + 1 of both; then the path. A commit's id
    stands alone.
    """
    records = iter(output.split("\0")[:-1])
    commit = ""
    for record in records:
        if not record.startswith(":"):
            commit = record.strip()
            continue
        parents = len(record) - len(record.lstrip(":"))
        words = record.lstrip(":").split(" ")
        modes, ids = words[: parents + 1], words[parents + 1 : 2 * parents + 2]
        path = next(records)
        if modes[-1] in _FILES:
            yield Written(
                commit=commit, path=path, blob=ids[-1], old=ids[0] if ids[0].strip("0") else ""
            )
