"""Check runs and commit statuses."""

from __future__ import annotations

import copy
from typing import Any

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

RUN = "/check-runs/{check_run_id}"
FIELDS = (
    "name",
    "details_url",
    "external_id",
    "status",
    "started_at",
    "conclusion",
    "completed_at",
)
MAX_DESCRIPTION, MAX_CONTEXT, MAX_OUTPUT = 140, 255, 65_535


def _known(request: Request, sha: str) -> None:
    if sha not in request.repo.commits:
        raise Problem(422, f"No commit found for SHA: {sha}")


@route("post", "/check-runs", 201)
def create_check(request: Request) -> Any:
    _known(request, request.body["head_sha"])
    key = request.state.new_id()
    url = f"{request.base}/repos/{request.full}/check-runs/{key}"
    output = {"title": None, "summary": None, "text": None, "annotations_count": 0}
    run: dict[str, Any] = request.example(201)
    run |= {"id": key, "head_sha": request.body["head_sha"], "status": "queued", "conclusion": None}
    run |= {"completed_at": None, "started_at": now(), "external_id": "", "_annotations": []}
    run |= {"url": url, "html_url": f"https://github.com/{request.full}/runs/{key}"}
    run |= {"pull_requests": [], "output": output | {"annotations_url": f"{url}/annotations"}}
    run["app"] |= {"slug": "github-actions", "id": 15368}
    request.repo.checks[key] = _filled(request, run)
    return request.repo.checks[key]


def _filled(request: Request, run: dict[str, Any]) -> dict[str, Any]:
    body = request.body
    run |= {key: body[key] for key in FIELDS if key in body}
    if body.get("conclusion"):
        run |= {"status": "completed", "completed_at": body.get("completed_at") or now()}
    if run["status"] == "completed" and not run["conclusion"]:
        told = "Missing required keys: conclusion when status is completed"
        raise Problem(422, f"Invalid request.\n\n{told}")
    if run["status"] != "completed":
        run |= {"conclusion": None, "completed_at": None}
    if "output" in body:
        _write_output(request, run, body["output"])
    return run


def _write_output(request: Request, run: dict[str, Any], output: dict[str, Any]) -> None:
    for key in ("summary", "text"):
        if len(output.get(key) or "") > MAX_OUTPUT:
            told = f"Only {MAX_OUTPUT} characters are allowed; {len(output[key])} were supplied."
            raise Problem(422, f"Invalid request.\n\n{told}")
    blank = {"title": None, "raw_details": None, "start_column": None, "end_column": None}
    where = f"https://github.com/{request.full}/blob/{run['head_sha']}"
    run["_annotations"] += [
        {**blank, "blob_href": f"{where}/{one['path']}", **one}
        for one in output.get("annotations", [])
    ]
    run["output"] = {
        "title": output.get("title"),
        "summary": output["summary"],
        "text": output.get("text"),
        "annotations_count": len(run["_annotations"]),
        "annotations_url": f"{run['url']}/annotations",
    }


def _check(request: Request) -> dict[str, Any]:
    found = request.repo.checks.get(request.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


@route("get", RUN)
def check(request: Request) -> Any:
    return _check(request)


@route("patch", RUN)
def edit_check(request: Request) -> Any:
    run = _filled(request, copy.deepcopy(_check(request)))
    request.repo.checks[run["id"]] = run
    return run


@route("get", RUN + "/annotations")
def annotations(request: Request) -> Any:
    return request.page(_check(request)["_annotations"])


@route("get", "/commits/{ref}/check-runs")
def checks(request: Request) -> Any:
    """The newest first; `filter=latest`, which is the default, is the newest of each name."""
    sha, name = commit_of(request, request.parameters["ref"]), request.asked("check_name")
    runs = request.repo.checks.values()
    found = [run for run in runs if run["head_sha"] == sha and name in (None, run["name"])]
    if request.asked("filter", "latest") == "latest":
        found = list({run["name"]: run for run in found}.values())
    return {"total_count": len(found), "check_runs": request.page(found[::-1])}


@route("post", "/statuses/{sha}", 201)
def create_status(request: Request) -> Any:
    sha, body = request.parameters["sha"], request.body
    _known(request, sha)
    for key, most in (("description", MAX_DESCRIPTION), ("context", MAX_CONTEXT)):
        if len(body.get(key) or "") > most:
            raise invalid(
                "Status", key, "custom", f"{key} is too long (maximum is {most} characters)"
            )
    status: dict[str, Any] = request.example(201)
    status |= {key: body.get(key) for key in ("state", "description", "target_url")}
    status |= {"context": body.get("context", "default"), "id": request.state.new_id()}
    status |= {"created_at": now(), "updated_at": now(), "creator": user(request.login)}
    status["url"] = f"{request.base}/repos/{request.full}/statuses/{sha}"
    request.repo.statuses.setdefault(sha, []).insert(0, status)
    return status


@route("get", "/commits/{ref}/status")
def combined_status(request: Request) -> Any:
    sha = commit_of(request, request.parameters["ref"])
    newest = {one["context"]: one for one in reversed(request.repo.statuses.get(sha, []))}
    states = {one["state"] for one in newest.values()}
    state = "pending" if not states or "pending" in states else "success"
    state = "failure" if states & {"failure", "error"} else state
    found: dict[str, Any] = request.example()
    shape = found["statuses"][0]
    own = [{key: one.get(key, value) for key, value in shape.items()} for one in newest.values()]
    return found | {"sha": sha, "state": state, "total_count": len(own), "statuses": own}
