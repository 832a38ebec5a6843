"""Refs, tags, files, rules and dispatches."""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.github.api.state import Problem, Request, commit_of, digest, not_found, now, route

REF = "/git/ref/{ref}"


def _ref(request: Request, ref: str) -> dict[str, Any]:
    target = request.repo.refs[ref]
    kind = "tag" if target in request.repo.tags else "commit"
    base = f"{request.base}/repos/{request.full}/git"
    at = {"type": kind, "sha": target, "url": f"{base}/{kind}s/{target}"}
    return {"ref": ref, "node_id": f"REF_{digest(ref)}", "url": f"{base}/{ref}", "object": at}


def _known(request: Request) -> str:
    ref = "refs/" + request.parameters["ref"]
    if ref not in request.repo.refs:
        raise not_found()
    return ref


@route("get", REF)
def ref_(request: Request) -> Any:
    return _ref(request, _known(request))


@route("get", "/git/matching-refs/{ref}")
def matching_refs(request: Request) -> Any:
    start = "refs/" + request.parameters["ref"]
    return request.page(
        [_ref(request, r) for r in sorted(request.repo.refs) if r.startswith(start)]
    )


def _exists(request: Request, sha: str) -> None:
    if sha not in request.repo.commits and sha not in request.repo.tags:
        raise Problem(422, "Object does not exist")


@route("post", "/git/refs", 201)
def create_ref(request: Request) -> Any:
    ref, sha = request.body["ref"], request.body["sha"]
    if not re.match(r"refs/[^/]+/.+", ref):
        told = "Reference name must start with 'refs/' and have at least two slashes"
        raise Problem(422, told)
    if ref in request.repo.refs:
        raise Problem(422, "Reference already exists")
    _exists(request, sha)
    request.repo.refs[ref] = sha
    return _ref(request, ref)


@route("patch", "/git/refs/{ref}")
def move_ref(request: Request) -> Any:
    ref = "refs/" + request.parameters["ref"]
    if ref not in request.repo.refs:
        raise Problem(422, "Reference does not exist")
    _exists(request, request.body["sha"])
    request.repo.refs[ref] = request.body["sha"]
    return _ref(request, ref)


@route("post", "/git/tags", 201)
def create_tag(request: Request) -> Any:
    body = request.body
    _exists(request, body["object"])
    sha = digest(repr(sorted(body.items())) + now())
    tagger = {"name": "bot", "email": "bot@example.com", "date": now()}
    found: dict[str, Any] = request.example(201)
    found |= {"sha": sha, "tag": body["tag"], "message": body["message"]}
    found |= {"tagger": tagger | body.get("tagger", {})}
    found["object"] |= {"sha": body["object"], "type": body["type"]}
    request.repo.tags[sha] = found
    return found


@route("get", "/git/tags/{tag_sha}")
def tag(request: Request) -> Any:
    found = request.repo.tags.get(request.parameters["tag_sha"])
    if found is None:
        raise not_found()
    return found


@route("get", "/contents/{path}")
def contents(request: Request) -> Any:
    """Up to a megabyte with its content: https://docs.github.com/rest/repos/contents"""
    path, repo = request.parameters["path"], request.repo
    try:
        sha = commit_of(request, request.asked("ref") or repo.default_branch)
    except Problem:
        raise Problem(404, f"No commit found for the ref {request.asked('ref')}") from None
    text = repo.files.get(sha, {}).get(path)
    if text is None:
        raise not_found()
    raw = text.encode()
    found = request.example()
    base = f"{request.base}/repos/{request.full}"
    large = len(raw) > 1024 * 1024
    own = {
        "type": "file",
        "encoding": "none" if large else "base64",
        "content": "" if large else base64.encodebytes(raw).decode(),
        "size": len(raw),
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": digest(f"blob {len(raw)}\0{text}"),
        "url": f"{base}/contents/{path}?ref={sha}",
    }
    return (found if isinstance(found, dict) else found[0]) | own


@route("get", "/compare/{basehead}")
def compare(request: Request) -> Any:
    """https://docs.github.com/rest/commits/commits#compare-two-commits"""
    base, _, head = request.parameters["basehead"].partition("...")
    base, head = commit_of(request, base), commit_of(request, head)
    found: dict[str, Any] = request.example()
    found["merge_base_commit"]["sha"] = request.repo.merge_bases.get(head, base)
    return found


@route("get", "/rules/branches/{branch}")
def rules(request: Request) -> Any:
    return request.page(request.repo.rules)


@route("post", "/dispatches", 204)
def dispatch(request: Request) -> None:
    request.repo.dispatches.append(request.body)
