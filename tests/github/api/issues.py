"""Pull requests and their comments."""

from __future__ import annotations

from typing import Any

from tests.github.api.state import (
    REPO,
    Problem,
    Request,
    commit_of,
    invalid,
    not_found,
    now,
    route,
    user,
)

MAX_COMMENT = 65_536
COMMENTS, PULL = "/issues/{issue_number}/comments", "/pulls/{pull_number}"


@route("get", "")
def repository(request: Request) -> Any:
    found = request.example()
    for key in ("source", "parent", "template_repository"):
        found.pop(key, None)
    own = {"name": request.parameters["repo"], "full_name": request.full, "language": "Python"}
    repo = request.repo
    return found | own | {"private": repo.private, "default_branch": repo.default_branch}


@route("get", "/pulls")
def pulls(request: Request) -> Any:
    wanted, head, base = (request.asked(name) for name in ("state", "head", "base"))
    shape = request.example()[0]
    found = [
        _pull(request, one)
        for one in request.repo.pulls.values()
        if (wanted or "open") in (one["state"], "all")
        and head in (None, f"{_owner(request, one)}:{one['head']['ref']}")
        and base in (None, one["base"]["ref"])
    ]
    found.reverse()  # the newest first
    return request.page([{k: v for k, v in one.items() if k in shape} for one in found])


def _owner(request: Request, pull: dict[str, Any]) -> str:
    return str(pull["head"].get("repo", request.full)).partition("/")[0]


def _pull(request: Request, one: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request.example(method="get", operation=REPO + PULL)
    own = {key: one[key] for key in ("number", "title", "state", "body", "draft")}
    url = f"{request.base}/repos/{request.full}/pulls/{one['number']}"
    found |= own | {"url": url, "labels": [], "requested_reviewers": [], "requested_teams": []}
    found["html_url"] = f"https://github.com/{request.full}/pull/{one['number']}"
    for side in ("head", "base"):
        full = one[side].get("repo", request.full)
        label = f"{str(full).partition('/')[0]}:{one[side]['ref']}"
        found[side] |= {"ref": one[side]["ref"], "sha": one[side]["sha"], "label": label}
        if full is None:  # the fork is deleted
            found[side]["repo"] = None
        else:
            found[side]["repo"] |= {"full_name": full, "fork": full != request.full}
    return found


def _known(request: Request, name: str) -> dict[str, Any]:
    number = request.number(name)
    if number not in request.repo.pulls:
        raise not_found()
    return request.repo.pulls[number]


@route("get", PULL)
def pull(request: Request) -> Any:
    return _pull(request, _known(request, "pull_number"))


@route("get", PULL + "/files")
def files(request: Request) -> Any:
    shape = request.example()[0]
    return request.page([shape | one for one in _known(request, "pull_number")["files"]])


@route("get", "/commits/{commit_sha}/pulls")
def pulls_of_commit(request: Request) -> Any:
    """Of a commit that only a fork has GitHub knows none."""
    shape = request.example()[0]
    sha = request.parameters["commit_sha"]
    own = [
        one
        for one in request.repo.pulls.values()
        if one["head"]["sha"] == sha and one["head"].get("repo", request.full) == request.full
    ]
    return [{k: v for k, v in _pull(request, one).items() if k in shape} for one in own]


@route("get", COMMENTS)
def comments(request: Request) -> Any:
    number = _known(request, "issue_number")["number"]
    return request.page([x for x in request.repo.comments.values() if x["_issue"] == number])


@route("post", COMMENTS, 201)
def create_comment(request: Request) -> Any:
    issue = _known(request, "issue_number")
    _writable(issue, request)
    _check(request.body["body"])
    new = add_comment(request, issue["number"], request.login, request.body["body"])
    request.extra["Location"] = new["url"]
    return new


def add_comment(request: Request, number: int, login: str, body: str) -> dict[str, Any]:
    key = request.state.new_id()
    base = f"{request.base}/repos/{request.full}/issues"
    new: dict[str, Any] = request.example(201, method="post", operation=REPO + COMMENTS)
    new |= {"id": key, "node_id": f"IC_{key}", "body": body, "user": user(login), "_issue": number}
    new |= {"url": f"{base}/comments/{key}", "issue_url": f"{base}/{number}", "_edits": 0}
    new |= {"created_at": now(), "updated_at": now()}
    new["html_url"] = f"https://github.com/{request.full}/pull/{number}#issuecomment-{key}"
    request.repo.comments[key] = new
    return new


def _writable(issue: dict[str, Any], request: Request) -> None:
    if issue.get("locked") and request.login.endswith("[bot]"):
        raise Problem(403, "Unable to create comment because issue is locked.")


def _check(body: str) -> None:
    if not body:
        raise invalid("IssueComment", "body", "missing_field", "body cannot be blank")
    if len(body) > MAX_COMMENT:
        told = f"Body is too long (maximum is {MAX_COMMENT} characters)"
        raise invalid("IssueComment", "data", "unprocessable", told)


def _comment(request: Request) -> dict[str, Any]:
    found = request.repo.comments.get(request.number("comment_id"))
    if found is None:
        raise not_found()
    return found


@route("get", "/issues/comments/{comment_id}")
def comment(request: Request) -> Any:
    return _comment(request)


@route("patch", "/issues/comments/{comment_id}")
def edit_comment(request: Request) -> Any:
    found = _comment(request)
    if found["user"]["login"] != request.login:
        raise Problem(403, "Resource not accessible by integration")
    _check(request.body["body"])
    found |= {"body": request.body["body"], "updated_at": now(), "_edits": found["_edits"] + 1}
    return found


@route("delete", "/issues/comments/{comment_id}", 204)
def delete_comment(request: Request) -> None:
    del request.repo.comments[_comment(request)["id"]]


@route("get", "/branches/{branch}")
def branch(request: Request) -> Any:
    name = request.parameters["branch"]
    if f"refs/heads/{name}" not in request.repo.refs:
        raise Problem(404, "Branch not found")
    found: dict[str, Any] = request.example()
    found["name"] = name
    found["commit"]["sha"] = commit_of(request, f"heads/{name}")
    return found
