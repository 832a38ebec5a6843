"""`mlops-ci gate`: is this change good enough to merge?"""

from __future__ import annotations

import click

from mlops_ci.commands import options, step


@click.command()
@options.comparison
@options.github
@click.option(
    "--policy",
    metavar="REV",
    help="Read the gates at this revision, not at the tip of the baseline's branch.",
)
def gate(policy: str | None, github: bool, **chosen: options.Chosen) -> int:
    """Judge a change by the gates in mlops-ci.yaml: exit code 0 when it may be merged, 1 when it is blocked.

    BASE and HEAD are those of `mlops-ci diff`. The gates are read at the tip of BASE's branch, so that a change
    cannot loosen the gate that judges it; gates that only the change has are shown and block nothing (`unarmed`).

    \b
    Examples:
      mlops-ci gate                  the work tree against where it left main
      mlops-ci gate v1.0 v1.1        two tags, with the gates of v1.0
      mlops-ci gate --policy HEAD    try gates that are committed but not merged

    What cannot be judged (a metric that cannot be read, a baseline of zero for a percentage) blocks as well.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    judged = options.judge(options.request(chosen, plots=github), policy)
    options.show(judged.comparison, chosen, judged.verdicts)
    if github:
        step.hand_over(judged, everything=chosen["everything"])
    return 1 if judged.blocked else 0
