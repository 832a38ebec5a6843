"""`mlops-ci why`: why is this in production?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands.options import wants_colour
from mlops_ci.git import Repository
from mlops_ci.text import value as written
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.why import Why

SCHEMA_VERSION = 1


@click.command()
@click.argument("model")
@click.option("--stage", default="prod", show_default=True, help="Which stage is asked about.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def why(model: str, stage: str, as_json: bool) -> int:
    """Tell why a version of MODEL holds its stage: commit, data, params, metrics, verdict, who. Works offline.

    Everything comes from the notes of this clone: git fetch origin 'refs/notes/*:refs/notes/*' brings them.

    \b
    Examples:
      mlops-ci why churn
      mlops-ci why churn --stage dev --json
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.why import why as reasons

    repository = Repository.discover(Path.cwd())
    found = reasons(Book(repository=repository), model, stage)
    if as_json:
        click.echo(json.dumps(_json(found), indent=2))
        return 0
    for line in _lines(found, repository):
        click.echo(visible(line, 1000), color=wants_colour())
    if found.problem:
        click.echo(
            f"{click.style('warning', fg='yellow')}: {visible(found.problem, 400)}", err=True
        )
    return 0


def _lines(found: Why, repository: Repository) -> Iterator[str]:
    promotion, facts = found.promotion, found.promotion.facts
    who = f" by {facts['by']}" if facts.get("by") else ""
    yield f"{promotion.model}#{promotion.stage} is {promotion.version} since {facts.get('promotedOn', '?')}{who}"
    by = f", as {facts['askedBy']} asks" if facts.get("askedBy") else ""
    yield f"  asked    {promotion.tag}{', a rollback' if promotion.kind == 'rollback' else by}"
    if facts.get("reason"):
        yield f"  reason   {facts['reason']}"
    subject = repository.lines("log", "-1", "--format=%h %s (%an, %cs)", promotion.commit)
    yield f"  commit   {subject[0] if subject else promotion.commit[:7]}"
    verdict = facts.get("verdict") or {}
    against = f" against {verdict['against']}" if verdict.get("against") else ""
    policy = str(verdict.get("policyRevision", ""))[:7]
    yield f"  verdict  {verdict.get('result', 'unknown')}{against}, gates at {policy}"
    yield f"  approved {', '.join(promotion.approvers) or 'by nobody that a Record names'}"
    for one in promotion.subject:
        digest = one["digest"]
        yield f"  bytes    {one['name']} sha256 {digest.get('sha256', digest.get('dirHash', ''))[:12]}…"
    yield from _trained(found)


def _trained(found: Why) -> Iterator[str]:
    if found.trained is None:
        yield "  training unknown: its Record is not in the notes of this clone"
        return
    trained = found.trained
    yield f"  trained  {trained.started}{' in ' + trained.run_url if trained.run_url else ''}"
    for one in trained.of_kind("data"):
        if not one.folder:
            yield f"  data     {one.path} md5 {one.digests.get('md5', '?')[:12]}"
    yield from _values("param", found.params())
    yield from _values("metric", found.metrics())


def _values(word: str, values: dict[str, tuple[Any, Any]]) -> Iterator[str]:
    for name, (now, before) in values.items():
        was = "" if before is None or before == now else f" (before: {written(before)})"
        yield f"  {word:8} {name} {written(now)}{was}"


def _json(found: Why) -> dict[str, Any]:
    values = {"params": found.params(), "metrics": found.metrics()}
    return {
        "schema_version": SCHEMA_VERSION,
        "promotion": found.promotion.statement()["predicate"],
        **{
            kind: {name: {"value": now, "before": before} for name, (now, before) in pairs.items()}
            for kind, pairs in values.items()
        },
        "problems": [found.problem] if found.problem else [],
    }
