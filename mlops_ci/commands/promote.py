"""`mlops-ci promote`: a tag asked for a stage; is it granted?"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands import promoting
from mlops_ci.commands.promoting import Followed, Told
from mlops_ci.errors import ToolError
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_ci.promote.approving import Yes
    from mlops_ci.promote.asking import Asking
    from mlops_ci.promote.book import Book
    from mlops_ci.promote.granting import Granted
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion

    _Decided = tuple[list[Asking], list[Granted], list[Promotion]]

_ATTEMPTS = 20


@click.command()
@click.argument("tag", metavar="TAG...", nargs=-1, required=True, envvar="MLOPS_CI_PROMOTE_TAG")
@click.option(
    "--stage", help="What a tag that names only a version asks for. Default for v1.2.3: prod."
)
@click.option(
    "--approved-by",
    default="",
    metavar="NAME",
    help="Who said yes. Default: who types this, not in CI.",
)
@promoting.remote
@promoting.local
@promoting.announce
@click.option(
    "--profile",
    metavar="NAME",
    help="Judge by this profile of the gates. Default: the one named like the stage, else production.",
)
@click.option("--dry-run", is_flag=True, help="Examine, and say what would be done.")
@promoting.as_json
@promoting.github
def promote(
    tag: tuple[str, ...],
    stage: str | None,
    approved_by: str,
    remote: str,
    local: bool,
    announce: bool | None,
    profile: str | None,
    dry_run: bool,
    as_json: bool,
    github: bool,
) -> int:
    """Grant what TAG asks for (churn#prod#3), when everything speaks for it. Exit code 1: refused, with the reason.

    The model's bytes are hashed here and compared with dvc.lock and with the Record of the training; the verdict is
    computed afresh against what holds the stage now, by the gates of the main branch; approvals are read from GitHub.
    Then the Promotion Record is written to the notes of the remote, and MLflow's alias and GitHub's deployment and
    release follow. Run it again at any time: it ends in the same state.

    Several tags, of a model with its tokenizer and its features, are granted all or none.

    A plain v1.2.3 asks for prod in a repository with one model, also as the tag of a release on GitHub.

    \b
    Examples:
      git tag -a churn#prod#3 -m 'promote' && mlops-ci promote churn#prod#3
      mlops-ci promote churn#prod#3 --dry-run     what would happen
      mlops-ci promote v1.2.3                     its tags are made when it is granted
      mlops-ci promote churn#prod#3 tokenizer#prod#2
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.promote import approving, asking

    where = None if local else remote
    hub = promoting.hub_of(announce, alone=local)
    repository = Repository.discover(Path.cwd())
    asking.check_names(tag)

    def decide() -> _Decided:
        book = _refreshed(repository, tag, where)
        asked = [asking.resolve(book, one, stage, hub) for one in tag]
        approvals = approving.collect(repository, hub, approved_by, os.environ)
        return _decided(asked, approvals, profile, where, dry_run=dry_run)

    asked, granted, promotions = _until_nobody_else(decide)
    book = asked[0].book
    told = [
        Told(
            promotion=promotion,
            done=_done(one, dry_run=dry_run),
            reasons=_reasons(one),
            followed=Followed() if dry_run else promoting.follow(book, promotion, where, hub),
            changes=_changes(request, promotion, where, hub) if dry_run else (),
        )
        for request, one, promotion in zip(asked, granted, promotions, strict=True)
    ]
    return promoting.tell(*told, as_json=as_json, github=github)


def _refreshed(repository: Repository, tags: Sequence[str], where: str | None) -> Book:
    from mlops_ci.promote import asking, writing

    try:
        return writing.refresh(repository, where)
    except ToolError as error:
        raise asking.unknown(repository, tags, error) from error


def _decided(
    asked: list[Asking],
    approvals: Sequence[Yes],
    profile: str | None,
    where: str | None,
    *,
    dry_run: bool,
) -> _Decided:
    from mlops_ci.promote import together

    granted = _measured(asked, together.examine(asked, approvals, profile))
    if dry_run:
        return asked, granted, [one.promotion for one in granted]
    return asked, granted, together.write(asked, granted, where)


def _until_nobody_else(decide: Callable[[], _Decided]) -> _Decided:
    """A verdict against what held the stage before is none: where others promote meanwhile, all is examined again."""
    from mlops_ci.promote.writing import OvertakenError

    for _ in range(_ATTEMPTS - 1):
        with suppress(OvertakenError):
            return decide()
    return decide()


def _measured(asked: Sequence[Asking], granted: Sequence[Granted]) -> list[Granted]:
    """Their numbers measured again, where the main branch asks for that; the Promotions say so."""
    from mlops_ci.promote import registered

    if registered.config(asked[0].book.repository).promote.evidence != "reevaluated":
        return list(granted)
    from mlops_ci.drill import reevaluate
    from mlops_ci.train.output import Output, secret_values, wants_groups

    output = Output(promoting.say, secret_values(os.environ), groups=wants_groups())
    found = [reevaluate.measure(a.book, one, output) for a, one in zip(asked, granted, strict=True)]
    return [
        one if one.before else replace(one, promotion=_with_facts(one.promotion, measured=says))
        for one, says in zip(granted, found, strict=True)
    ]


def _with_facts(promotion: Promotion, **facts: str) -> Promotion:
    return replace(promotion, facts={**promotion.facts, **facts})


def _changes(
    asked: Asking, promotion: Promotion, where: str | None, hub: Hub | None
) -> tuple[str, ...]:
    from mlops_ci.promote import asking, plan

    promotion = asking.named(asked, promotion)
    tags = [tag for tag in (asked.book.version_tag(promotion), promotion.tag) if tag]
    return tuple(plan.changes(asked.book, promotion, tags, where, hub))


def _done(granted: Granted, *, dry_run: bool) -> str:
    if granted.before:
        return "was promoted before"
    return "would be promoted" if dry_run else "promoted"


def _reasons(granted: Granted) -> tuple[str, ...]:
    verdict = granted.verdict
    users = ", ".join(granted.promotion.approvers)
    as_ = f", profile {verdict.profile}" if verdict.profile else ""
    judged = f"verdict {verdict.result}, by the gates at {verdict.policy_rev[:7]}{as_}"
    measured = granted.promotion.facts.get("measured", "")
    again = [f"measured again: {measured}"] if measured else []
    return (judged, *again, *([f"approved by {users}"] if users else []))
