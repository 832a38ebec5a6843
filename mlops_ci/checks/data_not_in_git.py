"""Data sets, models and tool folders that enter Git instead of DVC or LFS.

A ratchet: a file that was over its limit before may stay, move and shrink. Limits by kind come from a survey of public
repositories, where one limit for all was wrong in four of ten cases.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.checks import data_fixes as fixes
from mlops_ci.checks.file_kinds import (
    BEGINNING,
    HOLLOW,
    Kind,
    is_lock,
    is_test,
    kind_of_content,
    kind_of_name,
)
from mlops_ci.checks.tool_folders import Written, written_by
from mlops_ci.errors import ToolError
from mlops_ci.finding import Finding
from mlops_ci.git import blobs
from mlops_ci.size_limits import LIMITS, Size, byte_count
from mlops_ci.text import size as shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Changed, Scope

ID = "data-not-in-git"
_FILES = ("100644", "100755")
# From so many of one kind in one folder on, the folder is the finding.
_MANY = 6
_WORDS: dict[Kind, str] = {
    "model": "a model", "data": "data", "notebook": "a notebook", "media": "an image or a document",
    "binary": "a binary file", "text": "text",
}  # fmt: skip


class _Large(NamedTuple):
    path: str
    kind: Kind
    size: int
    limit: int
    old_size: int | None


def check(scope: Scope) -> Iterator[Finding]:
    return _Checker(scope).findings()


def _settings(scope: Scope) -> tuple[dict[str, Size], list[str]]:
    """The limits by kind, and patterns of paths that are allowed."""
    config = scope.config.loaded if scope.config.mentions(ID) else None
    if config is None:
        return LIMITS, []
    settings = config.checks.data_not_in_git
    return {kind: getattr(settings, f"max_{kind}") for kind in LIMITS}, settings.allow


class _Checker:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        sizes, self._allow = _settings(scope)
        self._limits = {kind: byte_count(sizes[kind]) for kind in _WORDS}
        self._test_limit = byte_count(sizes["test"])
        self._fixes = fixes.Fixes(scope)

    def findings(self) -> Iterator[Finding]:
        entered = [one for one in self._scope.changed if self._counts(one)]
        tools: dict[Written, list[str]] = defaultdict(list)
        files = []
        for one in entered:
            spared = is_test(one.path) or posixpath.basename(one.path) in HOLLOW
            tool = None if spared else written_by(one.path)
            if tool is None:
                files.append(one)
            elif one.status == "added":
                tools[tool].append(one.path)
        yield from (self._tool(tool, paths) for tool, paths in tools.items())
        outputs: list[tuple[Finding, list[str]]] = []
        try:
            outputs += self._outputs({one.path for one in entered if one.status == "added"})
        except ToolError as error:
            yield Finding(rule=ID, path="", what=str(error), fix=error.hint, undecided=True)
        known = {path for _, paths in outputs for path in paths}
        yield from (finding for finding, _ in outputs)
        yield from self._sizes([one for one in files if one.path not in known])

    def _counts(self, one: Changed) -> bool:
        """A rename without an edit brings nothing; links and submodules hold nothing."""
        if one.mode not in _FILES or one.status in ("renamed", "deleted"):
            return False
        return not any(fnmatch.fnmatchcase(one.path, pattern) for pattern in self._allow)

    def _tool(self, tool: Written, paths: list[str]) -> Finding:
        where = tool.folder or posixpath.dirname(paths[0])
        count = f"{len(paths):,} files" if len(paths) > 1 else "1 file"
        return Finding(
            rule=f"{ID}/{tool.rule}",
            path=where.rstrip("/") if len(paths) > 1 and tool.folder else paths[0],
            what=f"{count} of {tool.what} would be in Git",
            why=fixes.WHY_TOOLS,
            fix=self._fixes.ignore_anywhere(tool.anywhere)
            if tool.anywhere
            else self._fixes.ignore(where, paths),
        )

    def _sizes(self, files: list[Changed]) -> Iterator[Finding]:
        judged = [one for one in files if not is_lock(one.path)]
        oids = {oid for one in judged for oid in (one.blob, one.old_blob)}
        known = blobs.sizes(self._scope.repository, oids)
        kinds = self._kinds(judged, known)
        large: dict[tuple[Kind, str], list[_Large]] = defaultdict(list)
        for one in judged:
            found = self._large(one, kinds[one.path], known) if one.blob in known else None
            absent = next((oid for oid in (one.blob, one.old_blob) if oid and oid not in known), "")
            if absent and (found or absent == one.blob):
                yield self._absent(one, absent)
            elif found:
                large[found.kind, posixpath.dirname(one.path)].append(found)
        for (kind, folder), group in large.items():
            yield from self._group(kind, folder, group)

    def _kinds(self, files: list[Changed], known: dict[str, int]) -> dict[str, Kind]:
        """By name; where the name does not tell, by content of what is large enough to matter."""
        kinds: dict[str, Kind] = {}
        unnamed = []
        for one in files:
            if (kind := kind_of_name(one.path)) is not None:
                kinds[one.path] = kind
            elif known.get(one.blob, 0) > min(self._limits.values()):
                unnamed.append(one)
            else:
                kinds[one.path] = "text"
        sizes = {one.blob: known[one.blob] for one in unnamed}
        begins = blobs.beginnings(self._scope.repository, sizes, BEGINNING)
        for one in unnamed:
            kinds[one.path] = kind_of_content(begins.get(one.blob, b""), sizes[one.blob])
        return kinds

    def _large(self, one: Changed, kind: Kind, known: dict[str, int]) -> _Large | None:
        limit, size = self._limits[kind], known[one.blob]
        if is_test(one.path):
            limit = max(limit, self._test_limit)
        old_blob = one.old_blob or self._moved.get(posixpath.basename(one.path), "")
        old = known.get(old_blob)
        if old is None and old_blob:
            old = blobs.sizes(self._scope.repository, [old_blob]).get(old_blob)
        crossed = size > limit and (old is None or old <= limit or size - old > limit)
        return (
            _Large(path=one.path, kind=kind, size=size, limit=limit, old_size=old)
            if crossed
            else None
        )

    @cached_property
    def _moved(self) -> dict[str, str]:
        """Name to blob of deleted files: one that was moved and edited is gone here and new there."""
        gone = (one for one in self._scope.changed if one.status == "deleted")
        return {posixpath.basename(one.path): one.old_blob for one in gone}

    def _group(self, kind: Kind, folder: str, group: list[_Large]) -> Iterator[Finding]:
        if len(group) < _MANY or not folder:
            yield from (self._file(one) for one in group)
            return
        total = shown(sum(one.size for one in group))
        names = ", ".join(posixpath.basename(one.path) for one in group[:3])
        yield Finding(
            rule=f"{ID}/{kind}",
            path=folder,
            what=f"{len(group):,} files, {total}: each is {_WORDS[kind]} of more than {shown(group[0].limit)}"
            f" ({names}, …)",
            why=fixes.WHY[kind],
            fix=self._fixes.folder(kind, folder, [one.path for one in group]),
        )

    def _file(self, one: _Large) -> Finding:
        grown = f", before {shown(one.old_size)}" if one.old_size is not None else ""
        return Finding(
            rule=f"{ID}/{one.kind}",
            path=one.path,
            what=f"{_WORDS[one.kind]} of {shown(one.size)}{grown}; the limit is {shown(one.limit)}",
            why=fixes.WHY[one.kind],
            fix=self._fixes.file(one.kind, one.path),
        )

    def _absent(self, one: Changed, oid: str) -> Finding:
        return Finding(
            rule=ID,
            path=one.path,
            what="its size, now or before, is not known: the Git object is not in this clone",
            fix=f"git cat-file -s {oid}, which fetches it",
            undecided=True,
        )

    def _outputs(self, added: set[str]) -> Iterator[tuple[Finding, list[str]]]:
        """With the files that it is about: DVC has them already, and `dvc add` would refuse them."""
        from mlops_ci.checks import outputs_in_git, projects

        if not outputs_in_git.concerned(self._scope, added):
            return
        yield from ((one, [one.path]) for one in projects.undecided(self._scope, ID))
        for path, declared, tracked in outputs_in_git.find(self._scope, added):
            more = f" and {len(tracked) - 1:,} more" if len(tracked) > 1 else ""
            finding = Finding(
                rule=f"{ID}/output",
                path=tracked[0],
                what=f"is in Git{more}, and {declared} declares {path} as an output that DVC caches",
                why="DVC refuses to track what Git tracks, and a checkout of one overwrites the other.",
                fix=self._fixes.untrack(path),
            )
            yield finding, tracked
