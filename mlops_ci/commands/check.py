"""`mlops-ci check`: all checks at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.checks import catalog
from mlops_ci.checks.render import STYLES, render, summary
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import asked_for
from mlops_ci.errors import UsageError
from mlops_ci.suggestions import proposal

if TYPE_CHECKING:
    from mlops_ci.checks.run import Report


@click.command()
@click.argument("checks", nargs=-1, envvar="MLOPS_CI_CHECK_CHECKS")
@click.option("--all-files", is_flag=True, help="Judge all files, not what a change brings.")
@click.option("--from-ref", metavar="A", help="Judge what A...B changes.")
@click.option("--to-ref", metavar="B", help="Default: HEAD.")
@click.option(
    "--policy",
    metavar="REV",
    help="Judge by the mlops-ci.yaml of REV. Default: with --from-ref that of A, else the one among the files.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(STYLES),
    default="text",
    show_default=True,
    help="For people, for machines, as annotations in GitHub Actions.",
)
@click.option(
    "--github",
    is_flag=True,
    help="In a step of GitHub Actions: also the job summary, the step's outputs, and findings.json.",
)
def check(
    checks: tuple[str, ...],
    all_files: bool,
    from_ref: str | None,
    to_ref: str | None,
    policy: str | None,
    style: str,
    github: bool,
) -> int:
    """Run all CHECKS that the pre-commit hooks run, in one process. Exit code 0: fine, 1: findings, 3: undecided.

    Without options: the index against HEAD, as on commit; where nothing is staged, the last commit against its first
    parent, which in GitHub's checkout of a pull request is the whole of it.

    \b
    Examples:
      mlops-ci check                              what is staged
      mlops-ci check --from-ref origin/main       what this branch changes, by the config of main
      mlops-ci check --all-files                  everything that is there
      mlops-ci check data-not-in-git              one check
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    asked = asked_for(all_files=all_files, from_ref=from_ref, to_ref=to_ref, policy=policy)
    report = run_checks(Path.cwd(), _chosen(checks), asked)
    click.echo(render(report, style), nl=False)
    if style == "text":
        click.echo(summary(report))
    if github:
        _hand_over(report)
    return report.exit_code


def _hand_over(report: Report) -> None:
    """To the steps that follow, and to who looks at the run."""
    import json

    from mlops_ci.commands import step
    from mlops_ci.report import findings

    step.write_summary(findings.render(report.findings, report.scope))
    path = step.write_report("findings.json", render(report, "json"))
    verdict = {0: "pass", 1: "fail"}.get(report.exit_code, "undecided")
    counts = json.dumps(findings.counts(report.findings))
    step.write_outputs({"verdict": verdict, "counts": counts, "json": path})


def _chosen(names: tuple[str, ...]) -> list[catalog.Entry]:
    """Those that are named, else all that run on commit."""
    known = {one.id: one for one in catalog.CATALOG}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"there is no check {unknown[0]!r}", hint=proposal(unknown[0], known))
    return [known[name] for name in names] or [one for one in catalog.CATALOG if one.on_commit]
