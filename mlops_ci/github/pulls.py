"""Which pull request it is, and what its base says: read through the API, with nothing checked out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.github.client import DeniedError, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.github.client import Client
    from mlops_ci.github.context import Context

_MAX_FILES = 200


@dataclass(frozen=True, kw_only=True)
class Pull:
    """`head`: the commit, on `branch`."""

    number: int
    head: str
    base: str
    is_fork: bool
    branch: str = ""


def named(client: Client, number: int) -> Pull:
    return _pull(client.get(f"/pulls/{number}"), client.repository)


def of_run(client: Client, context: Context) -> Pull | None:
    """The open pull request that a run was for, by where its head lives; None: there is none any more.

    Never by a number that comes from the run or from its artifacts: those are the change's own word. The event names
    no pull request of a fork, and GitHub knows none by a fork's commit.
    """
    found = of_branch(client, context)
    return found[0] if found else None


def of_branch(client: Client, context: Context) -> list[Pull]:
    """The open ones of its head branch, those at its commit first: one a base."""
    owner = context.head_repository.partition("/")[0]
    head = f"{owner}:{context.head_branch}"
    found = [
        _pull(one, client.repository)
        for one in client.pages("/pulls", state="open", head=head)
        if _name(one, "head") == context.head_repository and _name(one, "base") == client.repository
    ]
    return sorted(found, key=lambda pull: (pull.head != context.sha, pull.number))


def at(client: Client, commit: str) -> list[Pull]:
    """The open ones whose head it is. Of a commit of a fork GitHub knows none, so all that are open are looked at.

    https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit
    """
    found = client.pages("/pulls", state="open")
    ours = [
        one
        for one in found
        if one["head"]["sha"] == commit and _name(one, "base") == client.repository
    ]
    return sorted((_pull(one, client.repository) for one in ours), key=lambda pull: pull.number)


def _name(one: dict[str, Any], side: str) -> str:
    repo = one[side].get("repo") or {}
    return str(repo.get("full_name", ""))


def _pull(one: dict[str, Any], repository: str) -> Pull:
    return Pull(
        number=int(one["number"]),
        head=str(one["head"]["sha"]),
        base=str(one["base"]["ref"]),
        is_fork=_name(one, "head") != repository,
        branch=str(one["head"]["ref"]),
    )


def tip(client: Client, branch: str) -> str:
    """The newest commit of a branch. Raises UsageError when it is gone."""
    try:
        return str(client.get(f"/branches/{part(branch)}")["commit"]["sha"])
    except DeniedError as error:
        if error.status != 404:
            raise
        raise UsageError(f"the base branch {branch!r} is gone") from error


def merge_base(client: Client, base: str, head: str) -> str:
    """Where `head`, of this repository or of a fork, left the branch that `base` is of."""
    found = client.get(f"/compare/{part(base)}...{part(head)}", per_page="1")
    return str(found["merge_base_commit"]["sha"])


def contains(client: Client, commit: str, head: str) -> bool:
    """Whether `commit` is built on `head`, as GitHub's test merge of it is. One that GitHub does not know is not."""
    try:
        return merge_base(client, head, commit) == head
    except DeniedError as error:
        if error.status not in (404, 422):
            raise
        return False


def reader(client: Client, commit: str) -> Callable[[str], bytes | None]:
    """Gives the content of a path at a commit; None when there is no such file."""
    read: dict[str, bytes | None] = {}

    def content(path: str) -> bytes | None:
        if path not in read:
            if len(read) >= _MAX_FILES:
                raise UnreadableError(f"{path}: more than {_MAX_FILES} files belong to the policy")
            read[path] = _content(client, commit, path)
        return read[path]

    return content


def _content(client: Client, commit: str, path: str) -> bytes | None:
    """https://docs.github.com/rest/repos/contents: a link or a folder is no file, above 1 MB there is no content."""
    places = path.split("/")
    if ".." in places or not path.strip("/"):
        raise UnreadableError(f"{path}: is outside of the repository")
    try:
        found = client.get(f"/contents/{'/'.join(map(part, places))}", ref=commit)
    except DeniedError as error:
        if error.status != 404:
            raise
        return None
    if not isinstance(found, dict) or found.get("type") != "file":
        return None
    if found.get("encoding") != "base64":
        raise UnreadableError(f"{path}: is larger than what GitHub's API gives (1 MB)")
    return base64.b64decode(found["content"])
