"""`mlops-ci gate calibrate`: how often are the gates wrong?"""

from __future__ import annotations

from pathlib import Path

import click

from mlops_ci.commands import options, trying

UNDECIDED = 3


@click.command()
@trying.tried
@click.option(
    "--runs",
    type=click.IntRange(min=3),
    default=20,
    show_default=True,
    metavar="N",
    help="How many of the last runs of REV's history count.",
)
def calibrate(
    rev: str | None,
    policy: str | None,
    profile: str | None,
    runs: int,
    as_json: bool,
    **chosen: options.Chosen,
) -> int:
    """How often a gate stops a model that is no worse, and lets one pass that is: from seeds and from history.

    REV (the main branch) has the gates, the metrics, the seeds that `mlops-ci train --seeds` measured, and the history
    of runs. Tolerances are proposed, and nothing is written. Exit code 3: nothing is known of the noise of any metric.

    \b
    Examples:
      mlops-ci gate calibrate                  the gates of main
      mlops-ci gate calibrate HEAD --runs 50   those of this branch, by a longer history
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.baseline import usual_ref
    from mlops_ci.calibrate import calibrations
    from mlops_ci.git import Repository
    from mlops_ci.report import calibration

    where = rev or usual_ref(Repository.discover(Path.cwd())) or "HEAD"
    found = calibrations(trying.request(chosen, where), policy, profile=profile, runs=runs)
    shown = (
        calibration.as_json(found)
        if as_json
        else calibration.render(found, colour=options.wants_colour())
    )
    click.echo(shown, nl=False, color=True)
    return 0 if any(one.is_known for one in found) else UNDECIDED
