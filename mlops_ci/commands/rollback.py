"""`mlops-ci rollback`: the way back."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands import promoting
from mlops_ci.commands.promoting import Told
from mlops_ci.errors import PublishError
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from mlops_ci.promote.approving import Yes
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.promote.rollback import Way


@click.command()
@click.argument("model", envvar="MLOPS_CI_ROLLBACK_MODEL")
@click.option("--stage", default="prod", show_default=True, help="What to give back.")
@click.option("--to", "version", default="", metavar="VERSION", help="Default: the one before.")
@click.option("--reason", default="", help="Kept in the tag and in the Record.")
@promoting.remote
@promoting.local
@promoting.announce
@click.option("--dry-run", is_flag=True, help="Verify, and say what would be done.")
@promoting.as_json
@promoting.github
def rollback(
    model: str,
    stage: str,
    version: str,
    reason: str,
    remote: str,
    local: bool,
    announce: bool | None,
    dry_run: bool,
    as_json: bool,
    github: bool,
) -> int:
    """Give the stage of MODEL back to the version that held it before. Exit code 1: refused, with the reason.

    The version's own earlier Promotion Record authorises it, however old; its bytes are hashed again before anything
    moves. Then a new tag and a Promotion Record are pushed, and MLflow's alias follows.

    \b
    Examples:
      mlops-ci rollback churn --reason 'alert 1234'
      mlops-ci rollback churn --to v1.1.0 --dry-run
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote import rollback as back
    from mlops_ci.promote import writing

    where = None if local else remote
    hub = promoting.hub_of(announce, alone=local)
    book = writing.refresh(Repository.discover(Path.cwd()), where)
    way = back.find(book, model, stage, version)
    if dry_run:
        told = _planned(book, way, where, hub)
    elif way.done:
        further = f"to go further: mlops-ci rollback {model} --stage {stage} --to VERSION"
        followed = promoting.follow(book, way.current, where, hub)
        told = Told(
            promotion=way.current, done="holds already", reasons=(further,), followed=followed
        )
    else:
        told = _back(book, way, reason, where, hub)
    told = replace(told, restore=_restore(book.repository, told.promotion, where))
    return promoting.tell(told, as_json=as_json, github=github)


def _restore(
    repository: Repository, promotion: Promotion, where: str | None
) -> tuple[tuple[str, str], ...]:
    from mlops_ci.promote import restore

    data = restore.data(repository, promotion, where)
    return *((("data", data),) if data else ()), ("code", restore.code(promotion))


def _approvals(repository: Repository, hub: Hub | None) -> tuple[list[Yes], list[str]]:
    """For the Record. Nobody has to approve a rollback, and GitHub need not be up for it."""
    from mlops_ci.promote import approving

    try:
        return approving.collect(repository, hub, "", os.environ), []
    except PublishError as error:
        return [], [f"who approved is not known: {error}"]


def _planned(book: Book, way: Way, where: str | None, hub: Hub | None) -> Told:
    from mlops_ci.promote import plan
    from mlops_ci.promote import rollback as back

    promotion = way.target if way.done else back.planned(book, way)
    changes = plan.changes(book, promotion, [promotion.tag], where, hub)
    return Told(
        promotion=promotion,
        done="holds already" if way.done else "would be given back",
        before=way.held,
        changes=tuple(changes),
    )


def _back(book: Book, way: Way, reason: str, where: str | None, hub: Hub | None) -> Told:
    from mlops_ci.promote import rollback as back

    approvals, unknown = _approvals(book.repository, hub)
    book, promotion = back.ask(book, way, reason, approvals)
    back.write(book, promotion, where)
    return Told(
        promotion=promotion,
        done="rolled back",
        reasons=tuple(unknown),
        before=way.held,
        followed=promoting.follow(book, promotion, where, hub),
    )
