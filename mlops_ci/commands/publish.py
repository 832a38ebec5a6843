"""`mlops-ci publish`: the report and the verdict on GitHub."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mlops_ci.commands import options, step
from mlops_ci.errors import PublishError, UsageError
from mlops_ci.text import visible

if TYPE_CHECKING:
    from mlops_ci.github.client import Client
    from mlops_ci.github.context import Context
    from mlops_ci.github.pulls import Pull
    from mlops_ci.publish.deliver import Delivered, Mode
    from mlops_ci.publish.shown import Shown

REFUSED = 4


@click.command()
@options.revisions
@options.judging
@click.option(
    "--from",
    "files",
    multiple=True,
    type=options.Files(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Publish what `mlops-ci gate --json --all` has written, and measure nothing here; can be given again.",
)
@click.option(
    "--comment",
    type=click.Choice(["always", "on-change", "on-failure", "never"]),
    default="always",
    show_default=True,
    help="When a comment is created. One that is there is kept up to date.",
)
@click.option(
    "--key",
    default="all",
    show_default=True,
    metavar="NAME",
    help="One comment for each: for sets of models that are published apart.",
)
@click.option(
    "--author",
    default="github-actions[bot]",
    show_default=True,
    metavar="LOGIN",
    help="Whose comments are ours: the login that the token writes as.",
)
@click.option(
    "--status/--no-status", default=True, show_default=True, help="Set a commit status per model."
)
@click.option(
    "--check-run/--no-check-run",
    default=False,
    show_default=True,
    help="Also a check run with annotations. Lets jobs that run at once share one comment.",
)
@click.option(
    "--summary/--no-summary", default=True, show_default=True, help="Write the job summary."
)
@click.option(
    "--pull",
    type=click.IntRange(min=1),
    metavar="N",
    help="The pull request. Default: that of the event.",
)
@click.option(
    "--via",
    type=click.Choice(["github", "cml"]),
    default="github",
    show_default=True,
    help="cml: the `cml` of the job gets the report, for GitLab and Bitbucket: a comment, and nothing else.",
)
def publish(
    policy: str | None,
    files: tuple[Path, ...],
    comment: str,
    key: str,
    author: str,
    status: bool,
    check_run: bool,
    summary: bool,
    pull: int | None,
    via: str,
    **chosen: options.Chosen,
) -> int:
    """Publish a change's report and verdict on GitHub: job summary, outputs, commit status, comment.

    Runs in GitHub Actions, with GITHUB_TOKEN in the environment. BASE and HEAD are those of `mlops-ci diff`, the
    verdict is that of `mlops-ci gate`, and so is the exit code: 1 when the change is blocked. What GitHub refuses is
    told, and makes the exit code 4 only when nothing else has failed.

    \b
    Examples:
      mlops-ci publish                                 judge, and publish
      mlops-ci publish --from a.json --from b.json     what other jobs of this run have written
      mlops-ci publish --comment on-failure            comment only when something is blocked

    In a `workflow_run` the files come from a run that nobody has looked at. They are checked, their verdicts are
    ignored, and the verdict is computed here, with the gates of the base branch; nothing is checked out.
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    from mlops_ci.github.context import read
    from mlops_ci.publish.deliver import Options, deliver
    from mlops_ci.publish.gather import with_shared

    if via == "cml":
        return _hand_over(files, policy, key, chosen)
    context = read(os.environ, pull)
    _refuse_target(context)
    named, client, refused = _named(_client(context), context)
    if named and not files:
        chosen["base"] = chosen["base"] or _branch(named.base)
    shown, context = _shown(client, context, files, policy, chosen)
    if shown is None:
        return 0
    context, client = _to_pull(client, context, named, shown, refused)
    if client and shown.lets_pass and (status or check_run):
        context = with_shared(client, context, shown, _tip_here)
    root = None if context.is_trusted_side else Path.cwd()
    wanted = Options(
        comment=cast("Mode", comment),
        key=key,
        author=author,
        statuses=status,
        check_run=check_run,
        summary=summary,
        root=root,
    )
    done = deliver(shown, context, client, wanted)
    done.refused.extend(refused)
    if client is None and not refused and (comment != "never" or status or check_run):
        hint = "env: GITHUB_TOKEN: ${{ github.token }}; or --comment never --no-status"
        done.refused.append(
            PublishError("no status and no comment: GITHUB_TOKEN is not set", hint=hint)
        )
    if os.environ.get("RUNNER_TEMP") and context.outputs:
        found, everything = shown.comparison, chosen["everything"]
        step.write_outputs(step.write_files(found, shown.verdicts, everything=everything))
    _tell(shown, done)
    return 1 if shown.blocked else REFUSED if done.refused else 0


