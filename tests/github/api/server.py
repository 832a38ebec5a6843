"""A stateful GitHub API on loopback: every request and every answer is held against GitHub's OpenAPI description.

In process: `with serving() as api: api.add_repo(…)`. As a process: `python -m tests.github.api.server --port-file F`,
with the same calls as POST /_control/add_repo and so on, and what happened at GET /_control/log and /_control/wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.github.api import checks, issues, releases, repository, spec  # noqa: F401 - they register routes
from tests.github.api.state import BOT, ROUTES, Problem, Repo, Request, Route, State, now, user

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of operations that write: which permissions of the workflow's token allow it.
# https://docs.github.com/rest/authentication/permissions-required-for-github-apps
NEEDS = {
    "/issues/": ("issues", "pull_requests"),
    "/check-runs": ("checks",),
    "/statuses/": ("statuses",),
    "/deployments": ("deployments",),
    "/dispatches": ("contents",),
    "/releases": ("contents",),
    "/git/": ("contents",),
}
BUDGET = 5000


class Api:
    """What a test does to it, and what it reads from it."""

    def __init__(self, url: str, state: State) -> None:
        self.url, self.state = url, state

    def add_repo(self, full: str = "octo/churn", **fields: Any) -> None:
        """`files`: commit -> path -> text; its commits, and those of `refs`, are known."""
        repo = Repo(**fields)
        repo.commits |= {*repo.refs.values(), *repo.files}
        self.state.repos[full] = repo

    def add_pull(self, full: str, number: int, **fields: Any) -> None:
        """`head`, `base`: {ref, sha}, the head of a fork with `repo` as well."""
        blank = {"title": "A change", "body": None, "draft": False, "state": "open", "files": []}
        repo = self.state.repos[full]
        repo.pulls[number] = {**blank, "number": number, **fields}
        repo.commits |= {fields["head"]["sha"], fields["base"]["sha"]}
        repo.refs.setdefault(f"refs/heads/{fields['base']['ref']}", fields["base"]["sha"])

    def add_token(self, token: str, login: str = BOT, **permissions: str) -> None:
        """Without permissions it may do all."""
        self.state.tokens[token] = {"login": login, "permissions": permissions or None}

    def add_comment(self, full: str, number: int, login: str, body: str) -> int:
        key = self.state.new_id()
        one = spec.example("/repos/{owner}/{repo}/issues/{issue_number}/comments", "post", 201)
        one |= {"id": key, "body": body, "user": user(login), "_issue": number, "_edits": 0}
        one |= {"created_at": now(), "updated_at": now()}
        self.state.repos[full].comments[key] = one
        return key

    def add_approval(self, full: str, run: int, **fields: Any) -> None:
        """`environment`, `login`; else `state` is approved, `comment` empty."""
        self.state.repos[full].approvals.setdefault(run, []).append(
            {"state": "approved", "comment": "", **fields}
        )

    def add_fault(self, path: str, **fault: Any) -> None:
        """The next `times` requests to paths that match fail: `status`, `headers`, `message`; or `delay` in seconds;
        or `lost`: it is done, and the connection breaks off before the answer. `chance`: not just the next, any.
        `wait`: an event that the answer waits for.
        """
        self.state.faults.append({"path": path, "times": 1} | fault)

    def push(self, full: str, number: int, sha: str) -> None:
        """A new head of a pull request."""
        self.state.repos[full].pulls[number]["head"]["sha"] = sha
        self.state.repos[full].commits.add(sha)

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        log = self.state.log
        return [x for x in log if method in ("", x["method"]) and re.search(path, x["path"])]

    def comments(self, full: str = "octo/churn", login: str = BOT) -> list[dict[str, Any]]:
        known = self.state.repos[full].comments.values()
        return [one for one in known if one["user"]["login"] == login]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    disable_nagle_algorithm = True
    state: State

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the log is in the state."""

    def _any(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/_control/"):
            self._send(200, self._control(path.removeprefix("/_control/"), raw))
            return
        entry = {"method": self.command, "path": path, "query": parts.query, "status": 0}
        with self.state.lock:
            self.state.log.append(entry)
        self._answer(path, raw, entry)

    def _answer(self, path: str, raw: bytes, entry: dict[str, Any]) -> None:
        fault = self._fault(path)
        time.sleep(fault.get("delay", 0))
        if "wait" in fault:
            fault["wait"].wait(60)
        try:
            _raise(fault)
            with self.state.lock:
                status, body, extra = self._operate(path, raw, entry)
        except Problem as problem:
            status, extra = problem.status, problem.headers
            where = "https://docs.github.com/rest"
            body = {"message": problem.message, "documentation_url": where, "status": str(status)}
            body |= {"errors": problem.errors} if problem.errors else {}
        entry["status"] = status
        if fault.get("lost"):
            self.close_connection = True
            return
        self._send(status, body, extra)

    def _fault(self, path: str) -> dict[str, Any]:
        with self.state.lock:
            for fault in self.state.faults:
                meant = fault.get("method", self.command) == self.command
                unlucky = random.random() < fault.get("chance", 1)
                if fault["times"] > 0 and meant and unlucky and re.search(fault["path"], path):
                    fault["times"] -= 1
                    return fault
        return {}

    def _operate(
        self, path: str, raw: bytes, entry: dict[str, Any]
    ) -> tuple[int, Any, dict[str, str]]:
        who = self._who()
        file = self.headers.get("Content-Type") == "application/octet-stream"
        body = raw if file else self._json(raw)
        entry["body"] = f"{len(raw)} bytes" if file else body
        method = self.command.lower()
        route, parameters = self._route(method, path)
        base = f"http://{self.headers.get('Host')}"
        query = parse_qs(urlsplit(self.path).query)
        request = Request(self.state, method, route.path, path, parameters, query, body, who, base)
        _ = request.repo
        self._check_rights(route, who)
        _check_body(route, body)
        answer = _public(route.handler(request))
        if answer is not None:
            errors = spec.answer_errors(route.path, method, route.status, _sample(answer))
            self.state.wrong += [f"{self.command} {route.path}: {error}" for error in errors[:4]]
        return route.status, answer, request.extra

    def _who(self) -> dict[str, Any] | None:
        if not self.headers.get("User-Agent"):
            raise Problem(403, "Request forbidden by administrative rules: no User-Agent header")
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if not kind:
            return None
        if kind.lower() not in ("bearer", "token") or token not in self.state.tokens:
            raise Problem(401, "Bad credentials")
        return self.state.tokens[token]

    def _json(self, raw: bytes) -> Any:
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise Problem(400, "Problems parsing JSON") from None

    def _route(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in ROUTES:
            found = route.pattern.fullmatch(path) if route.method == method else None
            if found:
                return route, found.groupdict()
        self.state.wrong.append(f"no such operation here: {self.command} {path}")
        raise Problem(404, "Not Found")

    def _check_rights(self, route: Route, who: dict[str, Any] | None) -> None:
        if route.method == "get":
            self._check_reading(route, who)
            return
        if who is None:
            raise Problem(401, "Requires authentication")
        rights = who["permissions"]
        needs = next((v for key, v in NEEDS.items() if key in route.path), ())
        if rights is None or not needs or any(rights.get(one) == "write" for one in needs):
            return
        accepted = {"X-Accepted-GitHub-Permissions": "; ".join(f"{one}=write" for one in needs)}
        raise Problem(403, "Resource not accessible by integration", headers=accepted)

    def _check_reading(self, route: Route, who: dict[str, Any] | None) -> None:
        """What runs did, only a token that may read `actions` learns; of the rest nothing is held back here."""
        rights = (who or {}).get("permissions")
        if "/actions/" in route.path and rights is not None and "actions" not in rights:
            accepted = {"X-Accepted-GitHub-Permissions": "actions=read"}
            raise Problem(403, "Resource not accessible by integration", headers=accepted)

    def _send(self, status: int, body: Any, extra: dict[str, str] | None = None) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        left = str(max(0, BUDGET - len(self.state.log)))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(raw)),
            "X-RateLimit-Limit": str(BUDGET),
            "X-RateLimit-Remaining": left,
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            **(extra or {}),
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def _control(self, name: str, raw: bytes) -> Any:
        if name in ("log", "wrong"):
            return getattr(self.state, name)
        if name == "repo":
            return {"comments": list(self.state.repos[json.loads(raw)["full"]].comments.values())}
        arguments = json.loads(raw or b"{}")
        getattr(Api("", self.state), name)(**arguments)
        return {}

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815


def _raise(fault: dict[str, Any]) -> None:
    if "status" in fault:
        told = fault.get("message", "fault")
        raise Problem(fault["status"], told, headers=fault.get("headers"))


def _check_body(route: Route, body: Any) -> None:
    wanted = spec.SPEC["paths"][route.path][route.method].get("requestBody")
    if wanted is None or "application/json" not in wanted["content"]:
        return
    if body is None and wanted.get("required"):
        raise Problem(422, "Invalid request.\n\nFor 'links/0/schema', nil is not an object.")
    errors = spec.request_errors(route.path, route.method, body) if body is not None else []
    if errors:
        raise Problem(422, "Invalid request.\n\n" + "\n".join(errors[:5]))


def _sample(found: Any) -> Any:
    """Of long lists the two entries at each end: they are all made alike, and there may be thousands."""
    if isinstance(found, dict):
        return {
            key: _sample(value) if isinstance(value, list) else value
            for key, value in found.items()
        }
    return found if not isinstance(found, list) or len(found) < 5 else [*found[:2], *found[-2:]]


def _public(found: Any) -> Any:
    """Without what only the state needs."""
    if isinstance(found, dict):
        shown = {k: v for k, v in found.items() if not k.startswith("_") or k == "_links"}
        return {key: _public(value) for key, value in shown.items()}
    return [_public(one) for one in found] if isinstance(found, list) else found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no news; anything else is our bug, and a test asks for it."""
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.state.wrong.append(f"the API of the tests is broken: {error!r}")

    state: State


@contextmanager
def serving(port: int = 0) -> Iterator[Api]:
    state = State()
    handler = type("Handler", (_Handler,), {"state": state})
    server = _Server(("127.0.0.1", port), handler)
    server.state = state
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_address[1]}", state)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    chosen = parser.parse_args()
    with serving(chosen.port) as api:
        if chosen.port_file:
            chosen.port_file.write_text(api.url.rpartition(":")[2], encoding="utf-8")
        print(api.url, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
