"""Runs checks over one Scope and settles their Findings by the config."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.checks import catalog
from mlops_ci.checks.scope import Asked, find_config, find_scope
from mlops_ci.errors import ConfigError, ToolError, UnreadableError
from mlops_ci.finding import Finding, exit_code
from mlops_ci.git import Repository
from mlops_ci.process import NO_FETCH, forget_pathspec_modes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.catalog import Entry
    from mlops_ci.checks_config import CheckConfig, ChecksConfig
    from mlops_ci.config import Config


class Report(NamedTuple):
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
    adjust: Callable[[ChecksConfig], ChecksConfig] | None = None,
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
        scope = scope._replace(config=find_config(repository, scope, asked))
    except ConfigError as error:
        broken = error
    scope = _adjusted(scope, adjust) if adjust else scope
    active = [one for one in entries if not _is_off(_settings(scope, one))]
    if broken and not any(one.reads_config for one in active):
        raise broken
    findings = [f for one in active for f in _run(one, scope, broken)]
    if findings and scope.config and scope.config.waivers:
        findings = _waived(findings, scope.config)
    return Report(findings=findings, scope=_words(scope), checks=len(active))


def _adjusted(scope: Scope, adjust: Callable[[ChecksConfig], ChecksConfig]) -> Scope:
    from dataclasses import replace

    from mlops_ci.config import Config

    config = scope.config or Config()
    return scope._replace(config=replace(config, checks=adjust(config.checks)))


def _settings(scope: Scope, one: Entry) -> CheckConfig | None:
    """None: the defaults, whose classes take long to load."""
    return scope.config.checks.of(one.id) if scope.config else None


def _is_off(settings: CheckConfig | None) -> bool:
    return settings is not None and settings.level == "off"


def _run(one: Entry, scope: Scope, broken: ConfigError | None) -> list[Finding]:
    run = not broken or one.reads_config
    findings = _until_error(one, scope) if run else iter([_not_run(one)])
    settings = _settings(scope, one)
    return [_settled(finding, settings) if settings else finding for finding in findings]


def _waived(findings: list[Finding], config: Config) -> list[Finding]:
    from datetime import datetime, timezone

    from mlops_ci import waivers

    return waivers.on_findings(findings, config.waivers, datetime.now(timezone.utc).date())


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
