"""Deployments, environments and releases."""

from __future__ import annotations

import hashlib
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
    found["transient_environment"] = body.get("transient_environment", False)
    production = environment == "production"
    found["production_environment"] = body.get("production_environment", production)
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
    if body["state"] == "success" and body.get("auto_inactive", True):
        _inactivate(request, of, status)
    return status


def _inactivate(request: Request, of: dict[str, Any], status: dict[str, Any]) -> None:
    """`auto_inactive`: https://docs.github.com/rest/deployments/statuses#create-a-deployment-status"""
    for one in request.repo.deployments.values():
        same = one["environment"] == of["environment"] and one["id"] < of["id"]
        lasting = one["transient_environment"] or one["production_environment"]
        if same and not lasting and one["_statuses"] and one["_statuses"][0]["state"] == "success":
            inactive = {"id": request.state.new_id(), "state": "inactive"}
            one["_statuses"].insert(0, status | inactive)


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
    if found.get("immutable") and "tag_name" in request.body:
        raise invalid("Release", "tag_name", "immutable")
    found |= {key: value for key, value in request.body.items() if key in fields}
    if not found["draft"] and found["published_at"] is None:
        found |= {"published_at": now(), "immutable": request.repo.immutable_releases}
        request.repo.refs.setdefault(
            f"refs/tags/{found['tag_name']}", commit_of(request, found["target_commitish"])
        )
    return found


@route("get", "/releases/{release_id}/assets")
def assets(request: Request) -> Any:
    return request.page(_release(request)["assets"])


def _mutable(release: dict[str, Any]) -> dict[str, Any]:
    """https://docs.github.com/code-security/supply-chain-security/understanding-your-software-supply-chain/immutable-releases"""
    if release.get("immutable"):
        raise Problem(422, "Cannot upload assets to an immutable release.")
    return release


@route("post", "/releases/{release_id}/assets", 201)
def upload_asset(request: Request) -> Any:
    release, name = _mutable(_release(request)), request.asked("name") or ""
    if any(one["name"] == name for one in release["assets"]):
        raise invalid("ReleaseAsset", "name", "already_exists")
    found: dict[str, Any] = request.example(201)
    digest = hashlib.sha256(request.body).hexdigest()
    found |= {"id": request.state.new_id(), "name": name, "label": "", "state": "uploaded"}
    found |= {"size": len(request.body), "digest": f"sha256:{digest}", "_content": request.body}
    found |= {"uploader": user(request.login), "created_at": now(), "updated_at": now()}
    release["assets"].append(found)
    return found


@route("delete", "/releases/assets/{asset_id}", 204)
def delete_asset(request: Request) -> None:
    key = request.number("asset_id")
    for release in request.repo.releases.values():
        found = [one for one in release["assets"] if one["id"] == key]
        if found:
            _mutable(release)["assets"].remove(found[0])
            return
    raise not_found()


@route("get", "/actions/runs/{run_id}/approvals")
def approvals(request: Request) -> Any:
    found = []
    for one in request.repo.approvals.get(request.number("run_id"), []):
        shape: dict[str, Any] = request.example()[0]
        shape |= {key: one[key] for key in ("state", "comment")} | {"user": user(one["login"])}
        shape["environments"][0] |= {"name": one["environment"]}
        found.append(shape)
    return found
