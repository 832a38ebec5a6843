"""Cuts the operations that the API of the tests serves out of GitHub's own OpenAPI description.

npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json
python -m tests.github.api.slice package/generated/api.github.com.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("openapi.json")
REPO = "/repos/{owner}/{repo}"
OPERATIONS = """
get
get /branches/{branch}
get /pulls
get /pulls/{pull_number}
get /pulls/{pull_number}/files
get /commits/{commit_sha}/pulls
get /issues/{issue_number}/comments
post /issues/{issue_number}/comments
get /issues/comments/{comment_id}
patch /issues/comments/{comment_id}
delete /issues/comments/{comment_id}
post /check-runs
get /check-runs/{check_run_id}
patch /check-runs/{check_run_id}
get /check-runs/{check_run_id}/annotations
get /commits/{ref}/check-runs
post /statuses/{sha}
get /commits/{ref}/status
get /contents/{path}
get /compare/{basehead}
post /deployments
get /deployments
get /deployments/{deployment_id}
post /deployments/{deployment_id}/statuses
get /deployments/{deployment_id}/statuses
get /environments
get /environments/{environment_name}
get /releases
post /releases
get /releases/latest
get /releases/tags/{tag}
patch /releases/{release_id}
get /releases/{release_id}/assets
post /releases/{release_id}/assets
delete /releases/assets/{asset_id}
get /actions/runs/{run_id}/approvals
get /git/ref/{ref}
post /git/refs
patch /git/refs/{ref}
get /git/matching-refs/{ref}
post /git/tags
get /git/tags/{tag_sha}
post /dispatches
get /rules/branches/{branch}
get /rulesets
"""
# Prose is most of the size.
PROSE = ("externalDocs", "x-github", "x-webhooks", "x-octokit")


def strip(node: Any) -> Any:
    """Without prose; examples stay whole. An enum that may be null says so, as GitHub's description does not."""
    if isinstance(node, list):
        return [strip(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: value if key in ("example", "value") else strip(value)
        for key, value in node.items()
        if key not in PROSE and not (key == "description" and isinstance(value, str))
    }
    if kept.get("nullable") and None not in (kept.get("enum") or [None]):
        kept["enum"] = [*kept["enum"], None]
    return kept


class Slice:
    def __init__(self, whole: dict[str, Any]) -> None:
        self.whole = whole
        self.cut: dict[str, Any] = {key: whole[key] for key in ("openapi", "info", "servers")}
        self.cut |= {"paths": {}, "components": {}}

    def add(self, method: str, path: str) -> None:
        operation = strip(self.whole["paths"][path][method])
        for response in operation["responses"].values():
            if "$ref" not in response:
                response["description"] = ""
        self.cut["paths"].setdefault(path, {})[method] = operation
        self._follow(operation)

    def _follow(self, node: Any) -> None:
        """What is referred to is needed too."""
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            self._component(*node["$ref"].split("/")[2:])
        for one in node.values() if isinstance(node, dict) else node:
            if isinstance(one, (dict, list)):
                self._follow(one)

    def _component(self, kind: str, name: str) -> None:
        known = self.cut["components"].setdefault(kind, {})
        if name not in known:
            known[name] = strip(self.whole["components"][kind][name])
            self._follow(known[name])


def main(source: str) -> None:
    cut = Slice(json.loads(Path(source).read_text(encoding="utf-8")))
    for line in OPERATIONS.strip().splitlines():
        method, _, path = line.partition(" ")
        cut.add(method, REPO + path)
    for response in cut.cut["components"].get("responses", {}).values():
        response.setdefault("description", "")
    text = json.dumps(cut.cut, separators=(",", ":"), sort_keys=True)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
