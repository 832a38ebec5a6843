"""What files alone cannot decide, asked of the project's own `dvc status`.

Only where a developer commits: on a machine of CI nothing that a pull request brings may make a program run, and there
`dvc` would read a config from it. `dvc status` runs no stage and asks no remote.
"""

from __future__ import annotations

import json
import os
import posixpath
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import MlopsCiError
from mlops_ci.git.index import IndexTree
from mlops_ci.process import environment_outside_git, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.checks.base import Scope
    from mlops_ci.stack.data.dvc import Status

_CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "TF_BUILD")
_SECONDS = 120
# As much as one command line of Windows can take.
_TARGETS = 100
# DVC has not seen the content either.
_ABSENT = frozenset({"deleted", "not in cache"})


def decided(scope: Scope, found: tuple[Status, ...]) -> tuple[Status, ...]:
    root = scope.repository.root
    if root is None or not _may_ask(scope, root):
        return found
    program = find_program(scope, root)
    if program is None:
        return found
    doubtful = [one for one in found if one.doubts and one.name]
    answers: dict[str, dict[str, str]] = {}
    for dvc_root in sorted({_root_of(scope, one) for one in doubtful}):
        own = [one for one in doubtful if _root_of(scope, one) == dvc_root]
        answers |= _answers(program, root, dvc_root, own)
    return tuple(_settled(one, answers) for one in found)


def _may_ask(scope: Scope, root: Path) -> bool:
    if not isinstance(scope.tree, IndexTree) or in_ci():
        return False
    if _redirected(scope):
        return False
    unstaged = scope.repository.git("diff", "--quiet", "--ignore-submodules")
    return unstaged.returncode == 0 and root.is_dir()


def _redirected(scope: Scope) -> bool:
    """Whether files in Git say where DVC keeps the databases that it unpickles."""
    for path in scope.tree.entries:
        if path.endswith((".dvc/config.local", ".dvc/config")) or "/.dvc/tmp/" in f"/{path}":
            if not path.endswith("/config") or b"site_cache_dir" in (scope.tree.read(path) or b""):
                return True
            if scope.tree.modes[path][0] == "120000":
                return True
    return False


def in_ci() -> bool:
    return any(os.environ.get(name) for name in _CI)


def find_program(scope: Scope, root: Path) -> str | None:
    """The project's dvc; a setting for it counts only where it is committed."""
    from mlops_ci.stack.data.dvc import find_dvc

    configured = None
    if scope.base is not None and "mlops-ci.yaml" in scope.base.entries:
        from mlops_ci.config import load

        try:
            config = load(scope.base.read)
        except MlopsCiError:
            return None
        configured = config.data.dvc if config else None
    return find_dvc(root, scope.repository.is_tracked, configured)


def _root_of(scope: Scope, status: Status) -> str:
    parts = posixpath.dirname(status.pipeline).split("/")
    folders = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((one for one in folders if one and scope.tree.below(f"{one}/.dvc")), "")


def _answers(
    program: str, root: Path, dvc_root: str, doubtful: list[Status]
) -> dict[str, dict[str, str]]:
    """Target of a stage to what DVC finds changed of it, by path; a stage that is missing was not answered."""
    found: dict[str, dict[str, str]] = {}
    targets = {_inner(one, dvc_root): one.target for one in doubtful}
    names = list(targets)
    for start in range(0, len(names), _TARGETS):
        chunk = names[start : start + _TARGETS]
        try:
            done = run(
                [program, "status", "--json", "--", *chunk],
                cwd=root / dvc_root,
                env=environment_outside_git(DVC_NO_ANALYTICS="1"),
                timeout=_SECONDS,
            )
            answer = json.loads(done.stdout) if done.returncode == 0 else None
        except (MlopsCiError, ValueError):
            answer = None
        if isinstance(answer, dict):
            found |= {targets[name]: dict(_changed(answer.get(name), dvc_root)) for name in chunk}
    return found


def _inner(status: Status, dvc_root: str) -> str:
    pipeline = posixpath.relpath(status.pipeline, dvc_root) if dvc_root else status.pipeline
    return status.name if pipeline == "dvc.yaml" else f"{pipeline}:{status.name}"


def _changed(entries: Any, dvc_root: str) -> Iterator[tuple[str, str]]:
    for entry in entries if isinstance(entries, list) else ():
        for found in entry.values() if isinstance(entry, dict) else ():
            for path, what in found.items() if isinstance(found, dict) else ():
                place = posixpath.normpath(posixpath.join(dvc_root, path.replace("\\", "/")))
                yield place, what if isinstance(what, str) else "modified"


def _settled(status: Status, answers: dict[str, dict[str, str]]) -> Status:
    from mlops_ci.stack.data.dvc import Reason

    if not status.doubts or status.target not in answers:
        return status
    changed = answers[status.target]
    left = tuple(one for one in status.doubts if changed.get(one.subject) in _ABSENT)
    reasons = tuple(
        Reason(
            kind="data", subject=one.subject, what=f"is {changed[one.subject]}, as dvc status says"
        )
        for one in status.doubts
        if one.subject in changed and one not in left
    )
    return status._replace(doubts=left, reasons=status.reasons + reasons)
