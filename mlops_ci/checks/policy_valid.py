"""A broken mlops-ci.yaml, gates on metrics that nothing writes, waivers that have expired or name nothing.

A gate on a misspelt metric fails later, in the pull request; a loosened bound is a remark, since it may be meant.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from mlops_ci.checks import quick
from mlops_ci.checks.lazy_config import FILE
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from mlops_ci.checks.base import Scope
    from mlops_ci.config import Config

ID = "policy-valid"
_ERROR = re.compile(r"(.+?):(\d+):(\d+): (.*)", re.DOTALL)
_WHY = (
    "It decides what may be merged: a mistake in it lets a worse model pass, or stops a good one."
)


def check(scope: Scope, *, today: date | None = None) -> Iterator[Finding]:
    """`today`: instead of this day in UTC."""
    if not quick.existing(scope, [FILE]):
        yield from _removed(scope)
        return
    read: dict[str, bytes] = {}
    try:
        config = _load(scope, read)
    except ConfigError as error:
        yield from (_broken(line) for line in str(error).splitlines())
        return
    except UnreadableError as error:
        yield Finding(rule=ID, path=FILE, what=str(error), fix=error.hint, undecided=True)
        return
    if config is None or not _concerns(scope, read):
        return
    from mlops_ci.checks import policy_findings

    yield from policy_findings.find(scope, config, read, today)


def _removed(scope: Scope) -> Iterator[Finding]:
    gone = [
        one.old_path or one.path for one in scope.changed if one.status in ("deleted", "renamed")
    ]
    if FILE in gone:
        yield Finding(
            rule=f"{ID}/loosened",
            path=FILE,
            what=f"this change removes {FILE}, and with it every gate",
            why="It has no effect on the change itself, and on every one after it is merged.",
            level="note",
        )


def _load(scope: Scope, into: dict[str, bytes]) -> Config | None:
    def read(path: str) -> bytes | None:
        content = quick.read(scope, path)
        if content is not None:
            into[path] = content
        return content

    from mlops_ci import config

    return config.load(read)


def _concerns(scope: Scope, read: Iterable[str]) -> bool:
    """Whether the change can have made a difference: expired waivers must not stop each and every commit."""
    if scope.all_files or scope.base is None:
        return True
    names = ("dvc.yaml", "dvc.lock")
    return any(one.path in read or posixpath.basename(one.path) in names for one in scope.changed)


def _broken(line: str) -> Finding:
    fix = "correct it there; every key is in docs/configuration.md"
    if found := _ERROR.fullmatch(line):
        path, row, column, what = found.groups()
        where: dict[str, Any] = {"path": path, "line": int(row), "column": int(column)}
        return Finding(rule=f"{ID}/broken", what=what, why=_WHY, fix=fix, **where)
    path, _, what = line.partition(": ")
    if not what or not path.endswith((".yaml", ".yml")):
        path, what = FILE, line
    return Finding(rule=f"{ID}/broken", path=path, what=what, why=_WHY, fix=fix)
