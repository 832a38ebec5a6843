"""Runs checks over one Scope and settles their Findings by the config."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.checks import catalog
from mlops_ci.checks.lazy_config import LazyConfig
from mlops_ci.checks.scope import Asked, find_config, find_scope
from mlops_ci.errors import ConfigError, ToolError, UnreadableError
from mlops_ci.finding import Finding, exit_code
from mlops_ci.git import Repository
from mlops_ci.git.index import IndexTree
from mlops_ci.process import NO_FETCH, forget_pathspec_modes
from mlops_ci.text import pathspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.catalog import Entry
    from mlops_ci.checks_config import CheckConfig, ChecksConfig


class Report(NamedTuple):
    """`scope`: in words. `checks`: how many ran."""

    findings: list[Finding]
    scope: str
    checks: int

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)


def run_checks(
    start: str | Path,
    entries: Iterable[Entry],
    asked: Asked,
    adjust: Callable[[ChecksConfig], ChecksConfig] | None = None,
) -> Report:
    """`adjust`: changes the settings once more, for what the command line says.

    Raises ConfigError when the config is broken and decides something, and no check among `entries` is there to say so.
    """
    forget_pathspec_modes()
    repository = Repository.discover(start)
    repository.objects.env = {**os.environ, **NO_FETCH}
    scope = find_scope(repository, asked)
    scope = scope._replace(config=find_config(repository, scope, asked, adjust))
    entries = list(entries)
    broken = any(one.reads_config for one in entries) and _is_broken(scope.config)
    if broken:
        scope = scope._replace(config=LazyConfig(adjust=adjust))
    active = [one for one in entries if not scope.config.is_off(one.id)]
    findings = [found for one in active for found in _run(one, scope, broken=broken)]
    findings += [finding for one in active[:1] for finding in _unmerged(one, scope)]
    return Report(findings=_waived(findings, scope), scope=_words(scope), checks=len(active))


def _is_broken(config: LazyConfig) -> bool:
    try:
        _ = config.loaded
    except ConfigError:
        return True
    return False


def _run(one: Entry, scope: Scope, *, broken: bool) -> list[Finding]:
    if broken and not one.reads_config:
        return [_not_run(one)]
    found = list(_until_error(one, scope))
    settings = scope.config.of(one.id) if found else None
    return [_settled(finding, settings) for finding in found] if settings else found


def _waived(findings: list[Finding], scope: Scope) -> list[Finding]:
    config = scope.config.loaded if findings else None
    if config is None or not config.waivers:
        return findings
    from datetime import datetime, timezone

    from mlops_ci import waivers

    return waivers.on_findings(findings, config.waivers, datetime.now(timezone.utc).date())


def _until_error(one: Entry, scope: Scope) -> Iterator[Finding]:
    """What was found before an error counts too."""
    try:
        yield from catalog.load(one).check(scope)
    except (ToolError, UnreadableError) as error:
        yield _undecided(one, str(error), error.hint)


def _unmerged(one: Entry, scope: Scope) -> Iterator[Finding]:
    """Once, whichever check runs: what the next commit will hold is not known."""
    paths = sorted(scope.tree.unmerged) if isinstance(scope.tree, IndexTree) else []
    if paths:
        more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        what = f"has merge conflicts{more}: not judged"
        fix = f"resolve them, then: git add -- {pathspec(paths[0])}"
        yield Finding(rule=one.id, path=paths[0], what=what, fix=fix, undecided=True)


def _not_run(one: Entry) -> Finding:
    return _undecided(
        one, "not run, mlops-ci.yaml is broken", "mend mlops-ci.yaml, see policy-valid"
    )


def _undecided(one: Entry, reason: str, hint: str) -> Finding:
    return Finding(rule=one.id, path="", what=reason, fix=hint, undecided=True)


def _settled(finding: Finding, settings: CheckConfig) -> Finding:
    if finding.undecided and settings.on_undecided == "pass":
        return finding._replace(level="note")
    if settings.level == "warn" and finding.level == "error":
        return finding._replace(level="warning")
    return finding


def _words(scope: Scope) -> str:
    count = f"{len(scope.changed):,} file{'' if len(scope.changed) == 1 else 's'}"
    if scope.all_files or scope.base is None:
        remark = f" ({scope.remark})" if scope.remark else ""
        return f"{scope.tree.label}: {count}{remark}"
    return f"{scope.tree.label} against {scope.base.label}: {count} changed"
