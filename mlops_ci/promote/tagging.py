"""Writing tags: a name that is free, a time that is later than every other's, and a push that takes all or none."""

from __future__ import annotations

import os
import time
from itertools import count
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.lineage.notes import shown, writer
from mlops_ci.process import run
from mlops_ci.promote.grammar import parse
from mlops_ci.promote.tags import LAST_TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_ci.git import Repository
    from mlops_ci.process import Result
    from mlops_ci.promote.grammar import Request
    from mlops_ci.promote.tags import Tag


_FETCHED = "refs/mlops-ci/tags/"
# A counter has 18 digits at most: see grammar.py.
_MOST = 10**18


def next_counter(tags: Iterable[Tag], model: str) -> int:
    """The number for the next tag of a model: GTO counts over all of its tags, whatever their stage."""
    used = {tag.request.counter or 0 for tag in tags if tag.request.model == model}
    following = max(used, default=0) + 1
    if following < _MOST:
        return following
    return next(number for number in count(1) if number not in used)


def next_time(tags: Iterable[Tag]) -> int:
    """The time of a tag that is later than all that count, whatever the clock says. Raises ToolError.

    Within one second the order of tags is open.
    """
    latest = max((tag for tag in tags if not tag.problem), key=lambda tag: tag.time, default=None)
    if latest and latest.time >= LAST_TIME:
        what = f"no tag can be later than {latest.name}, whose time is the end of the year 9999"
        raise ToolError(what, hint=f"git push origin :refs/tags/{latest.name}, and git tag -d here")
    return max(int(time.time()), latest.time + 1 if latest else 0)


def create(
    repository: Repository, request: Request, commit: str, message: str, tags: Sequence[Tag]
) -> str:
    """Make the annotated tag of `request` at `commit`; its name. Raises ToolError, also where the name is taken.

    It is later than every tag in `tags`.
    """
    # With @ git takes any second; without, none after 2099.
    when = f"@{next_time(tags)} +0000"
    command = [
        "tag",
        "--annotate",
        "--no-sign",
        "--file=-",
        "--end-of-options",
        request.tag,
        commit,
    ]
    environ = {**writer(repository), "GIT_COMMITTER_DATE": when}
    done = _git(repository, command, stdin=message.encode(), **environ)
    if done.returncode:
        raise ToolError(
            f"the tag {request.tag} cannot be made: {done.last_line}", hint="git fetch --tags"
        )
    return request.tag


def fetch(repository: Repository, remote: str, *more: str) -> list[str]:
    """Bring all tags of the remote. Gives those that ask for something and point elsewhere there than here.

    A tag that moved is evidence of tampering: it is left here as it was. One that a checkout has flattened
    (https://github.com/actions/checkout/issues/290) is made whole again. `more`: other refs that come along.
    """
    depth = ["--depth=1"] if repository.shallow else []
    refs = f"+refs/tags/*:{_FETCHED}*"
    command = [
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-auto-gc",
        "--prune",
        *depth,
        remote,
        refs,
        *more,
    ]
    done = _git(repository, command)
    if done.returncode:
        hint = "check `git remote -v`, or take this clone's tags alone: --local"
        raise ToolError(
            f"the tags of {shown(remote)} cannot be fetched: {done.words_of_git}", hint=hint
        )
    here, there = _listed(repository, "refs/tags/", _FETCHED)
    wanted = {
        name: oid for name, (oid, commit) in there.items()
        if name not in here or here[name] == (commit, "")
    }  # fmt: skip
    updates = "".join(f"update refs/tags/{name}\0{oid}\0\0" for name, oid in wanted.items())
    command = ["update-ref", "--no-deref", "-z", "--stdin"]
    done = _git(repository, command, stdin=updates.encode()) if wanted else done
    if done.returncode:
        # All or none: without them what holds a stage would be told by old tags.
        what = f"the tags of {shown(remote)} cannot be written here: {done.last_line}"
        raise ToolError(what, hint="git tag -d, for what is in their way")
    both = here.keys() & there.keys() - wanted.keys()
    return sorted(name for name in both if here[name] != there[name] and parse(name))


def delete(repository: Repository, names: Iterable[str]) -> None:
    """Here alone."""
    for name in names:
        _git(repository, ["update-ref", "-d", f"refs/tags/{name}"])


def fetched(repository: Repository) -> set[str]:
    """The names of all tags that the remote had when it was last asked."""
    return set(_listed(repository, _FETCHED)[0])


def _listed(repository: Repository, *prefixes: str) -> list[dict[str, tuple[str, str]]]:
    """Below each prefix, by name: the object's id, and that of the commit it leads to when it is a tag object."""
    form = "%(refname)%00%(objectname)%00%(*objectname)"
    found: dict[str, dict[str, tuple[str, str]]] = {one: {} for one in prefixes}
    for line in repository.lines("for-each-ref", f"--format={form}", *prefixes):
        ref, oid, commit = line.split("\0")
        prefix = next(one for one in prefixes if ref.startswith(one))
        found[prefix][ref.removeprefix(prefix)] = oid, commit
    return list(found.values())


def _git(
    repository: Repository, command: Sequence[str], *, stdin: bytes = b"", **environ: str
) -> Result:
    """In English: what git says is read."""
    return run(
        ["git", *command],
        cwd=repository.folder,
        stdin=stdin,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **environ},
    )
