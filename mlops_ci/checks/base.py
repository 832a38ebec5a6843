"""What a check is given, and what it has to offer. A check is a module that satisfies `Check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from mlops_ci.checks.lazy_config import LazyConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.finding import Finding
    from mlops_ci.git import Repository
    from mlops_ci.git.tree import ObjectTree

Status = Literal["added", "modified", "deleted", "renamed", "type"]


class Changed(NamedTuple):
    """One path that differs between `base` and `tree`. `blob` and `mode` are those in `tree`, "" when it is deleted.

    `renamed` is a rename without an edit: file contents are not read to find it. `type`: a file became a link or the
    reverse.
    """

    path: str
    status: Status
    old_path: str = ""
    blob: str = ""
    old_blob: str = ""
    mode: str = ""


class Push(NamedTuple):
    """One ref that is pushed: its commit here, and the commit that the remote has of it, "" when it has none."""

    tip: str
    known: str = ""


class Scope(NamedTuple):
    """What is checked.

    `tree`: the index, or the commit at the end of a range. `base`: what was there before: HEAD for the index, the merge
    base for a range; None when nothing was (before the first commit) or when all files are asked for. `changed`: from
    `base` to `tree`; without a base every file is `added`. `all_files`: judge what is there, not what changes: a check
    that is a ratchet cannot tell old from new.

    A merge in progress: `merging` are the commits that are merged into HEAD, and `changed` is without the files that
    are as one of them has them, since they have been committed before.

    `pushes`: all refs of a `git push` that are commits, where the refs are known; `tree` is that of the first.
    `remote`: where to, a name or an address, "" when that is not known.

    `remark`: what the user should know of how this was chosen.

    `config`: the one that judges, see scope.py. It need not be the one in `tree`.
    """

    repository: Repository
    tree: ObjectTree
    base: ObjectTree | None
    changed: tuple[Changed, ...]
    all_files: bool = False
    config: LazyConfig = LazyConfig()
    merging: tuple[ObjectTree, ...] = ()
    pushes: tuple[Push, ...] | None = None
    remote: str = ""
    remark: str = ""

    def joins(self, *paths: str) -> bool:
        """Whether a merge brings these together: neither side has them all as they are now."""
        sides = (self.base, *self.merging) if self.merging else ()
        now = [self.tree.entries.get(path) for path in paths]
        return bool(sides) and not any(
            side is not None and [side.entries.get(path) for path in paths] == now for side in sides
        )


class Check(Protocol):
    ID: str

    def check(self, scope: Scope) -> Iterable[Finding]:
        """All problems, not only the first. What cannot be decided is a Finding that says so.

        Must not raise for anything that a file can hold: one bad file never hides the others.
        """
        ...
