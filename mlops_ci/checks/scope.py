"""Which files a check looks at: the index, a range of commits, or all files; and whose config judges them.

Without options it is the index against HEAD. Where nothing is staged it is the last commit against its first parent: in
the checkout of a pull request on GitHub that is all of the pull request. Where that parent is not in the clone, all
files.

Whose config: in a range that was named, that of its start, so that a change cannot loosen the check that judges it; so
also where the last commit is a merge, as in the checkout of a pull request. In all other cases the user's own files are
judged by the config among them.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.checks import quick
from mlops_ci.checks.base import Changed, Push, Scope, Status
from mlops_ci.checks.lazy_config import FILE, LazyConfig
from mlops_ci.errors import ToolError, UsageError
from mlops_ci.git.index import IndexTree
from mlops_ci.git.objects import MISSING, Listing
from mlops_ci.git.tree import CommitTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_ci.checks_config import ChecksConfig
    from mlops_ci.git import Commit, Repository

_STATUS: dict[str, Status] = {
    "A": "added",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "T": "type",
}
# Renames without an edit only: to find others, Git would read every added and deleted file whole.
_RAW = ("--raw", "-z", "--no-abbrev", "-M100%")
_MERGED = "GITHEAD_"


class Asked(NamedTuple):
    """What the user wants checked. `policy`: the revision whose config judges. `pushes`, `remote`: see Scope."""

    all_files: bool = False
    from_ref: str = ""
    to_ref: str = ""
    policy: str = ""
    pushes: tuple[Push, ...] = ()
    remote: str = ""


def asked_for(
    *, all_files: bool, from_ref: str | None, to_ref: str | None, policy: str | None
) -> Asked:
    """From options, None where one is not given. Raises UsageError for an empty one: a variable that is not set must
    not choose what is judged, nor by whose config.
    """
    for option, value in (("--from-ref", from_ref), ("--to-ref", to_ref), ("--policy", policy)):
        if value is not None and not value.strip():
            raise UsageError(f"{option} is empty", hint=f"name a revision, or leave {option} out")
    return Asked(
        all_files=all_files, from_ref=from_ref or "", to_ref=to_ref or "", policy=policy or ""
    )


def find_scope(
    repository: Repository, asked: Asked, environ: Mapping[str, str] = os.environ
) -> Scope:
    """The Scope without its config. Raises UsageError for an unknown revision, ToolError for a shallow clone."""
    if asked.pushes:
        pushes = tuple(_commits(repository, asked.pushes))
        first = pushes[0] if pushes else None
        scope = (
            _range(repository, first.known, first.tip)
            if first
            else Scope(repository=repository, tree=IndexTree(repository), base=None, changed=())
        )
        return scope._replace(pushes=pushes, remote=asked.remote)
    remote = asked.remote or environ.get("PRE_COMMIT_REMOTE_NAME", "")
    return _find_scope(repository, asked, environ)._replace(remote=remote)


def _find_scope(repository: Repository, asked: Asked, environ: Mapping[str, str]) -> Scope:
    from_ref, to_ref = asked.from_ref, asked.to_ref
    if not (asked.all_files or from_ref or to_ref):
        # https://pre-commit.com/#pre-push
        from_ref = environ.get("PRE_COMMIT_FROM_REF", "")
        to_ref = environ.get("PRE_COMMIT_TO_REF", "")
    if asked.all_files and to_ref:
        return _everything(repository, CommitTree(repository, repository.commit(to_ref).oid))
    if asked.all_files:
        _need_index(repository)
        return _everything(repository, IndexTree(repository))
    if from_ref or to_ref:
        return _range(repository, from_ref, to_ref or "HEAD")
    return _index(repository, environ)


def find_config(
    repository: Repository,
    scope: Scope,
    asked: Asked,
    adjust: Callable[[ChecksConfig], ChecksConfig] | None = None,
) -> LazyConfig:
    """The config that judges. Raises ToolError where it is not in a shallow clone. `adjust`: see LazyConfig."""
    start = asked.from_ref if asked.from_ref.strip("0") else ""  # zeros: see _range
    rev = asked.policy or start or _merged_into(repository, scope)
    tree = CommitTree(repository, repository.commit(rev).oid, later=True) if rev else scope.tree
    name = f":{FILE}" if isinstance(tree, IndexTree) else f"{_commit(tree)}:{FILE}"
    if repository.objects.stat(name)[1] == MISSING:
        return LazyConfig(adjust=adjust)
    if not rev and scope.remark:
        _raise_for_merge(repository)
    return LazyConfig(tree.read if rev else partial(quick.read, scope), adjust)


def _merged_into(repository: Repository, scope: Scope) -> str:
    """The first parent of HEAD, when HEAD is a merge and what it brought is judged; else ""."""
    if not (isinstance(scope.base, CommitTree) and isinstance(scope.tree, IndexTree)):
        return ""
    if scope.base.commit == repository.resolve("HEAD"):  # what is staged
        return ""
    head = repository.find("HEAD")
    parents = head.parents if head else ()
    return parents[0] if len(parents) > 1 and scope.base.commit == parents[0] else ""


def _raise_for_merge(repository: Repository) -> None:
    """The config of a pull request does not judge it, also where that of the branch it goes into is not here."""
    if len(repository.commit("HEAD").parents) > 1:
        raise ToolError(
            f"HEAD is a merge, which the {FILE} of its first parent judges, and this shallow clone does not have it",
            hint="git fetch --deepen=1 (in GitHub Actions: actions/checkout with fetch-depth: 2), "
            "or trust the merge: --policy HEAD",
        )


def _commit(tree: object) -> str:
    assert isinstance(tree, CommitTree)
    return tree.commit


def _commits(repository: Repository, pushes: tuple[Push, ...]) -> Iterator[Push]:
    """What the remote has and this clone does not tells nothing; a tag need not be one of a commit."""
    for one in pushes:
        if tip := repository.resolve(one.tip):
            yield Push(tip=tip, known=repository.resolve(one.known))


def _everything(
    repository: Repository, tree: IndexTree | CommitTree, *, all_files: bool = True
) -> Scope:
    changed = tuple(
        Changed(path=path, status="added", blob=oid, mode=mode)
        for path, (mode, oid) in tree.modes.items()
        if not isinstance(tree, IndexTree) or path not in tree.unmerged
    )
    return Scope(repository=repository, tree=tree, base=None, changed=changed, all_files=all_files)


def _range(repository: Repository, from_ref: str, to_ref: str) -> Scope:
    end = repository.commit(to_ref)
    if not from_ref.strip("0"):  # a new branch: pre-commit gives zeros, prek nothing
        return _everything(repository, CommitTree(repository, end.oid), all_files=False)
    start = repository.commit(from_ref)
    base = repository.merge_base(start, end) or start.oid
    listing = Listing(repository.folder, "diff-tree", "-r", *_RAW, base, end.oid)
    return Scope(
        repository=repository,
        tree=CommitTree(repository, end.oid, later=True),
        base=CommitTree(repository, base, later=True),
        changed=tuple(_parsed(listing)),
    )


def _index(repository: Repository, environ: Mapping[str, str]) -> Scope:
    _need_index(repository)
    tree = IndexTree(repository)
    listing = _against(repository, "HEAD")  # which Git compares while another process resolves it
    head = repository.resolve("HEAD")
    if not head:
        return _everything(repository, tree, all_files=False)
    changed = list(_parsed(listing, tree.unmerged))
    if not changed and not tree.unmerged:
        return _last_commit(repository, tree, repository.commit(head))
    merging = tuple(_merging(repository, environ))
    if merging:
        known = {path for other in merging for path in _same_as(repository, other, changed)}
        changed = [one for one in changed if one.path not in known]
    return Scope(
        repository=repository,
        tree=tree,
        base=CommitTree(repository, head, later=True),
        changed=tuple(changed),
        merging=tuple(CommitTree(repository, oid, later=True) for oid in merging),
    )


def _need_index(repository: Repository) -> None:
    if repository.top is None:
        raise UsageError(
            "a bare repository has no index to judge",
            hint="name what to judge: --all-files --to-ref HEAD, or --from-ref A --to-ref B",
        )


def _last_commit(repository: Repository, tree: IndexTree, head: Commit) -> Scope:
    if not head.parents:
        return _everything(repository, tree, all_files=False)
    parent = repository.find(head.parents[0])
    if parent is None:
        remark = "all files, since the clone is shallow and ends before the last change"
        return _everything(repository, tree)._replace(remark=remark)
    changed = _parsed(_against(repository, parent.oid))
    base = CommitTree(repository, parent.oid, later=True)
    return Scope(repository=repository, tree=tree, base=base, changed=tuple(changed))


def _against(repository: Repository, commit: str) -> Listing:
    """What differs between a commit and the index."""
    command = ("diff-index", "--cached", "--ita-invisible-in-index", *_RAW, commit)
    return Listing(repository.folder, *command)


def _merging(repository: Repository, environ: Mapping[str, str]) -> Iterator[str]:
    """Commits that are merged into HEAD now. Git writes MERGE_HEAD only after the hook pre-merge-commit has run, and
    names them to it in the environment.
    """
    named = [key.removeprefix(_MERGED) for key in environ if key.startswith(_MERGED)]
    for rev in ("MERGE_HEAD", *named):
        if found := repository.resolve(rev):
            yield found


def _same_as(repository: Repository, commit: str, changed: list[Changed]) -> set[str]:
    differing = {one.path for one in _parsed(_against(repository, commit))}
    return {one.path for one in changed if one.path not in differing}


def _parsed(listing: Listing, unmerged: set[str] | None = None) -> Iterator[Changed]:
    """`unmerged`: gets the paths that have merge conflicts, which are left out."""
    records = iter(listing.records())
    for meta in records:
        _, mode, old, new, letter = meta.lstrip(":").split(" ")
        path = next(records)
        if letter == "U":
            if unmerged is not None:
                unmerged.add(path)
            continue
        one = Changed(path=path, status=_STATUS[letter[0]], blob=new, old_blob=old, mode=mode)
        if letter.startswith("R"):
            one = one._replace(path=next(records), old_path=path)
        yield _without_zeros(one)


def _without_zeros(one: Changed) -> Changed:
    if one.status == "added":
        return one._replace(old_blob="")
    if one.status == "deleted":
        return one._replace(blob="", mode="")
    return one
