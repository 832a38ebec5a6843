"""`mlops-ci sync`: does everybody show what was promoted?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands import promoting
from mlops_ci.commands.options import wants_colour
from mlops_ci.errors import UsageError
from mlops_ci.git import Repository
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.sync import State, Synced

SCHEMA_VERSION = 1
_COLOURS: dict[State, str] = {
    "drift": "red", "broken": "red", "gone": "red", "unknown": "yellow", "refused": "yellow", "repaired": "green",
    "asked": "yellow",
}  # fmt: skip


@click.command()
@click.argument("model", required=False)
@click.option("--check", is_flag=True, help="Change nothing. Exit code 1 where something differs.")
@promoting.remote
@promoting.local
@promoting.announce
@promoting.as_json
def sync(
    model: str | None, check: bool, remote: str, local: bool, announce: bool | None, as_json: bool
) -> int:
    """Compare what MLflow, DVC, GTO and GitHub show with what was promoted, and repair it. Exit code 1: it differs.

    The Promotion Records are the truth, and the bytes of what holds a stage are hashed again before it is shown to
    anybody: where they are gone or changed, that is the error. What no Record speaks for is left alone.

    \b
    Examples:
      mlops-ci sync --check       in a scheduled workflow
      mlops-ci sync churn         repair what is shown of one model
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote import sync as work
    from mlops_ci.promote import writing

    where = None if local else remote
    hub = promoting.hub_of(announce, alone=local)
    book = writing.refresh(Repository.discover(Path.cwd()), where)
    known = sorted({one for one, _ in work.places(book)})
    if model and model not in known:
        raise UsageError(
            f"no tag asks for a stage of {model!r}",
            hint=f"models with stages: {', '.join(known) or 'none'}",
        )
    found = list(work.sync(book, where, hub, model=model, check=check))
    if as_json:
        stages = [one.as_json() for one in found]
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "stages": stages}, indent=2))
    else:
        for line in _lines(found):
            click.echo(line, color=wants_colour())
    return _exit_code(found)


def _exit_code(found: list[Synced]) -> int:
    states = {finding.state for one in found for finding in one.findings}
    if states & {"drift", "broken", "gone"}:
        return 1
    return 3 if "unknown" in states else promoting.REFUSED if "refused" in states else 0


def _lines(found: list[Synced]) -> Iterator[str]:
    if not found:
        yield "No tag asks for a stage here: nothing was promoted, and nothing is to be shown."
    for one in found:
        said = {finding.state for finding in one.findings} - {"repaired", "asked"}
        word = (
            "not as promoted" if said else "as promoted" if one.version else "nothing was promoted"
        )
        name = click.style(visible(f"{one.model}#{one.stage}"), bold=True)
        yield f"{name} {visible(one.version or '-')}: {word}"
        for finding in one.findings:
            state = click.style(finding.state, fg=_COLOURS[finding.state])
            yield f"  {finding.where}  {state}: {visible(finding.what, 400)}"
            if finding.hint:
                yield f"    {visible(finding.hint, 300)}"
