"""The files of Git's index: what the next commit will hold, whatever is on disk.

`git commit -a` and `git commit -- PATH` use an index of their own, which Git names in GIT_INDEX_FILE; so does a linked
worktree. `git` itself follows it, which is why the index is only ever read through `git`.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.git.objects import Listing
from mlops_ci.git.tree import ObjectTree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.git import Repository

# The blob without content, in SHA-1 and in SHA-256 repositories.
_EMPTY = frozenset({
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
})  # fmt: skip
_ARGUMENTS = 500


class IndexTree(ObjectTree):
    """Entries of the index that Git uses now, in a sparse checkout also those that are not on disk.

    A file that is only announced (`git add --intent-to-add`) is not there: a commit would leave it out. A path with
    merge conflicts is there, and cannot be read. `unmerged` has those once `modes` or `entries`
    have been read, or a Scope was made of it.
    """

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, "index")
        self.unmerged: set[str] = set()
        self._some: dict[str, list[tuple[str, str, str]]] = {}
        self._listing = Listing(repository.folder, "ls-files", "-s", "-z", later=True)

    @cached_property
    def modes(self) -> dict[str, tuple[str, str]]:
        records = self._listing.records()
        modes = _plain(records) or self._with_stages(records)
        for path in self._announced([p for p, (_, oid) in modes.items() if oid in _EMPTY]):
            modes.pop(path, None)
        return modes

    def _with_stages(self, records: list[str]) -> dict[str, tuple[str, str]]:
        modes: dict[str, tuple[str, str]] = {}
        for record in records:
            mode, oid, rest = record.split(" ", 2)  # rest: the stage, a tab and the name
            name = rest[2:]
            if rest[0] != "0":
                self.unmerged.add(name)
            modes[name] = (mode, oid)
        return modes

    def staged(self, paths: Iterable[str]) -> dict[str, list[tuple[str, str, str]]]:
        """Mode, blob and stage of those paths that are there; several stages are a conflict. All others are not listed:
        in a large repository that takes longer than most checks do.
        """
        wanted = list(dict.fromkeys(paths))
        if unknown := [path for path in wanted if path not in self._some]:
            self._some |= {path: [] for path in unknown}
            command = ("ls-files", "-s", "-z", "--full-name", "--", *unknown)
            done = self.repository.git("--literal-pathspecs", *command)
            for record in os.fsdecode(done.stdout).split("\0")[:-1]:
                mode, oid, rest = record.split(" ", 2)
                if (name := rest[2:]) in self._some:  # and not in a folder of that name
                    self._some[name].append((mode, oid, rest[0]))
        return {path: self._some[path] for path in wanted if self._some[path]}

    def read(self, path: str) -> bytes | None:
        if path in self.modes and path in self.unmerged:
            raise UnreadableError(
                f"{path}: has merge conflicts that are not resolved",
                hint=f"git add -- {path}",
            )
        return super().read(path)

    def blobs(self, paths: list[str]) -> dict[str, str]:
        known = super().blobs(paths)
        return {path: oid for path, oid in known.items() if path not in self.unmerged}

    def _announced(self, empty: list[str]) -> list[str]:
        """Which of these entries are only announced. In `git ls-files` they look like empty files."""
        found: list[str] = []
        for start in range(0, len(empty), _ARGUMENTS):
            names = empty[start : start + _ARGUMENTS]
            command = ("diff-files", "-z", "--name-only", "--diff-filter=A", "--", *names)
            done = self.repository.git("--literal-pathspecs", *command)
            found += os.fsdecode(done.stdout).split("\0")[:-1]
        return found


def _plain(records: list[str]) -> dict[str, tuple[str, str]] | None:
    """Modes and ids by path where no path has merge conflicts, else None. Cut at fixed places: of all that a check does
    in a large repository this would take the longest.
    """
    if not records:
        return None
    end = records[0].index(" ", 7)  # the mode has six digits, ids are as long as one another
    stages = {record[end + 1] for record in records}
    if stages != {"0"}:
        return None
    return {record[end + 3 :]: (record[:6], record[7:end]) for record in records}