def _refuse_target(context: Context) -> None:
    """https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/"""
    if context.event == "pull_request_target" and context.is_fork:
        raise UsageError(
            "pull_request_target runs with the rights of this repository, and this change comes from a fork: "
            "what measured it could have used them",
            hint="take the pair of workflows for forks: docs/publish.md#forks",
        )


def _client(context: Context) -> Client | None:
    from mlops_ci.github.client import Client, token_of

    token = token_of(os.environ)
    return Client(context.api, context.repository, token) if token else None


def _shown(
    client: Client | None,
    context: Context,
    files: tuple[Path, ...],
    policy: str | None,
    chosen: options.Chosen,
) -> tuple[Shown | None, Context]:
    if context.is_trusted_side:
        return _foreign(client, context, files, chosen["profile"])
    return _own(files, policy, chosen), context


def _named(
    client: Client | None, context: Context
) -> tuple[Pull | None, Client | None, list[PublishError]]:
    """Without a client where the pull request that was named cannot be read: the verdict is not hidden by it."""
    from mlops_ci.publish import gather

    if client is None or context.is_trusted_side:
        return None, client, []
    try:
        return gather.named(client, context), client, []
    except PublishError as error:
        return None, None, [error]


def _branch(name: str) -> str:
    """Its gates are those of a pull request into it, as in a run of that pull request."""
    from mlops_ci.baseline import branch
    from mlops_ci.git import Repository

    return branch(Repository.discover(Path.cwd()), name)


def _tip_here(name: str) -> str | None:
    """The newest commit of a branch in this clone; None where there is none, as in a job that only publishes."""
    from mlops_ci.git import Repository

    with suppress(UsageError):
        return Repository.discover(Path.cwd()).commit(_branch(name)).oid
    return None


def _to_pull(
    client: Client | None,
    context: Context,
    named: Pull | None,
    shown: Shown,
    refused: list[PublishError],
) -> tuple[Context, Client | None]:
    """Without a client where the pull request that was named is not the one to publish to: the verdict stays."""
    from mlops_ci.publish import gather

    if client is None or named is None:
        return context, client
    try:
        return gather.with_pull(client, context, named, shown), client
    except PublishError as error:
        refused.append(error)
        return context, None


def _own(files: tuple[Path, ...], policy: str | None, chosen: options.Chosen) -> Shown:
    """What this job, or one of this very run, has measured."""
    if files:
        from mlops_ci.publish import gather

        return gather.from_files(files)
    from mlops_ci.publish.shown import Shown

    asked = options.request(chosen, plots=True)
    found = options.judge(asked, policy, profile=chosen["profile"])
    return Shown(comparison=found.comparison, verdicts=found.verdicts)


def _hand_over(
    files: tuple[Path, ...], policy: str | None, key: str, chosen: options.Chosen
) -> int:
    """A verdict that came with files of an unknown run would be believed here, so there are no forks by this way."""
    from mlops_ci.publish.cml import hand_over
    from mlops_ci.publish.deliver import Delivered

    event = os.environ.get("GITHUB_EVENT_NAME", "")
    if event in ("workflow_run", "pull_request_target"):
        raise UsageError(f"--via cml cannot publish for a {event}", hint="leave out --via cml")
    shown, done = _own(files, policy, chosen), Delivered()
    try:
        hand_over(shown, key)
    except PublishError as error:
        done.refused.append(error)
    _tell(shown, done)
    return 1 if shown.blocked else REFUSED if done.refused else 0


def _foreign(
    client: Client | None, context: Context, files: tuple[Path, ...], profile: str | None
) -> tuple[Shown | None, Context]:
    """Nothing is measured here: that would run, or read, what the change has brought."""
    from mlops_ci.publish import gather

    if not files:
        raise UsageError(
            "a workflow_run publishes what the other run has written",
            hint="download its artifact, then: mlops-ci publish --from gate.json",
        )
    if client is None:
        raise UsageError("GITHUB_TOKEN is not set", hint="env: GITHUB_TOKEN: ${{ github.token }}")
    found = gather.of_run(client, context, files, profile)
    if found.shown is None:
        click.echo(f"nothing to publish: {visible(found.why, 300)}", err=True)
    return found.shown, found.context


def _tell(shown: Shown, done: Delivered) -> None:
    where = f", comment {done.comment.action}: {done.comment.url}" if done.comment else ""
    said = "declared, " if shown.declared else ""
    click.echo(f"{said}{shown.result}; {done.statuses} statuses{where}")
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    for error in done.refused:
        label = click.style("not published", fg="yellow")
        click.echo(f"{label}: {visible(str(error), 600)}", err=True, color=options.wants_colour())
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
