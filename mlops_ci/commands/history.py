"""`mlops-ci history`: what was promoted and rolled back, and when."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands.options import wants_colour
from mlops_ci.errors import UsageError
from mlops_ci.git import Repository
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.history import Event

SCHEMA_VERSION = 1


@click.command()
@click.argument("model", required=False)
@click.option("--stage", help="Only this stage. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def history(model: str | None, stage: str | None, as_json: bool) -> int:
    """Show what was promoted and rolled back, stage by stage, oldest first. Works offline.

    From the tags and the Promotion Records of this clone. Tags that nobody granted are shown too, and Records whose
    tag was deleted since.

    \b
    Examples:
      mlops-ci history                        all models and stages
      mlops-ci history churn --stage prod     one
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.history import events

    found = events(Book(repository=Repository.discover(Path.cwd())))
    names = sorted({one.model for one in found})
    if model and model not in names:
        known = ", ".join(names) or "none here: git fetch origin --tags 'refs/notes/*:refs/notes/*'"
        raise UsageError(
            f"nothing ever happened to a stage of {model!r}", hint=f"models with stages: {known}"
        )
    meant = [one for one in found if model in (None, one.model) and stage in (None, one.stage)]
    by_stage = sorted(meant, key=_stage)  # stable: within a stage the order stays
    if as_json:
        click.echo(
            json.dumps({"schema_version": SCHEMA_VERSION, "models": _json(by_stage)}, indent=2)
        )
        return 0
    for line in _lines(by_stage):
        click.echo(line, color=wants_colour())
    return 0


def _stage(event: Event) -> tuple[str, str]:
    return event.model, event.stage


def _lines(found: list[Event]) -> Iterator[str]:
    if not found:
        yield "No tag asks for a stage here. Ask: git tag -a churn#prod#1 -m 'first', at a version"
    for (model, stage), of_stage in groupby(found, key=_stage):
        yield click.style(visible(f"{model}#{stage}"), bold=True)
        yield from map(_line, of_stage)


def _line(event: Event) -> str:
    good = event.promotion is not None and not event.missing
    mark = click.style("✓", fg="green") if good else click.style("?", fg="yellow")
    when = f"{event.when:%Y-%m-%d %H:%M} UTC" if event.when else "at no known time    "
    version = event.version if event.version.startswith("v") else event.version[:7]
    return f"  {mark} {when}  {visible(f'{version}  {_what(event)}  ({event.tag})', 300)}"


def _what(event: Event) -> str:
    who = f" by {event.by}" if event.by else ""
    if event.kind == "unassign":
        return f"given up{who}, not granted"
    if event.promotion is None:
        return f"asked for{who}, not granted"
    done = "rolled back" if event.kind == "rollback" else "promoted"
    before = f" from {event.came_from}" if event.came_from else ""
    reason = str(event.promotion.facts.get("reason") or "")
    gone = "; its tag is gone" if event.missing else ""
    return f"{done}{before}{who}{f': {reason}' if reason else ''}{gone}"


def _json(found: list[Event]) -> list[dict[str, Any]]:
    return [
        {
            "name": model,
            "stages": [
                {"stage": stage, "events": [one.as_json() for one in events]}
                for (_, stage), events in groupby(of_model, key=_stage)
            ],
        }
        for model, of_model in groupby(found, key=lambda one: one.model)
    ]
