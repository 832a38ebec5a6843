"""What `promote` and `rollback` share: options, what follows from a Promotion, and how it is told."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from mlops_ci.commands import step
from mlops_ci.commands.options import Remote, wants_colour
from mlops_ci.errors import MlopsCiError, PublishError, ToolError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.promote.book import Book
    from mlops_ci.promote.hub import Hub
    from mlops_ci.promote.ledger import Promotion
    from mlops_ci.stack.base import RegisteredVersion

SCHEMA_VERSION = 1
REFUSED = 4
remote = click.option(
    "--remote",
    type=Remote(),
    default="origin",
    show_default=True,
    help="Where tags and notes are kept.",
)
local = click.option(
    "--local", is_flag=True, help="Fetch nothing, push nothing, tell nobody: this clone only."
)
announce = click.option(
    "--announce/--no-announce",
    default=None,
    help="Show it on GitHub: deployment and release. Default: where GITHUB_REPOSITORY and GITHUB_TOKEN are set.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")
github = click.option(
    "--github", is_flag=True, help="In a step of GitHub Actions: also its outputs."
)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What follows from a Promotion. `refused`: why somebody does not show it, None when all do."""

    served: RegisteredVersion | None = None
    release: str = ""
    note: str = ""
    refused: MlopsCiError | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """`done`: in words. `before`: the version that held the stage, where it is not the predecessor. `changes`: what a
    dry run would do, see `plan`. `restore`: what of that version a command brings back, and the command.
    """

    promotion: Promotion
    done: str
    reasons: tuple[str, ...] = ()
    before: str = ""
    followed: Followed = Followed()
    changes: tuple[str, ...] = ()
    restore: tuple[tuple[str, str], ...] = ()


def say(text: str) -> None:
    """What runs meanwhile, beside what is told."""
    sys.stderr.write(text)
    sys.stderr.flush()


def hub_of(announced: bool | None, *, alone: bool) -> Hub | None:
    """The repository on GitHub, where there is one to tell."""
    from mlops_ci.promote import hub

    return hub.connect(os.environ, wanted=False if alone else announced)


def follow(book: Book, promotion: Promotion, where: str | None, hub: Hub | None) -> Followed:
    """Let the registry and GitHub follow, where they are. What they do not take does not undo the Promotion."""
    try:
        return _follow(book, promotion, where, hub)
    except MlopsCiError as error:
        return Followed(refused=error)


def _follow(book: Book, promotion: Promotion, where: str | None, hub: Hub | None) -> Followed:
    from mlops_ci.promote import registered, writing

    if registered.settings(book.repository) is None and hub is None:
        return Followed()
    book = writing.reread(book.repository, where)
    model, stage = promotion.model, promotion.stage
    return writing.follow(book, model, stage, where, _show(model, stage, hub))


def _show(model: str, stage: str, hub: Hub | None) -> Callable[[Book], Followed]:
    from mlops_ci.promote import registered, writing
    from mlops_ci.stack.registries import REGISTRIES

    def show(book: Book) -> Followed:
        settings, served = registered.settings(book.repository), None
        if settings is not None:
            served = writing.serve(book, model, stage, REGISTRIES["mlflow"], settings)
        if hub is None:
            return Followed(served=served)
        from mlops_ci.promote import announce

        try:
            told = announce.announce(book, model, stage, hub)
        except PublishError as error:
            return Followed(served=served, refused=error)
        return Followed(served=served, release=told.release, note=told.note)

    return show


def tell(*told: Told, as_json: bool, github: bool) -> int:
    """The exit code. The outputs of a step are those of the first."""
    if github:
        step.write_outputs(_outputs(told[0]))
    if as_json:
        found = [_json(one) for one in told]
        several = {"schema_version": SCHEMA_VERSION, "promotions": found}
        click.echo(json.dumps(several if told[1:] else found[0], indent=2))
    else:
        for line in (line for one in told for line in _lines(one)):
            click.echo(visible(line, 2000), color=wants_colour())
    return max(map(_refused, told))


def _refused(told: Told) -> int:
    """The stage is taken all the same, which comes first for who reads this."""
    error, model = told.followed.refused, told.promotion.model
    if error is None:
        return 0
    label = click.style(
        "not published" if isinstance(error, PublishError) else "not shown everywhere", fg="yellow"
    )
    click.echo(f"{label}: {visible(str(error), 600)}", err=True, color=wants_colour())
    again = f"run this again, or mlops-ci sync {model}"
    hint = f"{error.hint}; {again}" if error.hint else again
    click.echo(f"  {visible(hint, 600)}", err=True)
    # 2 would say that nothing was done: here mlops-ci.yaml cannot be read, or MLflow has no such alias.
    return ToolError.exit_code if isinstance(error, UsageError) else error.exit_code


def _lines(told: Told) -> Iterator[str]:
    promotion, followed = told.promotion, told.followed
    was = told.before or promotion.predecessor
    after = f" (before: {was})" if was else " (the first)"
    yield f"{promotion.model}#{promotion.stage} {promotion.version}: {told.done}{after}"
    yield f"  tag {promotion.tag} at {promotion.commit[:7]}"
    for one in promotion.subject:
        digest = one["digest"]
        yield f"  {one['name']}  sha256 {digest.get('sha256', digest.get('dirHash', ''))[:12]}…, hashed here"
    yield from (f"  {reason}" for reason in (*told.reasons, *told.changes))
    yield from (f"  {what} of then: {command}" for what, command in told.restore)
    if followed.served is not None:
        number = followed.served.number
        yield f"  MLflow serves version {number} as {promotion.model}@{promotion.stage}"
    yield from (f"  {one}" for one in (followed.release, followed.note) if one)


def _json(told: Told) -> dict[str, Any]:
    served, refused = told.followed.served, told.followed.refused
    return {
        "schema_version": SCHEMA_VERSION,
        "done": told.done,
        "record": told.promotion.statement(),
        "registry": {"version": served.number} if served else None,
        "release": told.followed.release,
        "changes": list(told.changes),
        **({"restore": dict(told.restore)} if told.restore else {}),
        "refused": str(refused) if refused else "",
    }


def _outputs(told: Told) -> dict[str, str]:
    promotion = told.promotion
    return {
        "done": told.done,
        "model": promotion.model,
        "stage": promotion.stage,
        "version": promotion.version,
        "before": told.before or promotion.predecessor,
        "tag": promotion.tag,
        "commit": promotion.commit,
        "release": told.followed.release,
    }
