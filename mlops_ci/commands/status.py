"""`mlops-ci status`: what is promoted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands.options import wants_colour
from mlops_ci.errors import UsageError
from mlops_ci.git import Repository
from mlops_ci.promote.status import since
from mlops_ci.promote.status import status as read
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.stages import Holder, ModelState
    from mlops_ci.promote.status import Status

_FEW = 5


@click.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(model: str | None, as_json: bool) -> int:
    """Show which version of each model holds which stage, since when, and by whom. Works offline.

    Reads the tags that `gto` reads (churn@v1.2.0, churn#prod#3) in this clone. `unverified`: a tag asks for the stage,
    and no Promotion Record says that it was granted.

    \b
    Examples:
      mlops-ci status                 all models
      mlops-ci status churn --json    one, for machines
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    found = read(Repository.discover(Path.cwd()))
    models = [one for one in found.models if model in (None, one.name)]
    if model and not models:
        names = ", ".join(one.name for one in found.models) or "none here: git fetch --tags"
        raise UsageError(f"no tag speaks of a model {model!r}", hint=f"models with tags: {names}")
    if as_json:
        shown = found.as_json()
        shown["models"] = [one for one in shown["models"] if model in (None, one["name"])]
        click.echo(json.dumps(shown, indent=2))
        return 0
    for line in _lines(found, models):
        click.echo(line, color=wants_colour())
    for problem in found.problems:
        click.echo(f"{click.style('warning', fg='yellow')}: {visible(problem, 600)}", err=True)
    return 0


def _lines(found: Status, models: list[ModelState]) -> Iterator[str]:
    if not models:
        yield "No tag registers or promotes a model here. Register one: git tag -a churn@v1.0.0 -m 'first model'"
    for model in models:
        yield click.style(visible(model.name), bold=True)
        for holder in model.holders:
            yield _holder(holder, verified=(model.name, holder.stage) in found.verified)
        versions = [one.version for one in model.versions]
        more = f" and {len(versions) - _FEW} more" if len(versions) > _FEW else ""
        yield f"  versions: {', '.join(versions[:_FEW]) or 'none'}{more}"


def _holder(holder: Holder, *, verified: bool) -> str:
    mark = click.style("✓", fg="green") if verified else click.style("?", fg="yellow")
    word = "" if verified else "  unverified"
    when = f"{since(holder):%Y-%m-%d %H:%M} UTC"
    version = holder.version if holder.version.startswith("v") else holder.version[:7]
    who = visible(holder.tag.author)
    return f"  {mark} {holder.stage}  {version}  since {when} by {who}  ({holder.tag.name}){word}"
