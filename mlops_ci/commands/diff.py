"""`mlops-ci diff`: what changed between two origins."""

from __future__ import annotations

import click

from mlops_ci.commands import options
from mlops_ci.diff import diff as compare

UNDECIDED = 3


@click.command()
@options.comparison
def diff(**chosen: options.Chosen) -> int:
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
    comparison = compare(options.request(chosen))
    options.show(comparison, chosen)
    return UNDECIDED if comparison.undecided else 0
