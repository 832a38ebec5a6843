"""What the commands that compare have in common: which revisions, what to show, and in which format."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlops_ci.errors import MlopsCiError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_ci.diff import Request
    from mlops_ci.gate import Judged
    from mlops_ci.model import Comparison, Verdict

Chosen = Any
_F = TypeVar("_F", bound="Callable[..., Any]")

_REFS = ("refs/heads", "refs/tags", "refs/remotes")
# A shell inserts what it completes as it is: no name that it would then expand or run.
_TYPEABLE = re.compile(r"\w[\w./@+=#-]*")


class Lines(click.types.StringParamType):
    """For options that can be given again: in a variable of the environment, one a line. Names may have spaces."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return [line.strip() for line in rv.splitlines() if line.strip()]


class Files(click.Path):
    """The same for paths, which click splits at colons."""

    def split_envvar_value(self, rv: str) -> list[str]:
        return Lines().split_envvar_value(rv)


class Remote(click.types.StringParamType):
    """Name or address of a remote. To git what begins with `-` is an option, and some of those run a program."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if str(value).startswith("-"):
            raise UsageError(
                f"{value!r} is no remote", hint="git remote -v lists those of this clone"
            )
        return str(super().convert(value, param, ctx))


def complete_revision(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Branches and tags for the shell to complete; none outside of a repository."""
    from mlops_ci.git import Repository

    try:
        repository = Repository.discover(Path.cwd())
        names = repository.lines("for-each-ref", "--format=%(refname:short)", *_REFS)
    except MlopsCiError:
        return []
    return [name for name in names if name.startswith(incomplete) and _TYPEABLE.fullmatch(name)]


MODELS = click.option(
    "--model",
    "models",
    multiple=True,
    type=Lines(),
    metavar="NAME",
    help="Only this model; can be given again.",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Instead of mlops-ci.yaml in the root of the repository.",
)
FETCH = click.option(
    "--fetch/--no-fetch",
    default=True,
    show_default=True,
    help="Get metrics that are only in a DVC remote with the project's own dvc.",
)
# Arguments have no variable unless they name one; empty is not given, as for options.
_OPTIONS = (
    click.argument(
        "base", required=False, envvar="MLOPS_CI_BASE", shell_complete=complete_revision
    ),
    click.argument(
        "head", required=False, envvar="MLOPS_CI_HEAD", shell_complete=complete_revision
    ),
    click.option(
        "--all",
        "everything",
        is_flag=True,
        help="Also what is unchanged, and bookkeeping such as step and lr.",
    ),
    MODELS,
    CONFIG,
    click.option(
        "--exact", is_flag=True, help="Compare with BASE itself, not with the merge base."
    ),
    FETCH,
)
_FORMATS = (
    click.option(
        "--format",
        "style",
        type=click.Choice(["term", "md", "json"]),
        default="term",
        show_default=True,
        help="For people, for GitHub, for machines.",
    ),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
)


_JUDGING = (
    click.option(
        "--policy",
        metavar="REV",
        help="Read the gates at this revision, not at the tip of the baseline's branch.",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="Judge by this profile of the gates. Default: merge, when there is one.",
    ),
)
github = click.option(
    "--github",
    is_flag=True,
    help="In a step of GitHub Actions: also the job summary, the step's outputs, and files of them.",
)


def judging(command: _F) -> _F:
    """Give a command the options that say by which gates a change is judged."""
    for option in reversed(_JUDGING):
        command = option(command)
    return command


def revisions(command: _F) -> _F:
    """Give a command the arguments and options that say what is compared, and how much of it is shown."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def comparison(command: _F) -> _F:
    """The same, and in which format it is printed."""
    for option in reversed((*_OPTIONS[:2], *_FORMATS, *_OPTIONS[2:])):
        command = option(command)
    return command


def request(chosen: Mapping[str, Chosen], *, plots: bool = False) -> Request:
    from mlops_ci.diff import Request  # 70 ms that commands which compare nothing need not spend

    names = ("base", "head", "config", "models", "exact", "fetch")
    return Request(start=Path.cwd(), plots=plots, **{name: chosen[name] for name in names})


def judge(asked: Request, policy: str | None, *, profile: str | None) -> Judged:
    """As `gate`, each model beside what is in production."""
    from mlops_ci.gate import gate
    from mlops_ci.promote.champion import beside

    return beside(gate(asked, policy, profile=profile), asked)


def show(
    found: Comparison, chosen: Mapping[str, Chosen], verdicts: Mapping[str, Verdict] | None = None
) -> None:
    style = "json" if chosen["as_json"] else chosen["style"]
    everything = chosen["everything"]
    shown = render(found, verdicts, style, everything=everything, colour=wants_colour())
    click.echo(shown, nl=False, color=True)


def render(
    found: Comparison,
    verdicts: Mapping[str, Verdict] | None,
    style: str,
    *,
    everything: bool,
    colour: bool = False,
) -> str:
    """By one of the four renderers; only that one is loaded."""
    if style == "json":
        from mlops_ci.report import machine

        return machine.render(found, verdicts, everything=everything)
    if style == "md":
        from mlops_ci.report import markdown

        return markdown.render(found, verdicts, everything=everything)
    if style == "html":
        from mlops_ci.report import html

        return html.render(found, verdicts, everything=everything)
    from mlops_ci.report import terminal

    return terminal.render(found, verdicts, everything=everything, colour=colour)


def wants_colour() -> bool:
    """https://no-color.org and https://force-color.org"""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR", "0")
    return forced not in ("", "0") or (sys.stdout is not None and sys.stdout.isatty())
