"""Deployments, environments and releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.api.state import (
    Problem,
    Request,
    commit_of,
    invalid,
    not_found,
    now,
    route,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

DEPLOYMENT = "/deployments/{deployment_id}"
GOOD = ("success", "neutral", "skipped")


@route("post", "/deployments", 201)
def create_deployment(request: Request) -> Any:
    body = request.body
    sha = commit_of(request, body["ref"])
    _require_contexts(request, sha)
    environment = body.get("environment", "production")
    found: dict[str, Any] = request.example(201)
    found |= {"id": request.state.new_id(), "sha": sha, "ref": body["ref"], "_statuses": []}
    found |= {"task": body.get("task", "deploy"), "payload": body.get("payload", {})}
    found |= {"environment": environment, "original_environment": environment}
    found |= {"description": body.get("description"), "creator": user(request.login)}
    found |= {"created_at": now(), "updated_at": now()}
    request.repo.deployments[found["id"]] = found
    return found


def _require_contexts(request: Request, sha: str) -> None:
    runs = [run for run in request.repo.checks.values() if run["head_sha"] == sha]
    states = {one["context"]: one["state"] for one in reversed(request.repo.statuses.get(sha, []))}
    states |= {run["name"]: "success" for run in runs if run["conclusion"] in GOOD}
    known = {*states, *(run["name"] for run in runs)}
    needed = request.body.get("required_contexts")
    missing = [one for one in (known if needed is None else needed) if states.get(one) != "success"]
    if missing:
        told = f"Conflict: Commit status checks failed for {request.body['ref']}."
        contexts = [{"context": one, "state": "pending"} for one in missing]
        error = {"resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise Problem(409, told, [error | {"contexts": contexts}])


@route("get", "/deployments")
def deployments(request: Request) -> Any:
    asked = ("sha", "ref", "task", "environment")
    newest = reversed(request.repo.deployments.values())
    found = [d for d in newest if all(request.asked(q, d[q]) == d[q] for q in asked)]
    return request.page(found)


def _deployment(request: Request) -> dict[str, Any]:
    found = request.repo.deployments.get(request.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


@route("get", DEPLOYMENT)
def deployment(request: Request) -> Any:
    return _deployment(request)


@route("post", DEPLOYMENT + "/statuses", 201)
def create_deployment_status(request: Request) -> Any:
    body, of = request.body, _deployment(request)
    status: dict[str, Any] = request.example(201)
    status |= {"id": request.state.new_id(), "state": body["state"]}
    texts = ("description", "environment_url", "log_url", "target_url")
    status |= {key: body.get(key, "") for key in texts}
    status |= {"environment": of["environment"], "creator": user(request.login)}
    status |= {"created_at": now(), "updated_at": now()}
    of["_statuses"].insert(0, status)
    return status


@route("get", DEPLOYMENT + "/statuses")
def deployment_statuses(request: Request) -> Any:
    return request.page(_deployment(request)["_statuses"])


def _environment(request: Request, name: str) -> dict[str, Any]:
    shape: dict[str, Any] = request.example()
    shape = shape["environments"][0] if "environments" in shape else shape
    return shape | {"name": name} | request.repo.environments[name]


@route("get", "/environments")
def environments(request: Request) -> Any:
    found = [_environment(request, name) for name in sorted(request.repo.environments)]
    return {"total_count": len(found), "environments": request.page(found)}


@route("get", "/environments/{environment_name}")
def environment(request: Request) -> Any:
    name = request.parameters["environment_name"]
    if name not in request.repo.environments:
        raise not_found()
    return _environment(request, name)


@route("get", "/releases")
def releases(request: Request) -> Any:
    return request.page(list(reversed(request.repo.releases.values())))


@route("post", "/releases", 201)
def create_release(request: Request) -> Any:
    body, repo = request.body, request.repo
    tag, draft = body["tag_name"], body.get("draft", False)
    if any(one["tag_name"] == tag and not one["draft"] for one in repo.releases.values()):
        raise invalid("Release", "tag_name", "already_exists")
    target = body.get("target_commitish") or repo.default_branch
    if not draft and f"refs/tags/{tag}" not in repo.refs:
        repo.refs[f"refs/tags/{tag}"] = commit_of(request, target)
    key = request.state.new_id()
    url = f"{request.base}/repos/{request.full}/releases/{key}"
    found: dict[str, Any] = request.example(201)
    found |= {"id": key, "tag_name": tag, "target_commitish": target, "name": body.get("name")}
    found |= {"body": body.get("body", ""), "draft": draft, "assets": []}
    found |= {"prerelease": body.get("prerelease", False), "author": user(request.login)}
    found |= {"created_at": now(), "published_at": None if draft else now(), "url": url}
    found |= {"upload_url": f"{url}/assets{{?name,label}}", "assets_url": f"{url}/assets"}
    found |= {"html_url": f"https://github.com/{request.full}/releases/tag/{tag}"}
    repo.releases[key] = found
    return found


def _last(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    listed = list(found)
    if not listed:
        raise not_found()
    return listed[-1]


@route("get", "/releases/latest")
def latest_release(request: Request) -> Any:
    known = request.repo.releases.values()
    return _last(one for one in known if not one["draft"] and not one["prerelease"])


@route("get", "/releases/tags/{tag}")
def release_of_tag(request: Request) -> Any:
    known, tag = request.repo.releases.values(), request.parameters["tag"]
    return _last(one for one in known if one["tag_name"] == tag and not one["draft"])


def _release(request: Request) -> dict[str, Any]:
    key = request.number("release_id")
    return _last(one for one in request.repo.releases.values() if one["id"] == key)


@route("patch", "/releases/{release_id}")
def edit_release(request: Request) -> Any:
    found = _release(request)
    fields = ("name", "body", "draft", "prerelease", "tag_name")
    found |= {key: value for key, value in request.body.items() if key in fields}
    return found


@route("get", "/releases/{release_id}/assets")
def assets(request: Request) -> Any:
    return request.page(_release(request)["assets"])
