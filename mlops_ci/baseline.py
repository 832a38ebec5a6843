"""Which commit a change is compared with: the merge base, never the tip of the branch.

Against the tip, everything that others merged meanwhile looks like a regression of this change.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UsageError
from mlops_ci.git import fetch_hint
from mlops_ci.model import Baseline, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.git import Commit, Repository

_TEST_MERGE = re.compile(r"refs/pull/\d+/merge")
_QUEUED = re.compile(r"refs/heads/gh-readonly-queue/(.+)/pr-\d+-[0-9a-f]{40}")
# Whole names of refs: of `origin/main` git takes a tag that is called so first, and whoever may push tags can make one.
_THERE, _HERE = "refs/remotes/origin/", "refs/heads/"
_USUAL = (f"{_THERE}HEAD", f"{_THERE}main", f"{_THERE}master", f"{_HERE}main", f"{_HERE}master")
# How far to walk back for a commit that has metrics.
MAX_WALK = 50


def find_baseline(
    repository: Repository,
    head: Commit,
    *,
    named: str | None,
    configured: str | None,
    clean: bool,
    exact: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Baseline:
    """`named`: what the user asked for. `clean`: the candidate is nothing but `head`, so `head` is no baseline.

    Raises UsageError for an unknown revision, ToolError for a shallow clone, each with the command that helps.
    """
    if named:
        return _from_ref(repository, head, named, exact=exact)
    if _is_test_merge(head, environ):
        base = environ.get("GITHUB_BASE_REF") or "the base branch"
        _require(repository, head.parents[0])
        return _baseline(base, head.parents[0], f"base of GitHub's test merge with {base}")
    # The base of the pull request first: a change could name its own branch in the config.
    ref = _base_of_pull_request(repository, environ)
    ref = ref or _branch_first(repository, configured) or usual_ref(repository)
    found = _from_ref(repository, head, ref) if ref else _baseline("HEAD", head.oid, "HEAD")
    if found.origin.commit == head.oid and clean:
        return _before(repository, head, ref)
    return found


def _is_test_merge(head: Commit, environ: Mapping[str, str]) -> bool:
    """The commit that actions/checkout checks out on a pull request: base first, head of the branch second."""
    return len(head.parents) == 2 and bool(_TEST_MERGE.fullmatch(environ.get("GITHUB_REF", "")))


def usual_ref(repository: Repository) -> str | None:
    """The branch that changes are merged into, by the whole name of its ref, when nothing says which.

    None when there is none of a usual name, or where the run names one that is not here.
    """
    return next((ref for ref in _told_by_the_run() or _USUAL if repository.find(ref)), None)


def _told_by_the_run() -> tuple[str, ...]:
    """actions/checkout makes no origin/HEAD, and where the main branch has another name anybody may push a `main`.

    https://docs.gitlab.com/ci/variables/predefined_variables/ has CI_DEFAULT_BRANCH.
    """
    name = os.environ.get("CI_DEFAULT_BRANCH", "")
    if "GITHUB_EVENT_PATH" in os.environ:
        from mlops_ci.github.context import default_branch

        name = default_branch(os.environ)
    return (f"{_THERE}{name}", f"{_HERE}{name}") if name else ()


def _branch_first(repository: Repository, name: str | None) -> str | None:
    """A branch rather than a tag of the same name."""
    refs = (f"refs/remotes/{name}", f"{_HERE}{name}", f"{_THERE}{name}")
    return next((ref for ref in refs if name and repository.find(ref)), name)


def _short(ref: str) -> str:
    """As people call it."""
    return ref.removeprefix("refs/remotes/").removeprefix(_HERE)


def _base_of_pull_request(repository: Repository, environ: Mapping[str, str]) -> str | None:
    """In a merge queue only the name of its own branch tells: gh-readonly-queue/main/pr-7-0123…

    https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#merge_group
    """
    queued = _QUEUED.fullmatch(environ.get("GITHUB_REF", ""))
    base = environ.get("GITHUB_BASE_REF") or (queued[1] if queued else "")
    return branch(repository, base) if base else None


def branch(repository: Repository, name: str) -> str:
    """The ref of a branch that changes are merged into. Raises UsageError when this clone has none."""
    for ref in (f"{_THERE}{name}", f"{_HERE}{name}"):
        if repository.find(ref):
            return ref
    raise UsageError(
        f"the base branch {name!r} is not in this clone",
        hint=f"{fetch_hint(name)} (in GitHub Actions: actions/checkout with fetch-depth: 0)",
    )


def _from_ref(repository: Repository, head: Commit, ref: str, *, exact: bool = False) -> Baseline:
    tip = repository.commit(ref)
    ref = _short(ref)
    if exact:
        return _baseline(ref, tip.oid, "as named")
    base = repository.merge_base(tip, head)
    if base is None:
        raise ToolError(
            f"{ref} and the candidate have no common commit", hint=f"mlops-ci diff --exact {ref}"
        )
    if base == tip.oid:
        return _baseline(ref, base, "")
    behind = repository.count(head.oid, tip.oid)
    found = _baseline(ref, base, f"merge base with {ref}")
    return replace(found, tip=tip.oid, behind=behind, behind_of=ref)


def _before(repository: Repository, head: Commit, ref: str | None) -> Baseline:
    """On the main branch with nothing of its own, a change is the last commit."""
    if not head.parents:
        return _baseline("HEAD", head.oid, "the only commit")
    parent = head.parents[0]
    _require(repository, parent)
    branch = f", which {_short(ref)} contains" if ref else ""
    return _baseline("HEAD~1", parent, f"first parent of HEAD{branch}")


def _require(repository: Repository, commit: str) -> None:
    """A shallow clone knows the name of a parent that it does not have."""
    if repository.find(commit) is None:
        raise ToolError("the clone is shallow and ends at HEAD", hint=repository.deepen_hint)


def _baseline(rev: str, commit: str, how: str) -> Baseline:
    return Baseline(origin=Origin(rev=rev, commit=commit), how=how, tip=commit)
