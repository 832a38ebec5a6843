"""`mlops-ci reproduce`: does this revision give the same model once more?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from mlops_ci.commands import options
from mlops_ci.reproduce.run import Request
from mlops_ci.reproduce.run import reproduce as run_again
from mlops_ci.train.output import Output, secret_values, wants_groups


@click.command()
@click.argument("rev")
@click.option(
    "--environment",
    type=click.Choice(["locked", "current"]),
    default=None,
    help="One made from the lock, or the active one.  [default: locked where the lock can be installed]",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="How it was trained.  [default: the Record that is kept here, or in a Git note]",
)
@click.option(
    "--times",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Run the whole pipeline so often: more evidence for tolerances.",
)
@click.option(
    "--diagnose/--no-diagnose",
    default=True,
    show_default=True,
    help="Where a stage gives something else, run it again to find out why.",
)
@click.option("--keep", is_flag=True, help="Leave the temporary folder for a look.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def reproduce(
    rev: str,
    environment: str | None,
    record: Path | None,
    times: int,
    diagnose: bool,
    keep: bool,
    as_json: bool,
) -> int:
    """Run the pipeline of REV once more, from nothing, and compare what comes out with what was recorded.

    A clean clone in a temporary folder, empty caches, the environment of the lock, data fetched and verified. Each
    output is the same byte for byte, or gives equal predictions or equal metrics, or is different; then it says why.
    It runs the code of REV: only for code that you would run.

    \b
    Examples:
      mlops-ci reproduce HEAD
      mlops-ci reproduce v1.2.0 --times 3      tolerances from three runs
      mlops-ci reproduce main --json

    Exit code 0: reproduced; 1: something is different, or a stage fails; 3: it cannot be run here, or not be told.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.report import reproduction

    chosen: Any = environment or ""
    request = Request(
        start=Path.cwd(),
        rev=rev,
        record=record,
        environment=chosen,
        times=times,
        diagnose=diagnose,
        keep=keep,
    )
    output = Output(_write, secret_values(os.environ), groups=wants_groups())
    found = run_again(request, output)
    code = 1 if found.different else 3 if found.undecided else 0
    if as_json:
        click.echo(reproduction.as_json(found, code), nl=False)
    else:
        shown = reproduction.render(found, colour=options.wants_colour())
        click.echo(shown, nl=False, color=True)
    return code


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
