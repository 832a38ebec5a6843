"""`mlops-ci rollback`: the way back."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_ci.commands.promote import project, show
from mlops_ci.git import Repository


@click.command()
@click.argument("model")
@click.option("--stage", default="prod", show_default=True, help="What to give back.")
@click.option("--to", "version", default="", metavar="VERSION", help="Default: the one before.")
@click.option("--reason", default="", help="Kept in the tag and in the Record.")
@click.option(
    "--remote", default="origin", show_default=True, help="Where tags and notes are kept."
)
@click.option("--local", is_flag=True, help="Fetch nothing and push nothing: this clone only.")
@click.option("--dry-run", is_flag=True, help="Verify, and say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def rollback(
    model: str,
    stage: str,
    version: str,
    reason: str,
    remote: str,
    local: bool,
    dry_run: bool,
    as_json: bool,
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
    book = writing.refresh(Repository.discover(Path.cwd()), where)
    way = back.find(book, model, stage, version)
    if dry_run:
        held = f"held now by {way.held}"
        show(way.target, "would be given back", [held], None, as_json=as_json)
        return 0
    if way.done:
        served = project(book.repository, way.current, where)
        further = f"to go further: mlops-ci rollback {model} --stage {stage} --to VERSION"
        show(way.current, "holds already", [further], served, as_json=as_json)
        return 0
    book, promotion = back.ask(book, way, reason)
    writing.write(book.repository, promotion, where)
    served = project(book.repository, promotion, where)
    restore = f"git checkout {promotion.commit[:7]} -- dvc.lock && dvc checkout"
    reasons = [f"data and code of then: {restore}"]
    show(promotion, "rolled back", reasons, served, as_json=as_json, before=way.held)
    return 0
