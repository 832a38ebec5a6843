"""`mlops-ci train`: run the pipeline so that it can be run again, and record what made the model."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands import step
from mlops_ci.commands.options import Lines
from mlops_ci.errors import MlopsCiError
from mlops_ci.http import redact
from mlops_ci.text import plural
from mlops_ci.train.output import Output, secret_values, wants_groups
from mlops_ci.train.run import Request
from mlops_ci.train.run import train as run_training

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.lineage.run import StageRun, TrackingRun
    from mlops_ci.train.run import Trained

SCHEMA_VERSION = 1


@click.command()
@click.argument("targets", nargs=-1, type=Lines(), envvar="MLOPS_CI_TRAIN_TARGETS")
@click.option("--stage", default="", metavar="NAME", help="Only this stage, and nothing before it.")
@click.option("--force", is_flag=True, help="Also stages that have not changed.")
@click.option(
    "--seed", type=int, help="What stages find in MLOPS_CI_SEED.  [default: train.seed, 0]"
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Train with N seeds, for the spread of the metrics; the model is that of the first.",
)
@click.option(
    "--on-dirty",
    type=click.Choice(["refuse", "record"]),
    help="When what the run reads is not committed.  [default: train.on_dirty, refuse]",
)
@click.option(
    "--persist",
    type=click.Choice(["none", "push", "commit"]),
    help="What becomes of the results.  [default: train.persist, none]",
)
@click.option(
    "--environment",
    type=click.Choice(["current", "locked"]),
    help="The active environment, or one made from the lock.  [default: train.environment, current]",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Instead of mlops-ci.yaml in the root of the repository.",
)
@click.option("--json", "as_json", is_flag=True, help="What was done, for machines.")
@click.option("--github", is_flag=True, help="In a step of GitHub Actions: also its outputs.")
def train(
    targets: tuple[str, ...],
    stage: str,
    force: bool,
    seeds: int,
    config: Path | None,
    as_json: bool,
    github: bool,
    **chosen: Any,
) -> int:
    """Run the pipeline (`dvc repro`, or train.command) so that it can be run again, and write the Record of it.

    TARGETS are those of `dvc repro`; without them, everything. Only stages that have changed run. What stages print
    goes to stderr as it comes, without the values of secrets.

    \b
    Examples:
      mlops-ci train                  the whole pipeline
      mlops-ci train --stage train    one stage alone
      mlops-ci train --seed 7 --force

    Exit code 1: a stage fails. 2: the work tree is dirty, or there is nothing to run. 3: it took too long, was
    stopped, or a tool or the disk does not do what is needed; what was done is kept, and the next run goes on.
    4: trained and recorded, but the results could not be pushed or committed.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    overrides = {key: value for key, value in chosen.items() if value is not None}
    if targets:
        overrides |= {"targets": list(targets), "command": None}
    request = Request(
        start=Path.cwd(), config=config, stage=stage, force=force, seeds=seeds, overrides=overrides
    )
    output = Output(_write, secret_values(os.environ), groups=wants_groups())
    try:
        done = run_training(request, output)
    except MlopsCiError as error:
        _tell_machines(_failure(error), as_json=as_json, github=github)
        raise
    _tell_machines(_as_data(done), as_json=as_json, github=github)
    if not as_json:
        _show(done)
    return 0


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _tell_machines(data: dict[str, Any], *, as_json: bool, github: bool) -> None:
    if as_json:
        click.echo(json.dumps(data))
    if github:
        step.write_outputs({"record": data["record"] or "", "run": json.dumps(data)})


def _failure(error: MlopsCiError) -> dict[str, Any]:
    """`record`: there is one when training went well and its results could not be brought where they belong."""
    stages = error.facts.get("stages", [])
    record = error.facts.get("record")
    return {
        "schema_version": SCHEMA_VERSION,
        "exit_code": error.exit_code,
        "error": str(error),
        "hint": error.hint,
        "record": _relative(record) if record else None,
        "failed": next((one.name for one in stages if one.result == "failed"), None),
        "last": error.facts.get("last", []),
        "stages": _stages(stages),
    }


def _show(done: Trained) -> None:
    ran = [one.name for one in done.run.stages if one.result == "ran"]
    click.echo(f"{len(ran)} of {plural(len(done.run.stages), 'stage')} ran")
    click.echo(f"Record {_relative(done.record)}")
    if done.run.persist == "none":
        click.echo("results are only here, and cannot be promoted: mlops-ci train --persist push")


def _relative(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def _as_data(done: Trained) -> dict[str, Any]:
    run = done.run
    return {
        "schema_version": SCHEMA_VERSION,
        "exit_code": 0,
        "record": _relative(done.record),
        "commit": run.commit,
        "dirty": list(run.dirty),
        "resumed": run.resumed,
        "persist": run.persist,
        "seeds": list(run.seeds),
        "python": run.python,
        "environments": [dataclasses.asdict(one) for one in run.environments],
        "variables": run.variables,
        "tracking": _tracking(run.tracking),
        "stages": _stages(run.stages),
    }


def _stages(stages: Iterable[StageRun]) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "result": one.result,
            "seconds": round(one.seconds, 3),
            "environment": one.environment,
        }
        for one in stages
    ]


def _tracking(found: TrackingRun | None) -> dict[str, Any] | None:
    if found is None:
        return None
    uri = redact(found.uri) if found.uri.startswith("http") else ""
    return {"uri": uri, "run_ids": list(found.run_ids), "local": found.local}
