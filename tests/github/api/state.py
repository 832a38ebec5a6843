"""What the API of the tests knows, and what the operations share: routes, problems, pages."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.github.api import spec

if TYPE_CHECKING:
    from collections.abc import Callable

REPO = "/repos/{owner}/{repo}"
BOT = "github-actions[bot]"
MAX_PAGE = 100


class Problem(Exception):  # noqa: N818 - as GitHub calls it
    def __init__(
        self,
        status: int,
        message: str,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = headers or {}


def invalid(resource: str, name: str, code: str, message: str = "") -> Problem:
    error = {"resource": resource, "code": code, "field": name}
    return Problem(422, "Validation Failed", [error | ({"message": message} if message else {})])


def not_found() -> Problem:
    return Problem(404, "Not Found")


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass
class Repo:
    """`commits`: their ids; `refs`: full name -> commit or tag; `files`: commit -> path -> content.

    `merge_bases`: of a head, where that is not the base it is compared with.
    """

    private: bool = False
    default_branch: str = "main"
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    immutable_releases: bool = False
    approvals: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    merge_bases: dict[str, str] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    dispatches: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class State:
    """`tokens`: token -> login and permissions; `faults`: what goes wrong next; `log`: every request."""

    repos: dict[str, Repo] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_id: int = 1000

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id


@dataclass
class Request:
    """One request to one operation of a repository. `extra`: headers of the answer."""

    state: State
    method: str
    operation: str
    path: str
    parameters: dict[str, str]
    query: dict[str, list[str]]
    body: Any
    who: dict[str, Any] | None
    base: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def full(self) -> str:
        return f"{self.parameters['owner']}/{self.parameters['repo']}"

    @property
    def repo(self) -> Repo:
        found = self.state.repos.get(self.full)
        if found is None or (self.who is None and found.private):
            raise not_found()
        return found

    @property
    def login(self) -> str:
        return str((self.who or {"login": BOT})["login"])

    def asked(self, name: str, default: str | None = None) -> str | None:
        return self.query.get(name, [default])[0]

    def number(self, name: str) -> int:
        if not self.parameters[name].isdigit():
            raise not_found()
        return int(self.parameters[name])

    def example(self, status: int = 200, *, method: str = "", operation: str = "") -> Any:
        """GitHub's example of the answer, with its addresses turned to this server and repository."""
        found = spec.example(operation or self.operation, method or self.method, status)
        text = json.dumps(found).replace("https://api.github.com", self.base)
        for name in (
            "octocat/Hello-World",
            "octocat/example",
            "github/hello-world",
            "octocat/hello-world",
        ):
            text = text.replace(name, self.full)
        return json.loads(text)

    def page(self, items: list[Any]) -> list[Any]:
        """https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api"""
        size = min(max(int(self.asked("per_page") or 30), 1), MAX_PAGE)
        page = max(int(self.asked("page") or 1), 1)
        last = max(-(-len(items) // size), 1)
        found = {"prev": page - 1, "first": 1} if page > 1 else {}
        found |= {"next": page + 1, "last": last} if page < last else {}
        if found:
            self.extra["Link"] = ", ".join(self._link(*one, size) for one in found.items())
        return items[(page - 1) * size : page * size]

    def _link(self, rel: str, page: int, size: int) -> str:
        query = {key: values[0] for key, values in self.query.items()}
        query |= {"page": str(page), "per_page": str(size)}
        return f'<{self.base}{self.path}?{urlencode(query)}>; rel="{rel}"'


def commit_of(request: Request, ref: str) -> str:
    """What a commit, branch, tag or `pull/N/head` names."""
    repo = request.repo
    pull = re.fullmatch(r"(?:refs/)?pull/(\d+)/head", ref)
    if pull and int(pull[1]) in repo.pulls:
        return str(repo.pulls[int(pull[1])]["head"]["sha"])
    for name in (ref, f"refs/{ref}", f"refs/heads/{ref}", f"refs/tags/{ref}"):
        if name in repo.refs:
            target = repo.refs[name]
            return str(repo.tags[target]["object"]["sha"]) if target in repo.tags else target
    if ref in repo.commits:
        return ref
    raise Problem(422, f"No commit found for SHA: {ref}")


def user(login: str) -> dict[str, Any]:
    found = spec.SPEC["components"]["examples"]["issue-comment"]["value"]["user"]
    return found | {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}


def digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    pattern: re.Pattern[str]
    status: int
    handler: Callable[[Request], Any]


ROUTES: list[Route] = []
# Parameters that may hold slashes.
_LONG = "ref|tag|path|branch|environment_name|basehead"


def route(
    method: str, path: str, status: int = 200
) -> Callable[[Callable[[Request], Any]], Callable[[Request], Any]]:
    """`path`: of the operation, below that of the repository."""
    pattern = re.sub(rf"\{{({_LONG})\}}", r"(?P<\1>.+)", REPO + path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def register(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
        ROUTES.append(Route(method, REPO + path, re.compile(pattern), status, handler))
        return handler

    return register
