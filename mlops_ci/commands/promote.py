"""`mlops-ci promote`: a tag asked for a stage; is it granted?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands.options import wants_colour
from mlops_ci.git import Repository
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import RegisteredVersion

SCHEMA_VERSION = 1


@click.command()
@click.argument("tag")
@click.option(
    "--remote", default="origin", show_default=True, help="Where tags and notes are kept."
)
@click.option("--local", is_flag=True, help="Fetch nothing and push nothing: this clone only.")
@click.option(
    "--profile",
    metavar="NAME",
    help="Judge by this profile of the gates. Default: the one named like the stage, else production.",
)
@click.option("--dry-run", is_flag=True, help="Examine, and say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def promote(
    tag: str, remote: str, local: bool, profile: str | None, dry_run: bool, as_json: bool
) -> int:
    """Grant what TAG asks for (churn#prod#3), when everything speaks for it. Exit code 1: refused, with the reason.

    The model's bytes are hashed here and compared with dvc.lock and with the Record of the training; the verdict is
    computed afresh against what holds the stage now, by the gates of the main branch. Then the Promotion Record is
    written to the notes of the remote, and MLflow's alias follows. Run it again at any time: it ends in the same state.

    \b
    Examples:
      git tag -a churn#prod#3 -m 'promote' && mlops-ci promote churn#prod#3
      mlops-ci promote churn#prod#3 --dry-run     what would happen
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote import granting, writing

    where = None if local else remote
    repository = Repository.discover(Path.cwd())
    book = writing.refresh(repository, where)
    granted = granting.examine(book, tag, profile)
    if not granted.before and not dry_run:
        writing.write(book.repository, granted.promotion, where)
    served = None if dry_run else project(book.repository, granted.promotion, where)
    done = (
        "would be promoted" if dry_run else "was promoted before" if granted.before else "promoted"
    )
    verdict = granted.verdict
    as_ = f", profile {verdict.profile}" if verdict.profile else ""
    judged = f"verdict {verdict.result}, by the gates at {verdict.policy_rev[:7]}{as_}"
    show(granted.promotion, done, [judged], served, as_json=as_json)
    return 0


def project(
    repository: Repository, promotion: Promotion, remote: str | None
) -> RegisteredVersion | None:
    """Let the registry follow, where there is one."""
    from mlops_ci.promote import registered, writing
    from mlops_ci.stack.registries import REGISTRIES

    settings = registered.settings(repository)
    if settings is None:
        return None
    book = writing.refresh(repository, remote)
    registry = REGISTRIES["mlflow"]
    return writing.project(book, registry, settings, promotion.model, promotion.stage, remote)


def show(
    promotion: Promotion,
    done: str,
    reasons: list[str],
    served: RegisteredVersion | None,
    *,
    as_json: bool,
    before: str = "",
) -> None:
    """`before`: the version that held the stage, where it is not the predecessor."""
    if as_json:
        click.echo(json.dumps(_json(promotion, done, served), indent=2))
        return
    for line in _lines(promotion, done, reasons, served, before):
        click.echo(visible(line), color=wants_colour())


def _lines(
    promotion: Promotion,
    done: str,
    reasons: list[str],
    served: RegisteredVersion | None,
    before: str,
) -> Iterator[str]:
    was = before or promotion.predecessor
    followed = f" (before: {was})" if was else " (the first)"
    yield f"{promotion.model}#{promotion.stage} {promotion.version}: {done}{followed}"
    yield f"  tag {promotion.tag} at {promotion.commit[:7]}"
    for one in promotion.subject:
        digest = one["digest"]
        yield f"  {one['name']}  sha256 {digest.get('sha256', digest.get('dirHash', ''))[:12]}…, hashed here"
    yield from (f"  {reason}" for reason in reasons)
    if served is not None:
        yield f"  MLflow serves version {served.number} as {promotion.model}@{promotion.stage}"


def _json(promotion: Promotion, done: str, served: RegisteredVersion | None) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "done": done,
        "record": promotion.statement(),
        "registry": {"version": served.number} if served else None,
    }
