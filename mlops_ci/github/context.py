"""Which run of which workflow this is, and which pull request it is about.

https://docs.github.com/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UsageError
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

API, SERVER = "https://api.github.com", "https://github.com"
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# The largest webhook payload: https://docs.github.com/webhooks/webhook-events-and-payloads
_MAX_EVENT = 25 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Context:
    """`sha`: the commit that statuses are for. `pull`: None where there is none, or where it is still to be found.

    `run`, `attempt`: of the run that measured; in a `workflow_run` that is the run that triggered it.
    `head_repository`, `head_branch`: where the change lives, of a `workflow_run`.
    `shared`: another pull request of this commit, by other gates: a status is of the commit, so of both.
    `is_named`: the pull request is another one than that of the event, or the event has none.
    """

    repository: str
    sha: str
    event: str = ""
    run: int = 0
    attempt: int = 1
    pull: int | None = None
    base: str = ""
    head_repository: str = ""
    head_branch: str = ""
    is_named: bool = False
    shared: str = ""
    api: str = API
    server: str = SERVER
    summary: Path | None = None
    outputs: Path | None = None

    @property
    def is_trusted_side(self) -> bool:
        """Started by the end of another run, with the rights of the default branch."""
        return self.event == "workflow_run"

    @property
    def is_fork(self) -> bool:
        return self.head_repository not in ("", self.repository)

    @property
    def runs_url(self) -> str:
        return f"{self.server}/{self.repository}/actions/runs/"

    @property
    def run_url(self) -> str:
        return f"{self.runs_url}{self.run}" if self.run else ""


def read(environ: Mapping[str, str], pull: int | None = None) -> Context:
    """`pull` stands before that of the event. Raises UsageError when that is no run, or nobody may name it there."""
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    found: dict[str, Any] = {
        "repository": environ.get("GITHUB_REPOSITORY", ""),
        "sha": environ.get("GITHUB_SHA", ""),
        "event": environ.get("GITHUB_EVENT_NAME", ""),
        "run": _number(environ.get("GITHUB_RUN_ID")),
        "attempt": _number(environ.get("GITHUB_RUN_ATTEMPT")) or 1,
        "base": environ.get("GITHUB_BASE_REF", ""),
    }
    found |= _of_pull_request(_part(event, "pull_request"))
    found |= _of_issue(_part(event, "issue"))
    found |= _of_run(_part(event, "workflow_run")) if found["event"] == "workflow_run" else {}
    if pull and found["event"] == "workflow_run":
        # Such a number comes from the other run, which may have run anybody's code.
        raise UsageError(
            "in a workflow_run the pull request is looked up by the branch of the run, not taken from --pull",
            hint="leave out --pull",
        )
    found["is_named"] = bool(pull and pull != found.get("pull"))
    found["pull"] = pull or found.get("pull")
    _check(found)
    return Context(
        **found,
        api=environ.get("GITHUB_API_URL") or API,
        server=environ.get("GITHUB_SERVER_URL") or SERVER,
        summary=_file(environ, "GITHUB_STEP_SUMMARY"),
        outputs=_file(environ, "GITHUB_OUTPUT"),
    )


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def default_branch(environ: Mapping[str, str]) -> str:
    """That of the repository whose event started the run; "" where no event tells. Raises UsageError."""
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    return str(_part(event, "repository").get("default_branch", ""))


def _event(path: str) -> dict[str, Any]:
    """Without a payload, an empty one: `schedule` has none under some runners."""
    file = Path(path)
    if not path or not file.is_file():
        return {}
    if file.stat().st_size > _MAX_EVENT:
        raise UsageError(f"{path} is larger than any event of GitHub")
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not the JSON of an event: {error}") from None
    return found if isinstance(found, dict) else {}


def _part(event: Any, name: str) -> dict[str, Any]:
    found = event.get(name) if isinstance(event, dict) else None
    return found if isinstance(found, dict) else {}


def _of_pull_request(pull: dict[str, Any]) -> dict[str, Any]:
    """GITHUB_SHA is the test merge: statuses belong on the head of the branch."""
    if not pull:
        return {}
    head, base = _part(pull, "head"), _part(pull, "base")
    # The repository of a fork may be deleted by now: then it is no less a fork.
    name = _part(head, "repo").get("full_name") or "(deleted)"
    return {
        "pull": _number(pull.get("number")) or None,
        "sha": head.get("sha"),
        "base": base.get("ref"),
        "head_repository": name,
        "head_branch": head.get("ref"),
    }


def _of_issue(issue: dict[str, Any]) -> dict[str, Any]:
    return {"pull": _number(issue.get("number"))} if _part(issue, "pull_request") else {}


def _of_run(run: dict[str, Any]) -> dict[str, Any]:
    """https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run"""
    return {
        "pull": None,
        "run": _number(run.get("id")),
        "attempt": _number(run.get("run_attempt")) or 1,
        "sha": run.get("head_sha"),
        "head_repository": _part(run, "head_repository").get("full_name") or "(deleted)",
        "head_branch": run.get("head_branch"),
    }


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _check(found: dict[str, Any]) -> None:
    """What becomes part of an address is what it should be, whoever wrote the event."""
    for name, variable, pattern in (
        ("repository", "GITHUB_REPOSITORY", _REPOSITORY),
        ("sha", "GITHUB_SHA", _SHA),
    ):
        value = found[name]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            wrong = "is not set" if not value else "is not what GitHub sets"
            hint = f"outside of GitHub Actions: export {variable}=…, GITHUB_TOKEN=…, and --pull N"
            raise UsageError(
                f"which {name} to publish to is not known: {variable} {wrong}", hint=hint
            )
    for name in ("base", "head_repository", "head_branch"):
        found[name] = str(found.get(name) or "")
