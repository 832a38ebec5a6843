"""Runs checks over one Scope and settles their Findings by the config."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlops_ci import waivers
from mlops_ci.checks import catalog
from mlops_ci.checks.scope import Asked, find_config, find_scope
from mlops_ci.checks_config import CheckConfig, ChecksConfig
from mlops_ci.errors import ConfigError, ToolError, UnreadableError
from mlops_ci.finding import Finding, exit_code
from mlops_ci.git import Repository
from mlops_ci.process import NO_FETCH, forget_pathspec_modes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.catalog import Entry


@dataclass(frozen=True, kw_only=True)
class Report:
    """`scope`: in words. `checks`: how many ran."""

    findings: list[Finding]
    scope: str
    checks: int

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)


def run_checks(
    start: Path,
    entries: Iterable[Entry],
    asked: Asked,
    adjust: Callable[[ChecksConfig], ChecksConfig] = lambda settings: settings,
) -> Report:
    """`adjust`: changes the settings once more, for what the command line says.

    Raises ConfigError when the config is broken and no check among `entries` is there to say so.
    """
    forget_pathspec_modes()
    repository = Repository.discover(start)
    repository.objects.env = {**os.environ, **NO_FETCH}
    scope = find_scope(repository, asked)
    broken = None
    try:
        scope = replace(scope, config=find_config(repository, scope, asked))
    except ConfigError as error:
        broken = error
    settings = adjust(scope.config.checks if scope.config else ChecksConfig())
    scope = _with(scope, settings)
    active = [one for one in entries if settings.of(one.id).level != "off"]
    if broken and not any(one.reads_config for one in active):
        raise broken
    findings = [f for one in active for f in _run(one, scope, settings.of(one.id), broken)]
    if scope.config and scope.config.waivers:
        today = datetime.now(timezone.utc).date()
        findings = waivers.on_findings(findings, scope.config.waivers, today)
    return Report(findings=findings, scope=_words(scope), checks=len(active))


def _with(scope: Scope, settings: ChecksConfig) -> Scope:
    if scope.config is None and settings == ChecksConfig():
        return scope
    from mlops_ci.config import Config

    return replace(scope, config=replace(scope.config or Config(), checks=settings))


def _run(
    one: Entry, scope: Scope, settings: CheckConfig, broken: ConfigError | None
) -> list[Finding]:
    run = not broken or one.reads_config
    findings = _until_error(one, scope) if run else iter([_not_run(one)])
    return [_settled(finding, settings) for finding in findings]


def _until_error(one: Entry, scope: Scope) -> Iterator[Finding]:
    """What was found before an error counts too."""
    try:
        yield from catalog.load(one).check(scope)
    except (ToolError, UnreadableError) as error:
        yield _undecided(one, str(error), error.hint)


def _not_run(one: Entry) -> Finding:
    return _undecided(
        one, "not run, mlops-ci.yaml is broken", "mend mlops-ci.yaml, see policy-valid"
    )


def _undecided(one: Entry, reason: str, hint: str) -> Finding:
    return Finding(rule=one.id, path="", what=reason, fix=hint, undecided=True)


def _settled(finding: Finding, settings: CheckConfig) -> Finding:
    if finding.undecided and settings.on_undecided == "pass":
        return replace(finding, level="note")
    if settings.level == "warn" and finding.level == "error":
        return replace(finding, level="warning")
    return finding


def _words(scope: Scope) -> str:
    count = f"{len(scope.changed):,} file{'' if len(scope.changed) == 1 else 's'}"
    if scope.all_files or scope.base is None:
        remark = f" ({scope.remark})" if scope.remark else ""
        return f"{scope.tree.label}: {count}{remark}"
    return f"{scope.tree.label} against {scope.base.label}: {count} changed"
