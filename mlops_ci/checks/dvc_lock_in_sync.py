"""Changes that make a stage stale: dvc.lock no longer fits dvc.yaml, params, code or data pointers.

A ratchet: only what the change makes stale counts. stack/data/dvc/status.py judges a stage, without its data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.checks.mentions import PIPELINES, is_dvc_file, is_lock, mentioned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.finding import Finding

ID = "dvc-lock-in-sync"
# These change what DVC sees of other files. params.yaml is read without being named.
_FAR = frozenset({".dvcignore", ".gitattributes", "params.yaml"})


def check(scope: Scope) -> Iterator[Finding]:
    strict = _is_strict(scope)
    # A merge can join inputs and a lock that each side had right: nothing of it need be new.
    if not (scope.all_files or strict or scope.merging or _concerned(scope)):
        return
    scope.tree.prepare()
    from mlops_ci.checks import lock_ratchet

    judged = lock_ratchet.judge(scope, strict=strict)
    if any(judged):
        from mlops_ci.checks import lock_findings

        yield from lock_findings.write(scope, judged)


def _is_strict(scope: Scope) -> bool:
    config = scope.config.loaded if scope.config.mentions(ID, "strict") else None
    return bool(config and config.checks.dvc_lock_in_sync.strict)


def _concerned(scope: Scope) -> bool:
    """Whether a changed file is one of DVC's, or could be named in a dvc.yaml, itself or a folder that it is in."""
    names: set[str] = set()
    for one in scope.changed:
        for path in filter(None, (one.path, one.old_path)):
            parts = path.split("/")
            if is_dvc_file(path) or is_lock(path) or parts[-1] in _FAR:
                return True
            names.update(parts)
    return mentioned(scope, {*names, "- ."} if names else (), PIPELINES)
