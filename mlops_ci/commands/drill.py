"""`mlops-ci drill`: could this version be had again today?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands import options, promoting, step
from mlops_ci.drill.faults import FAULTS
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.drill.result import Drilled, Phase

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "unknown": ("?", "yellow")}


@click.command()
@click.argument("tag", required=False, default="", envvar="MLOPS_CI_DRILL_TAG")
@click.option(
    "--inject",
    type=click.Choice(list(FAULTS)),
    help="Put this fault into the clean room: exit code 0 when it is noticed where it has to be.",
)
@promoting.remote
@click.option("--local", is_flag=True, help="Fetch no tags and no notes: this clone only.")
@click.option("--keep", is_flag=True, help="Leave the temporary folder for a look.")
@promoting.as_json
@promoting.github
def drill(
    tag: str,
    inject: str | None,
    remote: str,
    local: bool,
    keep: bool,
    as_json: bool,
    github: bool,
) -> int:
    """Restore the version of TAG from nothing, verify every byte, evaluate it again, and time it.

    A clean clone in a temporary folder with empty caches; the environment; all data and models from the remote; every
    file hashed and compared with dvc.lock and with the Records; the registry asked; the stages that write metrics run
    again. It runs the code of TAG, and writes nothing: no tag, nothing to a remote, nothing to the registry.

    Without TAG: what is in production, where that is one version.

    \b
    Examples:
      mlops-ci drill churn@v1.2.0
      mlops-ci drill churn#prod                            what holds prod
      mlops-ci drill churn#prod#3 --inject corrupt-byte    would it be noticed?

    Exit code 0: restored; 1: a phase failed, or a fault was not noticed; 3: something could not be asked.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.drill.run import Request
    from mlops_ci.drill.run import drill as run
    from mlops_ci.train.output import Output, secret_values, wants_groups

    output = Output(promoting.say, secret_values(os.environ), groups=wants_groups())
    request = Request(
        start=Path.cwd(),
        tag=tag,
        remote=None if local else remote,
        inject=inject or "",
        keep=keep,
    )
    found = run(request, output)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        for line in _lines(found):
            click.echo(line, color=options.wants_colour())
    if github:
        step.write_outputs(_outputs(found))
    return found.exit_code


def _lines(found: Drilled) -> Iterator[str]:
    yield click.style(f"{visible(found.tag)}  {_headline(found)}", bold=True)
    for one in found.phases:
        mark, colour = _MARKS.get(one.result, ("·", "bright_black"))
        time = "skipped" if one.result == "skipped" else f"{one.seconds:.1f} s"
        yield f"  {click.style(mark, fg=colour)} {one.name:<12} {time:>8}  {_says(one)}".rstrip()


def _says(one: Phase) -> str:
    return "; ".join(visible(line, 400) for line in one.says)


def _headline(found: Drilled) -> str:
    failed = found.failed
    if found.injected:
        if found.exit_code == 0:
            return f"{found.injected} was noticed, by {found.expected}"
        if failed and not found.put_in:
            return f"{found.injected} was not put in: {failed.name} fails without it"
        noticed = f"noticed by {failed.name}" if failed else "not noticed"
        return f"{found.injected} was {noticed}; {found.expected} has to notice it"
    if failed:
        return f"cannot be restored: {failed.name} failed after {found.seconds:.1f} s"
    doubt = ", with questions open" if found.exit_code else ""
    return f"restored, verified and evaluated in {found.seconds:.1f} s{doubt}"


def _outputs(found: Drilled) -> dict[str, str]:
    return {
        "result": "failed" if found.exit_code == 1 else "unknown" if found.exit_code else "passed",
        "failed": found.failed.name if found.failed else "",
        "version": found.version,
        "commit": found.commit,
        "seconds": f"{found.seconds:.2f}",
        "report": json.dumps(found.as_json()),
    }
