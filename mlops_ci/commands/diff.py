"""`mlops-ci diff`: what changed between two origins."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.diff import Request
from mlops_ci.diff import diff as compare

if TYPE_CHECKING:
    from mlops_ci.model import Comparison

UNDECIDED = 3


@click.command()
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option(
    "--format",
    "style",
    type=click.Choice(["term", "md", "json"]),
    default="term",
    show_default=True,
    help="For people, for GitHub, for machines.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what is unchanged, and bookkeeping such as step and lr.",
)
@click.option(
    "--model", "models", multiple=True, metavar="NAME", help="Only this model; can be given again."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Instead of mlops-ci.yaml in the root of the repository.",
)
@click.option("--exact", is_flag=True, help="Compare with BASE itself, not with the merge base.")
@click.option(
    "--fetch/--no-fetch",
    default=True,
    show_default=True,
    help="Get metrics that are only in a DVC remote with the project's own dvc.",
)
def diff(
    base: str | None,
    head: str | None,
    style: str,
    as_json: bool,
    everything: bool,
    models: tuple[str, ...],
    config: Path | None,
    exact: bool,
    fetch: bool,
) -> int:
    """Compare metrics, and what may explain them, of two revisions.

    BASE is a branch, tag or commit: the comparison is with its merge base with the candidate, never with its
    tip. Without BASE: the base of the pull request, else the default branch. The candidate is the work tree,
    or HEAD when it is named. Nothing is checked out.

    \b
    Examples:
      mlops-ci diff                      the work tree against where it left main
      mlops-ci diff main                 the same, with the branch named
      mlops-ci diff v1.0 v1.1            two tags
      mlops-ci diff --all --format json  everything, for a script

    Exit code 3: something that should have been compared could not be read; the rest is shown.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    request = Request(
        start=Path.cwd(),
        base=base,
        head=head,
        config=config,
        models=models,
        exact=exact,
        fetch=fetch,
    )
    comparison = compare(request)
    output = _render(comparison, "json" if as_json else style, everything=everything)
    click.echo(output, nl=False, color=True)
    return UNDECIDED if comparison.undecided else 0


def _render(comparison: Comparison, style: str, *, everything: bool) -> str:
    if style == "json":
        from mlops_ci.report import machine

        return machine.render(comparison, everything=everything)
    if style == "md":
        from mlops_ci.report import markdown

        return markdown.render(comparison, everything=everything)
    from mlops_ci.report import terminal

    return terminal.render(comparison, everything=everything, colour=_wants_colour())


def _wants_colour() -> bool:
    """https://no-color.org and https://force-color.org"""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
