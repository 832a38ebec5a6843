"""`mlops-ci gate`: is this change good enough to merge?"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands import options, step

if TYPE_CHECKING:
    from mlops_ci.gate import Judged


# Each is a command of the same name in a module of the same name.
SUBCOMMANDS = ("calibrate", "selftest")


class _Judging(click.Command):
    """Before BASE stands the name of a subcommand: `mlops-ci gate calibrate` judges no branch of that name."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if not args or args[0] not in SUBCOMMANDS:
            return super().make_context(info_name, args, parent, **extra)
        name = args[0]
        found: click.Command = getattr(import_module(f"mlops_ci.commands.{name}"), name)
        extra = {**extra, "auto_envvar_prefix": f"MLOPS_CI_GATE_{name.upper()}"}
        return found.make_context(f"{info_name} {name}", args[1:], parent, **extra)


@click.command(cls=_Judging)
@options.comparison
@options.github
@options.judging
@click.option(
    "--record",
    is_flag=True,
    help="Add the verdict to the Record of the training that made the model.",
)
def gate(
    policy: str | None,
    profile: str | None,
    record: bool,
    github: bool,
    **chosen: options.Chosen,
) -> int:
    """Judge a change by the gates in mlops-ci.yaml: exit code 0 when it may be merged, 1 when it is blocked.

    BASE and HEAD are those of `mlops-ci diff`. The gates are read at the tip of BASE's branch, so that a change
    cannot loosen the gate that judges it; gates that only the change has are shown and block nothing (`unarmed`).

    \b
    Examples:
      mlops-ci gate                  the work tree against where it left main
      mlops-ci gate v1.0 v1.1        two tags, with the gates of v1.0
      mlops-ci gate --policy HEAD    try gates that are committed but not merged
      mlops-ci gate selftest         does every gate stop what it is there for?
      mlops-ci gate calibrate        how often is a gate wrong, and which tolerance would be right?

    What cannot be judged (a metric that cannot be read, a baseline of zero for a percentage) blocks as well.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    judged = options.judge(options.request(chosen, plots=github), policy, profile=profile)
    options.show(judged.comparison, chosen, judged.verdicts)
    if github:
        step.hand_over(judged, everything=chosen["everything"])
    if record:
        _keep(judged)
    return 1 if judged.blocked else 0


def _keep(judged: Judged) -> None:
    from mlops_ci.git import Repository
    from mlops_ci.verdict_record import keep

    paths = keep(Repository.discover(Path.cwd()), judged)
    for path in dict.fromkeys(paths):
        click.echo(f"recorded in {os.path.relpath(path)}", err=True)
